"""How endpoints and gateways have answered, as it is told: what is first, what is left out."""

import asyncio
from collections.abc import Sequence

import pytest

from tests.unit.trunk.entities import ALPHA, BETA, directory
from tests.unit.virtual_clock import FakeClock
from trunkline.node import target_health as module
from trunkline.node.target_health import target_health
from trunkline.trunk.forwarding import ForwardingList
from trunkline.trunk.health import HealthBook, HealthKey, HealthState
from trunkline.trunk.number import Number
from trunkline.trunk.plan import gateway_health_key
from trunkline.web.views import TargetHealth

UP, DOWN = HealthState.UP, HealthState.DOWN
GOOD, BAD = "sip:good.example", "sip:bad.example"


def line(number: int, text: str) -> Number:
    return Number(f"4930{number:08}", "acme", ForwardingList.parse(text))


NUMBERS = [
    *(line(number, f"{number}@good.example") for number in range(4)),
    *(line(number, f"{number}@bad.example, {number}@good.example") for number in range(4, 6)),
    line(6, "6@unheard.example"),
]


class Paper:
    """A node's directory and health book."""

    def __init__(self, numbers: Sequence[Number] = NUMBERS) -> None:
        self.directory = directory(numbers=numbers)
        self.health = HealthBook(FakeClock())
        for _ in range(5):
            self.health.pinged(GOOD)
            self.health.pinged(BAD, "unreachable", "OPTIONS: refused")

    def ask(self, owner: str | None = None) -> list[TargetHealth]:
        return asyncio.run(target_health(self.directory, self.health, owner))

    def fail(self, number: int, host: str) -> None:
        for _ in range(3):
            key = HealthKey(NUMBERS[number].e164, f"sip:{number}@{host}", f"sip:{host}")
            self.health.failed(key, "server_failure")


def told(listed: Sequence[TargetHealth]) -> list[tuple[str | None, str, HealthState]]:
    return [(one.number or one.carrier, one.uri, one.state) for one in listed]


def test_gateways_come_first_and_then_what_is_down() -> None:
    paper = Paper()
    paper.fail(2, "good.example")
    paper.health.failed(gateway_health_key(BETA, BETA.gateways[0]), "unreachable")
    assert told(paper.ask()) == [
        ("beta", "sip:192.0.2.50", UP),
        ("493000000002", "sip:2@good.example", DOWN),
        ("493000000004", "sip:4@bad.example", DOWN),
        ("493000000005", "sip:5@bad.example", DOWN),
        ("493000000000", "sip:0@good.example", UP),
        ("493000000001", "sip:1@good.example", UP),
        ("493000000003", "sip:3@good.example", UP),
        ("493000000004", "sip:4@good.example", UP),
        ("493000000005", "sip:5@good.example", UP),
    ]
    [own] = [one for one in paper.ask() if one.number == "493000000002"]
    assert (own.account, own.last_failure, own.results) == (
        "acme",
        "server_failure",
        (True, True, *(False,) * 3),
    )


def test_of_one_number_or_carrier_alone() -> None:
    paper = Paper()
    for _ in range(2):
        paper.health.succeeded(gateway_health_key(ALPHA, ALPHA.gateways[1]))
    assert told(paper.ask("493000000004")) == [
        ("493000000004", "sip:4@bad.example", DOWN),
        ("493000000004", "sip:4@good.example", UP),
    ]
    assert told(paper.ask("alpha")) == [("alpha", "sip:gw2.alpha.example:5070", UP)]
    assert paper.ask("493000000006") == []
    assert paper.ask("nobody") == []


def test_so_many_are_listed_and_no_more(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_TARGETS", 5)
    paper = Paper()
    listed = paper.ask()
    assert len(listed) <= 5
    assert {one.uri for one in listed if one.state is DOWN} == {"sip:4@bad.example", "sip:5@bad.example"}


def test_the_loop_has_its_turn_in_between() -> None:
    paper = Paper([line(number, f"{number}@good.example") for number in range(500)])

    async def look() -> int:
        turns = 0
        asking = asyncio.ensure_future(target_health(paper.directory, paper.health, None))
        while not asking.done():
            turns += 1
            await asyncio.sleep(0)
        assert len(asking.result()) == 500
        return turns

    assert asyncio.run(look()) > 500 // module._AT_ONCE
