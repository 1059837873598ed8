"""The pieces of RFC 3261 §25.1 that several headers share: token, quoted-string, comma lists, generic parameters.

Text has been decoded and unfolded before it comes here. Every function is linear in its input: the expressions use
possessive quantifiers, and an unterminated quote or bracket swallows the rest of the text rather than being retried.
"""

import re
from collections.abc import Mapping

from trunkline.sip import limits
from trunkline.sip.errors import SipBuildError, SipSyntaxError

TOKEN_CHARS = r"A-Za-z0-9\-.!%*_+`'~"
is_token = re.compile(f"[{TOKEN_CHARS}]+").fullmatch
"""RFC 3261 §25.1 `token`; truthy when the whole text is one."""

LWS = " \t"
_LIST_STOP = re.compile(r'"(?:[^"\\]|\\.)*+(?:"|\\?\Z)|<[^>]*+>?|,', re.DOTALL)
_PARAM_STOP = re.compile(r'"(?:[^"\\]|\\.)*+(?:"|\\?\Z)|;', re.DOTALL)
_QUOTED = re.compile(r'"((?:[^"\\]|\\.)*+)"', re.DOTALL)
_PAIR = re.compile(r"\\(.)", re.DOTALL)
_CONTROL = re.compile("[\x00-\x08\x0a-\x1f\x7f]")
_BREAKS = re.compile("[\x00\r\n]")
_PLAIN_VALUE = re.compile(r"[A-Za-z0-9\-.!%*_+`'~\[\]:/?@&$,=()]*+").fullmatch

Params = Mapping[str, str | None]


def split_list(text: str) -> list[str]:
    """The elements of a comma-separated list, stripped; commas inside quotes and `<>` don't separate.

    Empty elements are dropped, as RFC 3261 §7.3.1 needs no more. Raises `SipSyntaxError` above `limits.LIST_ELEMENTS`.
    """
    if "," not in text:
        element = text.strip(LWS)
        return [element] if element else []
    if '"' not in text and "<" not in text:
        pieces = text.split(",")
    else:
        pieces = _split(text, _LIST_STOP, ",")
    elements = [element for piece in pieces if (element := piece.strip(LWS))]
    if len(elements) > limits.LIST_ELEMENTS:
        raise SipSyntaxError("list", "too many elements")
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
    """`;name=value;name` → names in lower case, values exactly as received (quotes kept), None for a bare name.

    `text` is empty or begins (after LWS) with a semicolon. Raises `SipSyntaxError` for an empty or repeated parameter, a
    name that isn't a token, or a value that is neither token, host nor quoted string (RFC 3261 §25.1 generic-param).
    """
    params: dict[str, str | None] = {}
    text = text.strip(LWS)
    if not text:
        return params
    if text[0] != ";":
        raise SipSyntaxError(element, "unexpected text before the parameters")
    pieces = text.split(";") if '"' not in text else _split(text, _PARAM_STOP, ";")
    if len(pieces) > limits.PARAMETERS:
        raise SipSyntaxError(element, "too many parameters")
    del pieces[0]
    for piece in pieces:
        name, equals, value = piece.partition("=")
        name = name.strip(LWS).lower()
        if not is_token(name):
            raise SipSyntaxError(element, "malformed parameter")
        if name in params:
            raise SipSyntaxError(element, f"parameter {name} repeated")
        if not equals:
            params[name] = None
            continue
        value = value.strip(LWS)
        if not _PLAIN_VALUE(value) and not _QUOTED.fullmatch(value):
            raise SipSyntaxError(element, f"malformed value of parameter {name}")
        params[name] = value
    return params


def print_params(params: Params) -> str:
    """The inverse of `parse_params`."""
    return "".join([f";{name}" if value is None else f";{name}={value}" for name, value in params.items()])


def quote(text: str) -> str:
    """`text` as a quoted-string (RFC 3261 §25.1). Raises `SipBuildError` on CR, LF or NUL."""
    refuse_breaks(text, "quoted string")
    if "\\" in text or '"' in text:
        text = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{text}"'


def unquote(text: str) -> str:
    """A quoted-string's content with quoted pairs resolved; text that isn't quoted comes back unchanged.

    Control characters, which a quoted pair may carry (RFC 4475 §3.1.1.2), become spaces: nothing downstream wants them.
    """
    match = _QUOTED.fullmatch(text)
    if match is None:
        return text
    content = match[1]
    if "\\" in content:
        content = _PAIR.sub(r"\1", content)
    return mask_controls(content)


def mask_controls(text: str) -> str:
    """`text` with every control character but TAB replaced by a space."""
    return text if text.isprintable() else _CONTROL.sub(" ", text)


def refuse_breaks(text: str, where: str) -> None:
    """Raise `SipBuildError` when `text` holds CR, LF or NUL, which would forge another header or message."""
    if ("\n" in text) or ("\r" in text) or ("\0" in text):
        raise SipBuildError(f"{where} would break out of its line: {_BREAKS.sub('?', text)[:80]!r}")
