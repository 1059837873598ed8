"""Accepts TCP and TLS connections, within the bounds of the table and the gate.

Accepts with its own loop rather than the event loop's server: the caps have to hold while a TLS handshake is
under way, and a full descriptor table must not spin.
"""

import asyncio
import contextlib
import errno
import socket
import ssl
from collections.abc import Callable
from typing import Final

from trunkline.errors import NetError
from trunkline.net.binding import why_not_bound
from trunkline.net.connections import Connections, Purpose
from trunkline.net.dialer import SHUTDOWN_TIMEOUT_S, handshake_error, tune
from trunkline.net.flows import address_of
from trunkline.net.settings import Listen
from trunkline.net.stream import Connection, StreamContext
from trunkline.sip.failures import FlowFailure, FlowFailureKind
from trunkline.sip.ports import Address

ACCEPTS_PER_WAKEUP: Final = 16
BACKLOG: Final = 512
PAUSE_S: Final = 0.5
"""How long not to accept when the process has no descriptor left."""

_EXHAUSTED: Final = (errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM)


class StreamListener:
    """One listening socket, bound from construction on, accepting from `start` until `close`."""

    def __init__(
        self,
        listen: Listen,
        context: StreamContext,
        connections: Connections,
        *,
        tls_context: Callable[[], ssl.SSLContext] | None = None,
        dual_stack: bool = False,
    ) -> None:
        """`tls_context` gives the context for the next handshake; None means TCP. Raises `NetError`."""
        self._socket = _listening_socket(listen, v6only=not dual_stack)
        port = self._socket.getsockname()[1]
        self.listen: Final = listen
        self.bound: Final = Address(listen.bind.host, port)
        self.advertised: Final = Address(listen.advertised.host, listen.advertised.port or port)
        self._context = context
        self._connections = connections
        self._tls_context = tls_context
        self._tasks: set[asyncio.Task[None]] = set()
        self._closed = False

    def start(self) -> None:
        """Begin to accept."""
        self._context.loop.add_reader(self._socket.fileno(), self._ready)

    def unbind(self) -> None:
        """Stop accepting; handshakes under way go on. Idempotent."""
        if not self._closed:
            self._closed = True
            self._context.loop.remove_reader(self._socket.fileno())
            self._socket.close()

    async def close(self) -> None:
        """Stop accepting and give up the handshakes under way."""
        self.unbind()
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _ready(self) -> None:
        for _ in range(ACCEPTS_PER_WAKEUP):
            try:
                stream, sockaddr = self._socket.accept()
            except BlockingIOError:
                return
            except OSError as error:
                if error.errno in _EXHAUSTED:
                    self._pause()
                    return
                continue
            self._take(stream, address_of(sockaddr))

    def _pause(self) -> None:
        context = self._context
        context.loop.remove_reader(self._socket.fileno())
        context.clock.at(context.clock.now() + PAUSE_S, self._resume)

    def _resume(self) -> None:
        if not self._closed:
            self.start()

    def _take(self, stream: socket.socket, remote: Address) -> None:
        context = self._context
        gate = context.gate
        self._connections.make_room()
        refusal = self._connections.refusal(remote.host)
        if refusal is None and gate is not None:
            banned = not gate.admits_connection(remote.host)
            refusal = "the source is banned" if banned else gate.crowding(remote.host)
        if refusal is not None:
            stream.close()
            context.events.connection_turned_away(remote, refusal)
            return
        stranger = gate is not None and not gate.knows(remote.host)
        if gate is not None and stranger:
            oldest = self._connections.crowded_out(gate.knows)
            if oldest is not None:
                oldest.end(FlowFailure(FlowFailureKind.CLOSED, "too many connections of strangers are open"))
        transport = self.listen.transport
        connection = Connection(context, transport, remote, self.advertised, accepted=True)
        self._connections.add(connection, Purpose(transport, remote), stranger=stranger)
        task = context.loop.create_task(self._open(connection, stream))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        task.add_done_callback(lambda done: stream.close() if done.cancelled() else None)
        timeout_s = context.limits.handshake_timeout_s
        late = FlowFailure(FlowFailureKind.TLS, f"no TLS handshake within {timeout_s:g} s")
        connection.opens_by(task)
        connection.must_open_within(timeout_s, late)

    async def _open(self, connection: Connection, stream: socket.socket) -> None:
        try:
            with contextlib.suppress(OSError):
                tune(stream)
            stream.setblocking(False)
            await self._context.loop.connect_accepted_socket(
                lambda: connection,
                stream,
                ssl=self._tls_context() if self._tls_context else None,
                ssl_shutdown_timeout=SHUTDOWN_TIMEOUT_S if self._tls_context else None,
            )
        except OSError as error:
            connection.opening_failed(FlowFailure(FlowFailureKind.TLS, handshake_error(error)))


def _listening_socket(listen: Listen, *, v6only: bool) -> socket.socket:
    ipv6 = ":" in listen.bind.host
    stream = socket.socket(socket.AF_INET6 if ipv6 else socket.AF_INET, socket.SOCK_STREAM)
    try:
        stream.setblocking(False)
        stream.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if ipv6:
            stream.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, int(v6only))
        stream.bind(tuple(listen.bind))
        stream.listen(BACKLOG)
    except OSError as error:
        stream.close()
        raise NetError(
            f"can't listen on {listen.transport} {listen.bind}: {why_not_bound(error, listen.bind.port)}"
        ) from error
    return stream
