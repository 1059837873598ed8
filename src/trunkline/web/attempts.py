"""How often somebody may try: events counted by key within a window, bounded in memory."""

import math
from collections import OrderedDict
from collections.abc import Callable
from threading import Lock

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
        self._lock = Lock()
        self._counts: OrderedDict[str, tuple[int, float]] = OrderedDict()

    def check(self, key: str) -> None:
        """Raise `TooManyAttemptsError` when `key` has used up its window."""
        with self._lock:
            count, since = self._counts.get(key, (0, 0.0))
            left_s = since + self._window_s - self._now()
            if count >= self._most and left_s > 0:
                raise TooManyAttemptsError(self._what, max(1, math.ceil(left_s)))

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
