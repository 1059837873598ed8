"""What happens to calls, for every browser of the web process: one follower of the node's steps, fanned out.

The follower runs while somebody listens. It says when the node went away and when it came back, and tries
again every `RETRY_S`. Listening never holds the node up: a browser that is slow is told once that calls
changed, whatever happened meanwhile. Which calls a listener hears of is `sees`, the desk's rule; what they
are like now is for its page to ask.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from pathlib import Path

import httpx
from pydantic import ValidationError

from trunkline.web.call_feed import TooManyListenersError
from trunkline.web.control_format import CALL_EVENT, HEARTBEAT_S
from trunkline.web.views import CallEvent, LiveCall

MAX_LISTENERS = 64
MAX_OF_ONE = 16
"""Listeners of one customer."""
MAX_NAMED = 64
"""Calls that one piece of news names; beyond it, it is about all."""
PAUSE_S = 1.0
"""A listener hears news this often at most."""
RETRY_S = 2.0


@dataclass(frozen=True, slots=True)
class News:
    """What one listener missed since the last."""

    here: bool
    """Whether the node answers."""
    calls: frozenset[str] | None
    """Calls that took a step; None: any may have."""


class _Listener:
    __slots__ = ("calls", "sees", "whose", "woken")

    def __init__(self, sees: Callable[[LiveCall], bool], whose: str | None) -> None:
        self.sees = sees
        self.whose = whose
        self.calls: set[str] | None = None
        self.woken = asyncio.Event()

    def heard(self, event: CallEvent) -> None:
        if event.missed:
            self.calls = None
        elif not self.sees(event.call):
            return
        elif self.calls is not None:
            self.calls.add(event.call.call_id)
            if len(self.calls) > MAX_NAMED:
                self.calls = None
        self.woken.set()

    def missed_all(self) -> None:
        self.calls = None
        self.woken.set()


class LiveFeed:
    """One per web process. Runs on its loop."""

    def __init__(self, control_socket: Path, transport: httpx.AsyncBaseTransport | None = None) -> None:
        """`transport` replaces the socket, for tests."""
        self._path = control_socket
        self._transport = transport
        self._listeners: set[_Listener] = set()
        self._follower: asyncio.Task[None] | None = None
        self._here: bool | None = None
        self._closed = asyncio.Event()

    def close(self) -> None:
        """End every stream. Idempotent."""
        self._closed.set()
        for listener in self._listeners:
            listener.woken.set()

    def listen(
        self, sees: Callable[[LiveCall], bool], *, idle_s: float, whose: str | None = None
    ) -> AsyncIterator[News | None]:
        """News of the calls that `sees` lets through: the first at once, about all; then `PAUSE_S` apart at
        least, and None whenever `idle_s` passed without any. `whose` is a customer's account; None: an
        operator's.

        Raises `TooManyListenersError` at once.
        """
        own = whose is not None and sum(one.whose == whose for one in self._listeners) >= MAX_OF_ONE
        if own or len(self._listeners) >= MAX_LISTENERS:
            raise TooManyListenersError
        return self._news(sees, whose, idle_s)

    async def _news(
        self, sees: Callable[[LiveCall], bool], whose: str | None, idle_s: float
    ) -> AsyncIterator[News | None]:
        listener = _Listener(sees, whose)
        self._listeners.add(listener)
        if self._follower is None:
            self._follower = asyncio.create_task(self._follow(), name="live feed")
        elif self._here is not None:
            listener.woken.set()
        try:
            while not self._closed.is_set():
                try:
                    await asyncio.wait_for(listener.woken.wait(), idle_s)
                except TimeoutError:
                    yield None
                    continue
                if self._closed.is_set():
                    return
                listener.woken.clear()
                calls, listener.calls = listener.calls, set()
                yield News(bool(self._here), None if calls is None else frozenset(calls))
                await asyncio.sleep(PAUSE_S)
        finally:
            self._listeners.discard(listener)
            if not self._listeners and self._follower is not None:
                self._follower.cancel()
                self._follower = self._here = None

    async def _follow(self) -> None:
        while True:
            with contextlib.suppress(httpx.TransportError, OSError, ValidationError):
                await self._follow_once()
            self._tell_all(here=False)
            await asyncio.sleep(RETRY_S)

    async def _follow_once(self) -> None:
        transport = self._transport or httpx.AsyncHTTPTransport(uds=str(self._path))
        async with (
            httpx.AsyncClient(transport=transport, base_url="http://node") as client,
            client.stream("GET", "/calls/follow", timeout=3 * HEARTBEAT_S) as response,
        ):
            if response.is_error:
                return
            self._tell_all(here=True)
            async for line in response.aiter_lines():
                if line:
                    event = CALL_EVENT.validate_json(line)
                    for listener in self._listeners:
                        listener.heard(event)

    def _tell_all(self, *, here: bool) -> None:
        """The node came, or went: whatever was known of calls may be wrong."""
        if self._here is here:
            return
        self._here = here
        for listener in self._listeners:
            listener.missed_all()
