"""A stream is one stream, whatever happens within a call: each side's SSRC, sequence numbers and timestamps
go on through hold, resumption, other packet lengths and other codecs, transcoded and passed through.

Every codec calls every other. What the node sends to either side is captured: `test_capture.py` runs these in
a network namespace of their own.
"""

import socket
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from itertools import pairwise, permutations
from typing import Any, Final

import pytest

from tests.interop.addresses import wait_for
from tests.interop.codecs.capture import Capture, RtpPacket
from tests.interop.codecs.phones import CARRIER, Phones, phones_around
from tests.interop.node import Node, running_node
from trunkline.media.terminals import Silence
from trunkline.pstn.conversation import PlacedCall
from trunkline.pstn.dialling import CallReport
from trunkline.pstn.talker import Talker
from trunkline.sdp.agreement import select_telephone_events
from trunkline.sdp.codecs import CODEC_NAMES, our_codec
from trunkline.sdp.offer_answer import Direction
from trunkline.sip.message import Response

PAIRS = list(permutations(CODEC_NAMES, 2))
AT_ONCE: Final = 6
ROUNDS: Final = 6
"""A call is placed so often at most, until the machine has not held up its phones."""
LENGTHS = ((10, 60), (20, 30), (30, 40), (40, 20), (60, 10))
"""Milliseconds in a packet that a customer asks for, first and later."""
STEP_S: Final = 0.5
CHANGES: Final = 4
OCTETS_A_MS = {"PCMA": 8.0, "PCMU": 8.0, "G722": 8.0, "G729": 1.0, "speex": 3.5}
ILBC_MS = {38: 20, 50: 30}
"""By the octets of a frame (RFC 3952 §3.1)."""
NUMBERS = {our_codec(name).payload_type: our_codec(name) for name in CODEC_NAMES}


def reoffer(talker: Talker, direction: Direction) -> bytes:
    """What a talker speaks now, in that direction."""
    codecs = [talker._own(name) for name in talker._codecs]
    return talker._local.offer(
        [*codecs, *select_telephone_events(None, codecs)],
        talker.terminal.address,
        talker.terminal.port,
        direction,
        ptime=talker._ptime_ms,
    )


async def restless(call: Any) -> None:
    """On hold, back, then the codec of the far end, then the first one again in packets of another length."""
    talker: Talker = call.talker
    own, first_ms = talker._codecs, talker._ptime_ms
    far, later_ms = call._dialling.caller.split(".")
    outcomes: list[object] = []

    def answered(response: Response) -> None:
        talker.take_answer(response.body)
        over(response.status)

    def over(outcome: object) -> None:
        outcomes.append(outcome)
        call._changed.set()

    for count, (codecs, ptime_ms, direction) in enumerate(
        (
            (own, first_ms, Direction.INACTIVE),
            (own, first_ms, Direction.SENDRECV),
            ((far,), 20, Direction.SENDRECV),
            (own, int(later_ms), Direction.SENDRECV),
        ),
        1,
    ):
        await call._wait(STEP_S, lambda: False)
        talker._codecs, talker._ptime_ms = codecs, ptime_ms
        call._usage.reinvite(reoffer(talker, direction), answered, over)
        await call._wait(10.0, partial(_are, outcomes, count))
    call.note(f"re-INVITEs: {outcomes}")


def _are(outcomes: list[object], count: int) -> bool:
    return len(outcomes) == count


@dataclass
class World:
    node: Node
    phones: Phones
    taken: list[CallReport]


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    assert [name for _, name in socket.if_nameindex()] == ["lo"], "run by test_capture.py"
    taken: list[CallReport] = []
    with running_node(tmp_path_factory.mktemp("captured") / "node") as node, phones_around(node) as phones:
        for name in CODEC_NAMES:
            address = phones.answering(Silence(), taken.append, codecs=(name,))
            node.command("carrier", "add", name, "--gateway", f"sip:{CARRIER}:{address.port}")
            node.command("route", "add", number_of(name), "--carrier", name)
        yield World(node, phones, taken)


def number_of(codec: str) -> str:
    return f"493012345{CODEC_NAMES.index(codec)}00"


def dialling(place: int) -> tuple[str, dict[str, Any]]:
    """The pair at this place. What it is to turn to goes along as the caller's name, which the node does not
    look at.
    """
    near, far = PAIRS[place]
    first, later = LENGTHS[place % len(LENGTHS)]
    return number_of(far), {
        "codecs": (near,),
        "ptime_ms": first,
        "ilbc_ms": (20, 30)[place % 2],
        "caller": f"{far}.{later}",
        "talk_s": STEP_S,
    }


@pytest.mark.parametrize("start", range(0, len(PAIRS), AT_ONCE))
def test_each_sides_stream_goes_on(world: World, start: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(PlacedCall, "_press", restless)
    calls = [dialling(place) for place in range(start, start + AT_ONCE)]
    for _ in range(ROUNDS):
        world.taken.clear()
        with Capture(world.phones.ports) as capture:
            placed = world.phones.dial(*calls)
            wait_for("the far ends' reports", lambda: len(world.taken) == AT_ONCE)
        for report in placed:
            assert report.steps[-2].what == "re-INVITEs: [200, 200, 200, 200]", report.steps
        if not any(report.hearing.missed for report in (*placed, *world.taken)):
            break
    assert len(capture.streams) == 2 * AT_ONCE
    for port, packets in capture.streams.items():
        check(port, packets)


def milliseconds(packet: RtpPacket) -> float:
    """How much audio is in it."""
    name = NUMBERS[packet.payload_type].name
    if name != "iLBC":
        return round(packet.octets / OCTETS_A_MS[name])
    octets = next(octets for octets in ILBC_MS if packet.octets % octets == 0)
    return packet.octets // octets * ILBC_MS[octets]


def check(port: int, packets: list[RtpPacket]) -> None:
    """One source, no number left out or used twice, and time that goes on as the audio does: more of it than
    a packet holds passes where one says that a talkspurt begins, or where something was changed.
    """
    assert len({packet.ssrc for packet in packets}) == 1, port
    assert len(packets) > 40, port
    shifts, joints = 0.0, 0
    for one, other in pairwise(packets):
        context = (port, one, other)
        assert (other.sequence - one.sequence) & 0xFFFF == 1, context
        clock = NUMBERS[one.payload_type].clock_rate
        step_s = ((other.timestamp - one.timestamp) & 0xFFFFFFFF) / clock
        long_s = milliseconds(one) / 1000
        assert long_s - 0.0001 <= step_s < 3.0, context
        joints += step_s > long_s + 0.0001 and not other.marker
        shifts += step_s
    assert joints <= CHANGES, (port, joints)
    lasted_s = packets[-1].seen_at - packets[0].seen_at
    assert shifts == pytest.approx(lasted_s, abs=0.4), (port, shifts, lasted_s)
