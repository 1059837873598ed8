"""The heap of deadlines in a running loop."""

import asyncio
from types import SimpleNamespace
from typing import cast

import pytest

from tests.unit.net.wire import until
from trunkline.net.loop_clock import LoopClock


def strict(error: Exception) -> None:
    raise error


async def test_timers_fire_in_order_and_not_early() -> None:
    loop = asyncio.get_running_loop()
    clock = LoopClock(loop, strict)
    fired: list[tuple[str, float]] = []
    start = clock.now()
    clock.at(start + 0.03, lambda: fired.append(("late", loop.time())))
    clock.at(start + 0.01, lambda: fired.append(("early", loop.time())))
    clock.at(start + 0.02, lambda: fired.append(("never", loop.time()))).cancel()
    await until(lambda: len(fired) == 2)
    assert [name for name, _ in fired] == ["early", "late"]
    assert fired[0][1] >= start + 0.01
    assert fired[1][1] >= start + 0.03
    assert clock.next_deadline() is None


async def test_a_fault_in_one_callback_does_not_cost_the_next() -> None:
    faults: list[Exception] = []
    clock = LoopClock(asyncio.get_running_loop(), faults.append)
    fired: list[int] = []

    def stumble() -> None:
        raise ZeroDivisionError

    clock.at(clock.now(), stumble)
    clock.at(clock.now(), lambda: fired.append(1))
    clock.at(clock.now() + 0.002, lambda: fired.append(2))
    await until(lambda: fired == [1, 2])
    assert [type(fault) for fault in faults] == [ZeroDivisionError]


async def test_a_timer_armed_by_a_timer_fires() -> None:
    clock = LoopClock(asyncio.get_running_loop(), strict)
    fired: list[float] = []

    def again() -> None:
        fired.append(clock.now())
        if len(fired) < 3:
            clock.at(clock.now() + 0.001, again)

    clock.at(clock.now(), again)
    await until(lambda: len(fired) == 3)


async def test_stopping_from_a_callback_fires_nothing_more() -> None:
    clock = LoopClock(asyncio.get_running_loop(), strict)
    fired: list[str] = []
    now = clock.now()

    def stop() -> None:
        fired.append("stop")
        clock.stop()

    clock.at(now, stop)
    clock.at(now, lambda: fired.append("same moment"))
    clock.at(now + 0.001, lambda: fired.append("later"))
    await until(lambda: fired)
    clock.at(clock.now(), lambda: fired.append("after"))
    await until(lambda: clock.now() > now + 0.002)
    assert fired == ["stop"]


async def test_an_earlier_timer_wakes_the_loop_earlier() -> None:
    clock = LoopClock(asyncio.get_running_loop(), strict)
    fired: list[str] = []
    clock.at(clock.now() + 3600.0, lambda: fired.append("in an hour"))
    clock.at(clock.now() + 0.001, lambda: fired.append("now"))
    await until(lambda: fired == ["now"])
    assert len(clock) == 1
    clock.stop()


class StubLoop:
    """A loop that only notes when it would call."""

    def __init__(self) -> None:
        self.calls: list[float] = []

    def time(self) -> float:
        return 100.0

    def call_at(self, when: float, _callback: object) -> asyncio.TimerHandle:
        self.calls.append(when)
        return cast("asyncio.TimerHandle", SimpleNamespace(cancel=lambda: None))


def test_a_wait_shorter_than_the_loops_resolution_does_not_spin() -> None:
    loop = StubLoop()
    clock = LoopClock(cast("asyncio.AbstractEventLoop", loop), strict)
    clock.at(100.0004, lambda: None)
    clock.at(99.0, lambda: None)
    assert loop.calls == [pytest.approx(100.001), pytest.approx(100.001)]


def test_wall_time_is_the_one_that_is_given() -> None:
    loop = asyncio.new_event_loop()
    try:
        assert LoopClock(loop, strict, wall=lambda: 1.5).wall() == 1.5
    finally:
        loop.close()
