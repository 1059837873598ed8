"""Opening connections, and every way that fails."""

import asyncio
import contextlib
import socket
import ssl
import struct
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from tests.unit.net.certificates import Certificate
from tests.unit.net.wire import (
    OPTIONS,
    RINGING,
    Diary,
    Recorder,
    closed_port,
    is_closed,
    listen,
    opened,
    until,
)
from tests.unit.virtual_clock import FakeClock
from trunkline.net.dialer import handshake_error
from trunkline.net.settings import StreamLimits, TlsSettings
from trunkline.net.stream import Connection
from trunkline.net.tls import server_context
from trunkline.sip.failures import FlowFailureKind
from trunkline.sip.ports import Address, Target, Transport

TCP = listen(Transport.TCP)
Serve = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Coroutine[None, None, None]]


async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Answer the first message, then wait for the end."""
    with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
        await reader.readuntil(b"\r\n\r\n")
        writer.write(RINGING)
        await reader.read()
    writer.close()


@asynccontextmanager
async def far_end(serve: Serve = answer, tls: ssl.SSLContext | None = None) -> AsyncIterator[Address]:
    """A server of the other side."""
    server = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=tls)
    try:
        yield Address(*server.sockets[0].getsockname())
    finally:
        server.close()
        await server.wait_closed()


def tls_target(address: Address, name: str | None = "pbx.example.com") -> Target:
    return Target(Transport.TLS, address, name)


async def test_a_tcp_connection_of_ours() -> None:
    recorder = Recorder()
    async with far_end() as address, opened(recorder, TCP) as transports:
        flow = transports.flow_to(Target(Transport.TCP, address))
        assert flow.remote == address
        assert flow.sent_by == transports.bound[0].advertised
        flow.send(OPTIONS)
        assert await recorder.message() == (RINGING, flow)


async def test_a_tls_connection_of_ours_names_its_host_and_knows_its_version(
    certificate: Certificate,
) -> None:
    recorder, diary = Recorder(), Diary()
    asked: list[str | None] = []
    context = server_context(TlsSettings(certificate=certificate.certificate, key=certificate.key))
    context.sni_callback = lambda _socket, name, _context: asked.append(name)
    async with far_end(tls=context) as address, opened(recorder, TCP, events=diary) as transports:
        flow = transports.flow_to(tls_target(address))
        flow.send(OPTIONS)
        assert await recorder.message() == (RINGING, flow)
        assert isinstance(flow, Connection)
        assert flow.tls_version == "TLSv1.3"
        assert flow.sent_by == Address("127.0.0.1", 5061)
        assert asked == ["pbx.example.com"]
        assert diary.entries == [("unverified", address, "pbx.example.com")]
        literal = transports.flow_to(tls_target(address, None))
        assert literal is not flow
        literal.send(OPTIONS)
        await recorder.message(1)
        assert asked == ["pbx.example.com", None]


async def test_a_weak_version_is_reported(certificate: Certificate) -> None:
    recorder, diary = Recorder(), Diary()
    context = server_context(TlsSettings(certificate=certificate.certificate, key=certificate.key))
    with pytest.deprecated_call():
        context.maximum_version = ssl.TLSVersion.TLSv1
    async with far_end(tls=context) as address, opened(recorder, TCP, events=diary) as transports:
        transports.flow_to(tls_target(address)).send(OPTIONS)
        await recorder.message()
    assert diary.entries[0] == ("weak", address, "TLSv1")


async def test_a_certificate_is_verified_when_wanted(certificate: Certificate) -> None:
    recorder, diary = Recorder(), Diary()
    context = server_context(TlsSettings(certificate=certificate.certificate, key=certificate.key))
    trusting = TlsSettings(ca_file=certificate.certificate)
    async with (
        far_end(tls=context) as address,
        opened(recorder, TCP, tls=trusting, events=diary, verify=lambda _target: True) as transports,
    ):
        flow = transports.flow_to(tls_target(address))
        flow.send(OPTIONS)
        await recorder.message()
        assert diary.entries == []
        by_address = transports.flow_to(tls_target(address, None))
        by_address.send(OPTIONS)
        await recorder.message(1)
        wrong = transports.flow_to(tls_target(address, "other.example.com"))
        wrong.send(OPTIONS)
        failure = await recorder.failure()
        assert failure.kind is FlowFailureKind.TLS
        assert "Hostname mismatch" in failure.detail
        assert not is_closed(flow)
        assert transports.figures().connections == 2


async def test_a_certificate_of_ours_that_cannot_be_used_fails_the_connection() -> None:
    recorder = Recorder()
    settings = TlsSettings(certificate=Path("/nonexistent"))
    async with far_end() as address, opened(recorder, TCP, tls=settings) as transports:
        transports.flow_to(tls_target(address)).send(OPTIONS)
        failure = await recorder.failure()
    assert failure.kind is FlowFailureKind.TLS
    assert "tls.certificate" in failure.detail


async def test_nobody_listens() -> None:
    recorder = Recorder()
    async with opened(recorder, TCP) as transports:
        flow = transports.flow_to(Target(Transport.TCP, closed_port(socket.SOCK_STREAM)))
        assert not is_closed(flow)
        flow.send(OPTIONS)
        failure = await recorder.failure()
        assert failure.kind is FlowFailureKind.REFUSED
        assert is_closed(flow)
        assert transports.figures().connections == 0
        assert len(recorder.failures) == 1


async def test_no_route() -> None:
    recorder = Recorder()
    async with opened(recorder, TCP) as transports:
        flow = transports.flow_to(Target(Transport.TCP, Address("255.255.255.255", 5060)))
        flow.send(OPTIONS)
        assert (await recorder.failure()).kind is FlowFailureKind.UNREACHABLE


@contextlib.contextmanager
def deaf_server() -> Iterator[Address]:
    """A listener whose queue is full: a SYN gets no answer."""
    with socket.socket() as server, contextlib.ExitStack() as queue:
        server.bind(("127.0.0.1", 0))
        server.listen(0)
        for _ in range(3):
            client = queue.enter_context(socket.socket())
            client.setblocking(False)
            client.connect_ex(server.getsockname())
        yield Address(*server.getsockname())


async def test_no_answer_to_the_syn() -> None:
    recorder, clock = Recorder(), FakeClock()
    with deaf_server() as address:
        limits = StreamLimits(connect_timeout_s=5.0)
        async with opened(recorder, TCP, clock=clock, streams=limits) as transports:
            transports.flow_to(Target(Transport.TCP, address)).send(OPTIONS)
            await until(lambda: len(clock))
            clock.advance(4.9)
            await asyncio.sleep(0)
            assert recorder.failures == []
            clock.advance(0.1)
            failure = await recorder.failure()
            assert failure.kind is FlowFailureKind.TIMEOUT
            assert failure.detail == "not connected within 5 s"


async def test_no_answer_to_the_tls_hello() -> None:
    recorder, clock = Recorder(), FakeClock()
    hello = asyncio.Event()

    async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(1)
        hello.set()
        await reader.read()
        writer.close()

    async with far_end(silent) as address:
        limits = StreamLimits(handshake_timeout_s=7.0)
        async with opened(recorder, TCP, clock=clock, streams=limits) as transports:
            flow = transports.flow_to(tls_target(address))
            flow.send(OPTIONS)
            await hello.wait()
            clock.advance(6.9)
            assert not is_closed(flow)
            clock.advance(0.1)
            failure = await recorder.failure()
            assert failure.kind is FlowFailureKind.TLS
            assert failure.detail == "no TLS handshake within 7 s"


async def hang_up(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    linger = struct.pack("ii", 1, 0)
    writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
    writer.close()


async def close_politely(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.read(1)
    writer.close()


async def speak_sip(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(RINGING)
    writer.close()


@pytest.mark.parametrize("serve", [hang_up, close_politely, speak_sip])
async def test_a_server_that_speaks_no_tls(serve: Serve) -> None:
    recorder = Recorder()
    async with far_end(serve) as address, opened(recorder, TCP) as transports:
        transports.flow_to(tls_target(address)).send(OPTIONS)
        failure = await recorder.failure()
        assert failure.kind is FlowFailureKind.TLS
        assert failure.detail
        assert recorder.messages == []


async def test_a_version_that_both_do_not_share(certificate: Certificate) -> None:
    recorder = Recorder()
    context = server_context(TlsSettings(certificate=certificate.certificate, key=certificate.key))
    with pytest.deprecated_call():
        context.maximum_version = ssl.TLSVersion.TLSv1_1
    strict = TlsSettings(min_version="1.2")
    async with far_end(tls=context) as address, opened(recorder, TCP, tls=strict) as transports:
        transports.flow_to(tls_target(address)).send(OPTIONS)
        assert (await recorder.failure()).kind is FlowFailureKind.TLS


@pytest.mark.parametrize("name", [".example.com", "a..example.com", "x" * 64 + ".example.com", "a\0b"])
async def test_a_name_that_cannot_be_asked_for(name: str) -> None:
    recorder = Recorder()
    async with far_end() as address, opened(recorder, TCP) as transports:
        transports.flow_to(tls_target(address, name)).send(OPTIONS)
        assert (await recorder.failure()).kind is FlowFailureKind.TLS


async def test_connections_leave_from_the_address_that_is_listened_on() -> None:
    seen: list[str] = []

    async def note(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        seen.append(writer.get_extra_info("peername")[0])
        await answer(reader, writer)

    recorder = Recorder()
    async with far_end(note) as address, opened(recorder, listen(Transport.TCP, "127.0.0.3")) as transports:
        transports.flow_to(Target(Transport.TCP, address)).send(OPTIONS)
        await recorder.message()
    assert seen == ["127.0.0.3"]


@pytest.mark.parametrize("transport", [Transport.TCP, Transport.TLS])
async def test_closing_gives_up_what_is_opening(transport: Transport) -> None:
    recorder = Recorder()
    with deaf_server() as address:
        async with opened(recorder, TCP) as transports:
            flow = transports.flow_to(Target(transport, address))
            flow.send(OPTIONS)
            await asyncio.sleep(0)
        assert is_closed(flow)


async def test_a_connection_cancelled_before_it_began() -> None:
    recorder = Recorder()
    async with (
        far_end() as address,
        opened(recorder, TCP, streams=StreamLimits(write_buffer=1)) as transports,
    ):
        transports.flow_to(Target(Transport.TCP, address)).send(OPTIONS)
        await recorder.failure()
        await until(lambda: not transports.figures().connections)


@pytest.mark.parametrize(
    ("error", "text"),
    [
        (ssl.SSLError(1, "[SSL: UNSUPPORTED_PROTOCOL] unsupported protocol (_ssl.c:1006)"), "unsupported"),
        (ConnectionResetError(), "ConnectionResetError"),
        (ConnectionResetError(104, "Connection reset by peer"), "Connection reset by peer"),
    ],
)
def test_handshake_errors_say_something(error: Exception, text: str) -> None:
    assert text in handshake_error(error)
