"""The forwarding list of a number: what a customer types under "Forward to SIP".

The field takes comma-separated SIP URIs, tried in order: `user@host`, `sip:` and `sips:`, each with
`;timeout=` (ms), `;transport=` and `;media=srtp`. This module reads and checks it; what happens when an
endpoint fails is `hunt`, and the order of a real call is `plan`.

A comma always separates, so a user part that has one must write it `%2C`.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from enum import StrEnum
from ipaddress import IPv4Address, IPv6Address, ip_address

from trunkline.errors import DirectoryError
from trunkline.sip.errors import SipSyntaxError
from trunkline.sip.uri import SipUri

MIN_TIMEOUT_MS = 2000
MAX_TIMEOUT_MS = 20000
MAX_ENDPOINTS = 10
MAX_TEXT = 4096
MAX_URI = 2000
"""Characters of an endpoint's URI: databases find it by an index, and one of PostgreSQL takes 2704 bytes."""

_TRANSPORTS = frozenset({"udp", "tcp", "tls"})
_OURS = ("timeout", "media")
_KNOWN_PARAMETERS = frozenset({"transport", "user", "maddr", "ttl", "lr", *_OURS})
_SCHEME = re.compile(r"sips?:", re.IGNORECASE)
_OTHER_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:[^@]*", re.ASCII)
SPACE = " \t\r\n"
PASSED_OVER = "such entries are passed over"
"""The end of a warning: no call goes there."""


class MediaProtection(StrEnum):
    """Whether an endpoint's audio is encrypted (`;media=srtp`)."""

    RTP = "rtp"
    SRTP = "srtp"


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One entry of a forwarding list."""

    uri: SipUri
    """The Request-URI to send: without our parameters `timeout` and `media`, which never reach the wire."""
    timeout_ms: int | None = None
    """Silence for this long moves a call to the next endpoint, 2000 to 20000; None:
    `forwarding.default_timeout_ms`."""
    media: MediaProtection = MediaProtection.RTP
    text: str = ""
    """The entry as it was typed, for records and displays."""


@dataclass(frozen=True, slots=True)
class ForwardingList:
    """Endpoints in the order in which they are tried, at most 10."""

    endpoints: tuple[Endpoint, ...] = ()
    warnings: tuple[str, ...] = ()
    """What the customer should be told on saving, in words."""
    text: str = ""
    """The whole field as typed."""

    def __bool__(self) -> bool:
        return bool(self.endpoints)

    @classmethod
    def parse(cls, text: str) -> "ForwardingList":
        """Read the field; nothing but spaces is the empty list. Raises `ForwardingSyntaxError`."""
        if len(text) > MAX_TEXT:
            raise ForwardingSyntaxError(f"the list is longer than {MAX_TEXT} characters", 0, 0)
        if not text.strip(SPACE):
            return NOT_FORWARDED
        pieces = text.split(",")
        if len(pieces) > MAX_ENDPOINTS:
            raise ForwardingSyntaxError(f"the list has more than {MAX_ENDPOINTS} entries", 0, 0)
        endpoints: list[Endpoint] = []
        warnings: list[str] = []
        position = 0
        for number, piece in enumerate(pieces, 1):
            entry = _Entry(number, position + len(piece) - len(piece.lstrip(SPACE)), piece.strip(SPACE))
            endpoint = entry.read()
            warnings += [f"entry {number}: {warning}" for warning in entry.warnings]
            if any(endpoint.uri.equivalent(earlier.uri) for earlier in endpoints):
                warnings.append(f"entry {number}: the same address stands in the list already")
            endpoints.append(endpoint)
            position += len(piece) + 1
        return cls(tuple(endpoints), tuple(warnings), text.strip(SPACE))

    def with_warnings(self, found: Iterable[tuple[int, str]]) -> "ForwardingList":
        """With those as well: which entry, from 1, and what of it. What it says already isn't said again."""
        told = [f"entry {number}: {words}" for number, words in found]
        fresh = tuple(warning for warning in told if warning not in self.warnings)
        return replace(self, warnings=(*self.warnings, *fresh)) if fresh else self

    def warned_of_keys(self, key: str, service_domain: str) -> "ForwardingList":
        """With a warning for each entry that stands for devices (`KEY@DOMAIN`) of another account than `key`,
        whose number it is: it reaches none (`trunkline.trunk.plan`).
        """
        return self.with_warnings(
            (number, f"at {service_domain}, {key}@ alone reaches devices; {PASSED_OVER}")
            for number, endpoint in enumerate(self.endpoints, 1)
            if endpoint.uri.host == service_domain and endpoint.uri.user_unescaped != key
        )


NOT_FORWARDED = ForwardingList()


class ForwardingSyntaxError(DirectoryError):
    """A list that can't be saved."""

    def __init__(self, reason: str, entry: int, position: int) -> None:
        super().__init__(f"entry {entry}: {reason}" if entry else reason)
        self.reason = reason
        """What is wrong, in words for the customer."""
        self.entry = entry
        """Which entry, from 1; 0: the list as a whole."""
        self.position = position
        """Where in the text, in characters from 0."""


class _Entry:
    """One entry being read; `position` is where it begins in the whole text."""

    __slots__ = ("number", "position", "text", "warnings")

    def __init__(self, number: int, position: int, text: str) -> None:
        self.number = number
        self.position = position
        self.text = text
        self.warnings: list[str] = []

    def fail(self, reason: str, offset: int = 0) -> ForwardingSyntaxError:
        return ForwardingSyntaxError(reason, self.number, self.position + max(0, offset))

    def read(self) -> Endpoint:
        uri = self.uri()
        if uri.headers:
            raise self.fail("headers ('?…') can't be forwarded to", self.text.find("?"))
        if "method" in uri.params:
            raise self.fail("a 'method' parameter can't be forwarded to", self.parameter_offset("method"))
        self.check_host(uri)
        self.check_transport(uri)
        timeout_ms = self.timeout_ms(uri)
        media = self.media(uri)
        if uri.password is not None:
            self.warnings.append("the password stands in every INVITE, readable on the way")
        for name in uri.params:
            if name not in _KNOWN_PARAMETERS:
                self.warnings.append(f"the parameter '{name}' is unknown here and is sent as it is")
        if media is MediaProtection.SRTP and uri.scheme != "sips" and uri.transport != "tls":
            self.warnings.append("media=srtp without TLS sends the keys readable on the way; use sips:")
        sent = uri.without(*_OURS) if uri.params else uri
        if len(str(sent)) > MAX_URI:
            raise self.fail(f"is longer than {MAX_URI} characters")
        return Endpoint(sent, timeout_ms, media, self.text)

    def uri(self) -> SipUri:
        text = self.text
        if not text:
            raise self.fail("is empty")
        if not text.isascii() or not text.isprintable() or " " in text:
            raise self.fail("holds a space or a character that a SIP URI can't have")
        added = 0
        if _SCHEME.match(text) is None:
            if _OTHER_SCHEME.fullmatch(text) is not None:
                raise self.fail("is not a SIP URI; write user@host, sip:user@host or sips:user@host")
            if "@" not in text.partition(";")[0]:
                raise self.fail("has no '@'; write user@host, sip:user@host or sips:user@host")
            text = f"sip:{text}"
            added = 4
        try:
            return SipUri.parse(text)
        except SipSyntaxError as error:
            raise self.fail(f"is not a SIP URI: {error.detail}", error.offset - added) from None

    def check_host(self, uri: SipUri) -> None:
        try:
            address = ip_address(uri.host)
        except ValueError:
            if uri.host.replace(".", "").isdigit():
                raise self.fail(f"{uri.host} is not an IP address", self.text.find(uri.host)) from None
            return
        if _unreachable(address):
            raise self.fail(f"{uri.host} is not the address of a host", self.text.find(uri.host))
        if address.is_loopback:
            self.warnings.append(
                "the address is this machine's own; the call comes back to the service's host"
            )

    def check_transport(self, uri: SipUri) -> None:
        transport = uri.transport
        if transport is None:
            if "transport" in uri.params:
                raise self.fail(
                    "transport needs a value: udp, tcp or tls", self.parameter_offset("transport")
                )
        elif transport not in _TRANSPORTS:
            raise self.fail("transport is udp, tcp or tls", self.parameter_offset("transport"))
        elif transport == "udp" and uri.scheme == "sips":
            raise self.fail("sips: can't go over UDP", self.parameter_offset("transport"))

    def timeout_ms(self, uri: SipUri) -> int | None:
        if "timeout" not in uri.params:
            return None
        value = uri.params["timeout"] or ""
        if not (value.isascii() and value.isdigit() and len(value) < 7):
            raise self.fail("timeout is a number of milliseconds", self.parameter_offset("timeout"))
        if not MIN_TIMEOUT_MS <= int(value) <= MAX_TIMEOUT_MS:
            allowed = f"{MIN_TIMEOUT_MS} to {MAX_TIMEOUT_MS}"
            raise self.fail(f"timeout is {allowed} milliseconds", self.parameter_offset("timeout"))
        return int(value)

    def media(self, uri: SipUri) -> MediaProtection:
        if "media" not in uri.params:
            return MediaProtection.RTP
        if (uri.params["media"] or "").lower() != "srtp":
            raise self.fail("media is srtp, or left out", self.parameter_offset("media"))
        return MediaProtection.SRTP

    def parameter_offset(self, name: str) -> int:
        """Where the parameter's name begins in the entry."""
        found = self.text.lower().find(f";{name}", self.text.find("@") + 1)
        return found + 1


def _unreachable(address: IPv4Address | IPv6Address) -> bool:
    if address.is_multicast or address.is_unspecified:
        return True
    return isinstance(address, IPv4Address) and (address.packed[0] == 0 or address.packed == b"\xff" * 4)
