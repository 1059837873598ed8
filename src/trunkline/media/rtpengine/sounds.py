"""A tone, digits or a WAV file as rtpengine's `play media` takes it.

Tones are rendered here: one round of the cadence, or one second, as a WAV file of G.711 µ-law (RFC 3551
§4.5.14), which rtpengine repeats. A file goes along in the command while it is short enough for one datagram;
a longer one goes by its name, and then the rtpengine must find the same file there.
"""

import math
import struct
import wave
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from trunkline.call.ports import Tone, WavFile
from trunkline.errors import MediaError

RATE: Final = 8000
MAX_BLOB: Final = 60_000
"""Bytes of a rendered sound, at most: 7.5 seconds."""
FOREVER: Final = 100_000
"""Rounds: days."""
_FULL_SCALE: Final = 32124
"""The sample value of 3.17 dBm0 in µ-law (ITU-T G.711 table 2a, in 16 bits)."""
_BIAS: Final = 132
_ROWS: Final = dict(zip(("123A", "456B", "789C", "*0#D"), (697.0, 770.0, 852.0, 941.0), strict=True))
_COLUMNS: Final = (1209.0, 1336.0, 1477.0, 1633.0)
"""ITU-T Q.23."""
_BETWEEN_MS: Final = 80
"""Of silence after each digit."""


@dataclass(frozen=True, slots=True)
class Playable:
    """What `play media` gets."""

    keys: dict[str, str | bytes | int]
    ends: bool
    """Whether it comes to an end by itself."""
    length_ms: int
    told: bool = True
    """Whether its end is for the call to know."""


def playable(sound: Tone | WavFile) -> Playable:
    """Raises `MediaError` for a file that can't be read or is of another format, and for an impossible
    tone.
    """
    if isinstance(sound, Tone):
        samples = _render(sound)
        return Playable({"blob": _wav(samples), "repeat-times": FOREVER}, False, len(samples) // 8)
    samples = _read(sound.path)
    keys: dict[str, str | bytes | int] = {"repeat-times": FOREVER if sound.repeat else 1}
    if len(samples) <= MAX_BLOB:
        keys["blob"] = _wav(samples)
    else:
        keys["file"] = sound.path
    return Playable(keys, not sound.repeat, len(samples) // 8)


def keypad(pressed: Iterable[tuple[str, int]], level_dbm0: float) -> Playable:
    """Digits, each with its milliseconds."""
    samples: list[int] = []
    for digit, duration_ms in pressed:
        row = next(keys for keys in _ROWS if digit in keys)
        pair = (_ROWS[row], _COLUMNS[row.index(digit)])
        samples += _render(Tone(pair, level_dbm0, (duration_ms, _BETWEEN_MS)))
    return Playable({"blob": _wav(samples), "repeat-times": 1}, True, len(samples) // 8, told=False)


def keypad_samples(duration_ms: int) -> int:
    """How long a digit is in a sound, with the silence after it."""
    return (duration_ms + _BETWEEN_MS) * RATE // 1000


def _render(tone: Tone) -> list[int]:
    if not 1 <= len(tone.frequencies_hz) <= 2 or not all(50 <= hz <= 3900 for hz in tone.frequencies_hz):
        raise MediaError("a tone has one or two frequencies of 50 to 3900 Hz")
    on_ms, off_ms = tone.cadence_ms or (1000, 0)
    on, off = on_ms * RATE // 1000, off_ms * RATE // 1000
    if not 0 < on + off <= MAX_BLOB:
        raise MediaError(f"a cadence of {on_ms} + {off_ms} ms is too long for rtpengine")
    amplitude = _FULL_SCALE * 10 ** ((tone.level_dbm0 - 3.17) / 20)
    steps = [2 * math.pi * hz / RATE for hz in tone.frequencies_hz]
    return [round(sum(amplitude * math.sin(step * at) for step in steps)) for at in range(on)] + [0] * off


def _read(path: str) -> list[int]:
    try:
        with wave.open(path, "rb") as file:
            if (file.getframerate(), file.getnchannels(), file.getsampwidth()) != (RATE, 1, 2):
                raise MediaError(f"{path} is not 8000 Hz, mono, 16 bits")
            data = file.readframes(file.getnframes())
    except (OSError, EOFError, wave.Error) as error:
        raise MediaError(f"{path} can't be read: {error}") from error
    return [sample for (sample,) in struct.iter_unpack("<h", data[: len(data) & ~1])]


def _wav(samples: Iterable[int]) -> bytes:
    data = bytes(map(_ulaw, samples))
    form = struct.pack("<4sIHHIIHHH", b"fmt ", 18, 7, 1, RATE, RATE, 1, 8, 0)
    body = b"WAVE" + form + struct.pack("<4sI", b"data", len(data)) + data
    return struct.pack("<4sI", b"RIFF", len(body)) + body


def _ulaw(sample: int) -> int:
    """One 16-bit sample in µ-law (ITU-T G.711 §3)."""
    magnitude = min(abs(sample), 32635) + _BIAS
    exponent = magnitude.bit_length() - 8
    mantissa = (magnitude >> (exponent + 3)) & 0x0F
    return ~((0x80 if sample < 0 else 0) | exponent << 4 | mantissa) & 0xFF
