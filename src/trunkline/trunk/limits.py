"""The limits of an account on its outbound calls: how many at a time, how many in a second, how many minutes
a day (BEHAVIOUR §4).

Exact, under bursts too: admission and the counters are one step. The rate is a sliding window: a call is
admitted when fewer than `max_per_second` were admitted within the second before it, so that no second,
wherever it begins, holds more. Calls refused for whatever reason don't count. The minutes are answered time
in the present UTC day, running calls included up to now; a call that crosses midnight counts in each day with
its part of it.

Which account may call where at all is `plan`; the limits of the node as a whole are `net.admission` and
`call`.
"""

import math
from collections import deque

from trunkline.clock import Clock
from trunkline.trunk.account import Account
from trunkline.trunk.verdict import Slug, Verdict

_DAY_S = 86400
_BUSY_RETRY_S = 5
"""When to come back where nothing is known about when a call will end."""


class _Usage:
    """The counters of one account. Times are monotonic."""

    __slots__ = ("answered", "answered_starts", "begun", "day", "day_began", "up", "used_s")

    def __init__(self) -> None:
        self.up = 0
        self.begun: deque[float] = deque()
        """When the calls of the last second were admitted, oldest first."""
        self.day = -1
        """The UTC day (days since the epoch) that `used_s` is about."""
        self.day_began = 0.0
        self.used_s = 0.0
        """Answered seconds of this day in calls that have ended."""
        self.answered = 0
        """Answered calls that are up."""
        self.answered_starts = 0.0
        """The sum of when they were answered, or of when the day began, whichever is later."""

    def turn_day(self, now: float, wall: float) -> None:
        """Begin a new day if one has begun."""
        day = int(wall // _DAY_S)
        if day != self.day:
            self.day = day
            self.day_began = now - wall % _DAY_S
            self.used_s = 0.0
            self.answered_starts = self.answered * self.day_began

    def minutes_used_s(self, now: float) -> float:
        return self.used_s + self.answered * now - self.answered_starts


class Admission:
    """One admitted call. `release` it once it has ended, however it ended; releasing twice is harmless."""

    __slots__ = ("_answered_at", "_limits", "_released", "_usage")

    def __init__(self, limits: "AccountLimits", usage: _Usage) -> None:
        self._limits = limits
        self._usage = usage
        self._answered_at: float | None = None
        self._released = False

    def answered(self) -> None:
        """The call was answered now: its minutes begin. Only the first time counts."""
        if self._released or self._answered_at is not None:
            return
        now = self._limits.turned_to_now(self._usage)
        self._answered_at = now
        self._usage.answered += 1
        self._usage.answered_starts += now

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
            usage.answered -= 1
            usage.answered_starts -= start
            usage.used_s += max(0.0, now - start)


class AccountLimits:
    """The counters of all accounts of this node."""

    __slots__ = ("_clock", "_usages")

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._usages: dict[str, _Usage] = {}

    def admit(self, account: Account) -> Admission | Verdict:
        """Let one more call of the account begin, or say why not, with Retry-After."""
        usage = self._usages.get(account.key)
        if usage is None:
            usage = self._usages[account.key] = _Usage()
        now = self.turned_to_now(usage)
        refused = self._refusal(account, usage, now)
        if refused is not None:
            return refused
        usage.up += 1
        if account.max_per_second is not None:
            usage.begun.append(now)
        return Admission(self, usage)

    def check(self, account: Account) -> Verdict | None:
        """What `admit` would refuse with now; None: it would admit. Changes nothing."""
        usage = self._usages.get(account.key) or _Usage()
        return self._refusal(account, usage, self.turned_to_now(usage))

    def _refusal(self, account: Account, usage: _Usage, now: float) -> Verdict | None:
        most = account.max_concurrent
        if most is not None and usage.up >= most:
            return Verdict.of(
                Slug.CALL_LIMIT, detail=f"{usage.up} of {most} calls are up", retry_after_s=_BUSY_RETRY_S
            )
        rate = account.max_per_second
        if rate is not None:
            begun = usage.begun
            while begun and now - begun[0] >= 1.0:
                begun.popleft()
            if len(begun) >= rate:
                return Verdict.of(
                    Slug.RATE_LIMIT, detail=f"{rate} calls per second are allowed", retry_after_s=1
                )
        minutes = account.minutes_per_day
        if minutes is not None and usage.minutes_used_s(now) >= minutes * 60:
            midnight_s = math.ceil(usage.day_began + _DAY_S - now)
            detail = f"{minutes} minutes a day are allowed"
            return Verdict.of(Slug.MINUTES_LIMIT, detail=detail, retry_after_s=max(1, midnight_s))
        return None

    def restore(self, key: str, used_s: float) -> None:
        """Set the seconds that an account has used today in ended calls, as the records of an earlier run
        tell."""
        usage = self._usages.setdefault(key, _Usage())
        self.turned_to_now(usage)
        usage.used_s = used_s

    def calls_up(self, key: str) -> int:
        """How many calls of the account are up."""
        usage = self._usages.get(key)
        return 0 if usage is None else usage.up

    def used_today_s(self, key: str) -> float:
        """Answered seconds of the account in the present UTC day."""
        usage = self._usages.get(key)
        return 0.0 if usage is None else usage.minutes_used_s(self.turned_to_now(usage))

    def turned_to_now(self, usage: _Usage) -> float:
        """The monotonic time, with `usage` brought to the present day."""
        now = self._clock.now()
        usage.turn_day(now, self._clock.wall())
        return now
