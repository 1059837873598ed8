"""SIP and SIPS URIs (RFC 3261 §19.1); every other URI as a scheme and an opaque rest (tel: RFC 3966).

Keeps the user part as received, escapes and all. Does not resolve anything (RFC 3263: `trunkline.net`).

Leniencies, each of them seen from deployed phones: a user part may hold any visible ASCII character but
`"<>@\\`, such as an unescaped `#`; a host name may hold underscores.
"""

import ipaddress
import re
from functools import lru_cache
from typing import Final
from urllib.parse import unquote_to_bytes

from trunkline.sip import limits
from trunkline.sip.errors import SipBuildError, SipSyntaxError
from trunkline.sip.grammar import HOST, NO_PARAMS, Params, print_params

SIP_URI: Final = (
    r"([Ss][Ii][Pp][Ss]?):"
    r"(?:((?:[!#$&-9;=?A-Z\[\]^_`a-z{|}~]++|%[0-9A-Fa-f]{2})+)"
    r"(?::((?:[!$&-9=A-Z_a-z~]++|%[0-9A-Fa-f]{2})*))?@)?"
    rf"({HOST})"
    r"(?::([0-9]{1,5}))?"
    r"((?:;(?:[!$&-+./0-9:=A-Z\[\]_a-z~-]++|%[0-9A-Fa-f]{2})+)*)"
)
"""Scheme, user, password, host, port and parameters of a URI, as six groups of a larger expression.

No possessive quantifier stands around what may match in part and then not: before Python 3.11.5 such an
expression fails to match, or matches the part (https://github.com/python/cpython/issues/106052), and Debian
12 has 3.11.2.
"""

REMEMBERED: Final = 512
"""URIs."""
REMEMBERED_CHARS: Final = 256
"""Longer ones are read each time, so that what is remembered has a bound."""

_URI = re.compile(rf"{SIP_URI}(?:\?(.*))?", re.DOTALL).fullmatch
_USER = re.compile(r"(?:[!#$&-9=?A-Z\[\]^_`a-z{|}~]|%[0-9A-Fa-f]{2})+").fullmatch
_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*+):([!-;=?-~]++)").fullmatch
_EXTRA_COLON = re.compile(r"::(?=:[0-9]{1,3}\.[0-9.]+\Z)").sub
_BAD_ESCAPE = re.compile(r"%(?![0-9A-Fa-f]{2})").search
_HEADERS = re.compile(r"[!$%&'()*+./0-9:=?A-Z\[\]_a-z~-]++").fullmatch


class SipUri:
    """One SIP or SIPS URI. Immutable; `==` compares printed forms, `equivalent` is RFC 3261's equality."""

    __slots__ = ("_text", "headers", "host", "params", "password", "port", "scheme", "user")

    def __init__(
        self,
        scheme: str,
        user: str | None,
        host: str,
        port: int | None = None,
        params: Params = NO_PARAMS,
        headers: str = "",
        password: str | None = None,
    ) -> None:
        self.scheme: Final = scheme
        """`sip` or `sips`."""
        self.user: Final = user
        """Escaped as received, None when there is none.

        May hold parameters of its own (`+4989;phone-context=…`).
        """
        self.host: Final = host
        """Lower case; an IPv6 address without brackets."""
        self.port: Final = port
        """1 to 65535; None when not given, which is not the same as 5060 (RFC 3261 §19.1.4)."""
        self.params: Final = params
        """Names in lower case, values as received."""
        self.headers: Final = headers
        """What follows `?`, undecoded; empty when there is nothing."""
        self.password: Final = password
        self._text: str | None = None

    @classmethod
    def parse(cls, text: str) -> "SipUri":
        """Read `sip:` or `sips:` text. Raises `SipSyntaxError` (status 416 for another scheme)."""
        match = _URI(text)
        if match is None:
            raise _why_not(text)
        return _checked(match)

    @property
    def transport(self) -> str | None:
        """The transport parameter in lower case, None when absent."""
        value = self.params.get("transport")
        return None if value is None else value.lower()

    @property
    def lr(self) -> bool:
        """True for a loose router (RFC 3261 §19.1.1)."""
        return "lr" in self.params

    @property
    def maddr(self) -> str | None:
        """The maddr parameter, IPv6 without brackets."""
        value = self.params.get("maddr")
        return None if value is None else value.strip("[]").lower()

    @property
    def hostport(self) -> str:
        """`host` or `host:port`, an IPv6 address in brackets."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port is None else f"{host}:{self.port}"

    @property
    def user_unescaped(self) -> str | None:
        """The user part with %-escapes resolved as UTF-8.

        It may hold any character, CR, LF and NUL among them.
        """
        user = self.user
        if user is None or "%" not in user:
            return user
        return unquote_to_bytes(user).decode("utf-8", "surrogateescape")

    def with_(
        self,
        *,
        scheme: str | None = None,
        user: str | None = None,
        host: str | None = None,
        port: int | None = None,
        params: Params | None = None,
        headers: str | None = None,
    ) -> "SipUri":
        """A copy with the given parts replaced. `without` removes parts."""
        return SipUri(
            self.scheme if scheme is None else scheme,
            self.user if user is None else user,
            self.host if host is None else host.strip("[]").lower(),
            self.port if port is None else port,
            self.params if params is None else params,
            self.headers if headers is None else headers,
            self.password if user is None else None,
        )

    def without(self, *parts: str) -> "SipUri":
        """A copy without the named parts: `user` (and password), `port`, `params`, `headers`, a parameter."""
        return SipUri(
            self.scheme,
            None if "user" in parts else self.user,
            self.host,
            None if "port" in parts else self.port,
            NO_PARAMS if "params" in parts else {k: v for k, v in self.params.items() if k not in parts},
            "" if "headers" in parts else self.headers,
            None if "user" in parts else self.password,
        )

    def equivalent(self, other: "SipUri | OtherUri") -> bool:
        """Equality by the rules of RFC 3261 §19.1.4."""
        if not isinstance(other, SipUri):
            return False
        if self.scheme != other.scheme or self.port != other.port:
            return False
        if _host_key(self.host) != _host_key(other.host):
            return False
        if _escapes_resolved(self.user) != _escapes_resolved(other.user):
            return False
        if _escapes_resolved(self.password) != _escapes_resolved(other.password):
            return False
        for name in self.params.keys() | other.params.keys():
            if name in self.params and name in other.params:
                if _folded(self.params[name]) != _folded(other.params[name]):
                    return False
            elif name in _MUST_MATCH:
                return False
        return _header_set(self.headers) == _header_set(other.headers)

    def __str__(self) -> str:
        text = self._text
        if text is None:
            text = self._text = self._printed()
        return text

    def _printed(self) -> str:
        user = self.user
        text = f"{self.scheme}:"
        if user is not None:
            text += f"{user}@" if self.password is None else f"{user}:{self.password}@"
        host = self.host
        text += f"[{host}]" if ":" in host else host
        if self.port is not None:
            text += f":{self.port}"
        if self.params:
            text += print_params(self.params)
        if self.headers:
            text += f"?{self.headers}"
        return text

    def __repr__(self) -> str:
        return f"SipUri({str(self)!r})"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, SipUri) and str(self) == str(other)

    def __hash__(self) -> int:
        return hash(str(self))


class OtherUri:
    """A URI of another scheme (`tel`, `urn`, `http`, …): only its scheme is understood. Immutable."""

    __slots__ = ("opaque", "scheme")

    def __init__(self, scheme: str, opaque: str) -> None:
        self.scheme: Final = scheme
        """Lower case."""
        self.opaque: Final = opaque
        """What follows the first colon."""

    @property
    def user(self) -> str | None:
        """The subscriber of a tel URI (RFC 3966 §3) without its parameters; None for any other scheme, and
        for what no user part of a SIP URI could be.
        """
        subscriber = self.opaque.partition(";")[0]
        return subscriber if self.scheme == "tel" and _USER(subscriber) else None

    def equivalent(self, other: "SipUri | OtherUri") -> bool:
        """Equal scheme and, case ignored, equal rest."""
        return isinstance(other, OtherUri) and str(self).lower() == str(other).lower()

    def __str__(self) -> str:
        return f"{self.scheme}:{self.opaque}"

    def __repr__(self) -> str:
        return f"OtherUri({str(self)!r})"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, OtherUri) and str(self) == str(other)

    def __hash__(self) -> int:
        return hash(str(self))


def parse_uri(text: str) -> SipUri | OtherUri:
    """Read any URI. Raises `SipSyntaxError`. The last ones read are remembered."""
    return _remembered(text) if len(text) <= REMEMBERED_CHARS else _read(text)


def _read(text: str) -> SipUri | OtherUri:
    match = _URI(text)
    if match is not None:
        return _checked(match)
    match = _SCHEME(text)
    if match is None or match[1].lower() in ("sip", "sips"):
        raise _why_not(text)
    return OtherUri(match[1].lower(), match[2])


_remembered = lru_cache(REMEMBERED)(_read)


def sip_uri_of(
    scheme: str,
    user: str | None,
    password: str | None,
    host: str,
    port_text: str | None,
    params_text: str,
    headers: str = "",
) -> SipUri:
    """A URI of what the groups of `SIP_URI` have matched. Raises `SipSyntaxError`."""
    if host[0] == "[":
        host = ipv6_of(host, "URI")
    port: int | None = None
    if port_text is not None:
        port = int(port_text)
        if not 0 < port < 65536:
            raise SipSyntaxError("URI", "port out of range")
    params = _parse_params(params_text) if params_text else NO_PARAMS
    return SipUri(scheme.lower(), user, host.lower(), port, params, headers, password)


def _checked(match: re.Match[str]) -> SipUri:
    scheme, user, password, host, port_text, params_text, headers = match.groups()
    if headers is None:
        headers = ""
    elif not _HEADERS(headers) or _BAD_ESCAPE(headers):
        raise SipSyntaxError("URI", "malformed headers", offset=match.start(7))
    return sip_uri_of(scheme, user, password, host, port_text, params_text, headers)


def is_address(host: str) -> bool:
    """Whether a host is an IP address (IPv6 without brackets), and not a name."""
    try:
        return bool(ipaddress.ip_address(host))
    except ValueError:
        return False


def is_ipv6(text: str) -> bool:
    """True for an IPv6 address without brackets and zone."""
    try:
        ipaddress.IPv6Address(text)
    except ValueError:
        return False
    return "%" not in text


def ipv6_of(reference: str, element: str) -> str:
    """The address within an IPv6reference (`[…]`). Raises `SipSyntaxError`.

    RFC 5118 §4.10: a colon too many before an embedded IPv4 address MUST be tolerated; it is dropped.
    """
    address = _EXTRA_COLON(":", reference[1:-1])
    if not is_ipv6(address):
        raise SipSyntaxError(element, "malformed IPv6 address")
    return address


def _parse_params(text: str) -> dict[str, str | None]:
    params: dict[str, str | None] = {}
    pieces = text.split(";")
    if len(pieces) > limits.PARAMETERS:
        raise SipSyntaxError("URI", "too many parameters")
    del pieces[0]
    for piece in pieces:
        name, equals, value = piece.partition("=")
        params[name.lower()] = value if equals else None
    if len(params) != len(pieces) or "" in params:
        raise SipSyntaxError("URI", "parameter repeated, or without a name")
    return params


def _why_not(text: str) -> SipSyntaxError:
    scheme, colon, rest = text.partition(":")
    if colon and scheme.lower() not in ("sip", "sips"):
        if _SCHEME(text):
            return SipSyntaxError("URI", "scheme is neither sip nor sips", status=416)
        return SipSyntaxError("URI", "malformed")
    if not colon or not rest:
        return SipSyntaxError("URI", "empty or without a scheme")
    if _BAD_ESCAPE(rest):
        return SipSyntaxError("URI", "malformed escape")
    return SipSyntaxError("URI", "malformed user, host or parameter", offset=len(scheme) + 1)


_MUST_MATCH = frozenset(("user", "ttl", "method", "maddr", "transport"))
_RESERVED = frozenset(b";/?:@&=+$,%")


def _folded(value: str | None) -> str | None:
    return None if value is None else value.lower()


def same_host(one: str, other: str) -> bool:
    """Whether two hosts are one by what is written: names without regard to case, IPv6 addresses by value
    (RFC 5954 §4.2).
    """
    return one == other or _host_key(one.lower()) == _host_key(other.lower())


def _host_key(host: str) -> object:
    return ipaddress.IPv6Address(host) if ":" in host else host


_ESCAPE = re.compile(r"%([0-9A-Fa-f]{2})")


def _escapes_resolved(text: str | None) -> str | None:
    """Unescape what may be unescaped: reserved characters differ from their escapes (RFC 3261 §19.1.4)."""
    return text if text is None or "%" not in text else _ESCAPE.sub(_unescaped, text)


def _unescaped(escape: re.Match[str]) -> str:
    code = int(escape[1], 16)
    return chr(code) if 0x20 < code < 0x7F and code not in _RESERVED else escape[0].upper()


def _header_set(headers: str) -> list[tuple[str, str]]:
    pairs = []
    for piece in headers.split("&"):
        name, _, value = piece.partition("=")
        pairs.append(((_escapes_resolved(name) or "").lower(), _escapes_resolved(value) or ""))
    pairs.sort()
    return pairs


_ESCAPE_USER = re.compile(r"[^A-Za-z0-9\-_.!~*'()&=+$,;?/]")


def escape_user(text: str) -> str:
    """Any text as a user part, %-escaped as RFC 3261 §25.1 asks for. Raises `SipBuildError` when empty."""
    if not text:
        raise SipBuildError("a user part can't be empty")
    return _ESCAPE_USER.sub(_escape, text)


def _escape(match: re.Match[str]) -> str:
    return "".join([f"%{byte:02X}" for byte in match[0].encode("utf-8", "surrogateescape")])
