"""The oracle of the native `HeadReader`: the same reading in plain Python, by the book and slowly."""

import re

from trunkline.sip import limits
from trunkline.sip.errors import SipSyntaxError
from trunkline.sip.grammar import LWS, split_list
from trunkline.sip.header_values import parse_cseq
from trunkline.sip.headers import SPELLING, key_of
from trunkline.sip.name_addr import NameAddr
from trunkline.sip.via import Via

_FOLD = re.compile(r"\r\n[ \t]+")
_CONTROL = re.compile("[\x00-\x08\x0a-\x1f\x7f]").search
_QUOTED = re.compile(r'"(?:[^"\\]|\\.)*+"', re.DOTALL)
_BREAK = re.compile("[\r\n]").search
_NUMBER = re.compile("[0-9]{1,10}").fullmatch
_ONCE = ("from", "to", "call-id", "cseq", "max-forwards", "content-length", "content-type")

Index = tuple[str, dict[str, tuple[str, ...]], dict[str, str], bytes | None]


def index(data: bytes) -> Index:
    """Start line, values by key, spellings of unknown names, body. Raises `SipSyntaxError`."""
    end = data.find(b"\r\n\r\n")
    if end < 0:
        raise SipSyntaxError("message", "no blank line")
    if end > limits.HEAD_BYTES:
        raise SipSyntaxError("message", "too long", status=513)
    lines = data[:end].decode("utf-8", "surrogateescape").split("\r\n")
    for line in lines:
        if _BREAK(line) or (_CONTROL(line) and _CONTROL(_QUOTED.sub("", line))):
            raise SipSyntaxError("message", "control character")
    if len(lines) > limits.HEADER_FIELDS:
        raise SipSyntaxError("message", "too many header fields", status=513)
    if len(lines) > 1 and lines[1][:1] in (" ", "\t"):
        raise SipSyntaxError("request line", "continued on the next line")
    lines = _FOLD.sub(" ", "\r\n".join(lines)).split("\r\n")
    values: dict[str, tuple[str, ...]] = {}
    spellings: dict[str, str] = {}
    for line in lines[1:]:
        name, colon, value = line.partition(":")
        name = name.rstrip(LWS)
        key = key_of(name) if colon else None
        if key is None:
            raise SipSyntaxError("message", "a header field without a proper name")
        if key not in SPELLING:
            spellings.setdefault(key, name)
        if key in values and key in _ONCE:
            raise SipSyntaxError(SPELLING[key], "present more than once")
        values[key] = (*values.get(key, ()), value.strip(LWS))
    return lines[0], values, spellings, _body(values, data[end + 4 :])


def _body(values: dict[str, tuple[str, ...]], rest: bytes) -> bytes | None:
    length = values.get("content-length")
    if length is None:
        return rest
    if not _NUMBER(length[0]) or int(length[0]) > len(rest):
        return None
    return rest[: int(length[0])]


def via(line: str) -> tuple[str, str, int | None, dict[str, str | None]]:
    """The top Via's parts. Raises `SipSyntaxError`."""
    top = Via.parse(split_list(line)[0])
    if top.protocol != "SIP/2.0":
        raise SipSyntaxError("Via", "protocol is not SIP/2.0")
    return top.transport, top.host, top.port, dict(top.params)


def tag(text: str) -> tuple[str | None]:
    """The tag of an address, None when there is none. Raises `SipSyntaxError`."""
    params = NameAddr.parse(text).params
    if params.get("tag") == "":
        raise SipSyntaxError("address", "empty tag")
    return (params.get("tag"),)


def cseq(text: str) -> tuple[int, str]:
    """Number and method. Raises `SipSyntaxError`."""
    number, method = parse_cseq(text)
    return number, method
