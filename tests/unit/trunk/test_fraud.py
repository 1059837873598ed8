"""Alarms: new countries, spikes, and accounts that they block."""

from dataclasses import replace

import pytest

from tests.unit.virtual_clock import FakeClock
from trunkline.trunk.account import Account, AlarmAction
from trunkline.trunk.fraud import (
    HOUR_S,
    MEMORY_HOURS,
    Alarm,
    AlarmKind,
    FraudPolicy,
    FraudWatch,
    Habits,
    habits_of,
)
from trunkline.trunk.verdict import Slug

LONDON, BERLIN, RIGA, KINGSTON = "442079460123", "493012345678", "37167012345", "18765550123"
ACCOUNT = Account("acme")


class Ground:
    def __init__(self, policy: FraudPolicy | None = None, habits: dict[str, Habits] | None = None) -> None:
        self.clock = FakeClock()
        self.raised: list[Alarm] = []
        self.watch = FraudWatch(self.clock, self.raised.append, policy)
        self.watch.restore(habits or {})

    @property
    def kinds(self) -> list[AlarmKind]:
        return [alarm.kind for alarm in self.raised]

    def place(self, called: str = LONDON, times: int = 1, account: Account = ACCOUNT) -> list[bool]:
        """Whether each call may be placed."""
        return [self.watch.placed(account, called) is None for _ in range(times)]


def test_the_first_call_to_another_country_is_told_once() -> None:
    ground = Ground()
    ground.place(LONDON, 2)
    assert ground.raised == [], "nothing is known of an account that never called"
    assert ground.place(RIGA, 2) == [True, True]
    (alarm,) = ground.raised
    assert (alarm.account, alarm.kind, alarm.called, alarm.blocked) == (
        "acme",
        AlarmKind.NEW_COUNTRY,
        RIGA,
        False,
    )
    assert alarm.detail == "the first call to +371"
    assert alarm.raised_at == ground.clock.wall()


def test_so_is_the_first_call_of_an_account_that_has_long_called_nobody() -> None:
    ground = Ground()
    ground.watch.restore({}, ["acme"])
    ground.place(RIGA, 2)
    (alarm,) = ground.raised
    assert (alarm.kind, alarm.detail) == (AlarmKind.NEW_COUNTRY, "the first call in long, to +371")
    ground.place(LONDON)
    assert [one.detail for one in ground.raised[1:]] == ["the first call to +44"]


def test_what_the_records_know_is_not_new() -> None:
    ground = Ground(habits={"acme": Habits({"44", "371"})})
    ground.place(RIGA)
    assert ground.raised == []
    ground.place(KINGSTON)
    assert ground.raised[0].detail == "the first call to +1876"


def test_nothing_is_strange_before_the_records_were_read() -> None:
    ground = Ground()
    watch = FraudWatch(ground.clock, ground.raised.append)
    for called in (LONDON, RIGA, BERLIN):
        assert watch.placed(ACCOUNT, called) is None
    watch.restore({"acme": Habits({"33"})})
    for called in (LONDON, RIGA, BERLIN):
        watch.placed(ACCOUNT, called)
    assert ground.raised == [], "what was called meanwhile counts as known"


def test_a_spike_is_told_once_an_hour() -> None:
    ground = Ground(FraudPolicy(spike_calls=10))
    ground.place(times=10)
    assert ground.raised == []
    ground.place(times=20)
    assert ground.kinds == [AlarmKind.SPIKE]
    assert ground.raised[0].detail == "11 calls within an hour; 10 would not be strange"
    ground.clock.advance(HOUR_S - 1)
    ground.place(times=30)
    assert len(ground.raised) == 1
    ground.clock.advance(2)
    ground.place(times=1)
    assert ground.kinds == [AlarmKind.SPIKE] * 2


def test_a_spike_that_began_before_the_records_were_read_is_told_then() -> None:
    ground = Ground()
    watch = FraudWatch(ground.clock, ground.raised.append, FraudPolicy(spike_calls=10))
    for _ in range(20):
        assert watch.placed(ACCOUNT, LONDON) is None
    watch.restore({})
    watch.placed(ACCOUNT, LONDON)
    assert ground.kinds == [AlarmKind.SPIKE]


def test_calls_of_more_than_an_hour_ago_do_not_count() -> None:
    ground = Ground(FraudPolicy(spike_calls=10))
    for _ in range(20):
        ground.place(times=5)
        ground.clock.advance(HOUR_S / 2 + 300)
    assert ground.raised == []


@pytest.mark.parametrize("step_s", [-3600, 3600])
def test_a_wall_clock_that_is_put_right_raises_no_alarm_and_hides_none(step_s: int) -> None:
    ground = Ground(FraudPolicy(spike_calls=10, spike_factor=1.0))
    ground.place(times=5)
    ground.clock.advance(HOUR_S - 1200)
    ground.clock.step_wall(step_s)
    ground.place(times=5)
    ground.clock.advance(HOUR_S - 1200)
    ground.place(times=5)
    assert ground.raised == [], "ten within any hour"
    ground.place()
    assert ground.kinds == [AlarmKind.SPIKE]


def test_a_busy_account_may_have_four_times_its_busiest_hour() -> None:
    clock = FakeClock()
    hour = int(clock.wall() // HOUR_S)
    ground = Ground(FraudPolicy(10, 4.0), {"acme": Habits({"44"}, {hour - 5: 8})})
    ground.place(times=32)
    assert ground.raised == []
    ground.place()
    assert ground.kinds == [AlarmKind.SPIKE]


def test_the_busiest_hour_is_a_measure_for_a_week_and_no_longer() -> None:
    ground = Ground(FraudPolicy(10, 4.0))
    ground.place(times=10)
    for _ in range(MEMORY_HOURS):
        ground.clock.advance(HOUR_S)
        ground.place()
    ground.place(times=39)
    assert ground.raised == []
    ground.clock.advance(HOUR_S)
    ground.place(times=11)
    assert ground.kinds == [AlarmKind.SPIKE]


@pytest.mark.parametrize("age", [0, 1, MEMORY_HOURS + 1])
def test_hours_that_are_judged_or_forgotten_are_no_measure(age: int) -> None:
    clock = FakeClock()
    hour = int(clock.wall() // HOUR_S)
    ground = Ground(FraudPolicy(10, 4.0), {"acme": Habits({"44"}, {hour - age: 100})})
    ground.place(times=11)
    assert ground.kinds == [AlarmKind.SPIKE]


def test_an_account_that_is_set_to_it_is_blocked_by_that_very_call() -> None:
    ground = Ground()
    strict = replace(ACCOUNT, alarm=AlarmAction.BLOCK)
    assert ground.place(LONDON, account=strict) == [True]
    verdict = ground.watch.placed(strict, RIGA)
    assert verdict is not None
    assert (verdict.slug, verdict.detail) == (
        Slug.ACCOUNT_BLOCKED,
        "blocked by an alarm: the first call to +371",
    )
    assert ground.raised[0].blocked
    assert ground.place(LONDON, 3, strict) == [False] * 3
    assert len(ground.raised) == 1
    ground.watch.forget("acme")
    assert ground.place(RIGA, 1, strict) == [True], "whoever unblocks it has seen the country"


def test_off_is_off() -> None:
    ground = Ground(FraudPolicy(spike_calls=1))
    off = replace(ACCOUNT, alarm=AlarmAction.OFF)
    for called in (LONDON, RIGA, BERLIN):
        assert ground.place(called, 5, off) == [True] * 5
    assert ground.raised == []


def test_accounts_do_not_share() -> None:
    ground = Ground()
    ground.place(LONDON, account=Account("a"))
    ground.place(RIGA, account=Account("b"))
    assert ground.raised == []


def test_hours_are_bounded() -> None:
    ground = Ground()
    for _ in range(3 * MEMORY_HOURS):
        ground.place()
        ground.clock.advance(HOUR_S)
    assert len(ground.watch._habits["acme"].hours) <= MEMORY_HOURS + 2


def test_what_is_kept_of_an_hour_does_not_grow_with_the_calls() -> None:
    ground = Ground()
    for _ in range(30):
        ground.place(times=40)
        ground.clock.advance(HOUR_S / 24)
    assert len(ground.watch._recent["acme"].buckets) == 12


def test_habits_of_rows() -> None:
    known = habits_of([("a", "4420"), ("a", "1876"), ("b", "3712")], [("a", 7, 3), ("c", 8, 1)])
    assert known["a"] == Habits({"44", "1876"}, {7: 3})
    assert (known["b"].countries, known["c"].hours) == ({"371"}, {8: 1})
