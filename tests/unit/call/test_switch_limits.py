"""How many calls an account may have, and for how long: what the one beyond is told."""

from dataclasses import replace
from functools import partial

import pytest

from tests.simulation.descriptions import audio
from tests.simulation.phone import Phone
from tests.simulation.slow_limits import SlowLimits
from tests.simulation.world import (
    ACCOUNT,
    CUSTOMER,
    GATEWAY,
    KEY,
    NUMBER,
    SETTINGS,
    World,
    ringing,
)
from tests.unit.call.refusals import error_id, refused
from trunkline.call.record import Party, RecordState
from trunkline.errors import MediaError
from trunkline.sip.incoming_invite import IncomingInvite
from trunkline.trunk.forwarding import ForwardingList
from trunkline.trunk.limits import inbound_key
from trunkline.trunk.verdict import Slug, Verdict


def refusing(phone: Phone, invite: IncomingInvite) -> None:
    invite.reject(486)


def no_port(*_: object, **__: object) -> None:
    raise MediaError("no media port is free")


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


def test_calls_to_the_account_s_numbers() -> None:
    """Ringing and answered ones; outbound ones are counted apart. The carrier hears that the account is busy,
    not that this node is (RFC 3261 §21.4.24, §21.5.4).
    """
    world = World(account=replace(ACCOUNT, max_inbound=2, max_concurrent=1))
    world.talking_inbound()
    world.customer.on_invite = ringing
    world.inbound()
    world.outbound()
    world.clock.advance(2)
    assert len(world.node.switch) == 3
    world.inbound()
    response = refused(world, world.gateway)
    assert (response.status, error_id(response)) == (486, "numbers-busy")
    assert response.headers.get("retry-after") is None
    busy = world.node.books.calls[-1]
    assert (busy.account, busy.number, busy.hung_up_by) == (ACCOUNT.key, NUMBER, Party.SERVICE)
    assert busy.verdict is not None
    assert busy.verdict.detail == "2 of 2 calls are up"
    world.customer.events.clear()
    world.node.switch.hang_up_all(Verdict.of(Slug.HUNG_UP_BY_OPERATOR))
    world.clock.advance(1)
    world.inbound()
    world.clock.advance(1)
    assert len(world.node.switch) == 1
    world.node.switch.hang_up_all(Verdict.of(Slug.HUNG_UP_BY_OPERATOR))
    world.finish()


def test_a_call_that_hunts_through_a_forwarding_list_is_one() -> None:
    world = World(account=replace(ACCOUNT, max_inbound=1))
    forwarding = ForwardingList.parse("a@10.0.0.71;timeout=2000, b@10.0.0.72, pbx@10.0.0.2")
    world.change_number(forwarding=forwarding)
    seen: list[int] = []
    world.customer.on_invite = ringing
    world.inbound()
    for _ in range(16):
        world.clock.advance(1)
        seen.append(world.node.limits.calls_up(inbound_key(KEY)))
    assert len(world.attempts) == 3
    assert set(seen) == {1}
    world.node.switch.hang_up_all(Verdict.of(Slug.HUNG_UP_BY_OPERATOR))
    world.finish()


@pytest.mark.parametrize("end", ["gives up", "refused", "no media", "bad sdp", "node's share"])
def test_every_end_of_a_call_to_the_numbers_makes_room_for_the_next(
    monkeypatch: pytest.MonkeyPatch, end: str
) -> None:
    settings = replace(SETTINGS, max_inbound=0) if end == "node's share" else SETTINGS
    world = World(account=replace(ACCOUNT, max_inbound=1), settings=settings)
    world.customer.on_invite = ringing if end == "gives up" else refusing
    for _ in range(3):
        with monkeypatch.context() as patched:
            if end == "no media":
                patched.setattr(world.node.engine, "open_leg", no_port)
            call = world.inbound(body=b"rubbish" if end == "bad sdp" else audio(GATEWAY))
            world.clock.advance(1)
            if end == "gives up":
                call.cancel()
                world.clock.advance(1)
        assert world.node.limits.calls_up(inbound_key(KEY)) == 0
    assert "numbers-busy" not in {str(one.verdict.slug) for one in world.node.books.calls if one.verdict}
    assert len(world.node.books.calls) == 3
    world.finish()


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


def test_the_account_s_numbers_take_as_many_calls_as_they_may_of_two_hundred_at_once() -> None:
    world = World(account=replace(ACCOUNT, max_inbound=7))
    world.customer.on_invite = ringing
    for _ in range(200):
        world.inbound()
    world.clock.advance(0.9)
    statuses = [response.status for response in world.gateway.responses if response.status != 100]
    assert (statuses.count(180), statuses.count(486), len(statuses)) == (7, 193, 200)
    world.node.switch.hang_up_all(Verdict.of(Slug.HUNG_UP_BY_OPERATOR))
    world.finish()


@pytest.mark.parametrize("ends", ["let in", "given up", "shut down"])
def test_limits_of_calls_to_the_numbers_that_answer_later(ends: str) -> None:
    world = World(account=replace(ACCOUNT, max_inbound=1), settings=replace(SETTINGS, max_inbound=1))
    limits = world.node.services.limits = SlowLimits(world.node.limits)
    world.customer.on_invite = ringing
    first = world.inbound()
    world.inbound()
    world.clock.advance(1)
    assert (len(world.node.switch), world.node.books.calls) == (2, [])
    if ends == "given up":
        first.cancel()
        world.clock.advance(1)
    elif ends == "shut down":
        world.node.switch.hang_up_all(Verdict.of(Slug.SHUT_DOWN))
    limits.answer()
    world.clock.advance(1)
    slugs = [one.verdict.slug for one in world.node.books.calls if one.verdict is not None]
    assert (
        slugs
        == {
            "let in": [Slug.NUMBERS_BUSY],
            "given up": [Slug.CANCELLED],
            "shut down": [Slug.SHUT_DOWN] * 2,
        }[ends]
    )
    up = 0 if ends == "shut down" else 1
    assert (len(world.node.switch), world.node.limits.calls_up(inbound_key(KEY))) == (up, up)
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
