"""What a PBX has to know of this service to work with it: names, addresses, ports, credentials, numbers.

Checked when made: each value goes into files of several syntaxes, so nothing in it may end a line or begin
something else. What a file makes of the facts is `writer`'s and the templates' business; where they come
from, the caller's.
"""

import re
from dataclasses import dataclass

from trunkline.errors import ConfigError
from trunkline.sdp.codecs import CODEC_NAMES

_HOST = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9.-]{0,251}[A-Za-z0-9])?", re.ASCII)
_ADDRESS = re.compile(r"[0-9A-Fa-f:.]{2,45}", re.ASCII)
_KEY = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}", re.ASCII)
_SECRET = re.compile(r"[A-Za-z0-9_.+=-]{1,128}", re.ASCII)
_DIGITS = re.compile(r"[0-9]{7,15}", re.ASCII)


UNKNOWN_SECRET = "YOUR_API_SECRET"  # noqa: S105 - it says that none is known
"""Stands where the secret goes while nobody has said it: only its digest is stored."""


class PbxError(ConfigError):
    """A value that can't be written into the configuration of a PBX."""


@dataclass(frozen=True, slots=True)
class Edge:
    """One host of the service."""

    name: str
    """Its whole host name."""
    addresses: tuple[str, ...]
    """IP addresses: calls to the PBX come from them, and the PBX is to trust them."""


@dataclass(frozen=True, slots=True)
class TrunkFacts:
    """One account's trunk. Raises `PbxError` when made with a value that no file could hold."""

    domain: str
    """The service domain: registrar, proxy and From host."""
    edges: tuple[Edge, ...]
    """One or more, nearest first."""
    key: str
    """User name of the digest."""
    secret: str = UNKNOWN_SECRET
    """Password of the digest. One that holds anything but letters, digits and `_.+=-` is refused: register
    strings and comments would end in it.
    """
    numbers: tuple[str, ...] = ()
    """E.164 digits of the account, the one to present first."""
    codecs: tuple[str, ...] = CODEC_NAMES
    """SDP names, preferred first."""
    udp_port: int | None = 5060
    """None: the service doesn't listen for it."""
    tcp_port: int | None = 5060
    tls_port: int | None = 5061
    media_ports: tuple[int, int] = (10000, 20000)
    pbx_port: int | None = None
    """Where the PBX itself listens; None: where its kind usually does."""
    tls: bool = False
    """The PBX is to use TLS towards the service, and to be called by `sips:`."""
    srtp: bool = False
    """Audio is to be SRTP both ways."""

    def __post_init__(self) -> None:
        checked_host(self.domain, "the service domain")
        _must(_KEY, self.key, "the key")
        if _SECRET.fullmatch(self.secret) is None:
            raise PbxError(
                "the secret holds characters that PBX configuration files give a meaning to; take a new one "
                "(trunkline account rotate-secret) of letters, digits and _.+=-"
            )
        for number in self.numbers:
            _must(_DIGITS, number, "a number")
        if not self.edges:
            raise PbxError("no address of the service is known: set sip.advertised_host, or list [[edges]]")
        for edge in self.edges:
            checked_host(edge.name, "the name of an edge")
            for address in edge.addresses:
                _must(_ADDRESS, address, "an address of an edge")
        if self.port is None:
            raise PbxError(
                "the service does not listen for TLS"
                if self.tls
                else "the service listens for TLS only: ask for TLS"
            )
        if self.srtp and not self.tls:
            raise PbxError("SRTP keys travel in the signalling (RFC 4568 §8.3): ask for TLS as well")

    @property
    def transport(self) -> str:
        """`udp`, `tcp` or `tls`."""
        if self.tls:
            return "tls"
        return "udp" if self.udp_port is not None else "tcp"

    @property
    def port(self) -> int | None:
        """Where the PBX sends its signalling; None: nowhere that it could."""
        if self.tls:
            return self.tls_port
        return self.udp_port if self.udp_port is not None else self.tcp_port

    @property
    def listens_on(self) -> int:
        """Where the PBX itself listens for the transport."""
        return self.pbx_port if self.pbx_port is not None else 5061 if self.tls else 5060

    @property
    def default_port(self) -> bool:
        """Whether `port` is what everybody assumes, and SRV may be asked instead (RFC 3263 §4.2)."""
        return self.port == (5061 if self.tls else 5060)

    @property
    def number(self) -> str | None:
        """The number to present where one has to be written down."""
        return self.numbers[0] if self.numbers else None

    @property
    def addresses(self) -> tuple[str, ...]:
        """Every address of every edge, once."""
        return tuple(dict.fromkeys(address for edge in self.edges for address in edge.addresses))

    @property
    def ipv6_only(self) -> bool:
        """Whether no edge has an IPv4 address: then the PBX has to listen for IPv6."""
        return bool(self.addresses) and all(":" in address for address in self.addresses)


def checked_host(value: str, what: str) -> None:
    """Raise `PbxError` unless `value` is a host name or address that any file can hold."""
    _must(_HOST, value, what)


def _must(pattern: re.Pattern[str], value: str, what: str) -> None:
    if pattern.fullmatch(value) is None:
        raise PbxError(f"{what} can't be written into a PBX's configuration: {value[:80]!r}")
