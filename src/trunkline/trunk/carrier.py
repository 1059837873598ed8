"""A carrier: an upstream SIP peer, its gateways, and how it wants to be talked to.

Everything that differs from carrier to carrier is a field here: there is no carrier-specific code.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from ipaddress import IPv4Network, IPv6Network, ip_network

from trunkline.errors import DirectoryError
from trunkline.sdp.codecs import CODEC_NAMES
from trunkline.sip.errors import SipSyntaxError
from trunkline.sip.uri import SipUri, escape_user
from trunkline.trunk.account import check_codecs, check_key
from trunkline.trunk.e164 import checked_prefix
from trunkline.trunk.media_policy import DtmfMode, MediaPolicy, SrtpPolicy
from trunkline.trunk.routes import check_order

Network = IPv4Network | IPv6Network

MIN_RESPONSE_TIMEOUT_MS = 500
MAX_RESPONSE_TIMEOUT_MS = 32000
MAX_RING_TIMEOUT_S = 600.0
MAX_HOST = 253
"""Characters of a host (RFC 1035 §2.3.4, without the dot at the end)."""
_PREPEND = re.compile(r"\+?[0-9*#]{0,24}", re.ASCII)
_HOST = re.compile(rf"[A-Za-z0-9.-]{{1,{MAX_HOST}}}|\[?[0-9A-Fa-f:.]{{2,45}}\]?", re.ASCII)


class GatewayTransport(StrEnum):
    """The transport of the gateways whose URI names none (RFC 3261 §19.1.1 spelling)."""

    UDP = "udp"
    TCP = "tcp"
    TLS = "tls"


@dataclass(frozen=True, slots=True)
class Rewrite:
    """One rule: for a number that begins with `prefix`, take `strip` characters away in front, then put
    `prepend` there.

    `Rewrite("", 0, "+")` makes `441632960000` into `+441632960000`; `Rewrite("44", 2, "0")` into
    `01632960000`.
    """

    prefix: str
    """Digits; empty matches every number. A leading `+` in the number is not looked at."""
    strip: int = 0
    """0 to 15 digits."""
    prepend: str = ""
    """Up to 24 of `0-9*#`, after an optional `+`."""

    def __post_init__(self) -> None:
        if checked_prefix(self.prefix) != self.prefix:
            raise DirectoryError(f"rewrite rule {self.prefix!r}: the prefix must be digits only")
        if not 0 <= self.strip <= 15:
            raise DirectoryError(f"rewrite rule {self.prefix!r}: strip is 0 to 15 digits")
        if _PREPEND.fullmatch(self.prepend) is None:
            raise DirectoryError(
                f"rewrite rule {self.prefix!r}: {self.prepend!r} can't be put before a number"
            )

    def __str__(self) -> str:
        """As `parse` reads it."""
        return f"{self.prefix}:{self.strip}:{self.prepend}"

    @classmethod
    def parse(cls, text: str) -> "Rewrite":
        """Read `PREFIX:STRIP:PREPEND`, such as `44:2:0` or `::+`. Raises `DirectoryError`."""
        prefix, _, rest = text.partition(":")
        strip, colon, prepend = rest.partition(":")
        if not colon or not (strip or "0").isdecimal() or len(strip) > 2:
            raise DirectoryError(f"rule {text[:80]!r}: write PREFIX:STRIP:PREPEND, such as 44:2:0")
        return cls(prefix.removeprefix("+"), int(strip or 0), prepend)


def rewrite(rules: Iterable[Rewrite], number: str) -> str:
    """`number` after the first of `rules` that matches; unchanged when none does."""
    digits = number.removeprefix("+")
    for rule in rules:
        if digits.startswith(rule.prefix):
            return rule.prepend + digits[rule.strip :]
    return number


@dataclass(frozen=True, slots=True)
class Gateway:
    """One address of a carrier."""

    uri: SipUri
    """Host, and optionally port and transport; its user part is not used."""
    priority: int = 0
    """0 to 65535, lower first."""
    weight: int = 1
    """0 to 65535: its share among gateways of the same priority."""

    def __post_init__(self) -> None:
        check_order(self.priority, self.weight, f"gateway {self.uri}")


@dataclass(frozen=True, slots=True)
class CarrierCredentials:
    """What Trunkline answers a carrier's challenge with. Kept in plain: a digest client needs it."""

    user: str
    secret: str
    realm: str | None = None
    """Answer only challenges of this realm; None: of any."""

    def __repr__(self) -> str:
        return f"CarrierCredentials(user={self.user!r}, secret='…', realm={self.realm!r})"


@dataclass(frozen=True, slots=True)
class Carrier:
    """A carrier. Raises `DirectoryError` when made with values that contradict each other."""

    name: str
    """A key: 1 to 64 letters, digits, `_`, `.`, `-`."""
    gateways: tuple[Gateway, ...]
    """Where calls to it go. May be empty for a carrier that only brings calls."""
    enabled: bool = True
    """A disabled carrier takes no calls, and its sources are strangers."""
    called_rules: tuple[Rewrite, ...] = ()
    """For the called number of a call to it."""
    caller_rules: tuple[Rewrite, ...] = ()
    """For the caller's number of a call to it."""
    inbound_called_rules: tuple[Rewrite, ...] = ()
    """For the called number of a call from it, before that is read as E.164."""
    inbound_caller_rules: tuple[Rewrite, ...] = ()
    """For the caller's number of a call from it."""
    credentials: CarrierCredentials | None = None
    register: bool = False
    """Register with its first gateway, as `credentials.user`."""
    codecs: tuple[str, ...] = CODEC_NAMES
    """What its side of a call may use, preferred first; names of `sdp.codecs.CODEC_NAMES`."""
    transcoding: bool = True
    srtp: SrtpPolicy = SrtpPolicy.ALLOWED
    dtmf: DtmfMode = DtmfMode.AUTO
    transport: GatewayTransport = GatewayTransport.UDP
    verify_tls: bool = False
    """Whether its certificate has to be valid for the gateway's name."""
    sources: tuple[Network, ...] = ()
    """Where its calls come from. An INVITE from there needs no credentials."""
    inbound_account: str | None = None
    """A digest key: an INVITE with its credentials comes from this carrier, whatever its address."""
    pings: bool = True
    """Whether its gateways are asked for their health with OPTIONS."""
    ping_interval_s: float | None = None
    """Seconds between two pings of a gateway, 1 to 3600; None: as `forwarding.ping_interval_s` says."""
    response_timeout_ms: int | None = None
    """Silence for this long moves a call to the next gateway, 500 to 32000; None:
    `outbound.attempt_timeout_ms`."""
    ring_timeout_s: float | None = None
    """How long a call may ring at it, 1 to 600; None: `outbound.ring_timeout_s`."""
    from_host: str | None = None
    """Host of From towards it; None: the service domain."""
    trusted: bool = False
    """In the trust domain of RFC 3325: is told a withheld caller ID in P-Asserted-Identity."""

    def __post_init__(self) -> None:
        check_key(self.name)
        check_codecs(self.codecs, f"carrier {self.name}")
        if self.register and self.credentials is None:
            raise DirectoryError(f"carrier {self.name}: registering needs credentials")
        if self.register and not self.gateways:
            raise DirectoryError(f"carrier {self.name}: registering needs a gateway")
        if self.inbound_account is not None:
            check_key(self.inbound_account)
        self._check_times()
        if self.from_host is not None and _HOST.fullmatch(self.from_host) is None:
            raise DirectoryError(f"carrier {self.name}: {self.from_host!r} is not a host")

    @property
    def media_policy(self) -> MediaPolicy:
        """For its side of a call."""
        return MediaPolicy(self.codecs, self.transcoding, self.srtp, self.dtmf)

    @property
    def contact_user(self) -> str | None:
        """The user part of the Contact that we register at it, escaped (RFC 3261 §25.1); None: we don't."""
        if not self.register or self.credentials is None or not self.credentials.user:
            return None
        return escape_user(self.credentials.user)

    def uri_of(self, gateway: Gateway, user: str | None = None) -> SipUri:
        """The Request-URI for `user` (None: the server itself) at one of the gateways, with its transport."""
        uri = gateway.uri
        params = uri.params
        if "transport" not in params and self.transport is not GatewayTransport.UDP and uri.scheme == "sip":
            params = {**params, "transport": self.transport.value}
        return SipUri(uri.scheme, user, uri.host, uri.port, params)

    def _check_times(self) -> None:
        for what, value, least, most in (
            ("ping_interval_s", self.ping_interval_s, 1, 3600),
            (
                "response_timeout_ms",
                self.response_timeout_ms,
                MIN_RESPONSE_TIMEOUT_MS,
                MAX_RESPONSE_TIMEOUT_MS,
            ),
            ("ring_timeout_s", self.ring_timeout_s, 1, MAX_RING_TIMEOUT_S),
        ):
            if value is not None and not least <= value <= most:
                raise DirectoryError(f"carrier {self.name}: {what} is {least} to {most:g}")


def parse_gateway(text: str) -> SipUri:
    """The URI of a gateway as people type it, with or without `sip:`. Raises `DirectoryError`."""
    try:
        return SipUri.parse(text if text.lower().startswith(("sip:", "sips:")) else f"sip:{text}")
    except SipSyntaxError as error:
        raise DirectoryError(f"gateway {text[:80]!r}: {error}") from None


def parse_network(text: str) -> Network:
    """An address or CIDR range; an address alone is the range of one. Raises `DirectoryError`."""
    try:
        return ip_network(text.strip())
    except ValueError as error:
        raise DirectoryError(f"{text[:80]!r} is not an address or CIDR range: {error}") from None
