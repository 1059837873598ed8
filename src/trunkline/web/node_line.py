"""The web process's line to its node: a client of the control socket, made when first needed."""

import contextlib
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from threading import Lock

from trunkline.web.control_client import ControlClient, ControlError
from trunkline.web.views import LiveCall

FRESH_S = 0.5
"""For so long one answer about the calls under way serves every page that shows them; `live.js` asks about a
step only after it."""


class NodeLine:
    """Safe to share between threads."""

    def __init__(self, control_socket: Path, now: Callable[[], float] = time.monotonic) -> None:
        self._path = control_socket
        self._now = now
        self._lock = Lock()
        self._client: ControlClient | None = None
        self._calls_lock = Lock()
        self._calls: tuple[float, Sequence[LiveCall]] | None = None

    def client(self) -> ControlClient:
        """The open line. Raises `NoNodeError` when no node answers, `ControlError` when it can't be asked."""
        with self._lock:
            if self._client is None:
                self._client = ControlClient(self._path)
            return self._client

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
