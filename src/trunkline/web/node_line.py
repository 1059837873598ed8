"""The web process's line to its node: the control socket, opened when first needed and kept."""

import contextlib
from pathlib import Path
from threading import Lock

from trunkline.web.control_client import ControlClient, ControlError


class NodeLine:
    """Safe to share between threads."""

    def __init__(self, control_socket: Path) -> None:
        self._path = control_socket
        self._lock = Lock()
        self._client: ControlClient | None = None

    def client(self) -> ControlClient:
        """The open line. Raises `NoNodeError` when no node answers, `ControlError` when it can't be asked."""
        with self._lock:
            if self._client is None:
                self._client = ControlClient(self._path)
            return self._client

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
