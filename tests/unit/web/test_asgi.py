"""What every response goes through."""

import asyncio
from collections.abc import AsyncIterator

import httpx
import pytest
from fastapi import FastAPI
from pydantic import BaseModel
from starlette.requests import Request
from starlette.responses import PlainTextResponse, StreamingResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from trunkline.web.asgi import MAX_BODY, Doors, Guard


class Thing(BaseModel):
    text: str


def inner() -> FastAPI:
    app = FastAPI()

    @app.post("/")
    def post(thing: Thing) -> int:
        return len(thing.text)

    @app.get("/own")
    def own() -> PlainTextResponse:
        return PlainTextResponse("x", headers={"Cache-Control": "max-age=60"})

    return app


def ask(
    app: ASGIApp, method: str, path: str = "/", *, content: bytes = b"", scheme: str = "http"
) -> httpx.Response:
    async def request() -> httpx.Response:
        async with httpx.AsyncClient(
            transport=httpx.ASGITransport(app), base_url=f"{scheme}://web"
        ) as client:
            headers = {"Content-Type": "application/json"}
            return await client.request(method, path, content=content, headers=headers)

    return asyncio.run(request())


def test_a_body_within_the_bound() -> None:
    text = "x" * (MAX_BODY - 11)
    response = ask(Guard(inner()), "POST", content=f'{{"text":"{text}"}}'.encode())
    assert (response.status_code, response.json()) == (200, len(text))


def test_a_larger_one_is_refused_whatever_the_app_makes_of_it() -> None:
    """FastAPI takes a body that can't be read for a malformed one, and would answer 400."""
    response = ask(Guard(inner()), "POST", content=b"x" * (MAX_BODY + 1))
    assert response.status_code == 413
    assert response.headers["content-type"] == "application/problem+json"
    assert response.json()["detail"] == "a body has at most 1048576 bytes"
    assert response.headers["x-content-type-options"] == "nosniff"


def test_an_answer_that_has_begun_is_not_begun_again() -> None:
    async def greedy(scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await receive()

    async def scenario() -> list[Message]:
        sent: list[Message] = []

        async def receive() -> Message:
            return {"type": "http.request", "body": b"x" * (MAX_BODY + 1)}

        async def send(message: Message) -> None:
            sent.append(message)

        await Guard(greedy)({"type": "http", "scheme": "http"}, receive, send)
        return sent

    assert [message["type"] for message in asyncio.run(scenario())] == ["http.response.start"]


@pytest.mark.parametrize("path", ["/own", "/missing"])
def test_headers_that_keep_browsers_safe(path: str) -> None:
    headers = ask(Guard(inner()), "GET", path).headers
    policy = headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert headers["x-frame-options"] == "DENY"
    assert headers["referrer-policy"] == "same-origin"
    assert headers["cache-control"] == ("max-age=60" if path == "/own" else "no-store")
    assert "strict-transport-security" not in headers


def test_https_stays_https() -> None:
    response = ask(Guard(inner()), "GET", "/own", scheme="https")
    assert response.headers["strict-transport-security"] == "max-age=31536000"


def test_a_stream_passes_as_it_comes() -> None:
    app = FastAPI()

    async def parts() -> AsyncIterator[bytes]:
        yield b"a"
        yield b"b"

    @app.get("/")
    async def stream() -> StreamingResponse:
        return StreamingResponse(parts())

    assert ask(Guard(app), "GET").text == "ab"


def test_whoever_goes_away_while_a_form_is_read_is_no_fault() -> None:
    async def reads(scope: Scope, receive: Receive, send: Send) -> None:
        await Request(scope, receive, send).body()

    async def gone() -> dict[str, object]:
        return {"type": "http.disconnect"}

    async def send(_message: object) -> None:
        raise AssertionError

    asyncio.run(Guard(reads)({"type": "http", "scheme": "http"}, gone, send))


def test_websockets_are_not_served() -> None:
    async def never(scope: Scope, receive: Receive, send: Send) -> None:
        raise AssertionError

    async def nothing() -> dict[str, object]:
        raise AssertionError

    async def send(_message: object) -> None:
        raise AssertionError

    asyncio.run(Guard(never)({"type": "websocket"}, nothing, send))


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("/v1", "api"),
        ("/v1/calls", "api"),
        ("/v1/calls/x", "calls"),
        ("/v10", "rest"),
        ("/", "rest"),
        ("/other/v1", "rest"),
    ],
)
def test_doors(path: str, name: str) -> None:
    doors = Doors(
        {"/v1": PlainTextResponse("api"), "/v1/calls/x": PlainTextResponse("calls")},
        PlainTextResponse("rest"),
    )
    assert ask(doors, "GET", path).text == name
