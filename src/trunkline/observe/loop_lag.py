"""How late the event loop is: the one figure that says whether a node has more to do than it can.

Every `INTERVAL_S` a callback is due; the time by which it runs late is what every SIP timer and packet waits
too.
"""

import asyncio
from collections.abc import Callable

INTERVAL_S = 0.1


class LoopLag:
    """Measures until `stop`. `report` gets each measurement in seconds; `last_s` is the latest, for
    admission."""

    def __init__(self, loop: asyncio.AbstractEventLoop, report: Callable[[float], None]) -> None:
        self._loop = loop
        self._report = report
        self._due = 0.0
        self._handle: asyncio.TimerHandle | None = None
        self.last_s = 0.0

    def start(self) -> None:
        """Begin; the first measurement comes after one interval."""
        self._due = self._loop.time() + INTERVAL_S
        self._handle = self._loop.call_at(self._due, self._measure)

    def stop(self) -> None:
        """End. Idempotent."""
        if self._handle is not None:
            self._handle.cancel()
            self._handle = None

    def _measure(self) -> None:
        now = self._loop.time()
        self.last_s = max(0.0, now - self._due)
        self._report(self.last_s)
        self._due = now + INTERVAL_S
        self._handle = self._loop.call_at(self._due, self._measure)
