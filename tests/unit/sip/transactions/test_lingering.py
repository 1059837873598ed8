"""Transactions that wait for the end of repetitions."""

import pytest

from tests.unit.virtual_clock import FakeClock
from trunkline.sip.transactions.lingering import Lingering


class Waiting:
    """Notes when its time was over."""

    def __init__(self, clock: FakeClock, fault: Exception | None = None) -> None:
        self.clock = clock
        self.fault = fault
        self.over_at: list[float] = []

    def lingered(self) -> None:
        self.over_at.append(self.clock.now())
        if self.fault is not None:
            raise self.fault


def test_each_is_told_after_its_own_time_and_one_timer_serves_all() -> None:
    clock = FakeClock(0.0)
    lingering = Lingering(clock, 32.0)
    ones = [Waiting(clock) for _ in range(4)]
    for one, pause in zip(ones, (0.0, 0.0, 5.0, 30.0), strict=True):
        clock.advance(pause)
        lingering.add(one)
        assert len(clock) == 1
    clock.advance(100.0)
    assert [one.over_at for one in ones] == [[32.0], [32.0], [37.0], [67.0]]
    assert len(clock) == 0


def test_it_begins_anew_when_it_was_empty() -> None:
    clock = FakeClock(0.0)
    lingering = Lingering(clock, 32.0)
    for began in (0.0, 50.0):
        clock.advance_to(began)
        one = Waiting(clock)
        lingering.add(one)
        clock.advance(40.0)
        assert one.over_at == [began + 32.0]


def test_a_fault_in_one_keeps_no_other_waiting() -> None:
    clock = FakeClock(0.0)
    lingering = Lingering(clock, 32.0)
    faulty, other = Waiting(clock, RuntimeError("a fault")), Waiting(clock)
    lingering.add(faulty)
    lingering.add(other)
    with pytest.raises(RuntimeError, match="a fault"):
        clock.advance(32.0)
    clock.advance(1.0)
    assert (faulty.over_at, other.over_at) == ([32.0], [32.0])
