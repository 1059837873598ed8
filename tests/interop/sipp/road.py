"""A network that delivers everything that a peer sends twice, or in IP fragments (RFC 791 §2.3)."""

import socket
import struct
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from tests.interop.addresses import free_port

_MORE_FRAGMENTS = 0x2000
_PIECE = 1024
"""Octets of an IP payload in a fragment: a multiple of eight."""


class Road:
    """Takes datagrams at `address` for a peer at `to`, and brings back what that answers."""

    def __init__(self, host: str, to: tuple[str, int], *, fragments: bool) -> None:
        self.address = (host, free_port(host))
        self.carried = 0
        """Datagrams that were sent on, each twice or in pieces."""
        self._to = to
        self._fragments = fragments
        self._near = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._near.bind(self.address)
        self._far = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._far.bind((host, 0))
        self._far.settimeout(0.1)
        self._near.settimeout(0.1)
        self._client: tuple[str, int] | None = None
        self._closing = threading.Event()
        self._threads = [threading.Thread(target=work, name="road") for work in (self._there, self._back)]
        for thread in self._threads:
            thread.start()

    def _there(self) -> None:
        while not self._closing.is_set():
            try:
                data, self._client = self._near.recvfrom(65536)
            except TimeoutError:
                continue
            self.carried += 1
            if self._fragments:
                self._send_in_pieces(data)
            else:
                for _ in range(2):
                    self._far.sendto(data, self._to)

    def _back(self) -> None:
        while not self._closing.is_set():
            try:
                data = self._far.recv(65536)
            except TimeoutError:
                continue
            if self._client is not None:
                self._near.sendto(data, self._client)

    def _send_in_pieces(self, data: bytes) -> None:
        host, port = self._far.getsockname()
        head = struct.pack("!HHHH", port, self._to[1], 8 + len(data), 0)
        payload = head + data
        with socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_RAW) as raw:
            for start in range(0, len(payload), _PIECE):
                piece = payload[start : start + _PIECE]
                more = _MORE_FRAGMENTS if start + _PIECE < len(payload) else 0
                offset = more | start // 8
                ip = struct.pack(
                    "!BBHHHBBH4s4s",
                    *(0x45, 0, 20 + len(piece), 1 + self.carried, offset, 64, socket.IPPROTO_UDP, 0),
                    socket.inet_aton(host),
                    socket.inet_aton(self._to[0]),
                )
                raw.sendto(ip + piece, (self._to[0], 0))

    def close(self) -> None:
        """End it."""
        self._closing.set()
        for thread in self._threads:
            thread.join()
        self._near.close()
        self._far.close()


@contextmanager
def road(host: str, to: tuple[str, int], *, fragments: bool = False) -> Iterator[Road]:
    """Everything twice, or, with `fragments` (as root), in pieces of a kilobyte."""
    made = Road(host, to, fragments=fragments)
    try:
        yield made
    finally:
        made.close()
