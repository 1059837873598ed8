"""How often somebody may try: events counted by key within a window, bounded in memory."""

import math
from collections import Counter, OrderedDict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Condition

from trunkline.web.errors import TooManyAttemptsError

MAX_KEYS = 16_384


class Attempts:
    """At most `most` events of a key within `window_s` seconds. Safe to share between threads."""

    def __init__(self, most: int, window_s: float, what: str, now: Callable[[], float]) -> None:
        """`what` begins the refusal's words; `now` is a monotonic clock."""
        self._most = most
        self._window_s = window_s
        self._what = what
        self._now = now
        self._lock = Condition()
        self._counts: OrderedDict[str, tuple[int, float]] = OrderedDict()
        self._open: Counter[str] = Counter()
        """Tries that are under way."""

    def check(self, key: str) -> None:
        """Raise `TooManyAttemptsError` when `key` has used up its window."""
        with self._lock:
            self._check(key)

    @contextmanager
    def trying(self, key: str) -> Iterator[None]:
        """A try of `key` whose outcome takes a while, and which `note` counts before the block ends: no more
        are under way than are left of the window, further ones wait. Raises `TooManyAttemptsError`.
        """
        with self._lock:
            while self._open[key] and self._check(key) <= self._open[key]:
                self._lock.wait()
            self._check(key)
            self._open[key] += 1
        try:
            yield
        finally:
            with self._lock:
                self._open[key] -= 1
                if not self._open[key]:
                    del self._open[key]
                self._lock.notify_all()

    def _check(self, key: str) -> int:
        """How many events of `key` are left."""
        count, since = self._counts.get(key, (0, 0.0))
        left_s = since + self._window_s - self._now()
        if left_s <= 0:
            return self._most
        if count >= self._most:
            raise TooManyAttemptsError(self._what, max(1, math.ceil(left_s)))
        return self._most - count

    def note(self, key: str) -> None:
        """Count one event of `key`."""
        now = self._now()
        with self._lock:
            count, since = self._counts.pop(key, (0, now))
            if now - since >= self._window_s:
                count, since = 0, now
            self._counts[key] = (count + 1, since)
            if len(self._counts) > MAX_KEYS:
                self._counts.popitem(last=False)

    def spend(self, key: str) -> None:
        """`check`, then `note`."""
        self.check(key)
        self.note(key)
