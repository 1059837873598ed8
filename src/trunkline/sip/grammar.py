"""What several headers share (RFC 3261 §25.1): token, quoted-string, comma lists, generic parameters.

Text has been decoded and unfolded before it comes here. Every function is linear in its input: the
expressions use possessive quantifiers, and an unterminated quote or bracket swallows the rest of the text
rather than being tried again at the next character.
"""

import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from trunkline.sip import limits
from trunkline.sip.errors import SipBuildError, SipSyntaxError

TOKEN: Final = r"[A-Za-z0-9\-.!%*_+`'~]"  # noqa: S105
"""One character of a token, as a class for larger expressions."""

HOST: Final = r"(?:[A-Za-z0-9_-]++(?:\.[A-Za-z0-9_-]++)*+\.?|\[[0-9A-Fa-f:.]++\])"
"""RFC 3261 §25.1 `host`, with underscores allowed; an IPv6reference still has to be checked."""

is_token = re.compile(f"{TOKEN}++").fullmatch
"""Truthy when the whole text is a token."""

LWS: Final = " \t"

Params = Mapping[str, str | None]
"""Parameters: names in lower case, values as received, None for a name without a value."""

NO_PARAMS: Final[Params] = MappingProxyType({})

_VALUE = r"[A-Za-z0-9\-.!%*_+`'~\[\]:/?@&$,=()#{}|^]"
_SIMPLE_PARAMS = re.compile(f"(?:;{TOKEN}++(?:={_VALUE}*+)?+)++").fullmatch
_PLAIN_VALUE = re.compile(f"{_VALUE}*+").fullmatch
_LIST_STOP = re.compile(r'"(?:[^"\\]|\\.)*+(?:"|\\?\Z)|<[^>]*+>?|,', re.DOTALL)
_PARAM_STOP = re.compile(r'"(?:[^"\\]|\\.)*+(?:"|\\?\Z)|;', re.DOTALL)
_QUOTED = re.compile(r'"((?:[^"\\]|\\.)*+)"', re.DOTALL).fullmatch
_PAIR = re.compile(r"\\(.)", re.DOTALL)
_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029]")
_UNDECODED = re.compile("[\udc80-\udcff]").search


def split_list(text: str, element: str = "list") -> list[str]:
    """The elements of a comma-separated list, stripped; commas inside quotes and `<>` don't separate.

    Empty elements are dropped: they carry nothing. Raises `SipSyntaxError` for `element` above
    `limits.LIST_ELEMENTS`.
    """
    if "," not in text:
        text = text.strip(LWS)
        return [text] if text else []
    pieces = _split(text, _LIST_STOP, ",") if '"' in text or "<" in text else text.split(",")
    elements = [stripped for piece in pieces if (stripped := piece.strip(LWS))]
    if len(elements) > limits.LIST_ELEMENTS:
        raise SipSyntaxError(element, "too many elements")
    return elements


def _split(text: str, stop: re.Pattern[str], separator: str) -> list[str]:
    pieces = []
    start = 0
    for match in stop.finditer(text):
        if match[0] == separator:
            pieces.append(text[start : match.start()])
            start = match.end()
    pieces.append(text[start:])
    return pieces


def parse_params(text: str, element: str) -> dict[str, str | None]:
    """`;name=value;name` as a mapping: names in lower case, values exactly as received (quotes kept).

    `text` is empty or begins (after LWS) with a semicolon. Raises `SipSyntaxError` for an empty or repeated
    parameter, a name that isn't a token, and a value that is neither token, host nor quoted string (RFC 3261
    §25.1 generic-param; some more visible characters are let through).
    """
    if not _SIMPLE_PARAMS(text):
        return _parse_odd_params(text.strip(LWS), element)
    pieces = text.split(";")
    if len(pieces) > limits.PARAMETERS:
        raise SipSyntaxError(element, "too many parameters")
    params: dict[str, str | None] = {}
    del pieces[0]
    for piece in pieces:
        name, equals, value = piece.partition("=")
        params[name.lower()] = value if equals else None
    if len(params) != len(pieces):
        raise SipSyntaxError(element, "parameter repeated")
    return params


def _parse_odd_params(text: str, element: str) -> dict[str, str | None]:
    params: dict[str, str | None] = {}
    if not text:
        return params
    if text[0] != ";":
        raise SipSyntaxError(element, "unexpected text before the parameters")
    pieces = _split(text, _PARAM_STOP, ";")
    if len(pieces) > limits.PARAMETERS:
        raise SipSyntaxError(element, "too many parameters")
    for piece in pieces[1:]:
        name, equals, value = piece.partition("=")
        name = name.strip(LWS).lower()
        value = value.strip(LWS)
        if not is_token(name):
            raise SipSyntaxError(element, "malformed parameter")
        if name in params:
            raise SipSyntaxError(element, f"parameter {name} repeated")
        if not _PLAIN_VALUE(value) and not _QUOTED(value):
            raise SipSyntaxError(element, f"malformed value of parameter {name}")
        params[name] = value if equals else None
    return params


def print_params(params: Params) -> str:
    """The inverse of `parse_params`."""
    return "".join([f";{name}" if value is None else f";{name}={value}" for name, value in params.items()])


def quote(text: str) -> str:
    """`text` as a quoted-string (RFC 3261 §25.1). Raises `SipBuildError` on CR, LF or NUL."""
    if "\n" in text or "\r" in text or "\0" in text:
        refuse_breaks(text, "a quoted string")
    if "\\" in text or '"' in text:
        text = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{text}"'


def unquote(text: str) -> str:
    """What a quoted-string says, made `readable`; other text is only made `readable`."""
    match = _QUOTED(text)
    if match is not None:
        text = match[1]
        if "\\" in text:
            text = _PAIR.sub(r"\1", text)
    return text if text.isprintable() else readable(text)


def readable(text: str) -> str:
    """`text` fit for a display, a log and a database: no control characters, no undecoded bytes.

    Control characters, which a quoted pair may smuggle in (RFC 4475 §3.1.1.2), become spaces. Bytes that
    weren't UTF-8 are what old devices send instead: ISO 8859-1.
    """
    if _UNDECODED(text):
        text = text.encode("utf-8", "surrogateescape").decode("latin-1")
    return _CONTROL.sub(" ", text)


def refuse_breaks(text: str, where: str) -> None:
    """Raise `SipBuildError` when `text` holds CR, LF or NUL, which would forge another header or message."""
    if "\n" in text or "\r" in text or "\0" in text:
        raise SipBuildError(f"{where} would break out of its line: {text[:80]!r}")
