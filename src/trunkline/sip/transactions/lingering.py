"""Transactions that only absorb repetitions any more: timers J, L and M (RFC 3261 §17.2.2; RFC 6026 §8.7,
§8.4).

Most transactions end so, all of them after 64·T1, and nothing cuts that short. So they wait in a queue, of
which only the head has a timer of the clock, and not each in the clock's heap: with 32 s of calls in it, that
would be a long way through memory for every timer of the calls that are up.
"""

from collections import deque
from typing import Protocol

from trunkline.clock import Clock


class Lingerer(Protocol):
    """A transaction in this state."""

    def lingered(self) -> None:
        """Input: it has been 64·T1."""


class Lingering:
    """The queue. `for_s` is 64·T1 in seconds."""

    __slots__ = ("_clock", "_for_s", "_queue")

    def __init__(self, clock: Clock, for_s: float) -> None:
        self._clock = clock
        self._for_s = for_s
        self._queue: deque[tuple[float, Lingerer]] = deque()

    def add(self, transaction: Lingerer) -> None:
        """Tell `transaction` when its time is over."""
        deadline = self._clock.now() + self._for_s
        self._queue.append((deadline, transaction))
        if len(self._queue) == 1:
            self._clock.at(deadline, self._expire)

    def _expire(self) -> None:
        queue = self._queue
        now = self._clock.now()
        try:
            while queue and queue[0][0] <= now:
                queue.popleft()[1].lingered()
        finally:
            if queue:
                self._clock.at(queue[0][0], self._expire)
