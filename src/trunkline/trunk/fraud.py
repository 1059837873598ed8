"""What stolen credentials look like, noticed while it happens: calls to a country that the account has not
called before, or by one that has long called nobody, and many more calls than its busiest hour had.

An alarm is told to an operator; an account that is set to it (`Alarm.BLOCK`) is blocked by it, from that very
call on. What an account does by habit comes from its records (`restore`); before those are read nothing is
found strange.
"""

from collections import deque
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

from trunkline.clock import Clock
from trunkline.trunk.account import Account, AlarmAction
from trunkline.trunk.countries import country_of
from trunkline.trunk.verdict import Slug, Verdict

HOUR_S: Final = 3600
MEMORY_HOURS: Final = 7 * 24
"""Hours among which the busiest is looked for."""
_BUCKET_S: Final = 300
_BUCKETS: Final = HOUR_S // _BUCKET_S


class AlarmKind(StrEnum):
    """What looks strange."""

    NEW_COUNTRY = "new-country"
    SPIKE = "spike"


@dataclass(frozen=True, slots=True)
class Alarm:
    """One suspicion."""

    account: str
    kind: AlarmKind
    raised_at: float
    """Wall-clock seconds."""
    called: str
    """E.164 digits of the call that raised it."""
    detail: str
    """In words."""
    blocked: bool
    """Whether it blocked the account."""


@dataclass(frozen=True, slots=True)
class FraudPolicy:
    """What is too many: more than `spike_calls` calls within 60 minutes, and more than `spike_factor` times
    the busiest hour of the last week."""

    spike_calls: int = 60
    spike_factor: float = 4.0


@dataclass(slots=True)
class Habits:
    """What one account has called: countries, and calls by hour (hours since the epoch) of the last week."""

    countries: set[str] = field(default_factory=set)
    hours: dict[int, int] = field(default_factory=dict)


class _Recent:
    """The calls of one account within the last 60 minutes, in steps of five."""

    __slots__ = ("buckets", "quiet_until")

    def __init__(self) -> None:
        self.buckets: deque[tuple[int, int]] = deque()
        self.quiet_until = 0.0
        """No second alarm about the same spike before this monotonic second."""

    def count(self, now: float) -> int:
        """One more call; how many there are. `now` is monotonic."""
        step = int(now // _BUCKET_S)
        buckets = self.buckets
        while buckets and buckets[0][0] <= step - _BUCKETS:
            buckets.popleft()
        if buckets and buckets[-1][0] == step:
            buckets[-1] = (step, buckets[-1][1] + 1)
        else:
            buckets.append((step, 1))
        return sum(number for _, number in buckets)


class FraudWatch:
    """One per node. `raised` is told of every alarm, and has to block the account at rest where it says so;
    until `forget` its calls are refused here."""

    def __init__(
        self, clock: Clock, raised: Callable[[Alarm], None], policy: FraudPolicy | None = None
    ) -> None:
        self._clock = clock
        self._raised = raised
        self.policy = policy or FraudPolicy()
        """May be replaced at any time."""
        self._habits: dict[str, Habits] = {}
        self._recent: dict[str, _Recent] = {}
        self._held: dict[str, Verdict] = {}
        self._dormant: set[str] = set()
        self._knows = False

    def restore(self, habits: Mapping[str, Habits], dormant: Iterable[str] = ()) -> None:
        """Take over what the records tell, beside what was called meanwhile; alarms are raised from now on.
        `dormant` accounts have been there for long, and called nobody: to a new account no country is new.
        """
        self._dormant.update(dormant)
        for account, known in habits.items():
            mine = self._habits.setdefault(account, Habits())
            mine.countries |= known.countries
            for hour, calls in known.hours.items():
                mine.hours[hour] = max(calls, mine.hours.get(hour, 0))
        self._knows = True

    def forget(self, account: str) -> None:
        """The block of `account` is known to the directory: that decides from now on."""
        self._held.pop(account, None)

    def placed(self, account: Account, called: str) -> Verdict | None:
        """A call of `account` to an E.164 number begins: why it must not, None when it may."""
        if account.alarm is AlarmAction.OFF:
            return None
        held = self._held.get(account.key)
        if held is not None:
            return held
        now, wall = self._clock.now(), self._clock.wall()
        habits = self._habits.setdefault(account.key, Habits())
        recent = self._recent.setdefault(account.key, _Recent())
        calls = recent.count(now)
        country = country_of(called)
        most = max(self.policy.spike_calls, self.policy.spike_factor * _busiest(habits.hours, wall))
        kind, detail = self._strange(account.key, recent, country, calls, most, now)
        self._dormant.discard(account.key)
        habits.countries.add(country)
        _count_hour(habits, int(wall // HOUR_S))
        if kind is None or not self._knows:
            return None
        if kind is AlarmKind.SPIKE:
            recent.quiet_until = now + HOUR_S
        blocks = account.alarm is AlarmAction.BLOCK
        if blocks:
            words = f"blocked by an alarm: {detail}"
            self._held[account.key] = Verdict.of(Slug.ACCOUNT_BLOCKED, detail=words)
        self._raised(Alarm(account.key, kind, wall, called, detail, blocks))
        return self._held.get(account.key)

    def _strange(
        self, account: str, recent: _Recent, country: str, calls: int, most: float, now: float
    ) -> tuple[AlarmKind | None, str]:
        known = self._habits[account].countries
        if country not in known and (known or account in self._dormant):
            when = "the first call" if known else "the first call in long,"
            return AlarmKind.NEW_COUNTRY, f"{when} to +{country}"
        if calls > most and now >= recent.quiet_until:
            return AlarmKind.SPIKE, f"{calls} calls within an hour; {most:g} would not be strange"
        return None, ""


def habits_of(called: Iterable[tuple[str, str]], hours: Iterable[tuple[str, int, int]]) -> dict[str, Habits]:
    """From rows of (account, leading digits of a called number, at least four) and of (account, hour since
    the epoch, calls)."""
    known: dict[str, Habits] = {}
    for account, digits in called:
        known.setdefault(account, Habits()).countries.add(country_of(digits))
    for account, hour, calls in hours:
        known.setdefault(account, Habits()).hours[hour] = calls
    return known


def _busiest(hours: Mapping[int, int], wall: float) -> int:
    """Of the last week, the present and the last hour left out: they are what is being judged."""
    now = int(wall // HOUR_S)
    return max((calls for hour, calls in hours.items() if now - MEMORY_HOURS <= hour < now - 1), default=0)


def _count_hour(habits: Habits, hour: int) -> None:
    hours = habits.hours
    hours[hour] = hours.get(hour, 0) + 1
    if len(hours) > MEMORY_HOURS + 2:
        del hours[min(hours)]
