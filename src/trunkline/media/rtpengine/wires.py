"""The ways to an rtpengine: UDP datagrams, a TCP connection (`--listen-tcp-ng`), HTTP requests
(`--listen-http`, POST to /ng).

A wire sends what it is given, hands what comes to its `Exchange`, and says when a connection has been made or
nobody is there. It interprets nothing; what comes is bounded before it is kept.
"""

import asyncio
import contextlib
import select
import socket
from dataclasses import dataclass
from enum import StrEnum
from ipaddress import ip_address
from typing import Final, Protocol

import httpx

from trunkline.errors import MediaError
from trunkline.media.rtpengine.bencode import BencodeError, CutShortError, decode_first
from trunkline.media.rtpengine.exchange import PATIENCE_S, Exchange, Wire

MAX_ANSWER: Final = 262_144
"""Bytes of one answer, or of an unfinished one."""
_DATAGRAM: Final = 65_535
_RECONNECT_S: Final = 0.5
_REQUESTS: Final = 8
"""HTTP requests at the same time."""
_QUEUE: Final = 1024
"""HTTP requests that wait; beyond it they are dropped, and time out."""


class Transport(StrEnum):
    """How an instance is spoken to."""

    UDP = "udp"
    TCP = "tcp"
    HTTP = "http"


@dataclass(frozen=True, slots=True)
class InstanceAddress:
    """Where an rtpengine takes commands."""

    transport: Transport
    host: str
    """An IP address."""
    port: int
    weight: int = 1
    """Its share of the calls, against the others'."""
    region: str | None = None
    """Where it stands; None: as near as any."""

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{self.transport}:{host}:{self.port}"


class OpenWire(Wire, Protocol):
    """A wire with a life."""

    def start(self) -> None:
        """Begin, in the running loop."""

    async def close(self) -> None:
        """End. Idempotent."""


def open_wire(address: InstanceAddress, exchange: Exchange) -> OpenWire:
    """A wire to `address`, to be started."""
    match address.transport:
        case Transport.UDP:
            return UdpWire(address, exchange)
        case Transport.TCP:
            return TcpWire(address, exchange)
        case Transport.HTTP:
            return HttpWire(address, exchange)


class UdpWire:
    """One connected socket: only the instance's own datagrams arrive, and a refusal is heard of. It is
    watched through an epoll of its own, for libuv stops watching a socket that reports an error.
    """

    reliable = False

    def __init__(self, address: InstanceAddress, exchange: Exchange) -> None:
        self._address = address
        self._exchange = exchange
        self._socket: socket.socket | None = None
        self._epoll: select.epoll | None = None
        self._loop: asyncio.AbstractEventLoop | None = None

    def start(self) -> None:
        """Open the socket. Raises `MediaError` when that can't be."""
        host = self._address.host
        family = socket.AF_INET6 if ip_address(host).version == 6 else socket.AF_INET
        made = socket.socket(family, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK)
        try:
            made.connect((host, self._address.port))
        except OSError as error:
            made.close()
            raise MediaError(f"{self._address}: {error.strerror}") from error
        self._socket = made
        self._loop = asyncio.get_running_loop()
        self._epoll = select.epoll()
        self._epoll.register(made, select.EPOLLIN)
        self._loop.add_reader(self._epoll.fileno(), self._readable)

    def send(self, message: bytes) -> None:
        """A datagram; what the socket can't take is lost, as on the way."""
        if self._socket is None:
            return
        try:
            self._socket.send(message)
        except ConnectionRefusedError:
            self._refused()
        except OSError:
            pass

    def _readable(self) -> None:
        while self._socket is not None:
            try:
                message = self._socket.recv(_DATAGRAM)
            except BlockingIOError:
                return
            except OSError:
                self._refused()
                return
            self._exchange.received(message)

    def _refused(self) -> None:
        if self._loop is not None:
            self._loop.call_soon(self._exchange.unreachable, f"{self._address}: nobody is there")

    async def close(self) -> None:
        """Close the socket."""
        made, self._socket = self._socket, None
        if made is not None and self._epoll is not None and self._loop is not None:
            self._loop.remove_reader(self._epoll.fileno())
            self._epoll.close()
            made.close()


class TcpWire:
    """One connection, made again whenever it breaks. Messages follow each other without a frame: each ends
    where its dictionary ends.
    """

    reliable = True

    def __init__(self, address: InstanceAddress, exchange: Exchange) -> None:
        self._address = address
        self._exchange = exchange
        self._writer: asyncio.StreamWriter | None = None
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Connect, and go on connecting."""
        self._task = asyncio.get_running_loop().create_task(self._run())

    def send(self, message: bytes) -> None:
        """Send now; without a connection it is sent when there is one."""
        writer = self._writer
        if writer is not None and writer.transport.get_write_buffer_size() < 64 * MAX_ANSWER:
            writer.write(message)

    async def _run(self) -> None:
        while True:
            try:
                await self._converse()
            except (OSError, TimeoutError, MediaError) as error:
                self._exchange.unreachable(f"{self._address}: {error or 'timed out'}")
            await asyncio.sleep(_RECONNECT_S)

    async def _converse(self) -> None:
        """One connection, until it breaks."""
        async with asyncio.timeout(PATIENCE_S):
            reader, writer = await asyncio.open_connection(self._address.host, self._address.port)
        self._writer = writer
        try:
            self._exchange.connected()
            kept = b""
            while data := await reader.read(65_536):
                kept = self._take(kept + data)
                if len(kept) > MAX_ANSWER:
                    raise MediaError("an answer without an end")
            raise MediaError("the connection was closed")
        finally:
            self._writer = None
            writer.close()

    def _take(self, data: bytes) -> bytes:
        """Hand every whole message on; what remains. Raises `BencodeError` for what can't become one."""
        while True:
            space = data.find(b" ", 0, 128)
            if space < 0:
                if len(data) >= 128:
                    raise BencodeError("no cookie where an answer begins")
                return data
            try:
                _, end = decode_first(data, space + 1)
            except CutShortError:
                return data
            self._exchange.received(data[:end])
            data = data[end:]

    async def close(self) -> None:
        """Close the connection, and make no other."""
        task, self._task = self._task, None
        if task is not None:
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task


class HttpWire:
    """A request for each command, a few at a time over connections that are kept."""

    reliable = True

    def __init__(self, address: InstanceAddress, exchange: Exchange) -> None:
        self._address = address
        self._exchange = exchange
        self._queue: asyncio.Queue[bytes] = asyncio.Queue(_QUEUE)
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Serve the queue from now on."""
        self._task = asyncio.get_running_loop().create_task(self._run())

    def send(self, message: bytes) -> None:
        """Queue a request."""
        with contextlib.suppress(asyncio.QueueFull):
            self._queue.put_nowait(message)

    async def _run(self) -> None:
        host = self._address.host
        url = f"http://{f'[{host}]' if ':' in host else host}:{self._address.port}/ng"
        async with (
            httpx.AsyncClient(timeout=PATIENCE_S, trust_env=False) as client,
            asyncio.TaskGroup() as group,
        ):
            for _ in range(_REQUESTS):
                group.create_task(self._serve(client, url))

    async def _serve(self, client: httpx.AsyncClient, url: str) -> None:
        while True:
            message = await self._queue.get()
            if not self._exchange.awaits(message):
                continue  # an offer that is made now would open ports that nobody knows of
            try:
                answer = await _post(client, url, message)
            except (httpx.HTTPError, MediaError) as error:
                self._exchange.failed(message, f"{self._address}: {error or type(error).__name__}")
            else:
                self._exchange.received(answer)

    async def close(self) -> None:
        """Drop what is queued, and the connections."""
        task, self._task = self._task, None
        if task is not None:
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task


async def _post(client: httpx.AsyncClient, url: str, message: bytes) -> bytes:
    headers = {"Content-Type": "application/x-rtpengine-ng"}
    async with client.stream("POST", url, content=message, headers=headers) as response:
        if response.status_code != 200:
            raise MediaError(f"HTTP status {response.status_code}")
        kept = b""
        async for part in response.aiter_bytes():
            kept += part
            if len(kept) > MAX_ANSWER:
                raise MediaError("an answer of more bytes than are kept")
    return kept
