"""Processes of ours: waiting for one without asking it again and again, and ending it."""

import os
import selectors
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any


class Readiness:
    """Hears what a process tells its service manager (sd_notify(3)); `environment` is what that one needs."""

    def __init__(self, listener: socket.socket) -> None:
        self._listener = listener
        self.environment = {"NOTIFY_SOCKET": listener.getsockname()}

    def wait(self, process: "subprocess.Popen[Any]", within_s: float = 30.0) -> None:
        """Until it says that it is ready. `AssertionError` when it ends instead, or is late: it is killed
        then.
        """
        ended = os.pidfd_open(process.pid)
        try:
            with selectors.DefaultSelector() as either:
                either.register(self._listener, selectors.EVENT_READ)
                either.register(ended, selectors.EVENT_READ)
                happened = [key.fileobj for key, _ in either.select(within_s)]
        finally:
            os.close(ended)
        if self._listener not in happened:
            process.kill()
            raise AssertionError(
                f"it ended with {process.wait()}" if happened else f"not ready in {within_s:g} s"
            )
        assert self._listener.recv(100) == b"READY=1"


@contextmanager
def readiness(directory: Path) -> Iterator[Readiness]:
    """One that listens in `directory`, for one process."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listener:
        listener.bind(str(directory / "notify"))
        yield Readiness(listener)


def end(process: "subprocess.Popen[Any]", within_s: float = 10.0) -> None:
    """Ask it to end, and kill it when it hasn't in time. Idempotent."""
    if process.poll() is None:
        process.terminate()
        try:
            process.wait(within_s)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
