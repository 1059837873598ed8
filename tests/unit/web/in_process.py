"""An ASGI app as the transport of a blocking client: no socket, no thread of its own."""

import asyncio

import httpx
from starlette.types import ASGIApp


class InProcess(httpx.BaseTransport):
    """Each request runs on a loop of its own."""

    def __init__(self, app: ASGIApp, *, raises: bool = True) -> None:
        """`raises`: an error that the app does not answer is the test's."""
        self._app = httpx.ASGITransport(app, raise_app_exceptions=raises)

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        return asyncio.run(self._answer(request))

    async def _answer(self, request: httpx.Request) -> httpx.Response:
        answer = await self._app.handle_async_request(request)
        return httpx.Response(answer.status_code, headers=answer.headers, content=await answer.aread())


def client(app: ASGIApp, auth: tuple[str, str] | None = None, *, raises: bool = True) -> httpx.Client:
    """A client that keeps cookies, follows no redirects, and is signed in with `auth` by Basic
    authentication."""
    return httpx.Client(transport=InProcess(app, raises=raises), base_url="http://127.0.0.1:8088", auth=auth)
