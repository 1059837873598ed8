"""Digits from any way to any other through a node, transcoded and passed through: telephone-events, INFO,
tones in the audio. The far end says which digits came.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any

import pytest

from tests.interop.addresses import wait_for
from tests.interop.codecs.phones import CARRIER, FarEnd, Phones, phones_around
from tests.interop.node import SECRET, Node, running_node
from trunkline.call.ports import Tone
from trunkline.media.terminals import Silence
from trunkline.pstn.dialling import CallReport

DIGITS = "159*0#D"
FIVE = (770.0, 1336.0)
"""ITU-T Q.23."""
SIDES = (
    ("events", "auto", True),
    ("info", "info", True),
    ("tones", "auto", False),
    ("strict", "rfc4733", False),
)
"""Carriers: their `dtmf`, and whether they have telephone-event."""
CALLERS = ("PCMA", "PCMU", "G722", "G729")
"""What customers speak; the carriers speak PCMA."""


@dataclass
class World:
    node: Node
    phones: Phones
    carriers: dict[str, FarEnd]

    def heard(self, far: str, **more: Any) -> list[CallReport]:
        """What the carrier says after a call in each codec of a customer."""
        carrier = self.carriers[far]
        carrier.taken.clear()
        placed = self.phones.dial(
            *((carrier.number, {"codecs": (name,), "talk_s": 3.0, **more}) for name in CALLERS)
        )
        assert all(report.answered for report in placed), [report.outcome for report in placed]
        wait_for("the carrier's reports", partial(carrier.has_taken, len(CALLERS)))
        return carrier.taken


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    directory = tmp_path_factory.mktemp("digits") / "node"
    with running_node(directory) as node, phones_around(node) as phones:
        carriers = {}
        for place, (name, mode, events) in enumerate(
            [
                ("events", "auto", True),
                ("info", "info", True),
                ("tones", "auto", False),
                ("strict", "rfc4733", False),
            ]
        ):
            carrier = carriers[name] = FarEnd(f"49301234{place}00")
            address = phones.answering(
                Silence(), carrier.taken.append, codecs=("PCMA",), events=events, listen_for=FIVE
            )
            node.command("carrier", "add", name, "--gateway", f"sip:{CARRIER}:{address.port}")
            node.command("carrier", "set", name, "--dtmf", mode)
            node.command("route", "add", carrier.number, "--carrier", name)
        node.command("account", "add", "--key", "inband", "--secret", SECRET)
        node.command("account", "set", "inband", "--dtmf", "inband")
        yield World(node, phones, carriers)


@pytest.mark.parametrize("info", [False, True], ids=["from events", "from INFO"])
def test_to_telephone_events(world: World, info: bool) -> None:
    for report in world.heard("events", digits=DIGITS, info=info):
        assert (report.hearing.digits, report.digits_in_info) == (DIGITS, "")


@pytest.mark.parametrize("info", [False, True], ids=["from events", "from INFO"])
def test_to_info(world: World, info: bool) -> None:
    for report in world.heard("info", digits=DIGITS, info=info):
        assert (report.hearing.digits, report.digits_in_info) == ("", DIGITS)


@pytest.mark.parametrize("info", [False, True], ids=["from events", "from INFO"])
def test_to_tones_in_the_audio(world: World, info: bool) -> None:
    for report in world.heard("tones", digits="555", info=info):
        assert (report.hearing.digits, report.digits_in_info) == ("", "")
        for frequency in FIVE:
            assert 200 <= report.hearing.heard_ms(frequency) <= 700, report.hearing


def test_no_tones_for_who_wants_telephone_events_only(world: World) -> None:
    for report in world.heard("strict", digits="555"):
        assert [tone.duration_ms for tone in report.hearing.tones] == [0, 0]


@pytest.mark.parametrize("far", ["events", "info"])
def test_from_tones_in_the_audio(world: World, far: str) -> None:
    pressed = Tone(FIVE, -12.0, (120, 400))
    for report in world.heard(far, say=pressed, events=False, key="inband"):
        digits = report.hearing.digits if far == "events" else report.digits_in_info
        assert set(digits) == {"5"}
        assert 4 <= len(digits) <= report.talk_s / 0.52 + 1, "one every 520 ms"
        for frequency in FIVE:
            assert report.hearing.heard_ms(frequency) <= 40 * len(digits), "not beside the digit too"


def test_tones_pass_to_who_takes_nothing_else(world: World) -> None:
    pressed = Tone(FIVE, -12.0, (120, 400))
    for report in world.heard("tones", say=pressed, events=False, key="inband"):
        assert (report.hearing.digits, report.digits_in_info) == ("", "")
        for frequency in FIVE:
            assert 400 <= report.hearing.heard_ms(frequency) <= 900, "as often as they were pressed"


def test_tones_are_only_listened_for_where_that_is_set(world: World) -> None:
    for report in world.heard("events", say=Tone(FIVE, -12.0, (120, 400)), events=False):
        assert report.hearing.digits == ""
