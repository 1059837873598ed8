"""A store with one account that wants to be told everything, and a receiver."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.unit.virtual_clock import FakeClock
from tests.unit.web.customers import office_of
from tests.unit.web.paper_node import PaperNode
from trunkline.store.store import Store
from trunkline.store.webhooks import Webhooks
from trunkline.trunk.account import Account
from trunkline.web.office import Office

ACCOUNT = "acme"

Answer = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@pytest.fixture
def office(home: Path, node: PaperNode) -> Iterator[Office]:
    office = office_of(home, node, webhooks_private=True)
    office.store.accounts.add(Account(ACCOUNT))
    yield office
    office.close()


@pytest.fixture
def store(office: Office) -> Store:
    return office.store


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def webhooks(store: Store, clock: FakeClock) -> Webhooks:
    """Makes webhooks by the virtual clock."""
    return Webhooks(store.database, store.keyring, wall=clock.wall)


@dataclass
class Receiver:
    """What came to a receiver's port, one request each."""

    url: str = ""
    requests: list[tuple[dict[str, str], bytes]] = field(default_factory=list)

    @property
    def ids(self) -> list[str]:
        return [headers["webhook-id"] for headers, _ in self.requests]


async def read_request(reader: asyncio.StreamReader) -> tuple[dict[str, str], bytes]:
    """The headers, by lower-case name, and the body of one request."""
    head = (await reader.readuntil(b"\r\n\r\n")).decode()
    lines = head.split("\r\n")[1:-2]
    headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
    return headers, await reader.readexactly(int(headers["content-length"]))


def answering(status: int, *headers: str, body: bytes = b"") -> Answer:
    """Answers at once."""

    async def answer(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        lines = [f"HTTP/1.1 {status} Fine", f"Content-Length: {len(body)}", "Connection: close", *headers]
        writer.write("\r\n".join([*lines, "", ""]).encode() + body)
        await writer.drain()

    return answer


@asynccontextmanager
async def serving(
    serve: Answer, host: str = "127.0.0.1", tls: ssl.SSLContext | None = None
) -> AsyncIterator[int]:
    """Has `serve` serve every connection to a port, which it is, and leaves none open."""
    writers: list[asyncio.StreamWriter] = []
    under_way: set[asyncio.Task[None]] = set()

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        under_way.add(task)
        writers.append(writer)
        try:
            with suppress(asyncio.IncompleteReadError, ConnectionError):
                await serve(reader, writer)
        finally:
            writer.close()
            under_way.discard(task)

    server = await asyncio.start_server(connected, host, 0, ssl=tls)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        for writer in writers:
            writer.close()
        for task in list(under_way):
            task.cancel()
        await asyncio.gather(*under_way, return_exceptions=True)
        for writer in writers:
            with suppress(OSError):
                await writer.wait_closed()


@asynccontextmanager
async def receiver(answer: Answer, host: str = "127.0.0.1") -> AsyncIterator[Receiver]:
    """A real one on loopback; `answer` says something to each request."""
    received = Receiver()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        received.requests.append(await read_request(reader))
        await answer(reader, writer)

    async with serving(serve, host) as port:
        received.url = f"http://{host}:{port}/hook?a=b"
        yield received
