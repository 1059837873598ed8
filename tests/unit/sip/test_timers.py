"""RFC 3261 Table 4."""

import pytest

from trunkline.sip.timers import TimerValues


def test_defaults_are_the_rfcs() -> None:
    timers = TimerValues()
    assert (timers.t1, timers.t2, timers.t4) == (0.5, 4.0, 5.0)
    assert timers.timeout_s == 32.0
    assert timers.d_s == 32.0
    assert timers.trying_s == 0.2
    assert timers.non_invite_trying_s == 3.5


@pytest.mark.parametrize(("t1", "timeout_s", "d_s"), [(0.1, 6.4, 32.0), (1.0, 64.0, 64.0)])
def test_what_follows_from_t1(t1: float, timeout_s: float, d_s: float) -> None:
    timers = TimerValues(t1=t1)
    assert timers.timeout_s == pytest.approx(timeout_s)
    assert timers.d_s == d_s


@pytest.mark.parametrize(
    ("t1", "t2", "expected"), [(0.5, 4.0, 3.5), (0.5, 3.0, 3.5), (1.0, 1.0, 0.0), (1.0, 2.0, 1.0)]
)
def test_when_timer_e_reaches_t2(t1: float, t2: float, expected: float) -> None:
    assert TimerValues(t1=t1, t2=t2).non_invite_trying_s == expected


@pytest.mark.parametrize("values", [{"t1": 0.0}, {"t1": -1.0}, {"t1": 5.0}, {"t4": 0.0}, {"trying_s": -0.1}])
def test_impossible_values_are_refused(values: dict[str, float]) -> None:
    with pytest.raises(ValueError, match="timers must satisfy"):
        TimerValues(**values)
