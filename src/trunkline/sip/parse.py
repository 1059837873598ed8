"""Bytes to messages (RFC 3261 §7, §25): framing and routing headers strictly and at once, every other header when read.

Checked here, for every message: the start line, header names, control characters (all of them are refused but TAB and
those of a quoted pair, RFC 4475 §3.1.1.2), top Via, From, To, Call-ID, CSeq (and its method against the start line's),
Max-Forwards, Content-Length, Content-Type and that none of the single ones among them stands twice (RFC 4475 §3.3.8: two
readers that disagree about a twin are how messages are smuggled). A Request-URI must be sip, sips or tel, without headers.

Everything else is kept byte-exact and can't fail a message. Bounds are those of `limits`.

What `parse_message` raises carries the status to answer, and the request as far as it could be read; whether it is
answered is `stack`'s business. An ACK and a response are never to be answered: their error carries no message.
"""

import re

from trunkline.sip import limits
from trunkline.sip.errors import SipSyntaxError
from trunkline.sip.grammar import LWS, is_token
from trunkline.sip.headers import KEYS, SPELLING, Headers, key_of
from trunkline.sip.message import Request, Response
from trunkline.sip.uri import SipUri, parse_uri

_CONTROLS = bytes([*range(9), *range(10, 32), 127])
_FOLD = re.compile(r"\r\n[ \t]+")
_CONTROL = re.compile("[\x00-\x08\x0a-\x1f\x7f]")
_QUOTED_PAIRS = re.compile(r'"(?:[^"\\]|\\.)*+"', re.DOTALL)
_VERSION = re.compile(r"SIP/[0-9]+\.[0-9]+", re.IGNORECASE).fullmatch
_STATUS = re.compile(r"[1-6][0-9]{2}").fullmatch
_NUMBER = re.compile(r"[0-9]{1,10}").fullmatch
_SINGLE = (
    ("from", "From"),
    ("to", "To"),
    ("call-id", "Call-ID"),
    ("cseq", "CSeq"),
    ("max-forwards", "Max-Forwards"),
    ("content-length", "Content-Length"),
    ("content-type", "Content-Type"),
)


def parse_message(data: bytes) -> Request | Response:
    """Read one datagram or one framed message. Raises `SipSyntaxError` and nothing else.

    The body ends where Content-Length says; bytes beyond it are ignored, as RFC 3261 §18.3 asks of datagrams.
    """
    if data[:2] == b"\r\n":
        data = data.lstrip(b"\r\n")
    try:
        return _parse(data)
    except SipSyntaxError as error:
        error.message = salvage(data)
        raise


def _parse(data: bytes) -> Request | Response:
    end = data.find(b"\r\n\r\n")
    if end < 0:
        raise SipSyntaxError("message", "no blank line ends the header fields")
    if end > limits.HEAD_BYTES:
        raise SipSyntaxError("message", "header fields too long", status=513)
    head = data[:end]
    text = head.decode("utf-8", "surrogateescape")
    lines = text.split("\r\n")
    if len(head.translate(None, _CONTROLS)) != end - 2 * (len(lines) - 1):
        _refuse_controls(lines)
    if "\r\n " in text or "\r\n\t" in text:
        lines = _FOLD.sub(" ", text).split("\r\n")
    start_line = lines[0]
    headers = _index(lines)
    if start_line[:4] == "SIP/":
        message: Request | Response = _response(start_line, headers)
    else:
        message = _request(start_line, headers)
    message.body = _body(headers, data, end + 4)
    return message


def _index(lines: list[str]) -> Headers:
    if len(lines) > limits.HEADER_FIELDS:
        raise SipSyntaxError("message", "too many header fields", status=513)
    values: dict[str, list[str]] = {}
    spelling: dict[str, str] | None = None
    known = KEYS.get
    for line in lines[1:]:
        name, colon, value = line.partition(":")
        key = known(name)
        if key is None:
            name = name.rstrip(LWS)
            key = key_of(name) if colon else None
            if key is None:
                raise SipSyntaxError("message", "a header field without a proper name")
            if key not in SPELLING and key not in values:
                if spelling is None:
                    spelling = {}
                spelling[key] = name
        value = value.strip(LWS)
        if key in values:
            values[key].append(value)
        else:
            values[key] = [value]
    for key, name in _SINGLE:
        if key in values and len(values[key]) > 1:
            raise SipSyntaxError(name, "present more than once")
    return Headers.adopt(values, spelling)


def _request(start_line: str, headers: Headers) -> Request:
    parts = start_line.split(" ")
    if len(parts) != 3:
        raise SipSyntaxError("request line", "not method, Request-URI and version")
    method, uri_text, version = parts
    if not is_token(method):
        raise SipSyntaxError("request line", "malformed method")
    if version != "SIP/2.0":
        _check_version(version, "request line")
    request = Request(method, uri_text, headers)
    _check_routing_headers(request)
    uri = _request_uri(uri_text)
    request.uri = uri
    if request.cseq.method != method:
        raise SipSyntaxError("CSeq", "method differs from the request line's")
    return request


def _request_uri(text: str) -> "SipUri":
    try:
        uri = parse_uri(text)
    except SipSyntaxError as error:
        raise error.within("Request-URI") from None
    if isinstance(uri, SipUri):
        if uri.headers:
            raise SipSyntaxError("Request-URI", "has header parameters")
    elif uri.scheme != "tel":
        raise SipSyntaxError("Request-URI", "unknown scheme", status=416)
    return uri  # type: ignore[return-value]


def _response(start_line: str, headers: Headers) -> Response:
    version, _, rest = start_line.partition(" ")
    status, _, reason = rest.partition(" ")
    if version != "SIP/2.0":
        _check_version(version, "status line")
    if not _STATUS(status):
        raise SipSyntaxError("status line", "malformed status")
    response = Response(int(status), reason, headers)
    _check_routing_headers(response)
    return response


def _check_version(version: str, where: str) -> None:
    if version.upper() == "SIP/2.0":
        return
    if _VERSION(version):
        raise SipSyntaxError(where, "SIP version not supported", status=505)
    raise SipSyntaxError(where, "malformed SIP version")


def _check_routing_headers(message: Request | Response) -> None:
    message.top_via  # noqa: B018
    message.from_  # noqa: B018
    message.to  # noqa: B018
    call_id = message.call_id
    if not call_id or " " in call_id or "\t" in call_id:
        raise SipSyntaxError("Call-ID", "empty or with white space")
    message.cseq  # noqa: B018
    message.max_forwards  # noqa: B018


def _body(headers: Headers, data: bytes, start: int) -> bytes:
    length = headers.get("content-length")
    if length is None:
        return data[start:]
    if not _NUMBER(length):
        raise SipSyntaxError("Content-Length", "not a number")
    size = int(length)
    if size > len(data) - start:
        raise SipSyntaxError("Content-Length", "larger than the body")
    return data[start : start + size]


def _refuse_controls(lines: list[str]) -> None:
    for line in lines:
        if _CONTROL.search(line) and _CONTROL.search(_QUOTED_PAIRS.sub("", line)):
            raise SipSyntaxError("message", "control character")
        if "\r" in line or "\n" in line:
            raise SipSyntaxError("message", "bare CR or LF")


def salvage(data: bytes) -> Request | None:
    """The request that malformed bytes were meant to be, with what `response_to` needs, or None: nothing to answer.

    None for a response, an ACK, a start line that is no request line, and without a readable top Via. Lines that can't be
    read are left out, of a twin the first stays.
    """
    head, _, _ = data[: limits.HEAD_BYTES].partition(b"\r\n\r\n")
    lines = _FOLD.sub(" ", head.decode("utf-8", "surrogateescape")).split("\r\n")
    method, _, rest = lines[0].partition(" ")
    if not is_token(method) or method == "ACK" or not rest or method.upper().startswith("SIP/"):
        return None
    values: dict[str, list[str]] = {}
    for line in lines[1 : limits.HEADER_FIELDS]:
        name, colon, value = line.partition(":")
        key = key_of(name.rstrip(LWS))
        if not colon or key is None or key not in _ANSWERED or _CONTROL.search(line):
            continue
        if key not in values:
            values[key] = [value.strip(LWS)]
        elif key == "via":
            values[key].append(value.strip(LWS))
    request = Request(method, rest.rpartition(" ")[0].strip(LWS), Headers.adopt(values, None))
    try:
        request.top_via  # noqa: B018
    except SipSyntaxError:
        return None
    return request


_ANSWERED = frozenset(("via", "from", "to", "call-id", "cseq", "timestamp"))
