"""Drives the one heap of deadlines from the running event loop.

One `call_at` of the loop stands for the earliest deadline. A callback that raises is reported, and the heap
goes on: one faulty transaction costs itself, not the node.
"""

import asyncio
import time
from collections.abc import Callable
from typing import Final

from trunkline.clock import TimerHeap

RESOLUTION_S: Final = 0.001
"""uvloop rounds deadlines to milliseconds and may wake us half of one too early: a shorter wait would
spin.
"""


class LoopClock(TimerHeap):
    """A `Clock` whose `now` is `loop.time()`. Create it where the loop runs; `stop()` it before the loop
    closes.
    """

    __slots__ = ("_faulted", "_handle", "_loop", "_running", "_stopped")

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        faulted: Callable[[Exception], None],
        wall: Callable[[], float] = time.time,
    ) -> None:
        """`faulted` gets what a timer's callback raises; it must not raise itself."""
        super().__init__(loop.time, wall, self._sleep_until)
        self._loop = loop
        self._faulted = faulted
        self._handle: asyncio.TimerHandle | None = None
        self._running = False
        self._stopped = False

    def stop(self) -> None:
        """Forget every timer and fire nothing any more, even from within a callback. Idempotent."""
        self._stopped = True
        self._heap.clear()
        if self._handle is not None:
            self._handle.cancel()
            self._handle = None

    def _sleep_until(self, deadline: float) -> None:
        if self._running or self._stopped:
            return
        if self._handle is not None:
            self._handle.cancel()
        self._handle = self._loop.call_at(max(deadline, self._loop.time() + RESOLUTION_S), self._wake_up)

    def _wake_up(self) -> None:
        self._handle = None
        self._running = True
        while True:
            try:
                self.run_due()
                break
            except Exception as error:  # noqa: BLE001 - the door where a fault in one callback stops
                self._faulted(error)
        self._running = False
        deadline = self.next_deadline()
        if deadline is not None:
            self._sleep_until(deadline)
