"""One TCP or TLS connection, as a flow: framing in, a bounded buffer out, and every reason to give it up.

Framing itself is `trunkline.sip.framing` (RFC 3261 §18.3). Which connection to use is `connections`;
accepting and opening are `listener` and `dialer`. Driven by the event loop's protocol calls and by timers of
the injected clock.

Invariants: `flow_failed` is reported exactly once when a connection ends, and again for every `send` after
that; nothing is passed up after it has ended. A peer that trickles a message, says nothing, or doesn't read
is closed by a bound of `settings.StreamLimits`.
"""

import asyncio
import ssl
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum, auto
from typing import Final, cast

from trunkline.clock import Clock, Timer
from trunkline.net.admission import Gate
from trunkline.net.flows import Receiver, TransportEvents
from trunkline.net.settings import StreamLimits
from trunkline.net.tls import WEAK_VERSIONS
from trunkline.sip.errors import SipSyntaxError
from trunkline.sip.failures import FlowFailure, FlowFailureKind
from trunkline.sip.framing import KeepAlive, StreamFramer
from trunkline.sip.ports import Address, Flow, Transport

PONG: Final = b"\r\n"
"""RFC 5626 §4.4.1."""


class State(Enum):
    """The life of a connection."""

    OPENING = auto()
    OPEN = auto()
    CLOSED = auto()


@dataclass(frozen=True, slots=True)
class StreamContext:
    """What every connection of a node shares."""

    receiver: Receiver
    clock: Clock
    loop: asyncio.AbstractEventLoop
    events: TransportEvents
    limits: StreamLimits
    gate: Gate | None
    unreadable: Callable[[SipSyntaxError, Flow], None] | None
    """Answers, on the flow, the request at which a stream can't go on (`SipSyntaxError.message`)."""
    closed: Callable[["Connection"], None]
    """Called once when a connection ends, before the receiver hears of it."""
    lost: Callable[["Connection"], None]
    """Called once when the socket of an ended connection is gone: its last bytes are out, or given up."""


class Connection(asyncio.Protocol):
    """A flow over one connection. What is sent while it opens waits for it."""

    __slots__ = (
        "_began",
        "_context",
        "_framer",
        "_heard",
        "_idle_timer",
        "_lost",
        "_message_timer",
        "_opening",
        "_opening_timer",
        "_socket",
        "_state",
        "_unsent",
        "_unsent_size",
        "accepted",
        "remote",
        "sent_by",
        "server_name",
        "tls_version",
        "transport",
        "verified",
    )

    def __init__(
        self,
        context: StreamContext,
        transport: Transport,
        remote: Address,
        sent_by: Address,
        *,
        accepted: bool,
        server_name: str | None = None,
        verified: bool = False,
    ) -> None:
        self.transport: Final = transport
        self.remote: Final = remote
        self.sent_by: Final = sent_by
        self.accepted: Final = accepted
        """Whether the peer opened it."""
        self.server_name: Final = server_name
        """The name that the TLS handshake asks for; None for none."""
        self.verified: Final = verified
        """Whether the server's certificate had to be valid for `server_name`."""
        self.tls_version: str | None = None
        """`TLSv1`, `TLSv1.1`, `TLSv1.2` or `TLSv1.3` once the handshake is done."""
        self._context = context
        self._state = State.OPENING
        self._lost = False
        self._framer = StreamFramer()
        self._socket: asyncio.Transport | None = None
        self._opening: asyncio.Task[None] | None = None
        self._opening_timer: Timer | None = None
        self._unsent: list[bytes] = []
        self._unsent_size = 0
        self._heard = 0.0
        self._idle_timer: Timer | None = None
        self._began: float | None = None
        self._message_timer: Timer | None = None

    # as a flow

    @property
    def closed(self) -> bool:
        return self._state is State.CLOSED

    def send(self, data: bytes) -> None:
        if self._state is State.CLOSED:
            self._report(FlowFailure(FlowFailureKind.CLOSED, "the connection is closed"))
            return
        context = self._context
        if context.gate is not None:
            context.gate.sent(self.remote.host, data)
        self._put(data)

    def _put(self, data: bytes) -> None:
        """Have it sent, and end the connection when too much waits for that."""
        context = self._context
        if self._socket is None:
            self._unsent.append(data)
            self._unsent_size += len(data)
            waiting = self._unsent_size
        else:
            self._heard = context.clock.now()
            self._socket.write(data)
            waiting = self._socket.get_write_buffer_size()
        if waiting > context.limits.write_buffer:
            self.end(
                FlowFailure(FlowFailureKind.CLOSED, f"the peer reads too slowly: {waiting} bytes are waiting")
            )

    # while it opens

    def opens_by(self, opening: asyncio.Task[None]) -> None:
        """`opening` will bring a socket, and is cancelled when the connection ends before."""
        self._opening = opening

    def must_open_within(self, timeout_s: float, failure: FlowFailure) -> None:
        """From now on it has `timeout_s` to open, or ends with `failure`."""
        if self._opening_timer is not None:
            self._opening_timer.cancel()
        clock = self._context.clock
        self._opening_timer = clock.at(clock.now() + timeout_s, lambda: self.end(failure))

    def opening_failed(self, failure: FlowFailure) -> None:
        """What `opens_by` was promised won't come. To be called by that task."""
        self._opening = None
        self.end(failure)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        transport = cast("asyncio.Transport", transport)
        self._socket = transport
        if self._state is State.CLOSED:
            transport.abort()
            return
        self._state = State.OPEN
        self._opening = None
        if self._opening_timer is not None:
            self._opening_timer.cancel()
            self._opening_timer = None
        clock = self._context.clock
        self._heard = clock.now()
        self._idle_timer = clock.at(self._heard + self._context.limits.idle_timeout_s, self._idled)
        if self.accepted:
            self._await_message()
        self._note_tls(transport)
        for data in self._unsent:
            transport.write(data)
        self._unsent.clear()

    def _note_tls(self, transport: asyncio.Transport) -> None:
        tls: ssl.SSLObject | None = transport.get_extra_info("ssl_object")
        if tls is None:
            return
        self.tls_version = tls.version()
        events = self._context.events
        if self.tls_version in WEAK_VERSIONS:
            events.weak_tls_negotiated(self, self.tls_version)
        if not self.accepted and not self.verified:
            events.certificate_not_verified(self, self.server_name)

    # while it is open

    def data_received(self, data: bytes) -> None:
        if self._state is State.CLOSED:
            return
        self._heard = self._context.clock.now()
        framer = self._framer
        try:
            pieces = framer.feed(data)
        except SipSyntaxError as error:
            self._give_up_on(error)
            return
        if pieces:
            self._began = None
            for piece in pieces:
                if isinstance(piece, bytes):
                    self._pass_up(piece)
                elif piece is KeepAlive.PING:
                    self._put(PONG)
                if self._is_closed():
                    return
            if framer.failure is not None:
                self._give_up_on(framer.failure)
                return
        if self._began is None and framer.mid_message:
            self._await_message()

    def _pass_up(self, message: bytes) -> None:
        context = self._context
        gate = context.gate
        host = self.remote.host
        if gate is not None and not gate.admits(host, message, proven=True):
            if not gate.admits_connection(host):
                self.end(FlowFailure(FlowFailureKind.CLOSED, "the source is banned"))
            return
        try:
            context.receiver.received(message, self)
        except Exception as error:  # noqa: BLE001 - the door where a fault in one message stops
            context.events.faulted(f"received over {self.transport}", error)

    def _give_up_on(self, error: SipSyntaxError) -> None:
        """Nobody can tell where the next message begins: let the peer know, and close (RFC 3261 §18.3)."""
        context = self._context
        if context.unreadable is not None and error.message is not None:
            try:
                context.unreadable(error, self)
            except Exception as fault:  # noqa: BLE001 - as for a readable message
                context.events.faulted(f"refused over {self.transport}", fault)
        self.end(FlowFailure(FlowFailureKind.CLOSED, f"unreadable: {error}"), flush=True)

    def _is_closed(self) -> bool:
        """The state, read afresh: what a message sets off may have closed the connection."""
        return self._state is State.CLOSED

    def _await_message(self) -> None:
        """A message has begun, or is due: it has to be whole in time. One timer at most, however many
        messages.
        """
        clock = self._context.clock
        self._began = clock.now()
        if self._message_timer is None:
            deadline = self._began + self._context.limits.message_timeout_s
            self._message_timer = clock.at(deadline, self._message_due)

    def _message_due(self) -> None:
        self._message_timer = None
        if self._began is None:
            return
        clock = self._context.clock
        deadline = self._began + self._context.limits.message_timeout_s
        if clock.now() < deadline:
            self._message_timer = clock.at(deadline, self._message_due)
        else:
            self.end(FlowFailure(FlowFailureKind.CLOSED, "no whole message in time"))

    def _idled(self) -> None:
        clock = self._context.clock
        deadline = self._heard + self._context.limits.idle_timeout_s
        if clock.now() < deadline:
            self._idle_timer = clock.at(deadline, self._idled)
        else:
            self.end(FlowFailure(FlowFailureKind.CLOSED, "idle for too long"), flush=True)

    # its end

    def connection_lost(self, exc: Exception | None) -> None:
        self._lost = True
        self.end(FlowFailure(FlowFailureKind.CLOSED, str(exc) if exc else "closed by the peer"))
        self._socket = None  # it refers to us: TLS buffers would wait for the cycle collector
        self._context.lost(self)

    def end(self, failure: FlowFailure, *, flush: bool = False) -> None:
        """Close it, at once or (`flush`) after what was sent; report `failure`. Idempotent."""
        if self._state is State.CLOSED:
            return
        opening = self._state is State.OPENING
        self._state = State.CLOSED
        for timer in (self._opening_timer, self._idle_timer, self._message_timer):
            if timer is not None:
                timer.cancel()
        self._unsent.clear()
        if self._opening is not None:
            self._opening.cancel()
            self._opening = None
        if self._socket is not None:
            if flush:
                self._socket.close()
            else:
                self._socket.abort()
        if self.accepted and opening:
            self._context.events.connection_turned_away(self.remote, failure.detail)
        self._context.closed(self)
        self._report(failure)

    @property
    def lingering(self) -> bool:
        """True while an ended connection still has bytes to send."""
        return self._state is State.CLOSED and self._socket is not None and not self._lost

    def drop(self) -> None:
        """Give up what an ended connection still has to send."""
        if self._socket is not None:
            self._socket.abort()

    def _report(self, failure: FlowFailure) -> None:
        self._context.loop.call_soon(self._context.receiver.flow_failed, self, failure)

    def __repr__(self) -> str:
        return f"<{self.transport} {self.remote} {self._state.name.lower()}>"
