"""What the transports are told: where to listen, what to call themselves, and every bound they keep.

Owns the difference between a bind address (what the kernel is asked for) and an advertised address (what Via
and Contact say, RFC 3261 §18.1.1): behind a static NAT the two differ. Reads no file and no environment:
`trunkline.config` does.
"""

from dataclasses import dataclass, field
from pathlib import Path

from trunkline.errors import ConfigError
from trunkline.sip.ports import Address, Transport

TLS_VERSIONS = ("1.0", "1.1", "1.2", "1.3")
"""What `TlsSettings.min_version` may be."""


@dataclass(frozen=True, slots=True)
class Listen:
    """One address to listen on.

    A `bind` port of 0 lets the kernel choose; when UDP and TCP both do on one host they get the same port,
    since a request too long for UDP goes to that port over TCP (RFC 3261 §18.2.1). An `advertised` port of 0
    stands for the port bound; its host may be a name.
    """

    transport: Transport
    bind: Address
    advertised: Address


@dataclass(frozen=True, slots=True, kw_only=True)
class TlsSettings:
    """TLS, both ways. Without `certificate` there can be no TLS listener, but connections can still be
    made.
    """

    certificate: Path | None = None
    """PEM chain, leaf first. Also offered to peers that ask us for a client certificate."""
    key: Path | None = None
    """PEM private key; None when the certificate's file holds it."""
    min_version: str = "1.0"
    """One of `TLS_VERSIONS`, for connections of either direction."""
    verify_peers: bool = False
    """Whether a server's certificate must be valid for its name (RFC 5922). A client's is never asked
    for.
    """
    ca_file: Path | None = None
    """PEM roots for `verify_peers`; None takes the system's."""

    def __post_init__(self) -> None:
        if self.min_version not in TLS_VERSIONS:
            raise ConfigError(f"tls.min_version {self.min_version!r} is none of {', '.join(TLS_VERSIONS)}")


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamLimits:
    """Bounds on TCP and TLS connections. Times in seconds, sizes in bytes."""

    connections: int = 10_000
    """Open or opening, of either direction."""
    connections_per_source: int = 64
    """Accepted from one IPv4 address or IPv6 /64."""
    connections_of_strangers: int = 2500
    """Accepted from sources that the gate doesn't know, all together. Beyond it the oldest gives way: a
    customer who connects is known a moment later.
    """
    connect_timeout_s: float = 5.0
    """For a TCP connection of ours to be established."""
    handshake_timeout_s: float = 5.0
    """For a TLS handshake, of either direction."""
    message_timeout_s: float = 15.0
    """From the first byte of a message to its last; also from accepting a connection to its first whole
    message.
    """
    idle_timeout_s: float = 3900.0
    """Without a byte received or sent. Longer than the usual hour between two REGISTERs of a peer behind NAT
    that sends no keep-alives, and than the 64*T1 of RFC 3261 §18.
    """
    write_buffer: int = 1_048_576
    """Bytes waiting for a peer that doesn't read, or for a connection that isn't open yet."""


@dataclass(frozen=True, slots=True, kw_only=True)
class UdpLimits:
    """Bounds on UDP sockets."""

    datagrams_per_wakeup: int = 32
    """Received before the event loop gets its turn again."""
    errors_per_wakeup: int = 32
    """Entries of the kernel's error queue read at once."""
    send_queue: int = 1024
    """Datagrams kept while the kernel takes none; more are dropped, and SIP retransmits."""
    flow_cache: int = 8192
    """Peers whose flow object is kept."""
    socket_buffer: int = 4_194_304
    """Bytes asked for as SO_RCVBUF and SO_SNDBUF (net.core.rmem_max and wmem_max cap them, unless we have
    CAP_NET_ADMIN).
    """


@dataclass(frozen=True, slots=True, kw_only=True)
class TransportSettings:
    """Everything `Transports` needs to know."""

    listen: tuple[Listen, ...]
    """In order of preference: requests leave from the first one that fits the target."""
    tls: TlsSettings = field(default_factory=TlsSettings)
    streams: StreamLimits = field(default_factory=StreamLimits)
    udp: UdpLimits = field(default_factory=UdpLimits)
