"""The limits of an account on its outbound calls: how many at a time, how many in a second, how many minutes
and how much money a day; and how many calls to its numbers at a time (docs/sip.md, Limits).

Exact, under bursts too: admission and the counters are one step. The rate is a sliding window: a call is
admitted when fewer than `max_per_second` were admitted within the second before it, so that no second,
wherever it begins, holds more. Calls refused for whatever reason don't count. The minutes are answered time
in the present UTC day, running calls included up to now; a call that crosses midnight counts in each day with
its part of it. What a minute costs is the route's price. When the minutes or the money of a day are used up
while calls are up, those calls are ended at that moment: thirty of them would otherwise go on all night.

The calls to an account's numbers are counted beside its outbound ones, as another account's would be
(`Inbound`): neither takes from the other, and of the minutes and the money they use nothing.

Where several nodes serve an account, somebody above knows of them all: it lets calls in by `enter`, says what
the others hold by `told`, and hears of what changes here by `follow`.

Which account may call where at all is `plan`; the limits of the node as a whole are `net.admission` and
`call`.
"""

import math
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

from trunkline.clock import Clock, Timer
from trunkline.trunk.account import Account
from trunkline.trunk.verdict import Slug, Verdict

_DAY_S = 86400
_BUSY_RETRY_S = 5
"""When to come back where nothing is known about when a call will end."""
_MINUTE_S = 60.0
_NOTHING_LEFT_S = 0.001
"""So little is left of a day's minutes, or of what its money buys, when they count as used up."""

Cut = Callable[[Verdict], None]
"""Ends an answered call."""


@dataclass(frozen=True, slots=True)
class Held:
    """What an account holds at one place, or at several together, at one moment."""

    up: int = 0
    """Calls."""
    seconds: float = 0.0
    """Answered time in the present UTC day."""
    cost: float = 0.0
    """What that has cost."""
    seconds_rate: float = 0.0
    """By how much `seconds` grows in a second: the answered calls that are up."""
    cost_rate: float = 0.0
    """The same of `cost`."""


NOTHING = Held()


@dataclass(frozen=True, slots=True)
class Inbound:
    """What counts the calls to an account's numbers, with the limits that an account has."""

    key: str
    """`inbound_key`."""
    max_concurrent: int | None
    max_per_second: int | None = None
    minutes_per_day: int | None = None
    cost_per_day: float | None = None
    """These three are of outbound calls alone."""

    @classmethod
    def of(cls, account: Account) -> "Inbound":
        """The one of `account`."""
        return cls(inbound_key(account.key), account.max_inbound)


Counted = Account | Inbound
"""Whose calls are counted together: an account's own, or those to its numbers."""


def inbound_key(account: str) -> str:
    """By which the calls to the numbers of this account are counted: no account has such a key."""
    return f"<{account}"


def call_limit(counted: Counted, up: int) -> Verdict:
    """`up` calls are up, which is as many as may be."""
    detail = f"{up} of {counted.max_concurrent} calls are up"
    if isinstance(counted, Inbound):
        return Verdict.of(Slug.NUMBERS_BUSY, detail=detail)
    return Verdict.of(Slug.CALL_LIMIT, detail=detail, retry_after_s=_BUSY_RETRY_S)


def rate_limit(rate: int) -> Verdict:
    """An account that may begin `rate` calls a second has begun them."""
    return Verdict.of(Slug.RATE_LIMIT, detail=f"{rate} calls per second are allowed", retry_after_s=1)


class _Meter:
    """Something that grows with the answered calls that are up, each at its own rate, and starts at nothing
    every day. Times are monotonic."""

    __slots__ = ("rate", "starts", "used")

    def __init__(self) -> None:
        self.rate = 0.0
        """The sum of the rates of the calls that are up, in units a second."""
        self.starts = 0.0
        """The sum of rate × when the call was answered, or when the day began, whichever is later."""
        self.used = 0.0
        """Of this day, by calls that have ended."""

    def begin(self, rate: float, now: float) -> None:
        self.rate += rate
        self.starts += rate * now

    def end(self, rate: float, start: float, now: float) -> None:
        self.rate -= rate
        self.starts -= rate * start
        self.used += rate * max(0.0, now - start)

    def turn_day(self, day_began: float) -> None:
        self.used = 0.0
        self.starts = self.rate * day_began

    def reading(self, now: float) -> float:
        return self.used + self.rate * now - self.starts

    def set(self, reading: float, rate: float, now: float) -> None:
        self.used, self.rate, self.starts = reading, rate, rate * now


class _Usage:
    """The counters of one account, or of the calls to its numbers."""

    __slots__ = (
        "account",
        "answered",
        "begun",
        "cost",
        "cost_elsewhere",
        "day",
        "day_began",
        "seconds",
        "seconds_elsewhere",
        "timer",
        "up",
        "up_elsewhere",
    )

    def __init__(self, account: Counted) -> None:
        self.account = account
        """As it was when its last call was admitted."""
        self.up = 0
        self.begun: deque[float] = deque()
        """When the calls of the last second were admitted, oldest first."""
        self.day = -1
        """The UTC day (days since the epoch) that the meters are about."""
        self.day_began = 0.0
        self.seconds = _Meter()
        self.cost = _Meter()
        self.up_elsewhere = 0
        self.seconds_elsewhere = _Meter()
        self.cost_elsewhere = _Meter()
        self.answered: set[Admission] = set()
        """Answered calls that are up."""
        self.timer: Timer | None = None
        """For the moment at which the day's minutes or money will be used up."""

    def turn_day(self, now: float, wall: float) -> None:
        """Begin a new day if one has begun. The day before the present one is that of a clock that was put
        back: what was used stays used.
        """
        day = int(wall // _DAY_S)
        if day != self.day and day != self.day - 1:
            self.day = day
            self.day_began = now - wall % _DAY_S
            for meter in (self.seconds, self.cost, self.seconds_elsewhere, self.cost_elsewhere):
                meter.turn_day(self.day_began)

    def exhausted(self, now: float) -> Verdict | None:
        """Why nothing may be used any more today; None: something is left."""
        account = self.account
        minutes, cost = account.minutes_per_day, account.cost_per_day
        if minutes is not None and self._seconds_left(now) < _NOTHING_LEFT_S:
            return minutes_limit(minutes, self.until_midnight_s(now))
        if cost is not None and self._cost_left(now) < _NOTHING_LEFT_S:
            return cost_limit(cost, self.until_midnight_s(now))
        return None

    def until_midnight_s(self, now: float) -> int:
        return max(1, math.ceil(self.day_began + _DAY_S - now))

    def _seconds_left(self, now: float) -> float:
        minutes = self.account.minutes_per_day
        most = None if minutes is None else minutes * _MINUTE_S
        return _left_s((self.seconds, self.seconds_elsewhere), most, now)

    def _cost_left(self, now: float) -> float:
        return _left_s((self.cost, self.cost_elsewhere), self.account.cost_per_day, now)

    def left_s(self, now: float) -> float:
        """Seconds until something is used up if no call begins or ends."""
        return min(self._seconds_left(now), self._cost_left(now))


def minutes_limit(minutes: int, retry_after_s: int) -> Verdict:
    """The `minutes` that an account may have in a day are used up."""
    detail = f"{minutes} minutes a day are allowed"
    return Verdict.of(Slug.MINUTES_LIMIT, detail=detail, retry_after_s=retry_after_s)


def cost_limit(cost: float, retry_after_s: int) -> Verdict:
    """The money that an account may spend in a day is spent."""
    detail = f"calls for {cost:g} a day are allowed"
    return Verdict.of(Slug.COST_LIMIT, detail=detail, retry_after_s=retry_after_s)


def _left_s(meters: tuple[_Meter, _Meter], most: float | None, now: float) -> float:
    """Seconds until both together read `most` if nothing changes; 0 when they do."""
    if most is None:
        return math.inf
    left = most - sum(meter.reading(now) for meter in meters)
    if left <= 0.0:
        return 0.0
    rate = sum(meter.rate for meter in meters)
    return left / rate if rate > 0.0 else math.inf


class Admission:
    """One admitted call. `release` it once it has ended, however it ended; releasing twice is harmless."""

    __slots__ = ("_answered_at", "_cost_rate", "_cut", "_limits", "_released", "_usage")

    def __init__(self, limits: "AccountLimits", usage: _Usage, cost_rate: float) -> None:
        self._limits = limits
        self._usage = usage
        self._cost_rate = cost_rate
        self._answered_at: float | None = None
        self._cut: Cut | None = None
        self._released = False

    def answered(self, cut: Cut) -> None:
        """The call was answered now: its minutes begin, if it has any. Only the first time counts. `cut` is
        how to end it when they are used up."""
        usage = self._usage
        if self._released or self._answered_at is not None or isinstance(usage.account, Inbound):
            return
        now = self._limits.turned_to_now(usage)
        self._answered_at = now
        self._cut = cut
        usage.answered.add(self)
        usage.seconds.begin(1.0, now)
        usage.cost.begin(self._cost_rate, now)
        self._limits.watch(usage, now)
        self._limits.changed(usage)

    def hand_over(self, cut: Cut) -> None:
        """Another call goes on with what was admitted; `cut` is how to end that one."""
        if self._cut is not None:
            self._cut = cut

    def release(self) -> None:
        """The call has ended now."""
        if self._released:
            return
        self._released = True
        usage = self._usage
        usage.up -= 1
        if self._answered_at is not None:
            now = self._limits.turned_to_now(usage)
            start = max(self._answered_at, usage.day_began)
            self._cut = None
            usage.answered.discard(self)
            usage.seconds.end(1.0, start, now)
            usage.cost.end(self._cost_rate, start, now)
            self._limits.watch(usage, now)
        self._limits.changed(usage)

    def cut(self, verdict: Verdict) -> None:
        """End the call."""
        if self._cut is not None:
            self._cut(verdict)


class AccountLimits:
    """The counters of all accounts of this node."""

    __slots__ = ("_clock", "_follower", "_usages")

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._usages: dict[str, _Usage] = {}
        self._follower: Callable[[str], None] | None = None

    def follow(self, changed: Callable[[str], None]) -> None:
        """Have `changed` called with the account's key whenever what it holds here has changed."""
        self._follower = changed

    def ask(
        self, account: Counted, price_per_minute: float, decided: Callable[[Admission | Verdict], None]
    ) -> None:
        """As `admit`; `decided` is told before this returns."""
        decided(self.admit(account, price_per_minute))

    def admit(self, account: Counted, price_per_minute: float = 0.0) -> Admission | Verdict:
        """Let one more call of the account begin, or say why not, with Retry-After."""
        usage = self._usage(account)
        now = self.turned_to_now(usage)
        refused = self._refusal(account, usage, now)
        if refused is not None:
            return refused
        if account.max_per_second is not None:
            usage.begun.append(now)
        return self._begin(usage, price_per_minute)

    def enter(self, account: Counted, price_per_minute: float = 0.0) -> Admission:
        """Let one more call of the account begin, which somebody who knows more has admitted."""
        usage = self._usage(account)
        self.turned_to_now(usage)
        return self._begin(usage, price_per_minute)

    def _begin(self, usage: _Usage, price_per_minute: float) -> Admission:
        usage.up += 1
        self.changed(usage)
        return Admission(self, usage, price_per_minute / _MINUTE_S)

    def changed(self, usage: _Usage) -> None:
        """What the account holds here has changed."""
        if self._follower is not None:
            self._follower(usage.account.key)

    def check(self, account: Counted) -> Verdict | None:
        """What `admit` would refuse with now; None: it would admit. Changes nothing."""
        usage = self._usages.get(account.key) or _Usage(account)
        return self._refusal(account, usage, self.turned_to_now(usage))

    def _usage(self, account: Counted) -> _Usage:
        usage = self._usages.get(account.key)
        if usage is None:
            usage = self._usages[account.key] = _Usage(account)
        usage.account = account
        return usage

    def _refusal(self, account: Counted, usage: _Usage, now: float) -> Verdict | None:
        most = account.max_concurrent
        up = usage.up + usage.up_elsewhere
        if most is not None and up >= most:
            return call_limit(account, up)
        rate = account.max_per_second
        if rate is not None:
            begun = usage.begun
            while begun and now - begun[0] >= 1.0:
                begun.popleft()
            if len(begun) >= rate:
                return rate_limit(rate)
        return usage.exhausted(now)

    def watch(self, usage: _Usage, now: float) -> None:
        """Be there when the day's minutes or money of an account are used up."""
        if usage.timer is not None:
            usage.timer.cancel()
            usage.timer = None
        left_s = usage.left_s(now)
        if usage.answered and left_s < math.inf:
            usage.timer = self._clock.at(now + left_s, lambda: self._look(usage))

    def _look(self, usage: _Usage) -> None:
        """End the calls of an account that has nothing left; look again later when a day has turned since."""
        usage.timer = None
        now = self.turned_to_now(usage)
        verdict = usage.exhausted(now)
        if verdict is None:
            self.watch(usage, now)
            return
        for admission in list(usage.answered):
            admission.cut(verdict)

    def restore(self, account: Account, used_s: float, cost: float) -> None:
        """Add what an account has used here today in calls of an earlier run, as the records tell."""
        usage = self._usage(account)
        now = self.turned_to_now(usage)
        usage.seconds.used += used_s
        usage.cost.used += cost
        self.watch(usage, now)
        self.changed(usage)

    def told(self, account: Counted, elsewhere: Held) -> None:
        """What the account holds at other nodes now. Its calls are ended here when that uses up the day."""
        usage = self._usage(account)
        now = self.turned_to_now(usage)
        usage.up_elsewhere = elsewhere.up
        usage.seconds_elsewhere.set(elsewhere.seconds, elsewhere.seconds_rate, now)
        usage.cost_elsewhere.set(elsewhere.cost, elsewhere.cost_rate, now)
        self.watch(usage, now)

    def elsewhere(self, key: str) -> Held:
        """What the account holds at other nodes, as last told."""
        usage = self._usages.get(key)
        if usage is None:
            return NOTHING
        meters = (usage.seconds_elsewhere, usage.cost_elsewhere)
        return _held(usage.up_elsewhere, *meters, self.turned_to_now(usage))

    def here(self, key: str) -> Held:
        """What the account holds at this node."""
        usage = self._usages.get(key)
        if usage is None:
            return NOTHING
        return _held(usage.up, usage.seconds, usage.cost, self.turned_to_now(usage))

    def until_midnight_s(self, account: Counted) -> int:
        """Seconds, at least 1, until what a day allows begins anew."""
        usage = self._usage(account)
        return usage.until_midnight_s(self.turned_to_now(usage))

    def accounts(self) -> list[Counted]:
        """Every one that has had a call here, as it was when the last one began."""
        return [usage.account for usage in self._usages.values()]

    def account(self, key: str) -> Counted | None:
        """One of them."""
        usage = self._usages.get(key)
        return None if usage is None else usage.account

    def calls_up(self, key: str) -> int:
        """How many outbound calls of the account are up, at all nodes as far as known; by `inbound_key`, how
        many to its numbers.
        """
        usage = self._usages.get(key)
        return 0 if usage is None else usage.up + usage.up_elsewhere

    def used_today_s(self, key: str) -> float:
        """Answered seconds of the account in the present UTC day."""
        return self.here(key).seconds + self.elsewhere(key).seconds

    def cost_today(self, key: str) -> float:
        """What those have cost, in the currency of the routes' prices."""
        return self.here(key).cost + self.elsewhere(key).cost

    def turned_to_now(self, usage: _Usage) -> float:
        """The monotonic time, with `usage` brought to the present day."""
        now = self._clock.now()
        usage.turn_day(now, self._clock.wall())
        return now


def _held(up: int, seconds: _Meter, cost: _Meter, now: float) -> Held:
    return Held(up, seconds.reading(now), cost.reading(now), seconds.rate, cost.rate)
