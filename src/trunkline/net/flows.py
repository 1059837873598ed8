"""What the transports share: the door they pass bytes through, the events they report, and how addresses are
written.

A flow is `trunkline.sip.ports.Flow`; `udp.UdpFlow` and `stream.Connection` are the two kinds.
"""

import socket
from typing import Final, Protocol

from trunkline.errors import DirectoryError
from trunkline.sip.failures import FlowFailure
from trunkline.sip.ports import Address, Flow, Target

_MAPPED: Final = bytes(10) + b"\xff\xff"


class Receiver(Protocol):
    """Who gets what arrives: the `SipStack`."""

    def received(self, data: bytes, flow: Flow) -> None:
        """One datagram, or one framed message of a stream."""

    def flow_failed(self, flow_or_target: Flow | Target, failure: FlowFailure) -> None:
        """Nothing sent there will arrive, or has arrived, from now on. Never called from within
        `Flow.send`.
        """


class TransportEvents(Protocol):
    """Told of what an operator may want to see. Must be cheap and must not raise."""

    def weak_tls_negotiated(self, flow: Flow, version: str) -> None:
        """A connection of either direction uses a TLS below 1.2 (`TLSv1`, `TLSv1.1`)."""

    def certificate_not_verified(self, flow: Flow, server_name: str | None) -> None:
        """A TLS connection of ours is open and the server's certificate was not checked."""

    def connection_turned_away(self, remote: Address, reason: str) -> None:
        """An incoming connection was closed before its first message: a limit, a ban, a failed handshake."""

    def faulted(self, where: str, error: Exception) -> None:
        """A callback of another room raised: a bug there; the transports go on."""


class Silence:
    """`TransportEvents` that nobody listens to."""

    def weak_tls_negotiated(self, flow: Flow, version: str) -> None: ...

    def certificate_not_verified(self, flow: Flow, server_name: str | None) -> None: ...

    def connection_turned_away(self, remote: Address, reason: str) -> None: ...

    def faulted(self, where: str, error: Exception) -> None: ...


def address_of(sockaddr: tuple[str, int] | tuple[str, int, int, int]) -> Address:
    """The address of a socket's peer: an IPv4-mapped IPv6 one as IPv4 (RFC 4291), no zone index."""
    host = sockaddr[0]
    if ":" in host:
        if host.startswith("::ffff:") and "." in host:
            host = host[7:]
        elif "%" in host:
            host = host.partition("%")[0]
    return Address(host, sockaddr[1])


def parse_source(text: str) -> str:
    """The source that a person names: an address, of IPv6 for its whole /64, or such a `prefix::/64`; an
    IPv4-mapped one (RFC 4291 §2.5.5.2), as other servers log them, for the IPv4 one. Raises `DirectoryError`.
    """
    host, slash, prefix = text.partition("/")
    address = packed(host)
    if address is None or (slash and (prefix != "64" or ":" not in host)):
        raise DirectoryError(f"{text[:80]!r} is no source: name one IP address; of IPv6 its /64 is meant")
    if address.startswith(_MAPPED) and not slash:
        return socket.inet_ntop(socket.AF_INET, address[len(_MAPPED) :])
    return source_key(host)


def packed(host: str) -> bytes | None:
    """The 4 or 16 bytes of an address literal; None for anything else, a name above all."""
    try:
        return socket.inet_pton(socket.AF_INET6 if ":" in host else socket.AF_INET, host)
    except (OSError, ValueError):  # ValueError: a NUL, or half a surrogate
        return None


def is_loopback(host: str) -> bool:
    """True for an address literal of 127.0.0.0/8 or ::1."""
    return host.startswith("127.") or host == "::1"


def is_wildcard(host: str) -> bool:
    """True for the addresses that mean all of a family."""
    return host in ("0.0.0.0", "::")


def source_key(host: str) -> str:
    """What counts as one source: an IPv4 address, or the /64 of an IPv6 one (what a subscriber gets: RFC
    6177).
    """
    if ":" not in host:
        return host
    address = packed(host)
    return host if address is None else f"{socket.inet_ntop(socket.AF_INET6, address[:8] + bytes(8))}/64"
