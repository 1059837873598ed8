"""Time as an argument: the one heap of deadlines that drives every state machine.

`now` is monotonic seconds; `wall` is seconds since the epoch, only for records and displays. Nothing in the
pure rooms reads a clock of its own: production drives a `TimerHeap` from the event loop, the tests drive one
by hand.

A cancelled timer stays in the heap, empty: cancelling is one attribute store, which matters because nearly
every SIP timer is cancelled. Whenever the heap has doubled the empty ones are swept out, so it holds at most
twice as many as are armed, and the sweep costs each timer a constant share.
"""

import heapq
from collections.abc import Callable
from email.utils import formatdate
from typing import Final, Protocol

SWEEP_MIN: Final = 1024
"""Entries below which a heap isn't worth sweeping."""


def rfc1123_date(wall: float) -> str:
    """`wall` as a SIP Date has it (RFC 3261 §20.17, §25.1): `Sat, 13 Nov 2010 23:29:00 GMT`."""
    return formatdate(wall, usegmt=True)


class Timer:
    """One deadline. `cancel()` is idempotent and may be called from within the callback."""

    __slots__ = ("deadline", "fire")

    def __init__(self, deadline: float, fire: Callable[[], None]) -> None:
        self.deadline = deadline
        self.fire: Callable[[], None] | None = fire

    def cancel(self) -> None:
        """Forget the callback (and whatever it holds alive)."""
        self.fire = None

    @property
    def armed(self) -> bool:
        """True until the timer has fired or was cancelled."""
        return self.fire is not None


class Clock(Protocol):
    """What a pure room may ask about time."""

    def now(self) -> float:
        """Monotonic seconds."""

    def wall(self) -> float:
        """Seconds since the epoch, for records only: it may jump."""

    def at(self, deadline: float, fire: Callable[[], None]) -> Timer:
        """Call `fire` once, at or soon after `deadline` (monotonic seconds)."""


class TimerHeap:
    """A `Clock` over a binary heap; the driver calls `run_due` and asks `next_deadline`.

    `wake(deadline)` is called when a new timer becomes the earliest one, so that the driver can sleep less.
    """

    __slots__ = ("_heap", "_serial", "_sweep_at", "_wake", "now", "wall")

    def __init__(
        self,
        now: Callable[[], float],
        wall: Callable[[], float],
        wake: Callable[[float], None] | None = None,
    ) -> None:
        self.now: Final = now
        self.wall: Final = wall
        self._wake = wake
        self._serial = 0
        self._sweep_at = SWEEP_MIN
        self._heap: list[tuple[float, int, Timer]] = []

    def at(self, deadline: float, fire: Callable[[], None]) -> Timer:
        timer = Timer(deadline, fire)
        self._serial += 1
        heap = self._heap
        if len(heap) >= self._sweep_at:
            self._sweep()
        heapq.heappush(heap, (deadline, self._serial, timer))
        if self._wake is not None and heap[0][2] is timer:
            self._wake(deadline)
        return timer

    def _sweep(self) -> None:
        """Drop the cancelled timers, in place: `run_due` may be under way."""
        heap = self._heap
        heap[:] = [entry for entry in heap if entry[2].fire is not None]
        heapq.heapify(heap)
        self._sweep_at = max(SWEEP_MIN, 2 * len(heap))

    def next_deadline(self) -> float | None:
        """The earliest armed deadline, or None. Drops cancelled timers from the top on the way."""
        heap = self._heap
        while heap and heap[0][2].fire is None:
            heapq.heappop(heap)
        return heap[0][0] if heap else None

    def run_due(self) -> int:
        """Fire every timer whose deadline has passed, earliest first; return how many fired.

        A timer armed by a callback for a moment already past fires in the same run. An exception from a
        callback propagates after the timer has been removed: call again to go on.
        """
        heap = self._heap
        now = self.now()
        fired = 0
        while heap and heap[0][0] <= now:
            timer = heapq.heappop(heap)[2]
            fire = timer.fire
            if fire is not None:
                timer.fire = None
                fired += 1
                fire()
        return fired

    def __len__(self) -> int:
        """How many timers are armed (not those cancelled but still in the heap). Linear; for tests and
        metrics.
        """
        return sum(1 for _, _, timer in self._heap if timer.fire is not None)
