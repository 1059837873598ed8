"""rtpengine as Debian packages it, started by a test on loopback and ended by its process id."""

import socket
import subprocess
import time
from pathlib import Path

from tests.programs import require_program

PATIENCE_S = 30.0
_taken: set[int] = set()


class RtpengineDaemon:
    """A daemon on `host`, without kernel module, taking commands by UDP, TCP and HTTP."""

    def __init__(self, directory: Path, *options: str, host: str = "127.0.0.1", pairs: int = 60) -> None:
        self.program = require_program("rtpengine")
        self.host = host
        self.ng_port = free_port_range(host, 4)
        self.tcp_port = self.ng_port + 1
        self.http_port = self.ng_port + 2
        self.first = free_port_range(host, 2 * pairs)
        self.last = self.first + 2 * pairs - 1
        self.log = directory / f"rtpengine-{self.ng_port}.log"
        self._options = options
        self._process: subprocess.Popen[bytes] | None = None
        try:
            self.start()
        except BaseException:
            self.stop()
            raise

    @property
    def pid(self) -> int:
        """Of the process that runs."""
        assert self._process is not None
        return self._process.pid

    def start(self) -> None:
        """Run it, on the same ports every time."""
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                [
                    self.program,
                    *("--config-file=none", "--table=-1", "--foreground", "--log-stderr", "--log-level=6"),
                    *(f"--interface={self.host}", f"--listen-ng={self.host}:{self.ng_port}"),
                    *(f"--listen-tcp-ng={self.host}:{self.tcp_port}",),
                    *(f"--listen-http={self.host}:{self.http_port}",),
                    *(f"--port-min={self.first}", f"--port-max={self.last}"),
                    *("--num-threads=2", "--media-num-threads=1", "--http-threads=1", "--mos=LQ"),
                    *self._options,
                ],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )
        deadline = time.monotonic() + PATIENCE_S
        while not self._answers():
            assert self._process.poll() is None, self.log.read_text(errors="replace")
            assert time.monotonic() < deadline, "rtpengine does not answer"

    def _answers(self) -> bool:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
            probe.settimeout(0.2)
            try:
                probe.connect((self.host, self.ng_port))
                probe.send(b"probe d7:command4:pinge")
                return probe.recv(100).startswith(b"probe d6:result4:pong")
            except OSError:
                time.sleep(0.05)
                return False

    def stop(self) -> None:
        """End it at once, as a crash would."""
        process, self._process = self._process, None
        if process is not None:
            process.kill()
            process.wait()


def free_port_range(host: str, count: int) -> int:
    """An even port with as many above it that nobody has, in no range given before."""
    for first in range(12_000, 20_000, max(count, 8)):
        wanted = range(first, first + count)
        if _taken.isdisjoint(wanted) and all(_is_free(host, port) for port in wanted):
            _taken.update(wanted)
            return first
    raise AssertionError("no free ports")


def _is_free(host: str, port: int) -> bool:
    for kind in (socket.SOCK_DGRAM, socket.SOCK_STREAM):
        with socket.socket(socket.AF_INET, kind) as probe:
            try:
                probe.bind((host, port))
            except OSError:
                return False
    return True
