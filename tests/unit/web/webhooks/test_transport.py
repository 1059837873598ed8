"""HTTP that connects only where webhooks may go."""

import asyncio
import ssl
from collections.abc import Sequence
from pathlib import Path

import httpx
import pytest

from tests.unit.net.certificates import self_signed
from tests.unit.web.webhooks.conftest import answering, read_request, receiver, serving
from trunkline.web.webhooks.transport import PublicTransport, UnreachableError


class Zone:
    """DNS of paper: each question gets the next answer, the last one again and again."""

    def __init__(self, *answers: Sequence[str]) -> None:
        self._answers = list(answers)
        self.asked: list[str] = []

    async def lookup(self, host: str) -> Sequence[str]:
        self.asked.append(host)
        return self._answers.pop(0) if len(self._answers) > 1 else self._answers[0]


async def post(url: str, zone: Zone, *, private: bool, tls: ssl.SSLContext | None = None) -> int:
    transport = PublicTransport(zone.lookup, private=private, connections=8, tls=tls)
    async with httpx.AsyncClient(transport=transport, timeout=5) as client:
        return (await client.post(url, content=b"{}")).status_code


def url_of(received_url: str, host: str) -> str:
    return received_url.replace("127.0.0.1", host)


def test_a_name_is_connected_to_at_its_checked_address() -> None:
    async def run() -> None:
        zone = Zone(["127.0.0.1"])
        async with receiver(answering(200)) as received:
            url = url_of(received.url, "hook.example")
            assert await post(url, zone, private=True) == 200
        ((headers, _),) = received.requests
        assert headers["host"].startswith("hook.example:")
        assert zone.asked == ["hook.example"]

    asyncio.run(run())


@pytest.mark.parametrize(
    "addresses", [["127.0.0.1"], ["10.0.0.1", "::1"], ["::ffff:127.0.0.1"], ["169.254.169.254"], []]
)
def test_a_name_without_a_public_address_is_not_connected_to(addresses: list[str]) -> None:
    async def run() -> None:
        async with receiver(answering(200)) as received:
            with pytest.raises(UnreachableError, match=r"hook.example has no (public )?address"):
                await post(url_of(received.url, "hook.example"), Zone(addresses), private=False)
        assert received.requests == []

    asyncio.run(run())


@pytest.mark.parametrize("host", ["127.0.0.1", "[::ffff:127.0.0.1]", "0x7f000001", "2130706433", "127.1"])
def test_however_a_private_address_is_written(host: str) -> None:
    async def run() -> None:
        async with receiver(answering(200)) as received:
            with pytest.raises(UnreachableError):
                await post(url_of(received.url, host), Zone([]), private=False)
        assert received.requests == []

    asyncio.run(run())


def test_an_answer_that_changes_after_the_check_changes_nothing() -> None:
    """DNS rebinding: DNS is asked once, and what it said is connected to."""

    async def run() -> None:
        zone = Zone(["192.0.2.1", "10.0.0.1"], ["127.0.0.1"])
        async with receiver(answering(200)) as received:
            with pytest.raises(UnreachableError):
                await post(url_of(received.url, "rebind.example"), zone, private=False)
        assert zone.asked == ["rebind.example"]
        assert received.requests == []

    asyncio.run(run())


def test_the_next_address_when_one_refuses() -> None:
    async def run() -> None:
        async with receiver(answering(204), "127.0.0.1") as received:
            zone = Zone(["127.0.0.9", "0.0.0.0", "127.0.0.1"])
            assert await post(url_of(received.url, "hook.example"), zone, private=True) == 204
            with pytest.raises(httpx.ConnectError):
                await post(url_of(received.url, "hook.example"), Zone(["127.0.0.9"]), private=True)

    asyncio.run(run())


def test_each_request_has_a_connection_of_its_own() -> None:
    """Two names at one address: the connection that one was verified on must not carry the other's."""
    connections: list[object] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connections.append(writer)
        while True:
            await read_request(reader)
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")

    async def run() -> None:
        async with serving(serve) as port:
            transport = PublicTransport(Zone(["127.0.0.1"]).lookup, private=True, connections=8)
            async with httpx.AsyncClient(transport=transport, timeout=5) as client:
                for name in ("a.example", "b.example", "a.example"):
                    await client.post(f"http://{name}:{port}/", content=b"{}")

    asyncio.run(run())
    assert len(connections) == 3


def test_tls_verifies_the_name_and_not_the_address(tmp_path: Path) -> None:
    made = self_signed(tmp_path, "hook.example")
    server_tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    server_tls.load_cert_chain(made.certificate, made.key)
    client_tls = ssl.create_default_context(cafile=str(made.certificate))

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_request(reader)
        await answering(200)(reader, writer)

    async def run() -> None:
        async with serving(serve, tls=server_tls) as port:
            zone = Zone(["127.0.0.1"])
            assert await post(f"https://hook.example:{port}/", zone, private=True, tls=client_tls) == 200
            with pytest.raises(httpx.ConnectError, match=r"other\.example"):
                await post(f"https://other.example:{port}/", zone, private=True, tls=client_tls)

    asyncio.run(run())
