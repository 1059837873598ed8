"""What every response of the web process goes through: a bound for bodies, headers that keep browsers safe,
and the way to the right app."""

import contextlib

from starlette.datastructures import MutableHeaders
from starlette.requests import ClientDisconnect
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

MAX_BODY = 1 << 20
"""Bytes of a request's body."""
CONTENT_SECURITY_POLICY = (
    "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "font-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
)
_HEADERS = {
    "Content-Security-Policy": CONTENT_SECURITY_POLICY,
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
}
_TOO_LARGE = {
    "type": "/v1/docs#too-large",
    "title": "Too large",
    "status": 413,
    "detail": f"a body has at most {MAX_BODY} bytes",
}
_HSTS = "max-age=31536000"


class _TooLargeError(Exception):
    """Ends the reading of a body. An app may catch it and answer with something else: that is not sent."""


class Guard:
    """Wraps the whole: refuses bodies over `MAX_BODY` with 413, adds the headers, and has HEAD answered as
    GET is (RFC 9110 §9.3.2); the server sends no body then."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return
        taken = 0
        begun = False
        refused = False

        async def bounded() -> Message:
            nonlocal taken, refused
            message = await receive()
            taken += len(message.get("body", b""))
            if taken > MAX_BODY:
                refused = not begun
                raise _TooLargeError
            return message

        async def decorated(message: Message) -> None:
            nonlocal begun
            if message["type"] == "http.response.start":
                begun = True
                headers = MutableHeaders(scope=message)
                for name, value in _HEADERS.items():
                    headers.setdefault(name, value)
                headers.setdefault("Cache-Control", "no-store")
                if scope["scheme"] == "https":
                    headers.setdefault("Strict-Transport-Security", _HSTS)
            await send(message)

        async def unless_refused(message: Message) -> None:
            if not refused:
                await decorated(message)

        # Whoever goes away while its form is read has no use for an answer.
        asked = {**scope, "method": "GET"} if scope.get("method") == "HEAD" else scope
        with contextlib.suppress(_TooLargeError, ClientDisconnect):
            await self._app(asked, bounded, unless_refused)
        if refused:
            await JSONResponse(_TOO_LARGE, 413, media_type="application/problem+json")(
                scope, receive, decorated
            )


class Doors:
    """Sends a request to the app whose prefix its path has; the longest first, `rest` takes what is left."""

    def __init__(self, apps: dict[str, ASGIApp], rest: ASGIApp) -> None:
        self._apps = sorted(apps.items(), key=lambda item: len(item[0]), reverse=True)
        self._rest = rest

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        path = scope.get("path", "")
        for prefix, app in self._apps:
            if path == prefix or path.startswith(f"{prefix}/"):
                await app(scope, receive, send)
                return
        await self._rest(scope, receive, send)
