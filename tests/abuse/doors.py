"""Ways to throw bytes at a node on the loopback, and to ask it afterwards whether it is still there.

Nothing here understands SIP beyond what it takes to send a probe and to read a status.
"""

import random
import re
import secrets
import select
import socket
import ssl
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol

from tests.interop.addresses import listens

HOST = "127.0.0.1"
ANSWER_S = 10.0
"""How long a probe may take: less than the node waits for whom it might be held up by."""
SILENCE_S = 0.3
"""How long nothing comes before a test takes it that nothing will."""
_STATUS = re.compile(rb"SIP/2\.0 (\d{3}) ")


class Door(Protocol):
    """One way in."""

    def throw(self, data: bytes) -> None:
        """Send bytes, whatever becomes of them."""

    def probe(self) -> None:
        """Send OPTIONS, get its 200. Raises `AssertionError`."""


def statuses(data: bytes) -> list[int]:
    """The statuses of the responses in a stream or datagram."""
    return [int(status) for status in _STATUS.findall(data)]


def options(port: int, sent_by: str, transport: str) -> tuple[bytes, bytes]:
    """A good OPTIONS and its Call-ID."""
    call_id = f"probe-{secrets.token_hex(8)}"
    lines = (
        f"OPTIONS sip:{HOST}:{port} SIP/2.0",
        f"Via: SIP/2.0/{transport} {sent_by};rport;branch=z9hG4bK{secrets.token_hex(8)}",
        "Max-Forwards: 70",
        f"From: <sip:probe@{HOST}>;tag={secrets.token_hex(4)}",
        f"To: <sip:{HOST}>",
        f"Call-ID: {call_id}",
        "CSeq: 1 OPTIONS",
        "Content-Length: 0",
        "",
        "",
    )
    return "\r\n".join(lines).encode(), call_id.encode()


def source_address() -> str:
    """A loopback address of our own, so that a ban of one test doesn't meet another one."""
    while True:
        address = f"127.0.{random.randrange(1, 255)}.{random.randrange(1, 255)}"
        if not listens(address, 5060, "udp"):
            return address


class Datagrams:
    """UDP from port 5060, where most old messages want their answers."""

    def __init__(self, port: int) -> None:
        self.address = source_address()
        self._to = (HOST, port)
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
        self._socket.bind((self.address, 5060))
        self._socket.setblocking(False)

    def throw(self, data: bytes) -> None:
        self._socket.sendto(data[:65507], self._to)

    def probe(self) -> None:
        """What else comes meanwhile is dropped; a datagram lost in the kernel's queue is sent again."""
        for _ in range(3):
            data, call_id = options(self._to[1], f"{self.address}:5060", "UDP")
            self._socket.sendto(data, self._to)
            for answer in self.answers(ANSWER_S):
                if call_id in answer and 200 in statuses(answer):
                    return
        raise AssertionError("no answer to a probe")

    def answers(self, within_s: float) -> Iterator[bytes]:
        """Datagrams as they come."""
        deadline = time.monotonic() + within_s
        while (left := deadline - time.monotonic()) > 0:
            if select.select([self._socket], [], [], left)[0]:
                yield self._socket.recv(65535)

    def exchange(self, data: bytes) -> list[int]:
        """Send it, then a probe: the statuses that came before the probe's own answer."""
        self.throw(data)
        probe, call_id = options(self._to[1], f"{self.address}:5060", "UDP")
        self._socket.sendto(probe, self._to)
        found: list[int] = []
        for answer in self.answers(ANSWER_S):
            if call_id in answer:
                return found
            found += statuses(answer)
        raise AssertionError(f"no answer to a probe after {data[:60]!r}")

    def close(self) -> None:
        self._socket.close()


class Streams:
    """A new TCP or TLS connection for each message, cut into pieces."""

    def __init__(self, port: int, *, tls: bool = False, cut: str = "whole", seed: int = 1) -> None:
        self._port = port
        self._tls = tls
        self._cut = cut
        self._chance = random.Random(seed)
        self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        self._context.check_hostname = False
        self._context.verify_mode = ssl.CERT_NONE
        self.address = f"127.0.{random.randrange(1, 255)}.{random.randrange(1, 255)}"

    @contextmanager
    def connection(self) -> Iterator[socket.socket]:
        """An open one."""
        with socket.create_connection((HOST, self._port), ANSWER_S, (self.address, 0)) as plain:
            plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            if not self._tls:
                yield plain
                return
            with self._context.wrap_socket(plain) as wrapped:
                yield wrapped

    def pieces(self, data: bytes) -> Iterator[bytes]:
        """`data` cut as asked."""
        if self._cut == "glued":
            yield data + options(self._port, f"{self.address}:5060", "TCP")[0]
            return
        position = 0
        while position < len(data):
            match self._cut:
                case "bytes":
                    size = 1
                case "random":
                    size = self._chance.randint(1, 97)
                case _:
                    size = len(data)
            yield data[position : position + size]
            position += size

    def throw(self, data: bytes) -> None:
        """The node may close at any moment: that is an answer too."""
        with self.connection() as connection:
            try:
                for piece in self.pieces(data):
                    connection.sendall(piece)
            except OSError:
                return

    def exchange(self, data: bytes, awaited: int = 0) -> list[int]:
        """The statuses that come back, until the node closes, or so many have come and then silence."""
        received = b""
        with self.connection() as connection:
            try:
                for piece in self.pieces(data):
                    connection.sendall(piece)
                while True:
                    enough = len(statuses(received)) >= awaited
                    connection.settimeout(SILENCE_S if enough else ANSWER_S)
                    more = connection.recv(65535)
                    if not more:
                        break
                    received += more
            except OSError:
                pass
        return statuses(received)

    def probe(self) -> None:
        with self.connection() as connection:
            data, call_id = options(self._port, f"{self.address}:5060", "TLS" if self._tls else "TCP")
            connection.sendall(data)
            answer = connection.recv(65535)
        assert call_id in answer, answer
        assert statuses(answer) == [200]
