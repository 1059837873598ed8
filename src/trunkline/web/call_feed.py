"""The steps of calls, told to whoever listens.

Publishing never waits: a listener that is slower than the calls loses the oldest steps, and is told how many.
"""

import asyncio
from collections import deque
from collections.abc import AsyncIterator
from dataclasses import replace

from trunkline.web.views import CallEvent

MAX_WAITING = 1024
"""Steps kept for one slow listener."""

MAX_LISTENERS = 16


class TooManyListenersError(Exception):
    """`MAX_LISTENERS` listen already."""


class _Listener:
    __slots__ = ("missed", "waiting", "woken")

    def __init__(self) -> None:
        self.waiting: deque[CallEvent] = deque()
        self.missed = 0
        self.woken = asyncio.Event()


class CallFeed:
    """One per node. Runs on the node's loop."""

    def __init__(self) -> None:
        self._listeners: set[_Listener] = set()
        self._closed = False

    @property
    def heard(self) -> bool:
        """True while somebody listens: nobody needs to build an event otherwise."""
        return bool(self._listeners)

    def publish(self, event: CallEvent) -> None:
        """Tell every listener."""
        for listener in self._listeners:
            if len(listener.waiting) >= MAX_WAITING:
                listener.waiting.popleft()
                listener.missed += 1
            listener.waiting.append(event)
            listener.woken.set()

    def close(self) -> None:
        """End every stream once what waits has been taken."""
        self._closed = True
        for listener in self._listeners:
            listener.woken.set()

    def listen(self, *, idle_s: float) -> AsyncIterator[CallEvent | None]:
        """Return the events from the first step of the iteration on, and None whenever `idle_s` passed
        without one.

        Raises `TooManyListenersError` at once.
        """
        if len(self._listeners) >= MAX_LISTENERS:
            raise TooManyListenersError
        return self._events(idle_s)

    async def _events(self, idle_s: float) -> AsyncIterator[CallEvent | None]:
        # Here and not in `listen`: an iteration that never starts would never end either.
        listener = _Listener()
        self._listeners.add(listener)
        try:
            while True:
                while listener.waiting:
                    event = listener.waiting.popleft()
                    missed, listener.missed = listener.missed, 0
                    yield replace(event, missed=missed) if missed else event
                if self._closed:
                    return
                listener.woken.clear()
                try:
                    await asyncio.wait_for(listener.woken.wait(), idle_s)
                except TimeoutError:
                    yield None
        finally:
            self._listeners.discard(listener)
