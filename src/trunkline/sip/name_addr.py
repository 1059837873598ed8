"""Addresses with header parameters: From, To, Contact, Route and their kin (RFC 3261 §20.10, §25.1).

Without angle brackets, parameters belong to the header and the URI may hold neither comma, semicolon nor
question mark (RFC 3261 §20).

Leniencies: an unquoted display name may hold any characters but quotes and brackets (RFC 4475 §3.1.2.15), a
URI may have spaces around it within its brackets (§3.1.2.14). Neither is passed on: what is printed is
well-formed.
"""

import re
from functools import lru_cache
from typing import Final

from trunkline.sip.errors import SipSyntaxError
from trunkline.sip.grammar import (
    LWS,
    NO_PARAMS,
    TOKEN,
    Params,
    parse_params,
    print_params,
    quote,
    readable,
    split_list,
    unquote,
)
from trunkline.sip.uri import SIP_URI, OtherUri, SipUri, parse_uri, sip_uri_of

_USUAL = re.compile(
    rf'(?:"([^"\\]*+)"[ \t]*+|([A-Za-z0-9\-.!%*_+`\'~ \t]*+))<{SIP_URI}>(?:;tag=({TOKEN}++))?'
).fullmatch
_NAME_ADDR = re.compile(
    r'[ \t]*+(?:("(?:[^"\\]|\\.)*+")|([^"<>]*+))[ \t]*+<([^<>"]*+)>(.*)', re.DOTALL
).fullmatch


REMEMBERED: Final = 512
"""Addresses."""
REMEMBERED_CHARS: Final = 256
"""Longer ones are read each time, so that what is remembered has a bound."""


class NameAddr:
    """An address with an optional display name and header parameters. Immutable."""

    __slots__ = ("display", "params", "uri")

    def __init__(self, display: str | None, uri: SipUri | OtherUri, params: Params = NO_PARAMS) -> None:
        self.display: Final = display
        """Without quotes and escapes, never with control characters when parsed; None when absent."""
        self.uri: Final = uri
        self.params: Final = params
        """Header parameters: names in lower case, values as received (a quoted one with its quotes)."""

    @classmethod
    def parse(cls, text: str) -> "NameAddr":
        """Read one address. Raises `SipSyntaxError`.

        The addresses of a call come again with each of its messages, those of a peer with each of its calls:
        the last ones read are remembered.
        """
        return _remembered(text) if len(text) <= REMEMBERED_CHARS else cls._read(text)

    @classmethod
    def _read(cls, text: str) -> "NameAddr":
        match = _USUAL(text)
        if match is None:
            return cls._parse_unusual(text)
        quoted, plain, scheme, user, password, host, port, uri_params, tag = match.groups()
        if quoted is not None:
            display = quoted if quoted.isprintable() else readable(quoted)
        else:
            display = plain.strip(LWS) or None
        uri = sip_uri_of(scheme, user, password, host, port, uri_params)
        return cls(display, uri, NO_PARAMS if tag is None else {"tag": tag})

    @classmethod
    def _parse_unusual(cls, text: str) -> "NameAddr":
        match = _NAME_ADDR(text)
        if match is None:
            return cls._parse_addr_spec(text)
        quoted, plain, uri_text, rest = match.groups()
        display = unquote(quoted) if quoted is not None else readable(plain.strip(LWS)) or None
        uri = parse_uri(uri_text.strip(LWS))
        return cls(display, uri, parse_params(rest, "parameters") if rest else NO_PARAMS)

    @classmethod
    def _parse_addr_spec(cls, text: str) -> "NameAddr":
        text = text.strip(LWS)
        if "<" in text or ">" in text or '"' in text.partition(";")[0]:
            raise SipSyntaxError("address", "unbalanced quotes or brackets")
        uri_text, semicolon, rest = text.partition(";")
        uri_text = uri_text.rstrip(LWS)
        if "?" in uri_text or "," in uri_text:
            raise SipSyntaxError("address", "URI with ? or , needs angle brackets", offset=len(uri_text))
        uri = parse_uri(uri_text)
        return cls(None, uri, parse_params(f";{rest}", "parameters") if semicolon else NO_PARAMS)

    @classmethod
    def parse_list(cls, text: str) -> "list[NameAddr]":
        """Read a comma-separated list. Raises `SipSyntaxError`."""
        return [cls.parse(element) for element in split_list(text)]

    @property
    def tag(self) -> str | None:
        """The tag parameter (RFC 3261 §19.3); None when absent or empty."""
        return self.params.get("tag") or None

    def __str__(self) -> str:
        params = print_params(self.params) if self.params else ""
        return (
            f"<{self.uri}>{params}" if self.display is None else f"{quote(self.display)} <{self.uri}>{params}"
        )

    def __repr__(self) -> str:
        return f"NameAddr({str(self)!r})"

    def __eq__(self, other: object) -> bool:
        return (
            isinstance(other, NameAddr)
            and self.display == other.display
            and self.uri == other.uri
            and dict(self.params) == dict(other.params)
        )

    def __hash__(self) -> int:
        return hash((self.display, self.uri, frozenset(self.params.items())))


_remembered = lru_cache(REMEMBERED)(NameAddr._read)  # noqa: SLF001 - the class's own memory
