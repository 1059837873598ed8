"""All the transports of a node: opens what the settings list, and finds the flow towards a target.

`Transports` is the `Connector` of `trunkline.sip.ports`. UDP requests leave from a listening socket, so that
they come from the published address and port, which PBXs trust (RFC 3261 §18.1.1; RFC 3581 §3 asks for the
same). TCP and TLS reuse a connection that serves the same purpose (`connections`) or dial one. Which address
a name stands for is `resolver`'s business.
"""

import asyncio
import ssl
from collections.abc import Callable
from dataclasses import replace
from typing import Final, NamedTuple

from trunkline.clock import Clock
from trunkline.errors import NetError
from trunkline.net.admission import Gate
from trunkline.net.connections import Connections, Purpose
from trunkline.net.dialer import Dialer
from trunkline.net.flows import Receiver, Silence, TransportEvents
from trunkline.net.listener import StreamListener
from trunkline.net.route import misfit_towards
from trunkline.net.settings import Listen, TransportSettings
from trunkline.net.stream import Connection, StreamContext
from trunkline.net.tls import client_context, server_context
from trunkline.net.udp import UdpSocket
from trunkline.sip.errors import SipSyntaxError
from trunkline.sip.failures import FlowFailure, FlowFailureKind
from trunkline.sip.ports import Address, Flow, Target, Transport
from trunkline.sip.response_path import DEFAULT_PORT

PORT_TRIES: Final = 16
"""How often to look for one ephemeral port that is free for UDP and TCP alike."""
DRAIN_S: Final = 1.0
"""How long `close` waits for the last bytes of connections to leave."""

_ANY_V4: Final = "0.0.0.0"
_ANY_V6: Final = "::"


class TransportFigures(NamedTuple):
    """What the transports have counted."""

    connections: int
    """TCP and TLS, open or opening."""
    datagrams_ignored: int
    """Received, and no SIP: keep-alives, STUN, fragments of anything."""
    datagrams_dropped: int
    """Not sent: the queue was full."""


class DeadFlow:
    """A flow to a target that no socket of ours can reach: every send fails."""

    __slots__ = ("_fail", "remote", "sent_by", "transport")

    closed: Final = False
    tls_version: Final = None

    def __init__(self, target: Target, sent_by: Address, fail: Callable[[Flow], None]) -> None:
        self.transport: Final = target.transport
        self.remote: Final = target.address
        self.sent_by: Final = sent_by
        self._fail = fail

    def send(self, data: bytes) -> None:  # noqa: ARG002 - the Flow protocol
        self._fail(self)


class Transports:
    """The listeners and connections of one node."""

    def __init__(
        self,
        settings: TransportSettings,
        clock: Clock,
        *,
        gate: Gate | None = None,
        events: TransportEvents | None = None,
        verify: Callable[[Target], bool] | None = None,
    ) -> None:
        """`verify` tells for a TLS target whether its certificate must be valid; None asks the settings."""
        self._settings: Final = settings
        self._clock: Final = clock
        self._gate: Final = gate
        self._events: Final[TransportEvents] = Silence() if events is None else events
        self._verify = (lambda _target: settings.tls.verify_peers) if verify is None else verify
        self._connections = Connections(settings.streams)
        self._udp_v4: list[UdpSocket] = []
        self._udp_v6: list[UdpSocket] = []
        self._bound: dict[int, Listen] = {}
        self._listeners: list[StreamListener] = []
        self._lingering: set[Connection] = set()
        self._drained: asyncio.Event | None = None
        self._context: StreamContext | None = None
        self._dialer: Dialer | None = None
        self._server_tls: ssl.SSLContext | None = None
        self._client_tls: dict[bool, ssl.SSLContext] = {}

    # life

    async def start(
        self, receiver: Receiver, *, unreadable: Callable[[SipSyntaxError, Flow], None] | None = None
    ) -> None:
        """Open every listener, and hand `receiver` what arrives from then on. Raises `NetError`, with nothing
        left open.

        `unreadable` answers the request at which a stream can't go on; without it the stream just closes.
        """
        loop = asyncio.get_running_loop()
        self._context = StreamContext(
            receiver=receiver,
            clock=self._clock,
            loop=loop,
            events=self._events,
            limits=self._settings.streams,
            gate=self._gate,
            unreadable=unreadable,
            closed=self._connection_closed,
            lost=self._connection_lost,
        )
        self._dialer = Dialer(loop, self._settings.streams)
        if any(listen.transport is Transport.TLS for listen in self._settings.listen):
            self._server_tls = server_context(self._settings.tls)
        if self._settings.tls.ca_file is not None:
            # A wrong path shows now, not in the first call that needs it.
            self._client_context(verify=True)
        for tries_left in reversed(range(PORT_TRIES)):
            try:
                self._bind_all(self._context)
                break
            except NetError:
                self._unbind_all()
                if tries_left == 0 or not any(listen.bind.port == 0 for listen in self._settings.listen):
                    raise
        for listener in self._listeners:
            listener.start()

    async def close(self) -> None:
        """Stop listening, close every connection after what was sent on it, wait at most `DRAIN_S`.
        Idempotent.
        """
        context, dialer = self._context, self._dialer
        if context is None or dialer is None:
            return
        self._dialer = None
        for udp in (*self._udp_v4, *self._udp_v6):
            udp.close()
        for listener in self._listeners:
            await listener.close()
        for connection in self._connections.all():
            connection.end(FlowFailure(FlowFailureKind.CLOSED, "the node stops"), flush=True)
        await dialer.close()
        if self._lingering:
            self._drained = asyncio.Event()
            patience = context.loop.call_later(DRAIN_S, self._drained.set)
            await self._drained.wait()
            patience.cancel()
        for connection in list(self._lingering):
            connection.drop()
        await asyncio.sleep(0)

    def reload_tls(self) -> None:
        """Read certificate and key again, for handshakes from now on. Raises `NetError` and keeps the old
        ones.
        """
        fresh_server = server_context(self._settings.tls) if self._server_tls is not None else None
        fresh_clients = {
            verify: client_context(self._settings.tls, verify=verify) for verify in self._client_tls
        }
        self._server_tls = fresh_server
        self._client_tls = fresh_clients

    @property
    def bound(self) -> tuple[Listen, ...]:
        """What is listened on, in the order of the settings, with the ports that were really bound."""
        return tuple(self._bound[index] for index in sorted(self._bound))

    def figures(self) -> TransportFigures:
        """The counts of this moment, for the metrics."""
        udp = {*self._udp_v4, *self._udp_v6}
        return TransportFigures(
            connections=len(self._connections),
            datagrams_ignored=sum(each.ignored for each in udp),
            datagrams_dropped=sum(each.dropped for each in udp),
        )

    def behind_s(self) -> float:
        """Seconds for which a datagram may have waited to be read, at most."""
        return max([each.behind_s() for each in (*self._udp_v4, *self._udp_v6)], default=0.0)

    # the Connector

    def flow_to(self, target: Target) -> Flow:
        """A flow to `target`: see `trunkline.sip.ports.Connector`. What can't be reached fails when sent
        to.
        """
        if target.transport is Transport.UDP:
            udp = self._udp_for(target.address.host)
            return (
                self._dead(target, "no UDP socket of its family")
                if udp is None
                else udp.flow_to(target.address)
            )
        return self._stream_to(target)

    def _udp_for(self, host: str) -> UdpSocket | None:
        fitting = self._udp_v6 if ":" in host else self._udp_v4
        if len(fitting) > 1:
            misfit = misfit_towards(host)
            return min(fitting, key=lambda udp: misfit(udp.bound.host))
        return fitting[0] if fitting else None

    def _stream_to(self, target: Target) -> Flow:
        tls = target.transport is Transport.TLS
        verified = tls and self._verify(target)
        purpose = Purpose(target.transport, target.address, target.server_name if tls else None, verified)
        connection = self._connections.find(purpose)
        if connection is not None:
            return connection
        context, dialer = self._context, self._dialer
        if context is None or dialer is None:
            return self._dead(target, "the transports are not open")
        self._connections.make_room()
        refusal = self._connections.refusal(None)
        if refusal is not None:
            return self._dead(target, refusal)
        home = self._home_for(target)
        connection = Connection(
            context,
            target.transport,
            target.address,
            self._sent_by(target, home),
            accepted=False,
            server_name=purpose.server_name,
            verified=verified,
        )
        self._connections.add(connection, purpose)
        local_host = None if home is None else home.bind.host
        dialer.dial(
            connection, target, local_host, (lambda: self._client_context(verify=verified)) if tls else None
        )
        return connection

    def _home_for(self, target: Target) -> Listen | None:
        """The listener that a connection to `target` belongs to: of its family, best of its transport, best
        with the address that the route has.
        """
        ipv6 = ":" in target.address.host
        homes = [
            self._bound[index]
            for index, listen in enumerate(self._settings.listen)
            if index in self._bound
            and ((":" in listen.bind.host) == ipv6 or _is_dual(listen, self._settings))
        ]
        if len(homes) > 1:
            misfit = misfit_towards(target.address.host)
            homes.sort(key=lambda home: (home.transport is not target.transport, misfit(home.bind.host)))
        return homes[0] if homes else None

    def _sent_by(self, target: Target, home: Listen | None) -> Address:
        if home is None:
            return Address(_ANY_V6 if ":" in target.address.host else _ANY_V4, DEFAULT_PORT[target.transport])
        if home.transport is target.transport:
            return home.advertised
        return Address(home.advertised.host, DEFAULT_PORT[target.transport])

    def _dead(self, target: Target, reason: str) -> DeadFlow:
        failure = FlowFailure(FlowFailureKind.UNREACHABLE, reason)
        return DeadFlow(
            target, self._sent_by(target, self._home_for(target)), lambda flow: self._fail(flow, failure)
        )

    def _fail(self, flow: Flow, failure: FlowFailure) -> None:
        if self._context is not None:
            self._context.loop.call_soon(self._context.receiver.flow_failed, flow, failure)

    # TLS

    def _server_context(self) -> ssl.SSLContext:
        if self._server_tls is None:
            raise NetError("there is no TLS listener")
        return self._server_tls

    def _client_context(self, *, verify: bool) -> ssl.SSLContext:
        context = self._client_tls.get(verify)
        if context is None:
            context = self._client_tls[verify] = client_context(self._settings.tls, verify=verify)
        return context

    # what ends

    def _connection_closed(self, connection: Connection) -> None:
        self._connections.remove(connection)
        if connection.lingering:
            self._lingering.add(connection)

    def _connection_lost(self, connection: Connection) -> None:
        self._lingering.discard(connection)
        if not self._lingering and self._drained is not None:
            self._drained.set()

    # binding

    def _bind_all(self, context: StreamContext) -> None:
        settings = self._settings
        shared_ports: dict[str, int] = {}
        in_order = sorted(enumerate(settings.listen), key=lambda item: item[1].transport is not Transport.UDP)
        for index, listen in in_order:
            dual_stack = _is_dual(listen, settings)
            if listen.transport is Transport.UDP:
                udp = UdpSocket(
                    listen,
                    context.receiver,
                    loop=context.loop,
                    gate=self._gate,
                    events=self._events,
                    limits=settings.udp,
                    dual_stack=dual_stack,
                )
                self._udp_v4 += [udp] if udp.reaches(ipv6=False) else []
                self._udp_v6 += [udp] if udp.reaches(ipv6=True) else []
                self._bound[index] = Listen(Transport.UDP, udp.bound, udp.advertised)
                if listen.bind.port == 0:
                    shared_ports.setdefault(listen.bind.host, udp.bound.port)
                continue
            tls = listen.transport is Transport.TLS
            port = listen.bind.port or (0 if tls else shared_ports.pop(listen.bind.host, 0))
            listener = StreamListener(
                replace(listen, bind=listen.bind._replace(port=port)),
                context,
                self._connections,
                tls_context=self._server_context if tls else None,
                dual_stack=dual_stack,
            )
            self._listeners.append(listener)
            self._bound[index] = Listen(listen.transport, listener.bound, listener.advertised)

    def _unbind_all(self) -> None:
        for udp in {*self._udp_v4, *self._udp_v6}:
            udp.close()
        for listener in self._listeners:
            listener.unbind()
        self._udp_v4.clear()
        self._udp_v6.clear()
        self._listeners.clear()
        self._bound.clear()


def _is_dual(listen: Listen, settings: TransportSettings) -> bool:
    """Whether an IPv6 wildcard takes IPv4 as well: when no IPv4 address is listed for its transport and
    port.
    """
    return listen.bind.host == "::" and not any(
        other.transport is listen.transport
        and ":" not in other.bind.host
        and other.bind.port == listen.bind.port
        for other in settings.listen
    )
