"""HTTP inside a loop of ours: uvicorn without its habits.

uvicorn here installs no signal handlers (the node has its own), configures no logging, and logs no requests.
It waits for nobody without end: a connection ends when its request does not come within `REQUEST_S`, when
nothing of an answer is read for `UNREAD_S`, and when it says nothing while others want its place.
"""

import asyncio
import contextlib
import socket
import ssl
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import h11
import uvicorn
from starlette.types import ASGIApp
from uvicorn.protocols.http.h11_impl import H11Protocol

from trunkline.errors import NetError
from trunkline.net.binding import why_not_bound
from trunkline.net.tls import load_certificate

BACKLOG = 64
MAX_CONNECTIONS = 128
"""More are answered 503: these ports are for a handful of machines."""
REQUEST_S = 30.0
"""How long a request may take to come, from its first byte, or from the connection, to its last one."""
UNREAD_S = 30.0
"""How long more of an answer than fits into the buffers may wait for its reader to take some."""
GRACE_S = 2
"""How long a stopping server waits for open requests."""


class Tls(NamedTuple):
    """What HTTPS needs."""

    certificate: Path
    key: Path


def listen_tcp(host: str, port: int, setting: str = "") -> socket.socket:
    """Listen on an IP address (IPv6 without brackets). Raises `NetError`, which names the `setting`."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            listener.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        listener.bind((host, port))
        listener.listen(BACKLOG)
    except OSError as error:
        listener.close()
        see = f": see {setting}" if setting else ""
        reason = f"{why_not_bound(error, port)}{see}"
        raise NetError(f"HTTP can't listen on {host} port {port}: {reason}") from error
    return listener


class _Connection(H11Protocol):
    """One connection, with an end to every wait for its peer."""

    _coming: asyncio.TimerHandle | None = None
    """Runs while a request is awaited or comes."""
    _unread: asyncio.TimerHandle | None = None
    """Runs while an answer waits for its reader."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._coming = self.loop.call_later(REQUEST_S, transport.abort)
        if self.limit_concurrency is not None and len(self.connections) >= self.limit_concurrency:
            self._make_room()

    def handle_events(self) -> None:
        super().handle_events()
        if self.conn.their_state not in (h11.IDLE, h11.SEND_BODY):
            _cancel(self._coming)
            self._coming = None
        elif self._coming is None:
            self._coming = self.loop.call_later(REQUEST_S, self.transport.abort)

    def pause_writing(self) -> None:
        super().pause_writing()
        self._unread = self.loop.call_later(UNREAD_S, self.transport.abort)

    def resume_writing(self) -> None:
        super().resume_writing()
        _cancel(self._unread)

    def connection_lost(self, exc: Exception | None) -> None:
        super().connection_lost(exc)
        _cancel(self._coming)
        _cancel(self._unread)

    def waits_since(self) -> float | None:
        """Since when (the loop's clock) a request is awaited; None: none is, or this one is ending."""
        if self._coming is None or self.transport.is_closing():
            return None
        return self._coming.when() - REQUEST_S

    def _make_room(self) -> None:
        """End the connection that has kept a request back for longest."""
        others = [one for one in self.connections if isinstance(one, _Connection) and one is not self]
        since = {one: at for one in others if (at := one.waits_since()) is not None}
        if since:
            min(since, key=since.__getitem__).transport.abort()


def _cancel(timer: asyncio.TimerHandle | None) -> None:
    if timer is not None:
        timer.cancel()


class _Server(uvicorn.Server):
    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.serving = asyncio.Event()
        self.ending = asyncio.Event()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self.serving.set()

    async def main_loop(self) -> None:
        """Wake for the Date header alone: uvicorn's own loop looks ten times a second whether to end."""
        while not await self.on_tick(0):
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self.ending.wait(), 1.0)

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


class HttpServer:
    """Serves one app on one listening socket, which it owns, from `start` to `stop`."""

    def __init__(
        self, app: ASGIApp, listener: socket.socket, *, tls: Tls | None = None, proxies: Sequence[str] = ()
    ) -> None:
        """`proxies` are addresses whose X-Forwarded-For and X-Forwarded-Proto are believed."""
        self._listener = listener
        self._tls = tls
        self._server = _Server(
            uvicorn.Config(
                app,
                http=_Connection,
                ws="none",
                lifespan="off",
                log_config=None,
                access_log=False,
                proxy_headers=bool(proxies),
                forwarded_allow_ips=list(proxies),
                ssl_certfile=None if tls is None else tls.certificate,
                ssl_keyfile=None if tls is None else tls.key,
                server_header=False,
                limit_concurrency=MAX_CONNECTIONS,
                timeout_keep_alive=5,
                timeout_graceful_shutdown=GRACE_S,
            )
        )
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Return once requests are served. Raises `NetError` for a certificate that can't be used."""
        if self._tls is not None:
            load_certificate(ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER), *self._tls)
        self._task = asyncio.create_task(self._server.serve(sockets=[self._listener]), name="http")
        serving = asyncio.create_task(self._server.serving.wait())
        await asyncio.wait({self._task, serving}, return_when=asyncio.FIRST_COMPLETED)
        serving.cancel()
        if self._task.done():
            self._task.result()

    def reload_tls(self) -> None:
        """Read certificate and key again, for connections from now on. Raises `NetError` and keeps the old
        ones.
        """
        context = self._server.config.ssl
        if self._tls is not None and context is not None:
            load_certificate(ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER), *self._tls)
            load_certificate(context, *self._tls)

    async def stop(self) -> None:
        """Let open requests end, at most `GRACE_S` seconds, and close the socket. Idempotent."""
        if self._task is not None:
            self._server.should_exit = True
            self._server.ending.set()
            await self._task
            self._task = None
        self._listener.close()
