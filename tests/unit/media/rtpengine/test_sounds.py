"""Tones and files as rtpengine is given them."""

import math
import wave
from pathlib import Path

import numpy as np
import pytest

from tests.interop.audio import _VALUES, PCMU
from trunkline.call.ports import Tone, WavFile
from trunkline.errors import MediaError
from trunkline.media.rtpengine.sounds import FOREVER, MAX_BLOB, Playable, playable


def samples(sound: Playable) -> list[float]:
    blob = sound.keys["blob"]
    assert isinstance(blob, bytes)
    assert blob[:4] + blob[8:16] == b"RIFFWAVEfmt "
    return [float(_VALUES[PCMU][code]) for code in blob[blob.index(b"data") + 8 :]]


def wav(path: Path, frames: int, *, rate: int = 8000) -> str:
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes(b"\x00\x10" * frames)
    return str(path)


def test_a_tone_has_its_level_and_goes_on() -> None:
    sound = playable(Tone((440.0,), level_dbm0=-10.0))
    assert (sound.keys["repeat-times"], sound.ends) == (FOREVER, False)
    heard = samples(sound)
    assert len(heard) == 8000
    power = sum(sample**2 for sample in heard) / len(heard)
    full = (32124 / 32768) ** 2 / 2
    assert 10 * math.log10(power / full) + 3.17 == pytest.approx(-10.0, abs=0.3)


def test_a_cadence_has_its_pause() -> None:
    heard = samples(playable(Tone((425.0, 440.0), cadence_ms=(500, 250))))
    assert len(heard) == 6000
    assert max(map(abs, heard[4000:])) == 0.0
    assert max(map(abs, heard[:4000])) > 0.1


@pytest.mark.parametrize(
    "tone",
    [
        Tone(()),
        Tone((1.0,)),
        Tone((440.0, 450.0, 460.0)),
        Tone((440.0,), cadence_ms=(4000, 4000)),
        Tone((440.0,), cadence_ms=(0, 0)),
    ],
)
def test_an_impossible_tone_is_refused(tone: Tone) -> None:
    with pytest.raises(MediaError):
        playable(tone)


def test_a_short_file_goes_along_and_a_long_one_by_name(tmp_path: Path) -> None:
    short, long = wav(tmp_path / "short.wav", 800), wav(tmp_path / "long.wav", MAX_BLOB + 1)
    sound = playable(WavFile(short))
    assert (sound.ends, sound.length_ms, sound.keys["repeat-times"]) == (True, 100, 1)
    assert samples(sound)[0] == pytest.approx(0x1000 / 32768, rel=0.05)
    assert playable(WavFile(long, repeat=True)) == Playable(
        {"repeat-times": FOREVER, "file": long}, ends=False, length_ms=(MAX_BLOB + 1) // 8
    )


def test_a_file_that_cannot_be_read_is_refused(tmp_path: Path) -> None:
    (tmp_path / "text.wav").write_text("no sound")
    for path in ("nowhere.wav", "text.wav"):
        with pytest.raises(MediaError, match="can't be read"):
            playable(WavFile(str(tmp_path / path)))
    with pytest.raises(MediaError, match="8000 Hz"):
        playable(WavFile(wav(tmp_path / "fast.wav", 10, rate=16000)))


def test_every_sample_gets_a_code_near_it(tmp_path: Path) -> None:
    wanted = np.arange(-32600, 32600, 13)
    path = tmp_path / "ramp.wav"
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(8000)
        file.writeframes(wanted.astype("<i2").tobytes())
    got = np.array(samples(playable(WavFile(str(path))))) * 32768
    assert np.all(np.abs(got - wanted) <= np.maximum(8, np.abs(wanted) / 20))
