"""What the tests of the sockets share: a receiver and events that remember, and messages to send."""

import asyncio
import contextlib
import socket
import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import ClassVar

from tests.unit.virtual_clock import FakeClock
from trunkline.clock import Clock
from trunkline.net.admission import Gate
from trunkline.net.flows import TransportEvents
from trunkline.net.settings import Listen, StreamLimits, TlsSettings, TransportSettings, UdpLimits
from trunkline.net.transports import Transports
from trunkline.sip.errors import SipSyntaxError
from trunkline.sip.failures import FlowFailure, FlowFailureKind
from trunkline.sip.ports import Address, Flow, Target, Transport

PATIENCE_S = 10.0
"""How long a test waits for what must happen; it hardly ever waits a hundredth of it."""

OPTIONS = (
    b"OPTIONS sip:trunk.example.net SIP/2.0\r\n"
    b"Via: SIP/2.0/TCP 192.0.2.1;branch=z9hG4bK1\r\n"
    b"From: <sip:a@example.com>;tag=1\r\n"
    b"To: <sip:trunk.example.net>\r\n"
    b"Call-ID: 1@192.0.2.1\r\n"
    b"CSeq: 1 OPTIONS\r\n"
    b"Max-Forwards: 70\r\n"
    b"Content-Length: 0\r\n\r\n"
)
RINGING = b"SIP/2.0 180 Ringing\r\nCall-ID: 1@192.0.2.1\r\nContent-Length: 0\r\n\r\n"


async def until(condition: Callable[[], object]) -> None:
    """Let the event loop run until `condition` holds."""
    async with asyncio.timeout(PATIENCE_S):
        while not condition():  # noqa: ASYNC110 - what it waits for raises no event
            await asyncio.sleep(0)


def is_closed(flow: Flow) -> bool:
    """`flow.closed`, which changes behind the type checker's back."""
    return flow.closed


class Recorder:
    """A receiver that remembers, and does `on_message` with each message."""

    def __init__(self) -> None:
        self.messages: list[tuple[bytes, Flow]] = []
        self.failures: list[tuple[Flow | Target, FlowFailure]] = []
        self.on_message: Callable[[bytes, Flow], None] = lambda _data, _flow: None

    def received(self, data: bytes, flow: Flow) -> None:
        self.messages.append((data, flow))
        self.on_message(data, flow)

    def flow_failed(self, flow_or_target: Flow | Target, failure: FlowFailure) -> None:
        self.failures.append((flow_or_target, failure))

    async def message(self, index: int = 0) -> tuple[bytes, Flow]:
        """The message of that index, waited for."""
        await until(lambda: len(self.messages) > index)
        return self.messages[index]

    async def failure(self, index: int = 0) -> FlowFailure:
        """The failure of that index, waited for."""
        await until(lambda: len(self.failures) > index)
        return self.failures[index][1]

    def kinds(self) -> list[FlowFailureKind]:
        """The kinds of the failures so far."""
        return [failure.kind for _, failure in self.failures]


class Diary:
    """Transport events, remembered as (name, *arguments)."""

    def __init__(self) -> None:
        self.entries: list[tuple[object, ...]] = []

    def weak_tls_negotiated(self, flow: Flow, version: str) -> None:
        self.entries.append(("weak", flow.remote, version))

    def certificate_not_verified(self, flow: Flow, server_name: str | None) -> None:
        self.entries.append(("unverified", flow.remote, server_name))

    def connection_turned_away(self, remote: Address, reason: str) -> None:
        self.entries.append(("turned away", remote.host, reason))

    def faulted(self, where: str, error: Exception) -> None:
        self.entries.append(("fault", where, repr(error)))


def listen(transport: Transport, host: str = "127.0.0.1", advertised: str | None = None) -> Listen:
    """A listener on a port that the kernel chooses."""
    return Listen(transport, Address(host, 0), Address(advertised or host, 0))


@asynccontextmanager
async def opened(
    recorder: Recorder,
    *listens: Listen,
    clock: Clock | None = None,
    gate: Gate | None = None,
    events: TransportEvents | None = None,
    verify: Callable[[Target], bool] | None = None,
    tls: TlsSettings | None = None,
    streams: StreamLimits | None = None,
    udp: UdpLimits | None = None,
    unreadable: Callable[[SipSyntaxError, Flow], None] | None = None,
) -> AsyncIterator[Transports]:
    """Transports that listen, closed at the end."""
    settings = TransportSettings(
        listen=listens,
        tls=TlsSettings() if tls is None else tls,
        streams=StreamLimits() if streams is None else streams,
        udp=UdpLimits() if udp is None else udp,
    )
    transports = Transports(
        settings, FakeClock() if clock is None else clock, gate=gate, events=events, verify=verify
    )
    await transports.start(recorder, unreadable=unreadable)
    try:
        yield transports
    finally:
        await transports.close()


def peer(family: int = socket.AF_INET) -> socket.socket:
    """A blocking UDP socket of a peer, with patience."""
    udp = socket.socket(family, socket.SOCK_DGRAM)
    udp.settimeout(PATIENCE_S)
    udp.bind(("127.0.0.1" if family == socket.AF_INET else "::1", 0))
    return udp


def closed_port(kind: int = socket.SOCK_DGRAM) -> Address:
    """A loopback address where nobody listens."""
    with socket.socket(socket.AF_INET, kind) as probe:
        probe.bind(("127.0.0.1", 0))
        return Address(*probe.getsockname())


class Client:
    """The far end of a TCP or TLS connection that it made. Gone at the end of its test, whatever happens
    there.
    """

    everyone: ClassVar["list[Client]"] = []

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer
        self.address = Address(*writer.get_extra_info("sockname")[:2])
        self.everyone.append(self)

    @classmethod
    async def at(cls, host: str, port: int, tls: ssl.SSLContext | None = None) -> "Client":
        """Connect."""
        name = "pbx.example.com" if tls else None
        return cls(*await asyncio.open_connection(host, port, ssl=tls, server_hostname=name))

    @classmethod
    async def to(cls, transports: Transports, index: int = 0, tls: ssl.SSLContext | None = None) -> "Client":
        """Connect to one of the listeners."""
        return await cls.at(*transports.bound[index].bind, tls=tls)

    async def close(self) -> None:
        """Close our end."""
        self.writer.close()
        with contextlib.suppress(ConnectionError):
            await self.writer.wait_closed()

    async def closed_by_us(self) -> bytes:
        """What is received until the other end closes."""
        try:
            async with asyncio.timeout(PATIENCE_S):
                rest = await self.reader.read()
        except ConnectionError:
            rest = b""
        await self.close()
        return rest

    @classmethod
    def abort_everyone(cls) -> None:
        """Close what a test has left."""
        for client in cls.everyone:
            client.writer.transport.abort()
        cls.everyone.clear()
