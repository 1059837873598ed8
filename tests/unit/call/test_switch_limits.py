"""How many calls an account may have, and for how long: what the one beyond is told."""

from dataclasses import replace
from functools import partial

import pytest

from tests.simulation.descriptions import audio
from tests.simulation.slow_limits import SlowLimits
from tests.simulation.world import (
    ACCOUNT,
    CUSTOMER,
    NUMBER,
    SETTINGS,
    World,
    ringing,
)
from tests.unit.call.refusals import error_id, refused
from trunkline.call.record import Party, RecordState
from trunkline.trunk.verdict import Slug, Verdict


def test_concurrent_calls() -> None:
    world = World(account=replace(ACCOUNT, max_concurrent=2))
    world.gateway.on_invite = ringing
    for _ in range(2):
        world.outbound()
    world.clock.advance(1)
    world.outbound()
    response = refused(world)
    assert (response.status, error_id(response)) == (503, "call-limit")
    assert int(response.headers.get("retry-after") or "") > 0
    world.node.switch.hang_up_all(Verdict.of(Slug.HUNG_UP_BY_OPERATOR))
    world.clock.advance(1)
    world.outbound()
    world.clock.advance(1)
    assert len(world.node.switch) == 1
    world.node.switch.hang_up_all(Verdict.of(Slug.HUNG_UP_BY_OPERATOR))
    world.finish()


def test_calls_to_one_accounts_numbers_leave_room_for_the_others() -> None:
    """As many as an account may have, ringing and answered ones alike; and again once one is over."""
    world = World(settings=replace(SETTINGS, max_inbound=2))
    world.gateway.on_invite = ringing
    for _ in range(2):
        world.inbound()
    world.clock.advance(1)
    world.inbound()
    world.clock.advance(1)
    (response,) = [one for one in world.gateway.responses if one.status >= 300]
    assert (response.status, error_id(response)) == (503, "inbound-limit")
    assert int(response.headers.get("retry-after") or "") > 0
    assert len(world.node.switch) == 2
    refused_call = world.node.books.calls[-1]
    assert (refused_call.account, refused_call.number) == (ACCOUNT.key, NUMBER)
    world.node.switch.hang_up_all(Verdict.of(Slug.HUNG_UP_BY_OPERATOR))
    world.clock.advance(1)
    world.inbound()
    world.outbound()
    world.clock.advance(1)
    assert len(world.node.switch) == 2
    world.node.switch.hang_up_all(Verdict.of(Slug.HUNG_UP_BY_OPERATOR))
    world.finish()
    assert not world.node.switch._inbound_up


def test_the_limits_hold_exactly_under_two_hundred_invites_at_once() -> None:
    for account in (replace(ACCOUNT, max_concurrent=7), replace(ACCOUNT, max_per_second=7)):
        world = World(account=account)
        world.gateway.on_invite = ringing
        for _ in range(200):
            world.outbound()
        world.clock.advance(0.9)
        statuses = [response.status for response in world.customer.responses if response.status != 100]
        assert (statuses.count(180), statuses.count(503), len(statuses)) == (7, 193, 200), account
        assert len(world.node.switch) == 7
        world.node.switch.hang_up_all(Verdict.of(Slug.HUNG_UP_BY_OPERATOR))
        world.finish()


def test_limits_that_answer_later() -> None:
    world = World(account=replace(ACCOUNT, max_concurrent=1))
    world.gateway.on_invite = ringing
    limits = world.node.services.limits = SlowLimits(world.node.limits)
    for _ in range(2):
        world.outbound()
    world.clock.advance(1)
    assert (len(world.node.switch), world.node.books.calls) == (2, [])
    limits.answer()
    world.clock.advance(1)
    assert len(world.node.switch) == 1
    refusals = [response for response in world.customer.responses if response.status >= 300]
    assert [error_id(response) for response in refusals] == ["call-limit"]
    world.node.switch.hang_up_all(Verdict.of(Slug.HUNG_UP_BY_OPERATOR))
    world.finish()


def test_the_caller_gives_up_while_the_limits_are_asked() -> None:
    world = World()
    limits = world.node.services.limits = SlowLimits(world.node.limits)
    call = world.outbound()
    world.clock.advance(1)
    call.cancel()
    world.clock.advance(1)
    assert len(world.node.switch) == 1
    limits.answer()
    (record,) = world.node.books.calls
    assert (record.verdict, record.hung_up_by) == (Verdict.of(Slug.CANCELLED), Party.CALLER)
    assert world.heard_by(world.gateway, "INVITE") == []
    world.finish()


def test_all_calls_are_ended_while_the_limits_are_asked() -> None:
    world = World()
    limits = world.node.services.limits = SlowLimits(world.node.limits)
    world.outbound()
    world.clock.advance(1)
    world.node.switch.hang_up_all(Verdict.of(Slug.SHUT_DOWN))
    limits.answer()
    assert error_id(refused(world)) == "shut-down"
    assert world.heard_by(world.gateway, "INVITE") == []
    world.finish()


@pytest.mark.parametrize("later", [False, True])
def test_a_fault_while_a_call_begins_costs_that_call_and_nothing_more(
    monkeypatch: pytest.MonkeyPatch, later: bool
) -> None:
    """500 to the caller (RFC 3261 §21.5.1), a closed record, and its place among the account's calls is free
    again.
    """
    world = World(account=replace(ACCOUNT, max_concurrent=1))
    limits = SlowLimits(world.node.limits)
    if later:
        world.node.services.limits = limits

    def fault(**_: object) -> None:
        raise LookupError("a fault")

    with monkeypatch.context() as patched:
        patched.setattr(world.node.agent, "invite", fault)
        world.outbound()
        if later:
            world.clock.advance(0.1)
        begin = limits.answer if later else partial(world.clock.advance, 0.1)
        with pytest.raises(LookupError, match="a fault"):
            begin()
        response = refused(world)
    assert (response.status, error_id(response)) == (500, "internal-error")
    assert world.slug is Slug.INTERNAL_ERROR
    assert (len(world.node.switch), world.node.engine.open_legs, world.node.agent.dialogs) == (0, 0, 0)
    world.node.services.limits = world.node.limits
    world.outbound()
    world.clock.advance(2)
    assert world.customer.events[-1] == "answered"
    world.customer.the_usage.bye()
    world.finish()


def test_calls_per_second() -> None:
    world = World(account=replace(ACCOUNT, max_per_second=3))
    for _ in range(5):
        world.outbound()
    world.clock.advance(0.1)
    statuses = [response.status for response in world.customer.responses if response.status >= 300]
    assert statuses == [503, 503]
    assert all(
        int(one.headers.get("retry-after") or "") > 0 for one in world.customer.responses if one.status == 503
    )
    world.node.switch.hang_up_all(Verdict.of(Slug.SHUT_DOWN))
    world.finish()


def test_minutes_a_day() -> None:
    world = World(account=replace(ACCOUNT, minutes_per_day=1))
    world.talking_outbound()
    world.clock.advance(59)
    assert world.record.state is RecordState.OPEN
    world.clock.advance(2)
    record = world.record
    assert record.state is RecordState.CLOSED, "the call that used them up is ended"
    assert record.verdict is not None
    assert (record.verdict.slug, record.hung_up_by) == (Slug.MINUTES_LIMIT, Party.SERVICE)
    assert record.talk_s == pytest.approx(60, abs=0.1)
    world.outbound()
    assert error_id(refused(world)) == "minutes-limit"
    world.finish()


def test_a_refused_call_takes_no_place() -> None:
    world = World(account=replace(ACCOUNT, max_concurrent=1))
    for body in (b"rubbish", audio(CUSTOMER, codecs=())):
        world.outbound(body=body)
        assert refused(world).status == 488
    world.talking_outbound()
    world.customer.the_usage.bye()
    world.finish()
