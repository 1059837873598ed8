"""Opens TCP and TLS connections of ours.

They leave from the address that the listener is bound to, so that a peer sees the published address; from an
ephemeral port, chosen by the kernel per destination (IP_BIND_ADDRESS_NO_PORT), so that 64k connections to one
carrier don't use up the ports for the next. Every way to fail becomes a `FlowFailure`: the stack falls back
or fails over by its kind.
"""

import asyncio
import errno
import os
import socket
import ssl
from collections.abc import Callable
from typing import Final

from trunkline.errors import NetError
from trunkline.net.flows import is_wildcard
from trunkline.net.settings import StreamLimits
from trunkline.net.stream import Connection
from trunkline.sip.failures import FlowFailure, FlowFailureKind
from trunkline.sip.ports import Address, Target

SHUTDOWN_TIMEOUT_S: Final = 2.0
"""For a peer to answer our TLS close_notify."""

_IP_BIND_ADDRESS_NO_PORT: Final = 24
_KEEP_ALIVE: Final = (
    (socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1),
    (socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, 120),
    (socket.IPPROTO_TCP, socket.TCP_KEEPINTVL, 15),
    (socket.IPPROTO_TCP, socket.TCP_KEEPCNT, 4),
    (socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, 10_000),
    (socket.IPPROTO_TCP, socket.TCP_NODELAY, 1),
)


def tune(stream: socket.socket) -> None:
    """Options of every connection: a dead peer is noticed after 10 s with bytes under way, after 3 min
    without.
    """
    for level, option, value in _KEEP_ALIVE:
        stream.setsockopt(level, option, value)


class Dialer:
    """Opens connections in tasks that it owns."""

    def __init__(self, loop: asyncio.AbstractEventLoop, limits: StreamLimits) -> None:
        self._loop: Final = loop
        self._limits: Final = limits
        self._tasks: set[asyncio.Task[None]] = set()

    def dial(
        self,
        connection: Connection,
        target: Target,
        local_host: str | None,
        tls_context: Callable[[], ssl.SSLContext] | None,
    ) -> None:
        """Open `connection` towards `target`, over TLS when `tls_context` is given, from `local_host` unless
        None.
        """
        task = self._loop.create_task(self._open(connection, target, local_host, tls_context))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        timeout_s = self._limits.connect_timeout_s
        failure = FlowFailure(FlowFailureKind.TIMEOUT, f"not connected within {timeout_s:g} s")
        connection.opens_by(task)
        connection.must_open_within(timeout_s, failure)

    async def close(self) -> None:
        """Give up what is still opening."""
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _open(
        self,
        connection: Connection,
        target: Target,
        local_host: str | None,
        tls_context: Callable[[], ssl.SSLContext] | None,
    ) -> None:
        try:
            context = None if tls_context is None else tls_context()
            if context is not None:
                _check_name(context, _name_of(target))
        except (NetError, ValueError, TypeError) as error:
            connection.opening_failed(FlowFailure(FlowFailureKind.TLS, str(error)))
            return
        try:
            stream = await self._connect(target.address, local_host)
        except OSError as error:
            connection.opening_failed(_failure_to_connect(error))
            return
        if context is None:
            await self._loop.create_connection(lambda: connection, sock=stream)
        else:
            await self._shake_hands(connection, target, stream, context)

    async def _shake_hands(
        self, connection: Connection, target: Target, stream: socket.socket, context: ssl.SSLContext
    ) -> None:
        timeout_s = self._limits.handshake_timeout_s
        late = FlowFailure(FlowFailureKind.TLS, f"no TLS handshake within {timeout_s:g} s")
        connection.must_open_within(timeout_s, late)
        try:
            await self._loop.create_connection(
                lambda: connection,
                sock=stream,
                ssl=context,
                server_hostname=_name_of(target),
                ssl_shutdown_timeout=SHUTDOWN_TIMEOUT_S,
            )
        except OSError as error:
            connection.opening_failed(FlowFailure(FlowFailureKind.TLS, handshake_error(error)))

    async def _connect(self, address: Address, local_host: str | None) -> socket.socket:
        ipv6 = ":" in address.host
        stream = socket.socket(socket.AF_INET6 if ipv6 else socket.AF_INET, socket.SOCK_STREAM)
        try:
            stream.setblocking(False)
            tune(stream)
            if local_host is not None and not is_wildcard(local_host):
                stream.setsockopt(socket.IPPROTO_IP, _IP_BIND_ADDRESS_NO_PORT, 1)
                stream.bind((local_host, 0))
            await self._loop.sock_connect(stream, tuple(address))
        except BaseException:
            stream.close()
            raise
        return stream


def _name_of(target: Target) -> str:
    """What the certificate has to be valid for; OpenSSL doesn't send an address as SNI (RFC 6066)."""
    return target.server_name or target.address.host


def _check_name(context: ssl.SSLContext, name: str) -> None:
    """Raise `ValueError` or `TypeError` for a name that TLS can't carry: uvloop would leak the socket over
    it.
    """
    context.wrap_bio(ssl.MemoryBIO(), ssl.MemoryBIO(), server_hostname=name)


def handshake_error(error: Exception) -> str:
    """Why a handshake failed, in one line: OpenSSL's reason where there is one."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"certificate: {error.verify_message}"
    reason = getattr(error, "reason", None)
    if isinstance(error, ssl.SSLError) and reason:
        return str(reason).lower().replace("_", " ")
    return str(error) or type(error).__name__


def _failure_to_connect(error: OSError) -> FlowFailure:
    detail = os.strerror(error.errno) if error.errno else str(error)
    if error.errno == errno.ECONNREFUSED:
        return FlowFailure(FlowFailureKind.REFUSED, detail)
    if error.errno == errno.ETIMEDOUT:
        return FlowFailure(FlowFailureKind.TIMEOUT, detail)
    return FlowFailure(FlowFailureKind.UNREACHABLE, detail)
