"""Which refused calls leave a record."""

from dataclasses import replace

import pytest

from tests.simulation.world import ACCOUNT, SETTINGS, World
from tests.unit.call.test_record import record
from tests.unit.virtual_clock import FakeClock
from trunkline.call.refused_calls import BURST, PER_S, RefusedCalls
from trunkline.trunk.account import AccountStatus
from trunkline.trunk.verdict import Slug


def kept(refused: RefusedCalls, count: int, account: str | None = "a", carrier: str | None = None) -> int:
    one = replace(record(), account=account, carrier=carrier)
    return sum(refused.may_record(one) for _ in range(count))


def test_a_burst_is_kept_and_then_what_time_gives_back() -> None:
    clock = FakeClock()
    refused = RefusedCalls(clock)
    assert kept(refused, 3 * BURST) == BURST
    clock.advance(10 / PER_S)
    assert kept(refused, BURST) == 10
    clock.advance(1e6)
    assert kept(refused, 3 * BURST) == BURST, "no more is saved up"


def test_each_account_and_each_carrier_has_its_own() -> None:
    refused = RefusedCalls(FakeClock())
    assert kept(refused, BURST + 1) == BURST
    assert kept(refused, 1, "a", "up") == 0, "whose number it is counts"
    assert kept(refused, 1, "b") == kept(refused, 1, None, "up") == kept(refused, 1, None, "a") == 1


@pytest.mark.parametrize("announced", [False, True])
def test_refused_calls_beyond_leave_neither_record_nor_ladder_and_are_told(announced: bool) -> None:
    """Those whose caller would hear why are no others."""
    world = World(
        account=replace(ACCOUNT, status=AccountStatus.BLOCKED, announcements=announced),
        settings=replace(SETTINGS, announcements={"account-blocked": __file__}),
    )
    passed_over = world.node.passed_over
    for _ in range(BURST + 3):
        world.outbound()
        world.clock.advance(0.001)
    world.clock.advance(0.5)
    statuses = [response.status for response in world.customer.responses]
    assert statuses.count(403) == BURST + 3, "they are refused all the same"
    assert statuses.count(183) == (BURST if announced else 0)
    assert len(world.node.books.calls) == BURST
    assert [(one.account, one.verdict and one.verdict.slug) for one in passed_over] == [
        (ACCOUNT.key, Slug.ACCOUNT_BLOCKED)
    ] * 3
    assert world.node.trace.dropped == [one.call_id for one in passed_over]
    world.finish()
