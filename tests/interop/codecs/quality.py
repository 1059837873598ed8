"""Speech through a whole node, between any two codecs. `python -m tests.interop.codecs.quality` measures it
and writes docs/quality.md.

A test phone in place of a carrier says a recording in the codec of the row; the customer's phone hears it in
the codec of the column, and keeps what it heard. What a phone that was held up by a busy machine has not said
nobody could hear: such calls are void, and placed again.
"""

import tempfile
import wave
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import product
from pathlib import Path
from typing import Final

from tests.interop.addresses import wait_for
from tests.interop.audio import RATE
from tests.interop.codecs.listening import Score, judge, read
from tests.interop.codecs.phones import CARRIER, Phones, phones_around
from tests.interop.node import ROOT, running_node
from trunkline.call.ports import WavFile
from trunkline.media.embedded import CodecTrial
from trunkline.media.terminals import Silence
from trunkline.pstn.dialling import CallReport
from trunkline.sdp.codecs import CODEC_NAMES, our_codec

SPEECH: Final = ROOT / "native/codecs/tests/data/SPEECH.IN"
"""Six seconds of ITU-T G.729 Annex A."""
PAGE: Final = ROOT / "docs/quality.md"
ALONE: Final = {"PCMA": 4.4, "PCMU": 4.4, "G722": 4.4, "G729": 3.5, "iLBC": 3.85, "speex": 4.2}
"""The opinion that each codec gets by itself, less what differs from run to run."""
KINDS: Final = {
    "PCMA": "G.711, A-law",
    "PCMU": "G.711, mu-law",
    "G722": "sub-band ADPCM; RFC 3551 §4.5.2 has the odd clock",
    "G729": "Annex A's bit stream, `annexb=no`",
    "iLBC": "RFC 3951, `mode=20`; with `mode=30`, 13.3 kbit/s",
    "speex": "wide band (RFC 5574), quality 8",
}
TOLL: Final = 0.35
"""What the better codec of a pair may take from the opinion of the worse one."""
_LEAD_S: Final = 1.52
"""Of silence, while the call is being connected. How well iLBC fares depends on where its frames of 30 ms lie
in the speech by 0.1: they lie as they did when `ALONE` was measured.
"""
_TALK_S: Final = 9.0
_AT_ONCE: Final = 12
"""Calls; their ports and those of the calls before, which still rest, are all that a range here has."""

_ROUNDS: Final = 6
"""Calls are placed so often at most, until nobody was held up."""

Scores = Mapping[tuple[str, str], Score]
Call = tuple[str, dict[str, object]]


def floor(says: str, hears: str) -> float:
    """The opinion that a pair must reach: that of its worse codec, less a toll where audio is transcoded."""
    return min(ALONE[says], ALONE[hears]) - (0.1 if says == hears else TOLL)


def worst(scores: Scores) -> tuple[str, str]:
    """The pair of which the least is left."""
    return min(scores, key=lambda pair: scores[pair].opinion)


def measure(directory: Path) -> dict[tuple[str, str], Score]:
    """Every pair, the codec with itself too, which passes."""
    speech = directory / "speech.wav"
    with wave.open(str(speech), "wb") as recording:
        recording.setparams((1, 2, RATE, 0, "NONE", ""))
        recording.writeframes(bytes(int(2 * RATE * _LEAD_S)) + SPEECH.read_bytes())
    pairs = list(product(CODEC_NAMES, CODEC_NAMES))
    files = [directory / f"{place}.wav" for place in range(len(pairs))]
    taken: list[CallReport] = []
    with _phones(directory / "node", speech, taken) as phones:
        calls = [_call(*pair, file) for pair, file in zip(pairs, files, strict=True)]
        for start in range(0, len(calls), _AT_ONCE):
            _place(phones, calls[start : start + _AT_ONCE], taken)
    said = read(speech)
    return {pair: judge(said, read(file)) for pair, file in zip(pairs, files, strict=True)}


def _place(phones: Phones, calls: Sequence[Call], taken: list[CallReport]) -> None:
    """All at once, until everything has been said."""
    for _ in range(_ROUNDS):
        taken.clear()
        for report in phones.dial(*calls):
            assert report.answered, report.outcome
        wait_for("what the speakers report", lambda: len(taken) == len(calls))
        held_up = sum(report.hearing.missed for report in taken)
        if not held_up:
            return
    raise AssertionError(
        f"the machine was too busy to say it all: {held_up} packets, in each of {_ROUNDS} runs"
    )


def _call(says: str, hears: str, file: Path) -> Call:
    return _number(says), {"codecs": (hears,), "say": Silence(), "record_to": file, "talk_s": _TALK_S}


def _number(codec: str) -> str:
    return f"4930123450{CODEC_NAMES.index(codec)}0"


@contextmanager
def _phones(directory: Path, speech: Path, taken: list[CallReport]) -> Iterator[Phones]:
    """A carrier for each codec that says the recording, and reports each call to `taken`."""
    with running_node(directory) as node, phones_around(node) as phones:
        for name in CODEC_NAMES:
            address = phones.answering(WavFile(str(speech)), taken.append, codecs=(name,))
            node.command("carrier", "add", name, "--gateway", f"sip:{CARRIER}:{address.port}")
            node.command("route", "add", _number(name), "--carrier", name)
        yield phones


WORDS: Final = """# How a call sounds

<!-- Written by `python -m tests.interop.codecs.quality`. Change the words there, not here. -->

Audio passes untouched wherever both peers share a codec: it then sounds as those two would without Trunkline.
Where they share none it is decoded and coded again, and each of two codecs takes its toll. This is what is
left: six seconds of speech, said by a telephone in the codec of the row, through `trunkline serve`, heard by
a telephone in the codec of the column. The score is that of ITU-T P.862 (PESQ, narrow band), which foretells
the mean opinion of listeners from 1.0 to 4.5; the diagonal is audio that passes, and so the codec by itself.

{opinions}

The worst pair is **{says} to {hears}**, {toll:.1f} below what {worse} costs alone. Nothing is lost between
PCMA, PCMU and G722. Differences of less than 0.15 mean nothing. G722 and speex carry more than narrow band,
of which this score knows nothing; between the two of them it is kept.

The same recordings by the wave itself: segmental signal-to-noise ratio in dB, from -10 to 35, pauses left
out, each recording laid over what was said where the two resemble each other most. Codecs of low rate keep
the sound, not the wave, so this says little of how they sound.

{ratios}

`make test ARGS='tests/interop/codecs/test_quality.py'` measures it again, and fails for a pair more than
{margin} below the worse of its codecs alone; `python -m tests.interop.codecs.quality` writes this page. The
speech is the one that ITU-T G.729 comes with.

What the score does not show: a steady tone, such as a test tone, is no speech. A decoder of Speex that has
missed the first packets of one may not find into it, and grow loud; speech, with its pauses, mends that
within a syllable. Sounds of ours therefore begin with 40 ms of silence in Speex, and tones of ours have some
noise in them, 29 dB below, with which every decoder finds into them. Under 5 % loss, audio goes on without
gaps (`tests/interop/codecs/test_loss.py`).

## The six

`trunkline codecs` says what this build does with them on this machine; [bench](../bench/README.md) has what a
transcoded packet costs.

{codecs}
"""


def page(scores: Scores) -> str:
    """docs/quality.md."""
    low = worst(scores)
    worse = min(low, key=ALONE.__getitem__)

    def opinion(pair: tuple[str, str]) -> str:
        text = f"{scores[pair].opinion:.2f}"
        return f"**{text}**" if pair == low else text

    return WORDS.format(
        opinions=_table(opinion),
        ratios=_table(lambda pair: f"{scores[pair].snr_db:.0f}"),
        says=low[0],
        hears=low[1],
        worse=worse,
        toll=scores[worse, worse].opinion - scores[low].opinion,
        margin=TOLL,
        codecs=_codecs(),
    )


def _codecs() -> str:
    rows = [["codec", "what it is", "audio", "RTP clock", "kbit/s", "octets in 20 ms"], ["---"] * 6]
    for name, kind in KINDS.items():
        trial = CodecTrial(name, 20)
        octets = trial.frame_octets * 20 // trial.frame_ms
        audio, clock = f"{trial.sample_rate // 1000} kHz", f"{our_codec(name).clock_rate}"
        rows.append([name, kind, audio, clock, f"{octets * 8 / 20:g}", f"{octets}"])
    return _rows(rows)


def _table(cell: Callable[[tuple[str, str]], str]) -> str:
    rows = [["from \\ to", *CODEC_NAMES], ["---"] * (len(CODEC_NAMES) + 1)]
    rows += [[says, *(cell((says, hears)) for hears in CODEC_NAMES)] for says in CODEC_NAMES]
    return _rows(rows)


def _rows(rows: list[list[str]]) -> str:
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as place:
        PAGE.write_text(page(measure(Path(place))), encoding="utf-8")
