"""How speech sounds after any two codecs: a recording through a whole node, scored against itself (ITU-T
P.862, which foretells the mean opinion of listeners, 1.0 to 4.5). docs/quality.md has the table.
"""

import wave
from collections.abc import Iterator
from itertools import product
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pesq
import pytest

from tests.interop.audio import RATE
from tests.interop.codecs.phones import CARRIER, Phones, phones_around
from tests.interop.node import Node, running_node
from trunkline.call.ports import WavFile
from trunkline.media.terminals import Silence
from trunkline.sdp.codecs import CODEC_NAMES

SPEECH = Path(__file__).resolve().parents[3] / "native/codecs/tests/data/SPEECH.IN"
LEAD_S = 0.5
"""Of silence, while the call is being connected."""
AT_ONCE = 12
WORST = 3.0
Samples = npt.NDArray[np.int16]


@pytest.fixture(scope="module")
def speech(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Six seconds of speech (ITU-T G.729 Annex A) behind the lead, as a WAV file."""
    file = tmp_path_factory.mktemp("speech") / "speech.wav"
    with wave.open(str(file), "wb") as recording:
        recording.setparams((1, 2, RATE, 0, "NONE", ""))
        recording.writeframes(bytes(int(2 * RATE * LEAD_S)) + SPEECH.read_bytes())
    return file


@pytest.fixture(scope="module")
def phones(tmp_path_factory: pytest.TempPathFactory, speech: Path) -> Iterator[Phones]:
    """A carrier for each codec that says the recording."""
    with running_node(tmp_path_factory.mktemp("quality") / "node") as node, phones_around(node) as phones:
        for name in CODEC_NAMES:
            _carrier(node, phones, name, speech)
        yield phones


def _carrier(node: Node, phones: Phones, name: str, speech: Path) -> None:
    address = phones.answering(WavFile(str(speech)), lambda report: None, codecs=(name,))
    node.command("carrier", "add", name, "--gateway", f"sip:{CARRIER}:{address.port}")
    node.command("route", "add", number(name), "--carrier", name)


def number(name: str) -> str:
    return f"4930123450{CODEC_NAMES.index(name)}0"


def samples(file: Path) -> Samples:
    with wave.open(str(file)) as recording:
        return np.frombuffer(recording.readframes(recording.getnframes()), "<i2")


def test_speech_keeps_its_quality(
    phones: Phones, speech: Path, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    pairs = list(product(CODEC_NAMES, CODEC_NAMES))
    said = samples(speech)
    files = [tmp_path / f"{place}.wav" for place in range(len(pairs))]
    calls = [
        (number(says), {"codecs": (hears,), "say": Silence(), "record_to": file, "talk_s": 7.0})
        for (says, hears), file in zip(pairs, files, strict=True)
    ]
    for start in range(0, len(calls), AT_ONCE):
        reports = phones.dial(*calls[start : start + AT_ONCE])
        assert all(report.answered for report in reports)
    scores = {
        pair: pesq.pesq(RATE, said, samples(file), "nb") for pair, file in zip(pairs, files, strict=True)
    }
    terminal = request.config.get_terminal_writer()
    terminal.line("\n| from \\ to | " + " | ".join(CODEC_NAMES) + " |")
    for says in CODEC_NAMES:
        terminal.line(
            f"| {says} | " + " | ".join(f"{scores[says, hears]:.2f}" for hears in CODEC_NAMES) + " |"
        )
    worst = min(scores, key=scores.__getitem__)
    assert scores[worst] >= WORST, (worst, scores[worst])
