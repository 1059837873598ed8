"""Real sockets: who may open them, what stops them, and what uvicorn must leave alone."""

import asyncio
import contextlib
import signal
import socket
import threading
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import httpx
import pytest
from starlette.types import ASGIApp, Receive, Scope, Send

from tests.unit.web.paper_node import PaperNode
from trunkline.errors import NetError
from trunkline.web import serving
from trunkline.web.public import public_app
from trunkline.web.serving import MAX_CONNECTIONS, HttpServer, Tls, listen_tcp

T = TypeVar("T")


def served(listener: socket.socket, node: PaperNode, act: Callable[[], T]) -> T:
    """Run `act` in a thread while the public app is served on `listener`."""
    try:
        return serving_app(public_app(node), listener, act)
    finally:
        node.feed.close()


def serving_app(app: ASGIApp, listener: socket.socket, act: Callable[[], T]) -> T:
    """The same with `app`."""

    async def scenario() -> T:
        server = HttpServer(app, listener)
        await server.start()
        try:
            return await asyncio.to_thread(act)
        finally:
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


def opened(port: int, count: int) -> list[socket.socket]:
    return [socket.create_connection(("127.0.0.1", port), timeout=10) for _ in range(count)]


def test_who_connects_and_says_nothing_keeps_nobody_out() -> None:
    listener = listen_tcp("127.0.0.1", 0)
    port = listener.getsockname()[1]

    def act() -> list[str]:
        silent = opened(port, MAX_CONNECTIONS + 20)
        for number, one in enumerate(silent):
            one.sendall(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n"[: 16 * (number % 4)])
        with httpx.Client(base_url=f"http://127.0.0.1:{port}", trust_env=False) as client:
            said = [client.get("/healthz").text for _ in range(3)]
        for one in silent:
            one.close()
        return said

    assert served(listener, PaperNode(), act) == ["ok\n"] * 3


@pytest.mark.parametrize(
    ("sent", "heard"),
    [
        (b"", 0),
        (b"GET /heal", 0),
        (b"POST /form HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\nx", 0),
        (b"GET / HTTP/1.1\r\nHost: x\r\n\r\nPOST /form HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\nx", 1),
    ],
    ids=["nothing", "head", "body", "pipelined"],
)
def test_a_request_that_does_not_come_is_not_waited_for(
    monkeypatch: pytest.MonkeyPatch, sent: bytes, heard: int
) -> None:
    monkeypatch.setattr(serving, "REQUEST_S", 0.05)

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["path"] == "/form":
            while (await receive()).get("more_body"):
                pass
        await send({"type": "http.response.start", "status": 204, "headers": []})
        await send({"type": "http.response.body"})

    listener = listen_tcp("127.0.0.1", 0)
    port = listener.getsockname()[1]

    def act() -> bytes:
        [one] = opened(port, 1)
        with one:
            one.sendall(sent)
            said = b""
            with contextlib.suppress(ConnectionResetError):
                while data := one.recv(65536):
                    said += data
            return said

    assert serving_app(app, listener, act).count(b"HTTP/1.1 204") == heard


def test_an_answer_takes_as_long_as_it_likes(monkeypatch: pytest.MonkeyPatch) -> None:
    async def app(_scope: Scope, _receive: Receive, send: Send) -> None:
        loop = asyncio.get_running_loop()
        now, passed = loop.time, 0.0
        monkeypatch.setattr(loop, "time", lambda: now() + passed)
        await send({"type": "http.response.start", "status": 200, "headers": []})
        for more in (True, True, False):
            passed += 2 * (serving.REQUEST_S + serving.UNREAD_S)
            for _ in range(3):
                await asyncio.sleep(0)  # whatever is due by then happens
            await send({"type": "http.response.body", "body": b"x", "more_body": more})

    listener = listen_tcp("127.0.0.1", 0)
    url = f"http://127.0.0.1:{listener.getsockname()[1]}/"
    assert serving_app(app, listener, lambda: httpx.get(url, trust_env=False).text) == "xxx"


def test_an_answer_that_nobody_reads_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(serving, "UNREAD_S", 0.05)
    ended = threading.Event()

    async def app(_scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"x" * (32 << 20), "more_body": True})
        await receive()
        while (await receive())["type"] != "http.disconnect":
            pass
        ended.set()

    listener = listen_tcp("127.0.0.1", 0)
    port = listener.getsockname()[1]

    def act() -> bool:
        [one] = opened(port, 1)
        with one:
            one.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
            return ended.wait(10)

    assert serving_app(app, listener, act)


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
