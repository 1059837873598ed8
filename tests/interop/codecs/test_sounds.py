"""What a caller hears of the node itself, in each codec: ringback, and why its call is refused."""

import wave
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from tests.interop.audio import RATE, tone
from tests.interop.codecs.phones import CARRIER, Phones, phones_around
from tests.interop.node import SECRET, Node, running_node
from trunkline.media.terminals import Silence
from trunkline.sdp.codecs import CODEC_NAMES

NUMBER, NOWHERE = "493012345678", "33123456789"
RECORDED_HZ = 600.0
RECORDED_S = 1.5
PAUSES = (400, 100)
"""Milliseconds of sound and of silence: see `test_pairs.said`."""


@dataclass
class World:
    node: Node
    phones: Phones


def record(file: Path) -> None:
    """A recording that says a tone with pauses."""
    on, off = (length * RATE // 1000 for length in PAUSES)
    samples = tone(RECORDED_HZ, RECORDED_S)
    samples[np.arange(len(samples)) % (on + off) >= on] = 0.0
    with wave.open(str(file), "wb") as recording:
        recording.setparams((1, 2, RATE, 0, "NONE", ""))
        recording.writeframes((samples * 32767).astype("<i2").tobytes())


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    directory = tmp_path_factory.mktemp("sounds")
    recordings = directory / "recordings"
    recordings.mkdir()
    record(recordings / "no-route.wav")
    settings = {"media.announcements": str(recordings), "media.ringback": "425:{}/{}".format(*PAUSES)}
    with running_node(directory / "node", settings) as node, phones_around(node) as phones:
        address = phones.answering(Silence(), lambda report: None, ring_s=2.5)
        node.command("carrier", "add", "slow", "--gateway", f"sip:{CARRIER}:{address.port}")
        node.command("route", "add", NUMBER, "--carrier", "slow")
        node.command("account", "add", "--key", "hears", "--secret", SECRET)
        node.command("account", "set", "hears", "--ringback", "tone", "--announcements")
        yield World(node, phones)


def test_a_far_end_that_rings_in_silence_is_heard_in_each_codec(world: World) -> None:
    calls = [
        (NUMBER, {"codecs": (name,), "listen_for": (425.0,), "key": "hears", "talk_s": 0.5})
        for name in CODEC_NAMES
    ]
    for name, report in zip(CODEC_NAMES, world.phones.dial(*calls), strict=True):
        assert report.answered, (name, report.outcome)
        at_s = {step.what: step.at_s for step in report.steps}
        rang_ms = 1000 * (at_s["200 OK"] - at_s["183 Session Progress"])
        most_ms = 0.8 * rang_ms + 200  # of PAUSES, and what a hearing is off
        assert 1500 <= report.hearing.heard_ms(425.0) <= most_ms, (name, rang_ms, report.hearing)


def test_a_caller_that_does_not_ask_for_it_hears_nothing(world: World) -> None:
    (report,) = world.phones.dial((NUMBER, {"listen_for": (425.0,), "talk_s": 0.5}))
    assert "180 Ringing" in [step.what for step in report.steps]
    assert report.hearing.heard_ms(425.0) == 0


def test_a_refused_caller_hears_why_in_each_codec(world: World) -> None:
    calls = [
        (NOWHERE, {"codecs": (name,), "listen_for": (RECORDED_HZ,), "key": "hears"}) for name in CODEC_NAMES
    ]
    for name, report in zip(CODEC_NAMES, world.phones.dial(*calls), strict=True):
        assert (report.answered, report.status) == (False, 404), name
        assert 1000 <= report.hearing.heard_ms(RECORDED_HZ) <= 1400, (name, report.hearing)
        assert 1.3 <= report.steps[-1].at_s <= 2.5, "the final answer comes when all is said"
