"""One question to one nameserver, which may answer anything."""

import asyncio
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import dns.flags
import dns.message
import dns.name
import dns.rrset
import pytest

from tests.unit.net.dns_server import udp_and_tcp
from tests.unit.net.wire import closed_port
from trunkline.net.dns_exchange import exchange
from trunkline.net.locating import RecordType
from trunkline.sip.ports import Address

NAME = dns.name.from_text("pbx.example")
UNFINISHED = [b"\xff\xff"]
"""The beginning of an answer over TCP that never goes on."""
Script = Callable[[dns.message.Message], list[bytes]]


def right(query: dns.message.Message, address: str = "192.0.2.1") -> bytes:
    answer = dns.message.make_response(query)
    answer.answer.append(dns.rrset.from_text("pbx.example.", 60, "IN", "A", address))
    return answer.to_wire()


def cut(query: dns.message.Message) -> bytes:
    answer = dns.message.make_response(query)
    answer.flags |= dns.flags.TC
    return answer.to_wire()


def with_another_id(query: dns.message.Message) -> bytes:
    answer = dns.message.make_response(query)
    answer.id ^= 1
    return answer.to_wire()


def to_another_question(query: dns.message.Message) -> bytes:
    other = dns.message.make_query("evil.example", "A")
    other.id = query.id
    return right(other)


def framed(data: bytes) -> bytes:
    return len(data).to_bytes(2, "big") + data


@asynccontextmanager
async def server(
    udp_script: Script,
    tcp_script: Script = lambda _query: [],
    askers: list[tuple[str, int]] | None = None,
) -> AsyncIterator[Address]:
    """A nameserver that answers each question with what a script says, and notes who asked by UDP."""
    loop = asyncio.get_running_loop()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            length = int.from_bytes(await reader.readexactly(2), "big")
            pieces = tcp_script(dns.message.from_wire(await reader.readexactly(length)))
            for piece in pieces:
                writer.write(piece)
                await writer.drain()
            if pieces == UNFINISHED:
                await reader.read()
        except asyncio.IncompleteReadError:
            pass  # cancelled before it was asked
        finally:
            writer.close()

    udp, stream = udp_and_tcp()
    udp.setblocking(False)
    address = Address(*udp.getsockname())
    tcp = await asyncio.start_server(serve, sock=stream)

    def ready() -> None:
        data, sender = udp.recvfrom(2000)
        if askers is not None:
            askers.append(sender)
        for answer in udp_script(dns.message.from_wire(data)):
            udp.sendto(answer, sender)

    loop.add_reader(udp, ready)
    try:
        yield address
    finally:
        loop.remove_reader(udp)
        udp.close()
        tcp.close()
        await tcp.wait_closed()


async def test_the_answer_comes_back() -> None:
    async with server(lambda query: [right(query)]) as address:
        answer = await exchange(NAME, RecordType.A, address)
        assert answer.answer[0][0].to_text() == "192.0.2.1"


async def test_what_is_no_answer_to_the_question_is_passed_over() -> None:
    def script(query: dns.message.Message) -> list[bytes]:
        return [
            b"",
            b"rubbish",
            query.to_wire(),
            with_another_id(query),
            to_another_question(query),
            right(query),
        ]

    async with server(script) as address:
        answer = await exchange(NAME, RecordType.A, address)
        assert answer.answer[0].name == NAME


async def test_an_answer_from_elsewhere_does_not_get_in() -> None:
    """The stranger's comes first, and the server's is taken."""
    askers: list[tuple[str, int]] = []

    def script(query: dns.message.Message) -> list[bytes]:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as stranger:
            stranger.sendto(right(query, "192.0.2.66"), askers[0])
        return [right(query)]

    async with server(script, askers=askers) as address:
        answer = await exchange(NAME, RecordType.A, address)
        assert answer.answer[0][0].to_text() == "192.0.2.1"


async def test_a_cut_answer_is_asked_for_again_over_tcp() -> None:
    def script(query: dns.message.Message) -> list[bytes]:
        whole = framed(right(query))
        return [whole[:1], whole[1:9], whole[9:]]

    async with server(lambda query: [cut(query)], script) as address:
        answer = await exchange(NAME, RecordType.A, address)
        assert answer.answer[0][0].to_text() == "192.0.2.1"


@pytest.mark.parametrize(
    ("script", "error"),
    [
        (lambda _query: [], EOFError),
        (lambda query: [framed(right(query))[:20]], EOFError),
        (lambda query: [framed(with_another_id(query))], ConnectionError),
        (lambda query: [framed(to_another_question(query))], ConnectionError),
        (lambda _query: [framed(b"rubbish")], dns.message.ShortHeader),
    ],
)
async def test_tcp_that_does_not_deliver(script: Script, error: type[Exception]) -> None:
    async with server(lambda query: [cut(query)], script) as address:
        with pytest.raises(error):
            await exchange(NAME, RecordType.A, address)


async def test_nobody_there() -> None:
    with pytest.raises(ConnectionRefusedError):
        await exchange(NAME, RecordType.A, closed_port())


@pytest.mark.parametrize("steps", range(0, 36, 4))
async def test_a_cancelled_question_leaves_no_socket(steps: int) -> None:
    async with server(lambda query: [cut(query)], lambda _query: UNFINISHED) as address:
        task = asyncio.create_task(exchange(NAME, RecordType.A, address))
        for _ in range(steps):
            await asyncio.sleep(0)
        task.cancel()
        result = await asyncio.gather(task, return_exceptions=True)
        assert isinstance(result[0], asyncio.CancelledError)
