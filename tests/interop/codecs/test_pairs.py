"""Every codec with every other through a node: a tone heard at both ends, digits, records that name both;
then packets of any length, and SRTP on one side.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from itertools import permutations
from typing import Any

import pytest

from tests.interop.addresses import wait_for
from tests.interop.codecs.phones import CARRIER, FarEnd, Phones, phones_around
from tests.interop.node import Node, running_node
from trunkline.call.ports import Tone
from trunkline.sdp.codecs import CODEC_NAMES

PAIRS = list(permutations(CODEC_NAMES, 2))
CALLER_HZ = {name: 500.0 + 200.0 * place for place, name in enumerate(CODEC_NAMES)}
CALLEE_HZ = {name: 600.0 + 200.0 * place for place, name in enumerate(CODEC_NAMES)}
DIGITS = "159#"
HEARD_MS = 1200
"""Of 2500, a fifth of which are pauses; what is sent before the peer is listening is lost."""


def said(frequency: float) -> Tone:
    """A tone with the pauses that speech has: a decoder of Speex that has missed the beginning of a steady
    tone may never find into it.
    """
    return Tone((frequency,), -10.0, (400, 100))


@dataclass
class World:
    node: Node
    phones: Phones
    carriers: dict[str, FarEnd]

    def call(self, caller: str, callee: str, **more: Any) -> tuple[str, dict[str, Any]]:
        """A call of a customer that speaks `caller` to the carrier that speaks `callee`."""
        return self.carriers[callee].number, {
            "codecs": (caller,),
            "say": said(CALLER_HZ[caller]),
            "listen_for": (CALLEE_HZ[callee],),
            **more,
        }

    def records(self, count: int) -> list[dict[str, Any]]:
        """The newest records, once they are closed."""

        def closed() -> list[dict[str, Any]] | None:
            rows = self.node.command("calls", "--limit", str(count))
            if any(row["verdict"] == "open" for row in rows):
                return None
            return [self.node.command("calls", row["call_id"]) for row in rows]

        return wait_for(f"{count} closed records", closed)


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    directory = tmp_path_factory.mktemp("codecs") / "node"
    with running_node(directory) as node, phones_around(node) as phones:
        carriers: dict[str, FarEnd] = {}
        for place, name in enumerate(CODEC_NAMES):
            carrier = carriers[name] = FarEnd(f"49301234{place}00")
            address = phones.answering(
                said(CALLEE_HZ[name]),
                carrier.taken.append,
                codecs=(name,),
                listen_for=tuple(CALLER_HZ.values()),
            )
            node.command("carrier", "add", name, "--gateway", f"sip:{CARRIER}:{address.port}")
            node.command("route", "add", carrier.number, "--carrier", name)
        yield World(node, phones, carriers)


def words(record: dict[str, Any]) -> tuple[str, str]:
    """The codecs that a record names."""
    return record["caller_media"].partition(",")[0], record["callee_media"].partition(",")[0]


def test_each_codec_talks_to_each_other(world: World) -> None:
    reports = world.phones.dial(*(world.call(*pair, digits=DIGITS) for pair in PAIRS))
    for pair, report in zip(PAIRS, reports, strict=True):
        assert report.answered, (pair, report.outcome)
        assert report.codec == pair[0]
        assert report.heard(CALLEE_HZ[pair[1]], HEARD_MS), (pair, report.hearing)
    records = world.records(len(PAIRS))
    assert sorted(words(record) for record in records) == sorted(PAIRS)
    assert all(record["transcoded"] for record in records)
    for name, carrier in world.carriers.items():
        wait_for("the carrier's reports", partial(carrier.has_taken, len(CODEC_NAMES) - 1))
        for caller in CODEC_NAMES:
            if caller != name:
                (report,) = [one for one in carrier.taken if one.heard(CALLER_HZ[caller], 1000)]
                assert report.codec == name
                assert report.hearing.digits == DIGITS, (caller, name)


@pytest.fixture(autouse=True)
def afresh(world: World) -> None:
    for carrier in world.carriers.values():
        carrier.taken.clear()


@pytest.mark.parametrize("ptime_ms", [10, 20, 30, 60])
def test_packets_of_any_length_are_made_anew(world: World, ptime_ms: int) -> None:
    """The carrier sends and wants 20 ms, the customer another length."""
    pairs = [("PCMU", "PCMA"), ("G729", "PCMU"), ("G722", "G729"), ("PCMA", "G722")]
    reports = world.phones.dial(*(world.call(*pair, ptime_ms=ptime_ms) for pair in pairs))
    for pair, report in zip(pairs, reports, strict=True):
        assert report.heard(CALLEE_HZ[pair[1]], HEARD_MS), (pair, report.hearing)
        wanted = report.talk_s * 1000 / ptime_ms
        assert report.figures.packets_received == pytest.approx(wanted, rel=0.15), (pair, ptime_ms)
        (theirs,) = world.carriers[pair[1]].taken
        assert theirs.heard(CALLER_HZ[pair[0]], HEARD_MS), (pair, theirs.hearing)
        assert theirs.figures.packets_received == pytest.approx(report.talk_s * 50, rel=0.15), pair


@pytest.mark.parametrize(("ilbc_ms", "ptime_ms"), [(20, 20), (30, 30), (20, 60), (30, 60)])
def test_ilbc_of_either_mode(world: World, ilbc_ms: int, ptime_ms: int) -> None:
    """Through to a carrier with the other codec, and to one with iLBC of 30 ms, which passes."""
    pairs = [("iLBC", "PCMA"), ("iLBC", "iLBC")]
    reports = world.phones.dial(
        *(world.call(*pair, ilbc_ms=ilbc_ms, ptime_ms=ptime_ms, digits=DIGITS) for pair in pairs)
    )
    for pair, report in zip(pairs, reports, strict=True):
        assert report.heard(CALLEE_HZ[pair[1]], HEARD_MS), (pair, report.hearing)
        (theirs,) = world.carriers[pair[1]].taken
        assert theirs.heard(CALLER_HZ[pair[0]], HEARD_MS), (pair, theirs.hearing)
        assert theirs.hearing.digits == DIGITS
    assert sorted(record["transcoded"] for record in world.records(2)) == [False, True]


def test_srtp_on_one_side_and_plain_audio_in_another_codec_on_the_other(world: World) -> None:
    reports = world.phones.dial(
        world.call("G722", "PCMA", srtp=True, digits=DIGITS), world.call("PCMU", "PCMU", srtp=True)
    )
    for report, heard_hz in zip(reports, (CALLEE_HZ["PCMA"], CALLEE_HZ["PCMU"]), strict=True):
        assert report.answered, report.outcome
        assert report.heard(heard_hz, HEARD_MS)
    (theirs,) = world.carriers["PCMA"].taken
    assert theirs.hearing.digits == DIGITS
    assert world.node.logged("SRTP keys readable on the way")
