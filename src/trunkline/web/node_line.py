"""The web process's line to its node: a client of the control socket, made when first needed."""

import contextlib
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from threading import Lock

from trunkline.web.control_client import ControlClient, ControlError
from trunkline.web.places import Places
from trunkline.web.views import LiveCall

FRESH_S = 0.5
"""For so long one answer about the calls under way serves every page that shows them; `live.js` asks about a
step only after it."""

MAX_SLOW, MAX_SLOW_OF_ONE = 4, 2
"""Questions under way that take seconds (a ping, a test call), each of which keeps a thread of
`web.process.THREADS`; those of one customer."""
SLOW_RETRY_S = 5


class NodeLine:
    """Safe to share between threads."""

    def __init__(self, control_socket: Path, now: Callable[[], float] = time.monotonic) -> None:
        self._path = control_socket
        self._now = now
        self._lock = Lock()
        self._client: ControlClient | None = None
        self._slow = Places(MAX_SLOW, MAX_SLOW_OF_ONE, "pings and test calls", SLOW_RETRY_S)
        self._calls_lock = Lock()
        self._calls: tuple[float, Sequence[LiveCall]] | None = None

    def client(self) -> ControlClient:
        """The open line. Raises `NoNodeError` when no node answers, `ControlError` when it can't be asked."""
        with self._lock:
            if self._client is None:
                self._client = ControlClient(self._path)
            return self._client

    @contextlib.contextmanager
    def slow(self, whose: str | None) -> Iterator[ControlClient]:
        """The line for a question of a customer (None: of an operator) that takes seconds. Raises
        `TooManyAttemptsError` at once when too many are under way, and as `client` does."""
        with self._slow.taken(whose):
            yield self.client()

    def calls(self) -> Sequence[LiveCall]:
        """Calls under way, as they were at most `FRESH_S` ago: however many watch, the node is asked once.
        Raises as `client` does."""
        with self._calls_lock:
            now = self._now()
            if self._calls is None or now - self._calls[0] >= FRESH_S:
                self._calls = (now, self.client().calls())
            return self._calls[1]

    def changed(self) -> None:
        """Have the node take over a change at once; if it can't be asked, it sees it within a second."""
        with contextlib.suppress(ControlError):
            self.client().refresh_directory()

    def close(self) -> None:
        """Idempotent."""
        with self._lock:
            if self._client is not None:
                self._client.close()
                self._client = None
