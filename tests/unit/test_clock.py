"""The heap of deadlines."""

import pytest

from trunkline.clock import TimerHeap, rfc1123_date


class Moment:
    """A moment that a test sets, and the heap over it."""

    def __init__(self) -> None:
        self.now = 10.0
        self.woken: list[float] = []
        self.fired: list[str] = []
        self.heap = TimerHeap(lambda: self.now, lambda: self.now + 1e9, self.woken.append)

    def note(self, name: str) -> None:
        self.fired.append(name)


def test_timers_fire_in_the_order_of_their_deadlines_and_alike_ones_as_armed() -> None:
    time = Moment()
    for name, deadline in (("c", 12.0), ("a", 11.0), ("d", 12.0), ("b", 11.5), ("late", 13.0)):
        time.heap.at(deadline, lambda name=name: time.note(name))  # type: ignore[misc]
    assert time.heap.run_due() == 0
    time.now = 12.0
    assert time.heap.run_due() == 4
    assert time.fired == ["a", "b", "c", "d"]
    assert len(time.heap) == 1
    assert time.heap.next_deadline() == 13.0


def test_a_cancelled_timer_never_fires_and_counts_no_more() -> None:
    time = Moment()
    timer = time.heap.at(11.0, lambda: time.note("cancelled"))
    time.heap.at(12.0, lambda: time.note("kept"))
    armed = [timer.armed]
    timer.cancel()
    timer.cancel()
    assert [*armed, timer.armed] == [True, False]
    assert len(time.heap) == 1
    assert time.heap.next_deadline() == 12.0
    time.now = 20.0
    assert time.heap.run_due() == 1
    assert time.fired == ["kept"]


def test_a_timer_is_disarmed_while_it_fires() -> None:
    time = Moment()
    seen: list[bool] = []
    timer = time.heap.at(10.0, lambda: seen.append(timer.armed))
    assert time.heap.run_due() == 1
    assert seen == [False]
    assert time.heap.run_due() == 0


def test_a_timer_armed_by_a_callback_for_a_moment_past_fires_in_the_same_run() -> None:
    time = Moment()

    def first() -> None:
        time.note("first")
        time.heap.at(9.5, lambda: time.note("second"))

    time.heap.at(9.0, first)
    assert time.heap.run_due() == 2
    assert time.fired == ["first", "second"]
    assert time.heap.next_deadline() is None


def test_a_callback_that_raises_costs_itself_only() -> None:
    time = Moment()

    def fail() -> None:
        raise ValueError("of the callback")

    time.heap.at(9.0, fail)
    time.heap.at(9.5, lambda: time.note("other"))
    with pytest.raises(ValueError, match="of the callback"):
        time.heap.run_due()
    assert time.heap.run_due() == 1
    assert time.fired == ["other"]


def test_the_driver_is_woken_by_a_new_earliest_deadline_only() -> None:
    time = Moment()
    for deadline in (15.0, 16.0, 14.0, 14.5):
        time.heap.at(deadline, lambda: None)
    assert time.woken == [15.0, 14.0]


def test_wall_time_is_another_clock() -> None:
    time = Moment()
    assert (time.heap.now(), time.heap.wall()) == (10.0, 10.0 + 1e9)


def test_a_date_is_as_sip_has_it() -> None:
    assert rfc1123_date(1289690940.9) == "Sat, 13 Nov 2010 23:29:00 GMT", "the example of RFC 3261 §20.17"
