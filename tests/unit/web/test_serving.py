"""Real sockets: who may open them, what stops them, and what uvicorn must leave alone."""

import asyncio
import signal
import socket
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import httpx
import pytest

from tests.unit.web.paper_node import PaperNode
from trunkline.errors import NetError
from trunkline.web.public import public_app
from trunkline.web.serving import HttpServer, Tls, listen_tcp

T = TypeVar("T")


def served(listener: socket.socket, node: PaperNode, act: Callable[[], T]) -> T:
    """Run `act` in a thread while the public app is served on `listener`."""

    async def scenario() -> T:
        server = HttpServer(public_app(node), listener)
        await server.start()
        try:
            return await asyncio.to_thread(act)
        finally:
            node.feed.close()
            await server.stop()
            await server.stop()

    return asyncio.run(scenario())


@pytest.mark.parametrize("host", ["127.0.0.1", "::1"])
def test_public_port(host: str) -> None:
    listener = listen_tcp(host, 0)
    port = listener.getsockname()[1]
    shown = f"[{host}]" if ":" in host else host
    response = served(
        listener, PaperNode(), lambda: httpx.get(f"http://{shown}:{port}/healthz", trust_env=False)
    )
    assert response.text == "ok\n"
    assert "server" not in response.headers
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection((host, port))


def test_a_port_in_use_is_an_error_with_its_address() -> None:
    listener = listen_tcp("127.0.0.1", 0)
    port = listener.getsockname()[1]
    with pytest.raises(NetError, match=f"127.0.0.1 port {port}: Address already in use"):
        listen_tcp("127.0.0.1", port)
    listener.close()


def test_signal_handlers_are_left_alone() -> None:
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    during = served(
        listen_tcp("127.0.0.1", 0),
        PaperNode(),
        lambda: {number: signal.getsignal(number) for number in before},
    )
    # asyncio.run installs its own for SIGINT.
    assert during[signal.SIGTERM] is before[signal.SIGTERM]


def test_a_certificate_that_cannot_be_used_is_named(tmp_path: Path) -> None:
    async def body() -> None:
        tls = Tls(tmp_path / "none.pem", tmp_path / "none-key.pem")
        server = HttpServer(public_app(PaperNode()), listen_tcp("127.0.0.1", 0), tls=tls)
        with pytest.raises(NetError, match=r"can't use tls\.certificate .*none\.pem with .*none-key\.pem"):
            await server.start()
        await server.stop()

    asyncio.run(body())
