"""A server of Valkey or Redis, started by a test on loopback and ended by its process id: of Valkey where
that is installed, else the Redis that Debian packages.
"""

import shutil
import signal
import subprocess
from pathlib import Path

from tests.interop.addresses import accepts, free_port, wait_for
from tests.programs import require_program

HOST = "127.0.0.1"


class LiveServer:
    """A server that keeps nothing on disk, on the same port at each start."""

    def __init__(self, directory: Path, *options: str) -> None:
        self.program = shutil.which("valkey-server") or require_program("redis-server")
        self.port = free_port()
        self.directory = directory
        self._options = options
        self._process: subprocess.Popen[bytes] | None = None
        try:
            self.start()
        except BaseException:
            self.kill()
            raise

    @property
    def url(self) -> str:
        """For `live.url`."""
        return f"valkey://{HOST}:{self.port}/0"

    def start(self) -> None:
        """Run it; returns once it takes connections."""
        with (self.directory / f"redis-{self.port}.log").open("ab") as log:
            self._process = subprocess.Popen(
                [
                    self.program,
                    *("--bind", HOST, "--port", str(self.port), "--save", "", "--appendonly", "no"),
                    *("--dir", str(self.directory)),
                    *self._options,
                ],
                stdout=log,
                stderr=log,
            )
        wait_for("the server", lambda: accepts(HOST, self.port))

    def pause(self) -> None:
        """Let it accept and say nothing, until `resume`."""
        assert self._process is not None
        self._process.send_signal(signal.SIGSTOP)

    def resume(self) -> None:
        """Let it go on."""
        assert self._process is not None
        self._process.send_signal(signal.SIGCONT)

    def kill(self) -> None:
        """End it at once; all that it held is gone. Idempotent."""
        process, self._process = self._process, None
        if process is not None:
            process.kill()
            process.wait()
