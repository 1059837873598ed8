"""CANCEL of a request that is being delivered (RFC 3261 §9.1)."""

import pytest

from tests.unit.sip.delivery_call import CLOSED, FIRST, NAME, SECOND, Call, kinds
from tests.unit.sip.fake_wire import TCP_PEER, Rig, outgoing
from trunkline.sip.message import response_to


def test_cancel_after_a_provisional_goes_at_once(rig: Rig) -> None:
    call = Call(rig, FIRST)
    call.answer(FIRST, 180)
    call.sending.cancel([("Reason", 'SIP;cause=200;text="Call completed elsewhere"')])
    invite, cancel = rig.flow(FIRST).take_requests()
    assert (cancel.method, cancel.cseq.method, cancel.cseq.number) == ("CANCEL", "CANCEL", invite.cseq.number)
    assert cancel.headers.get("via") == invite.headers.get("via")
    assert cancel.headers.get("reason") == 'SIP;cause=200;text="Call completed elsewhere"'


def test_cancel_waits_for_a_provisional_and_then_goes(rig: Rig) -> None:
    call = Call(rig, FIRST)
    invite = call.asked(FIRST)
    call.sending.cancel()
    rig.clock.advance(2)
    assert rig.flow(FIRST).first_lines() == ["INVITE"] * 3
    rig.receive(response_to(invite, 100), rig.flow(FIRST))
    assert rig.flow(FIRST).first_lines() == ["CANCEL"]
    assert rig.events.statuses == [100]
    rig.receive(response_to(invite, 180, to_tag="b"), rig.flow(FIRST))
    assert rig.flow(FIRST).first_lines() == []


def test_without_a_provisional_no_cancel_is_ever_sent(rig: Rig) -> None:
    call = Call(rig, [FIRST, SECOND])
    call.sending.cancel()
    rig.clock.run_out()
    assert set(rig.flow(FIRST).first_lines()) == {"INVITE"}
    assert rig.events.targets == [FIRST]
    assert kinds(rig.events) == ["no-response"]
    assert rig.idle


def test_what_the_last_target_said_counts_for_no_other(rig: Rig) -> None:
    call = Call(rig, [FIRST, SECOND])
    call.answer(FIRST, 100)
    call.answer(FIRST, 503)
    call.sending.cancel()
    assert rig.flow(SECOND).first_lines() == ["INVITE"]


def test_a_2xx_may_cross_the_cancel(rig: Rig) -> None:
    call = Call(rig, FIRST)
    call.answer(FIRST, 180)
    call.sending.cancel()
    call.answer(FIRST, 200)
    assert rig.events.statuses == [180, 200]


def test_the_487_after_a_cancel_is_passed_up(rig: Rig) -> None:
    call = Call(rig, FIRST)
    call.answer(FIRST, 180)
    call.sending.cancel()
    call.answer(FIRST, 487)
    assert rig.events.statuses == [180, 487]
    rig.clock.run_out()
    assert rig.events.failures == []
    assert rig.idle


def test_64_t1_after_an_ignored_cancel_the_invite_is_over(rig: Rig) -> None:
    call = Call(rig, FIRST)
    call.answer(FIRST, 180)
    rig.clock.advance(100)
    call.sending.cancel()
    rig.clock.advance(31.9)
    assert rig.events.failures == []
    rig.clock.advance(0.1)
    assert kinds(rig.events) == ["no-final"]
    assert rig.stack.client_transactions == 0


@pytest.mark.parametrize("failing", [True, False])
def test_a_cancelled_request_walks_no_further(rig: Rig, failing: bool) -> None:
    call = Call(rig, [FIRST, SECOND])
    call.sending.cancel()
    if failing:
        call.fail(FIRST)
        assert kinds(rig.events) == ["unreachable"]
    else:
        call.answer(FIRST, 503)
        assert rig.events.statuses == [503]
    assert rig.events.targets == [FIRST]


def test_cancelled_while_the_name_is_looked_up(rig: Rig) -> None:
    call = Call(rig, NAME)
    call.sending.cancel()
    rig.locator.waiting[0]([FIRST])
    assert rig.connector.asked == []
    assert kinds(rig.events) == ["cancelled"]


def test_cancel_of_another_method_sends_nothing(rig: Rig) -> None:
    call = Call(rig, FIRST, outgoing("OPTIONS"))
    call.answer(FIRST, 100)
    call.sending.cancel()
    assert rig.flow(FIRST).first_lines() == ["OPTIONS"]


def test_cancel_after_the_end_or_twice_sends_nothing_more(rig: Rig) -> None:
    call = Call(rig, FIRST)
    call.answer(FIRST, 180)
    call.sending.cancel()
    call.sending.cancel()
    assert rig.flow(FIRST).first_lines() == ["INVITE", "CANCEL"]
    other = Call(rig, SECOND)
    other.answer(SECOND, 180)
    other.answer(SECOND, 200)
    other.sending.cancel()
    assert rig.flow(SECOND).first_lines() == ["INVITE"]


def test_a_connection_that_closes_while_it_rings_is_cancelled_on_a_new_one(rig: Rig) -> None:
    call = Call(rig, TCP_PEER)
    old = rig.flow(TCP_PEER)
    call.answer(TCP_PEER, 180)
    old.closed = True
    rig.stack.flow_failed(old, CLOSED)
    assert kinds(rig.events) == ["unreachable"]
    new = rig.flow(TCP_PEER)
    assert new is not old
    assert new.first_lines() == ["CANCEL"]
