"""A network on a virtual clock: hosts with UDP and TCP, a seeded fate for every datagram, and a record of all
of it.

It implements the ports of `trunkline.sip.ports` (Connector, Locator, Flow), so that whole user agents, or
whole nodes, run against each other in microseconds. Nothing is sent until the clock moves: `send` puts the
arrival on the clock.

Streams are message-wise (what one end sends in one piece the other end gets in one piece), reliable and in
order.
"""

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple, Protocol

from trunkline.clock import Clock
from trunkline.sip.failures import FlowFailure, FlowFailureKind
from trunkline.sip.message import Request, Response
from trunkline.sip.parse import parse_message
from trunkline.sip.ports import Address, Flow, LocateFailure, Target, Transport
from trunkline.sip.uri import SipUri


@dataclass(slots=True)
class LinkQuality:
    """What happens to datagrams. Streams know only the delays."""

    loss: float = 0.0
    """Chance that one never arrives, 0 to 1."""
    duplication: float = 0.0
    """Chance that one arrives twice."""
    delay_s: float = 0.01
    """Least time under way."""
    jitter_s: float = 0.0
    """Most time above that, uniformly; more than the gap between two datagrams reorders them."""


class Packet(NamedTuple):
    """One datagram or stream message as it was sent."""

    at: float
    source: Address
    destination: Address
    transport: Transport
    data: bytes
    lost: bool

    @property
    def message(self) -> Request | Response:
        """The SIP message. Raises `SipSyntaxError`."""
        return parse_message(self.data)

    @property
    def summary(self) -> str:
        """`INVITE`, or `200 INVITE` for a response."""
        message = self.message
        return message.method if isinstance(message, Request) else f"{message.status} {message.cseq.method}"


class Receiver(Protocol):
    """Who a host's messages are for: a `UserAgent`, a `SipStack`, a scripted peer."""

    def received(self, data: bytes, flow: Flow) -> None: ...

    def flow_failed(self, where: Flow | Target, failure: FlowFailure) -> None: ...


class VirtualNetwork:
    """All hosts, and the fate of what they send."""

    def __init__(self, clock: Clock, seed: int = 0, quality: LinkQuality | None = None) -> None:
        self.clock = clock
        self.quality = LinkQuality() if quality is None else quality
        self.packets: list[Packet] = []
        """Everything sent so far, lost or not, in order."""
        self.drop: Callable[[Packet], bool] = _keep
        """Asked for every datagram beforehand: True loses it."""
        self.names: dict[str, list[Target]] = {}
        """What `Locator` finds for host names; address literals find themselves."""
        self._random = random.Random(seed)
        self._hosts: dict[Address, VirtualHost] = {}

    def host(self, address: str, port: int = 5060, *, public: Address | None = None) -> "VirtualHost":
        """A new host. `public`: it sits behind a NAT that shows this address instead."""
        host = VirtualHost(self, Address(address, port), public)
        self._hosts[host.seen_as] = host
        return host

    def remove(self, host: "VirtualHost") -> None:
        """Unplug it: what is sent there is lost, and connections to it are refused."""
        del self._hosts[host.seen_as]

    def move(self, host: "VirtualHost", public: Address) -> None:
        """Its NAT shows `public` instead from now on; the far ends of its connections aren't told."""
        del self._hosts[host.seen_as]
        host.seen_as = public
        self._hosts[public] = host
        for stream in host.streams.values():
            stream.closed = True
        host.streams.clear()

    def sent(self, *summaries: str) -> list[Packet]:
        """The packets with one of these summaries, in order; all of them when none is named."""
        return [packet for packet in self.packets if not summaries or packet.summary in summaries]

    def summaries(self, source: "VirtualHost | None" = None) -> list[str]:
        """The summaries of what `source` (or anybody) has sent, in order."""
        return [
            packet.summary for packet in self.packets if source is None or packet.source == source.seen_as
        ]

    def send_datagram(self, source: Address, destination: Address, data: bytes) -> None:
        """Put a datagram on its way."""
        draw, quality = self._random.random, self.quality
        packet = Packet(self.clock.now(), source, destination, Transport.UDP, data, lost=False)
        lost = self.drop(packet) or draw() < quality.loss
        self.packets.append(packet._replace(lost=lost))
        for _ in range(0 if lost else 2 if draw() < quality.duplication else 1):
            arrival = self.clock.now() + quality.delay_s + draw() * quality.jitter_s
            self.clock.at(arrival, lambda: self._arrive(packet))

    def _arrive(self, packet: Packet) -> None:
        host = self._hosts.get(packet.destination)
        if host is not None:
            host.receiver.received(packet.data, host.flow_to(Target(Transport.UDP, packet.source)))

    def listener(self, address: Address) -> "VirtualHost | None":
        """Who listens there."""
        return self._hosts.get(address)


def _keep(packet: Packet) -> bool:
    return packet.lost


class VirtualHost:
    """One host with one address, for UDP and TCP alike: the `Connector` and `Locator` of its receiver."""

    def __init__(self, network: VirtualNetwork, address: Address, public: Address | None) -> None:
        self.network = network
        self.address = address
        self.seen_as = address if public is None else public
        """Its address as others see it."""
        self.receiver: Receiver = _Nobody()
        self._datagram_flows: dict[Address, DatagramFlow] = {}
        self.streams: dict[tuple[Transport, Address], StreamFlow] = {}
        """Open connections by the far end's address; both those made here and those accepted."""

    def flow_to(self, target: Target) -> Flow:
        """`Connector`."""
        if target.transport is Transport.UDP:
            flow = self._datagram_flows.get(target.address)
            if flow is None:
                flow = self._datagram_flows[target.address] = DatagramFlow(self, target.address)
            return flow
        key = (target.transport, target.address)
        stream = self.streams.get(key)
        if stream is None or stream.closed:
            stream = self.streams[key] = StreamFlow(self, target.transport, target.address)
            stream.open()
        return stream

    def locate(self, uri: SipUri, then: Callable[[Sequence[Target] | LocateFailure], None]) -> None:
        """`Locator`."""
        transport = Transport((uri.transport or "udp").upper())
        if uri.scheme == "sips":
            transport = Transport.TLS
        if uri.host.replace(".", "").isdigit() or ":" in uri.host:
            then([Target(transport, Address(uri.host, uri.port or 5060))])
        else:
            then(self.network.names.get(uri.host) or LocateFailure("no such name"))


class _Nobody:
    """Loses what it gets."""

    def received(self, data: bytes, flow: Flow) -> None:
        pass

    def flow_failed(self, where: Flow | Target, failure: FlowFailure) -> None:
        pass


@dataclass(eq=False, slots=True)
class DatagramFlow:
    """UDP between a host and one remote address."""

    host: VirtualHost
    remote: Address

    @property
    def transport(self) -> Transport:
        return Transport.UDP

    @property
    def sent_by(self) -> Address:
        return self.host.address

    @property
    def closed(self) -> bool:
        return False

    def send(self, data: bytes) -> None:
        self.host.network.send_datagram(self.host.seen_as, self.remote, data)


@dataclass(eq=False, slots=True)
class StreamFlow:
    """One end of a TCP or TLS connection."""

    host: VirtualHost
    transport: Transport
    remote: Address
    closed: bool = False
    far_end: "StreamFlow | None" = None
    _waiting: list[bytes] = field(default_factory=list)
    _last_arrival: float = 0.0

    @property
    def sent_by(self) -> Address:
        return self.host.address

    def open(self) -> None:
        """Connect; what is sent meanwhile waits."""
        self._later(self._connected)

    def send(self, data: bytes) -> None:
        network = self.host.network
        network.packets.append(
            Packet(
                network.clock.now(), self.host.seen_as, self.remote, self.transport, data, lost=self.closed
            )
        )
        if self.closed:
            return
        if self.far_end is None:
            self._waiting.append(data)
        else:
            self._pass_on(self.far_end, data)

    def close(self) -> None:
        """Close it from this end; both receivers hear of it."""
        far_end = self.far_end
        self._lose(FlowFailureKind.CLOSED)
        if far_end is not None:
            self._later(lambda: far_end._lose(FlowFailureKind.CLOSED))

    def _connected(self) -> None:
        listener = self.host.network.listener(self.remote)
        if listener is None:
            self._lose(FlowFailureKind.REFUSED)
            return
        far_end = StreamFlow(listener, self.transport, self.host.seen_as, far_end=self)
        listener.streams[self.transport, self.host.seen_as] = far_end
        self.far_end = far_end
        for data in self._waiting:
            self._pass_on(far_end, data)
        self._waiting.clear()

    def _pass_on(self, far_end: "StreamFlow", data: bytes) -> None:
        def arrive() -> None:
            if not far_end.closed:
                far_end.host.receiver.received(data, far_end)

        self._later(arrive)

    def _later(self, fire: Callable[[], None]) -> None:
        network = self.host.network
        quality = network.quality
        arrival = network.clock.now() + quality.delay_s + network._random.random() * quality.jitter_s
        self._last_arrival = max(arrival, self._last_arrival)
        network.clock.at(self._last_arrival, fire)

    def _lose(self, kind: FlowFailureKind) -> None:
        if not self.closed:
            self.closed = True
            self.host.receiver.flow_failed(self, FlowFailure(kind))
