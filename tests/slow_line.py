"""A server that is far away: a relay of TCP on loopback which brings everything later."""

import contextlib
import queue
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

_CHUNK = 65_536


class SlowLine:
    """Takes connections at `port` of loopback for `host` and `port` of somebody else."""

    def __init__(self, to: tuple[str, int], one_way_s: float) -> None:
        self._to = to
        self.one_way_s = one_way_s
        self.turns = 0
        """How often what was said by the client was followed by something of the server: round trips."""
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self._sockets: list[socket.socket] = []
        self._client_spoke = False
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        """Cut every connection."""
        for one in [self._listener, *self._sockets]:
            with contextlib.suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
            one.close()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
                server = socket.create_connection(self._to)
            except OSError:
                return
            self._sockets += [client, server]
            for one in (client, server):
                one.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            for source, sink in ((client, server), (server, client)):
                waiting: queue.SimpleQueue[tuple[float, bytes]] = queue.SimpleQueue()
                for pump in (self._read, self._write):
                    end = source if pump == self._read else sink
                    threading.Thread(target=pump, args=(end, waiting, source is client), daemon=True).start()

    def _read(
        self, source: socket.socket, waiting: "queue.SimpleQueue[tuple[float, bytes]]", from_client: bool
    ) -> None:
        data = b"-"
        while data:
            try:
                data = source.recv(_CHUNK)
            except OSError:
                data = b""
            if self._client_spoke and not from_client and data:
                self.turns += 1
            self._client_spoke = from_client
            waiting.put((time.monotonic() + self.one_way_s, data))

    def _write(
        self, sink: socket.socket, waiting: "queue.SimpleQueue[tuple[float, bytes]]", _from_client: bool
    ) -> None:
        while True:
            due, data = waiting.get()
            time.sleep(max(0.0, due - time.monotonic()))
            try:
                if not data:
                    sink.shutdown(socket.SHUT_WR)
                    return
                sink.sendall(data)
            except OSError:
                return


@contextmanager
def slow_line(host: str, port: int, one_way_s: float) -> Iterator[SlowLine]:
    """One to there, which is cut at the end."""
    line = SlowLine((host, port), one_way_s)
    try:
        yield line
    finally:
        line.close()
