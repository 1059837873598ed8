"""What SIP asks of the world below it: paths for bytes, and names turned into addresses.

`trunkline.net` implements these with sockets and DNS; the simulation, with a seeded lossy network.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple, Protocol

from trunkline.sip.uri import SipUri


class Transport(StrEnum):
    """The transport of a Via or of a `transport=` parameter (RFC 3261 §20.42, §19.1.1), in Via's spelling."""

    UDP = "UDP"
    TCP = "TCP"
    TLS = "TLS"

    __hash__ = str.__hash__
    """Enum's own is a Python function, and transports stand in keys that every message looks up."""

    @property
    def reliable(self) -> bool:
        """True when the transport retransmits by itself (RFC 3261 §17 zeroes timers on those)."""
        return self is not Transport.UDP


def asked_transport(uri: SipUri) -> Transport | None:
    """The transport that `uri` itself asks for: `sips` is TLS (RFC 3261 §19.1, §26.2.2). None: it leaves that
    to DNS, or names one that there isn't here.
    """
    if uri.scheme == "sips":
        return Transport.TLS
    return next((each for each in Transport if each.lower() == uri.transport), None)


def as_private(uri: SipUri, had: str) -> SipUri:
    """`uri`, for a peer whose flow is not there any more: one that `had` TLS is sought by TLS alone,
    whatever its URI asks for, since what it is sent may hold SRTP keys (RFC 4568 §8.3).
    """
    if had != Transport.TLS or asked_transport(uri) is Transport.TLS:
        return uri
    return uri.with_(params={**uri.params, "transport": "tls"})


class Address(NamedTuple):
    """An IP address (IPv6 without brackets) and a port."""

    host: str
    port: int

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


class Target(NamedTuple):
    """One place to send a request to, as RFC 3263 §4 ends up with it."""

    transport: Transport
    address: Address
    server_name: str | None = None
    """The host name to name in a TLS handshake (RFC 6066 SNI); None for an address literal."""


class Flow(Protocol):
    """A path to one peer: a UDP socket and the peer's address, or one TCP or TLS connection (RFC 5626 §2)."""

    @property
    def transport(self) -> Transport: ...

    @property
    def remote(self) -> Address:
        """The peer, as packets show it."""

    @property
    def sent_by(self) -> Address:
        """The advertised host and port to write into Via and Contact (may be a host name)."""

    @property
    def closed(self) -> bool:
        """True once nothing can be sent any more. A UDP flow never closes."""

    def send(self, data: bytes) -> None:
        """Queue `data`. Never raises and never blocks: failure arrives at `SipStack.flow_failed`."""


class Whereabouts(Protocol):
    """Knows by which flow a peer is reached that may come back by another one."""

    def flow_now(self, flow: Flow, target: SipUri) -> Flow:
        """The way to the peer at `target`, last heard on `flow`: that very flow where there is no better
        one.
        """


class Connector(Protocol):
    """Gives flows towards targets: a UDP one at once, a TCP or TLS one that is open or opening."""

    def flow_to(self, target: Target) -> Flow:
        """A flow to `target`, reusing an open connection to the same target (and TLS name)."""


@dataclass(frozen=True, slots=True)
class LocateFailure:
    """A name that leads nowhere (RFC 3263 §4.3): no record, SERVFAIL, or the resolver's time ran out."""

    reason: str


class Locator(Protocol):
    """RFC 3263: a SIP URI becomes the ordered list of targets to try."""

    def locate(self, uri: SipUri, then: Callable[[Sequence[Target] | LocateFailure], None]) -> None:
        """Call `then` exactly once: now for an address or a cached name, else when DNS has answered."""


class Observer(Protocol):
    """Told of every message on the wire, for the ladder and the metrics. Must be cheap and must not raise."""

    def message_received(self, data: bytes, flow: Flow, call_id: str) -> None: ...

    def message_sent(self, data: bytes, flow: Flow, call_id: str) -> None: ...
