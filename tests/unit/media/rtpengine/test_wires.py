"""The wires, with whatever may be at their other end."""

import asyncio
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress

import pytest

from trunkline.errors import MediaError
from trunkline.media.rtpengine import wires
from trunkline.media.rtpengine.exchange import (
    Answer,
    Exchange,
    NgError,
    NgSilentError,
    NgUnreachableError,
)
from trunkline.media.rtpengine.wires import (
    HttpWire,
    InstanceAddress,
    TcpWire,
    Transport,
    UdpWire,
    open_wire,
)
from trunkline.net.loop_clock import LoopClock

Serve = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]
HOST = "127.0.0.1"


class Asking:
    """An exchange over a real wire."""

    def __init__(self, transport: Transport, port: int) -> None:
        self.faults: asyncio.Queue[Exception] = asyncio.Queue()
        self.clock = LoopClock(asyncio.get_running_loop(), self.faults.put_nowait)
        self.exchange = Exchange(self.clock, "me")
        self.wire = open_wire(InstanceAddress(transport, HOST, port), self.exchange)
        self.exchange.wire = self.wire

    async def ask(self, command: str = "ping") -> Answer | NgError:
        told: asyncio.Future[Answer | NgError] = asyncio.get_running_loop().create_future()
        self.exchange.ask(command, {}, told.set_result)
        return await told

    async def close(self) -> None:
        await self.wire.close()
        await self.wire.close()
        self.clock.stop()


@asynccontextmanager
async def served(serve: Serve) -> AsyncIterator[int]:
    """A TCP server on a port of its own."""

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await serve(reader, writer)
        except OSError:
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(handle, HOST, 0)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()


def asking(transport: Transport, serve: Serve, work: Callable[[Asking], Awaitable[None]]) -> None:
    async def run() -> None:
        async with served(serve) as port:
            one = Asking(transport, port)
            one.wire.start()
            try:
                async with asyncio.timeout(10):
                    await work(one)
            finally:
                await one.close()

    asyncio.run(run())


def closed_port() -> int:
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.bind((HOST, 0))
        return int(probe.getsockname()[1])


def cookie(message: bytes) -> bytes:
    return message.partition(b" ")[0]


def test_each_transport_has_its_wire_and_its_name() -> None:
    async def run() -> None:
        clock = LoopClock(asyncio.get_running_loop(), lambda error: None)
        made = [open_wire(InstanceAddress(kind, "::1", 9), Exchange(clock, "me")) for kind in Transport]
        assert [type(wire) for wire in made] == [UdpWire, TcpWire, HttpWire]
        for wire in made:
            wire.send(b"before it was started")
            await wire.close()
        clock.stop()

    asyncio.run(run())
    assert str(InstanceAddress(Transport.TCP, "::1", 9, 5)) == "tcp:[::1]:9"


# --- UDP -------------------------------------------------------------------------------------------------


def test_datagrams_go_and_come_and_only_from_there() -> None:
    async def run() -> None:
        with (
            socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as daemon,
            socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as stranger,
        ):
            daemon.bind((HOST, 0))
            daemon.setblocking(False)
            one = Asking(Transport.UDP, daemon.getsockname()[1])
            one.wire.start()
            asked = asyncio.ensure_future(one.ask())
            loop = asyncio.get_running_loop()
            message, source = await loop.sock_recvfrom(daemon, 100)
            stranger.sendto(cookie(message) + b" d6:result5:errore", source)
            daemon.sendto(b"\xff" * 65_000, source)
            daemon.sendto(cookie(message) + b" d6:result4:ponge", source)
            assert await asked == {"result": b"pong"}
            await one.close()

    asyncio.run(run())


def test_a_refusal_is_heard_of_at_once_and_the_wire_goes_on() -> None:
    async def run() -> None:
        port = closed_port()
        one = Asking(Transport.UDP, port)
        one.wire.start()
        for _ in range(2):
            async with asyncio.timeout(2):
                assert isinstance(await one.ask(), NgUnreachableError)
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as daemon:
            daemon.bind((HOST, port))
            daemon.setblocking(False)
            asked = asyncio.ensure_future(one.ask())
            message, source = await asyncio.get_running_loop().sock_recvfrom(daemon, 100)
            daemon.sendto(cookie(message) + b" d6:result4:ponge", source)
            assert await asked == {"result": b"pong"}
        await one.close()

    asyncio.run(run())


def test_an_address_without_a_way_is_an_error() -> None:
    async def run() -> None:
        clock = LoopClock(asyncio.get_running_loop(), lambda error: None)
        wire = UdpWire(InstanceAddress(Transport.UDP, "255.255.255.255", 9), Exchange(clock, "me"))
        with pytest.raises(MediaError, match="255"):
            wire.start()
        clock.stop()

    asyncio.run(run())


# --- TCP -------------------------------------------------------------------------------------------------


async def pong(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Answer every ping, in pieces of one byte, several at a time."""
    kept = b""
    while data := await reader.read(1000):
        kept += data
        while b" d7:command4:pinge" in kept:
            message, _, kept = kept.partition(b" d7:command4:pinge")
            for byte in message + b" d6:result4:ponge":
                writer.write(bytes([byte]))
                await asyncio.sleep(0)


def test_answers_follow_each_other_without_a_frame() -> None:
    async def work(one: Asking) -> None:
        assert await asyncio.gather(*(one.ask() for _ in range(5))) == [{"result": b"pong"}] * 5

    asking(Transport.TCP, pong, work)


def test_a_connection_that_breaks_is_made_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wires, "_RECONNECT_S", 0.01)
    connections = 0

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal connections
        connections += 1
        if connections == 1:
            await reader.read(10)
            return
        await pong(reader, writer)

    async def work(one: Asking) -> None:
        assert isinstance(await one.ask(), NgUnreachableError)
        for _ in range(100):
            if await one.ask() == {"result": b"pong"}:
                return
        raise AssertionError("it did not come back")

    asking(Transport.TCP, serve, work)
    assert connections == 2


@pytest.mark.parametrize("flood", [b"x", b"1 l", b"1 d1:a70000000:", b"me_1 i1x", b"\xff\xfe "])
def test_what_never_becomes_an_answer_ends_the_connection(flood: bytes) -> None:
    """A cookie of any length, lists in lists, a string of many megabytes, a number of letters."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(10)
        writer.write(flood)
        while not writer.is_closing():
            writer.write(flood[-1:] * 65_536)
            await writer.drain()

    async def work(one: Asking) -> None:
        assert isinstance(await one.ask(), NgUnreachableError)

    asking(Transport.TCP, serve, work)


# --- HTTP ------------------------------------------------------------------------------------------------


def http(answer: Callable[[bytes], bytes]) -> Serve:
    """Answer POSTs with what `answer` makes of their bodies."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            head = await reader.readuntil(b"\r\n\r\n")
            assert head.startswith(b"POST /ng HTTP/1.1\r\n")
            assert b"application/x-rtpengine-ng" in head
            length = int(head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0])
            writer.write(answer(await reader.readexactly(length)))
            await writer.drain()

    async def forgiving(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(asyncio.IncompleteReadError):
            await serve(reader, writer)

    return forgiving


def page(body: bytes, status: bytes = b"200 OK") -> bytes:
    return b"HTTP/1.1 %s\r\nContent-Length: %d\r\n\r\n%s" % (status, len(body), body)


def test_every_command_is_a_request() -> None:
    async def work(one: Asking) -> None:
        assert await asyncio.gather(*(one.ask() for _ in range(20))) == [{"result": b"pong"}] * 20

    asking(Transport.HTTP, http(lambda body: page(cookie(body) + b" d6:result4:ponge")), work)


@pytest.mark.parametrize(
    "answer",
    [
        page(b"no such thing", b"404 Not Found"),
        page(b"x" * 300_000),
        b"garbage\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\nshort",
    ],
)
def test_a_bad_page_fails_that_command_alone(answer: bytes) -> None:
    pages = iter([answer])

    async def work(one: Asking) -> None:
        assert isinstance(await one.ask(), NgUnreachableError)
        assert await one.ask() == {"result": b"pong"}

    def serve(body: bytes) -> bytes:
        return next(pages, page(cookie(body) + b" d6:result4:ponge"))

    async def once(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await asyncio.wait_for(http(serve)(reader, writer), 1.0)

    async def patient(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(TimeoutError):
            await once(reader, writer)

    asking(Transport.HTTP, patient, work)


def test_the_wrong_cookie_answers_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("trunkline.media.rtpengine.exchange.PATIENCE_S", 1.0)

    async def work(one: Asking) -> None:
        assert isinstance(await one.ask(), NgSilentError)

    asking(Transport.HTTP, http(lambda body: page(b"you_1 d6:result4:ponge")), work)


@pytest.mark.parametrize("transport", [Transport.TCP, Transport.HTTP])
def test_a_fault_in_who_is_told_costs_nobody_else_an_answer(transport: Transport) -> None:
    def fail(_: object) -> None:
        raise ZeroDivisionError

    async def work(one: Asking) -> None:
        for _ in range(wires._REQUESTS):
            one.exchange.ask("ping", {}, fail)
        assert await one.ask() == {"result": b"pong"}
        for _ in range(wires._REQUESTS):
            assert isinstance(await one.faults.get(), ZeroDivisionError)
        assert one.faults.empty()

    serve = (
        pong if transport is Transport.TCP else http(lambda body: page(cookie(body) + b" d6:result4:ponge"))
    )
    asking(transport, serve, work)


def test_what_nobody_waits_for_any_more_is_not_sent(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("trunkline.media.rtpengine.exchange.PATIENCE_S", 0.3)
    released = asyncio.Event()
    heard: list[bytes] = []

    def answer(body: bytes) -> bytes:
        heard.append(body.rpartition(b":")[2])
        return page(cookie(body) + b" d6:result4:ponge")

    async def late(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await released.wait()
        await http(answer)(reader, writer)

    async def work(one: Asking) -> None:
        commands = ["early"] * wires._REQUESTS + ["queued"]
        for outcome in await asyncio.gather(*map(one.ask, commands)):
            assert isinstance(outcome, NgSilentError)
        released.set()
        assert await one.ask("now") == {"result": b"pong"}
        assert heard == [b"earlye"] * wires._REQUESTS + [b"nowe"]

    asking(Transport.HTTP, late, work)
