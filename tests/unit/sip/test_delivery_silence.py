"""Targets that are silent for less than timer B: left for the next, and listened to all the same."""

import pytest

from tests.unit.sip.delivery_call import FIRST, SECOND, THIRD, Call, kinds
from tests.unit.sip.fake_wire import Rig, outgoing
from trunkline.sip.message import response_to


def test_a_silent_target_is_left_for_the_next(rig: Rig) -> None:
    call = Call(rig, [FIRST, SECOND], target_timeout_s=2.0)
    rig.clock.advance(1.9)
    assert rig.events.targets == [FIRST]
    rig.clock.advance(0.1)
    assert rig.events.targets == [FIRST, SECOND]
    call.answer(SECOND, 200)
    assert rig.events.statuses == [200]


def test_the_last_target_has_all_the_time_of_timer_b(rig: Rig) -> None:
    Call(rig, [FIRST], target_timeout_s=2.0)
    rig.clock.advance(31.9)
    assert rig.events.failures == []
    rig.clock.advance(0.1)
    assert kinds(rig.events) == ["no-response"]


@pytest.mark.parametrize("status", [100, 180])
def test_a_target_that_has_spoken_is_not_left(rig: Rig, status: int) -> None:
    call = Call(rig, [FIRST, SECOND], target_timeout_s=2.0)
    call.answer(FIRST, status)
    rig.clock.advance(60)
    assert rig.events.targets == [FIRST]


def test_a_cancelled_request_leaves_no_target(rig: Rig) -> None:
    call = Call(rig, [FIRST, SECOND], target_timeout_s=2.0)
    call.sending.cancel()
    rig.clock.advance(3)
    assert rig.events.targets == [FIRST]


def left_behind(rig: Rig) -> Call:
    call = Call(rig, [FIRST, SECOND], target_timeout_s=2.0)
    rig.clock.advance(2)
    rig.flow(FIRST).sent = rig.flow(FIRST).sent[:1]
    return call


def test_a_target_left_behind_that_wakes_up_is_cancelled(rig: Rig) -> None:
    call = left_behind(rig)
    call.answer(FIRST, 100)
    call.answer(FIRST, 180)
    assert rig.flow(FIRST).first_lines() == ["INVITE", "CANCEL"]
    assert rig.events.responses == []


def test_a_target_left_behind_may_refuse_unheard(rig: Rig) -> None:
    call = left_behind(rig)
    call.answer(FIRST, 486)
    call.fail(FIRST)
    assert rig.events.responses == []
    assert rig.events.failures == []
    call.answer(SECOND, 180)
    assert rig.events.statuses == [180]


def test_a_target_left_behind_that_answers_first_wins(rig: Rig) -> None:
    call = left_behind(rig)
    call.answer(SECOND, 180)
    call.answer(FIRST, 200, "first")
    assert rig.flow(SECOND).first_lines() == ["INVITE", "CANCEL"]
    assert call.sending.flow is rig.flow(FIRST)
    assert rig.events.targets == [FIRST, SECOND, rig.flow(FIRST)]
    assert [response.to_tag for response in rig.events.responses] == ["b", "first"]


def test_the_loser_is_cancelled_as_soon_as_it_may_be_and_heard_only_with_a_2xx(rig: Rig) -> None:
    call = left_behind(rig)
    second = call.asked(SECOND)
    call.answer(FIRST, 200, "first")
    rig.flow(SECOND).take()
    for status in (180, 487):
        rig.receive(response_to(second, status, to_tag="late"), rig.flow(SECOND))
    assert rig.flow(SECOND).first_lines() == ["CANCEL", "ACK"]
    assert rig.events.statuses == [200]


def test_the_timeout_of_a_target_left_behind_is_nobodys_business(rig: Rig) -> None:
    call = Call(rig, [FIRST, SECOND, THIRD], target_timeout_s=2.0)
    rig.clock.advance(33)
    assert rig.events.targets == [FIRST, SECOND, THIRD]
    assert rig.events.failures == []
    call.answer(THIRD, 486)
    assert rig.events.statuses == [486]


def test_the_failure_of_a_target_left_behind_is_nobodys_business(rig: Rig) -> None:
    call = Call(rig, [FIRST, SECOND, THIRD], target_timeout_s=2.0)
    rig.clock.advance(2)
    call.fail(FIRST)
    assert rig.events.targets == [FIRST, SECOND]
    assert rig.events.failures == []


def test_a_late_2xx_of_a_target_left_behind_is_passed_up_like_a_fork(rig: Rig) -> None:
    call = left_behind(rig)
    call.answer(SECOND, 200, "second")
    call.answer(FIRST, 200, "first")
    assert [response.to_tag for response in rig.events.responses] == ["second", "first"]


def test_a_target_left_behind_that_ignores_its_cancel_is_given_up(rig: Rig) -> None:
    call = left_behind(rig)
    call.answer(FIRST, 100)
    call.answer(SECOND, 180)
    rig.clock.advance(40)
    assert rig.stack.client_transactions == 1
    assert rig.events.failures == []
    call.answer(SECOND, 486)
    rig.clock.advance(40)
    assert rig.idle
    assert rig.events.statuses == [180, 486]


def test_the_first_answer_to_another_request_counts(rig: Rig) -> None:
    call = Call(rig, [FIRST, SECOND], outgoing("OPTIONS"), target_timeout_s=2.0)
    rig.clock.advance(2)
    call.answer(FIRST, 200)
    call.answer(SECOND, 200)
    assert rig.events.statuses == [200]
    rig.clock.run_out()
    assert rig.events.failures == []
    assert rig.idle
