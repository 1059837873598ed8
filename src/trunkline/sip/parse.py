"""Bytes to messages (RFC 3261 §7, §25): framing and routing headers at once and strictly, the rest when read.

Checked here, in every message: the start line, header names, control characters (none but TAB and those of a
quoted pair, RFC 4475 §3.1.1.2), top Via, From, To, Call-ID, CSeq (its method against the start line's),
Max-Forwards, Content-Length. None of the single ones among them, nor Content-Type, may stand twice (RFC 4475
§3.3.8): two readers that disagree about a twin are how messages are smuggled. A Request-URI must be sip, sips
or tel, and without headers.

Everything else is kept byte-exact and can't fail a message. Bounds are those of `limits`.

What touches every byte (lines, control characters, the index of header fields) is the native `HeadReader`'s,
a pure function. It also recognises the usual forms of the routing headers; the other forms are read here.

What `parse_message` raises carries the status to answer with, and the request as far as it could be read;
whether it is answered is `stack`'s business. An ACK or a response is never answered: their error carries no
message.
"""

import re
from typing import Any, Final

from trunkline._native import HeadReader
from trunkline.sip import limits
from trunkline.sip.errors import SipSyntaxError
from trunkline.sip.grammar import LWS, is_token, parse_params, split_list
from trunkline.sip.headers import KEYS, SPELLING, Headers, key_of
from trunkline.sip.message import CSeq, Request, Response, parse_cseq
from trunkline.sip.name_addr import NameAddr
from trunkline.sip.uri import OtherUri, SipUri, parse_uri
from trunkline.sip.via import Via

_FOLD = re.compile(r"\r\n[ \t]+")
_CONTROL = re.compile("[\x00-\x08\x0a-\x1f\x7f]").search
_VERSION = re.compile(r"SIP/[0-9]+\.[0-9]+", re.IGNORECASE).fullmatch
_STATUS = re.compile(r"[1-6][0-9]{2}").fullmatch
_NUMBER = re.compile(r"[0-9]{1,10}").fullmatch
_ONCE = ("from", "to", "call-id", "cseq", "max-forwards", "content-length", "content-type")
_reader: Final = HeadReader(
    list(KEYS.items()),
    [(key, SPELLING[key]) for key in _ONCE],
    head_bytes=limits.HEAD_BYTES,
    lines=limits.HEADER_FIELDS,
    parameters=limits.PARAMETERS,
    cseq=limits.CSEQ_MAX,
)

_Values = dict[str, tuple[str, ...]]


def parse_message(data: bytes) -> Request | Response:
    """Read one datagram or one framed message. Raises `SipSyntaxError` and nothing else.

    The body ends where Content-Length says; what follows it in a datagram is ignored (RFC 3261 §18.3). Line
    ends in front of the start line are skipped (§7.5).
    """
    if data[:2] == b"\r\n":
        data = data.lstrip(b"\r\n")
    try:
        return _parse(data)
    except SipSyntaxError as error:
        error.message = salvage(data)
        raise


def _parse(data: bytes) -> Request | Response:
    head = _reader.read(data)
    if len(head) == 3:
        element, detail, status = head
        raise SipSyntaxError(element, detail, status=status)
    start_line, values, spelling, body, via, from_, to, cseq = head
    headers = Headers.adopt(values, spelling)
    parsed = headers.parsed
    if via is not None:
        transport, host, port, params = via
        parsed["via"] = Via(transport, host, port, params)
    if from_ is not None:
        parsed["from"] = from_
    if to is not None:
        parsed["to"] = to
    if cseq is not None:
        parsed["cseq"] = CSeq(*cseq)
    if start_line[:4].upper() == "SIP/":
        status, reason = _status_line(start_line)
        _check_routing_headers(values, parsed)
        return Response(status, reason, headers, _checked_body(values, body))
    method, uri_text = _request_line(start_line)
    number = _check_routing_headers(values, parsed)
    uri = _request_uri(uri_text)
    if number.method != method:
        raise SipSyntaxError("CSeq", "method differs from the request line's")
    return Request(method, uri_text, headers, _checked_body(values, body), uri)


def _request_line(line: str) -> tuple[str, str]:
    parts = line.split(" ")
    if len(parts) != 3:
        raise SipSyntaxError("request line", "not method, Request-URI and version")
    method, uri_text, version = parts
    if not is_token(method):
        raise SipSyntaxError("request line", "malformed method")
    if version != "SIP/2.0":
        _check_version(version, "request line")
    return method, uri_text


def _request_uri(text: str) -> SipUri | OtherUri:
    try:
        uri = parse_uri(text)
    except SipSyntaxError as error:
        raise error.within("Request-URI") from None
    if isinstance(uri, SipUri):
        if uri.headers:
            raise SipSyntaxError("Request-URI", "has header parameters")
    elif uri.scheme != "tel":
        raise SipSyntaxError("Request-URI", "unknown scheme", status=416)
    return uri


def _status_line(line: str) -> tuple[int, str]:
    version, _, rest = line.partition(" ")
    status, _, reason = rest.partition(" ")
    if version != "SIP/2.0":
        _check_version(version, "status line")
    if not _STATUS(status):
        raise SipSyntaxError("status line", "malformed status")
    return int(status), reason


def _check_version(version: str, where: str) -> None:
    if version.upper() == "SIP/2.0":
        return
    if _VERSION(version):
        raise SipSyntaxError(where, "SIP version not supported", status=505)
    raise SipSyntaxError(where, "malformed SIP version")


def _check_routing_headers(values: _Values, parsed: dict[str, Any]) -> CSeq:
    """Of the headers that every message must have, parse into `parsed` what the reader hasn't recognised:
    there the properties of `Message` look.
    """
    try:
        line, from_, to = values["via"][0], values["from"][0], values["to"][0]
        call_id, number = values["call-id"][0], values["cseq"][0]
    except KeyError as missing:
        raise SipSyntaxError(SPELLING[missing.args[0]], "missing") from None
    if "via" not in parsed:
        parsed["via"] = _via(line)
    if "from" not in parsed:
        parsed["from"] = _party(from_, "From")
    if "to" not in parsed:
        parsed["to"] = _party(to, "To")
    if not call_id or " " in call_id or "\t" in call_id:
        raise SipSyntaxError("Call-ID", "empty or with white space")
    hops = values.get("max-forwards")
    if hops is not None and (not _NUMBER(hops[0]) or int(hops[0]) > limits.MAX_FORWARDS_MAX):
        raise SipSyntaxError("Max-Forwards", "not a number in range")
    cseq: CSeq | None = parsed.get("cseq")
    if cseq is None:
        cseq = parsed["cseq"] = parse_cseq(number)
    return cseq


def _via(line: str) -> Via:
    via = Via.parse((split_list(line) or [""])[0] if "," in line else line)
    if via.protocol != "SIP/2.0":
        raise SipSyntaxError("Via", "protocol is not SIP/2.0")
    return via


def _party(text: str, name: str) -> NameAddr:
    try:
        address = NameAddr.parse(text)
    except SipSyntaxError as error:
        raise error.within(name) from None
    if address.params.get("tag") == "":
        raise SipSyntaxError(name, "empty tag")
    return address


def _checked_body(values: _Values, body: bytes | None) -> bytes:
    """The body that the reader has found; it finds none where Content-Length is at fault."""
    if body is not None:
        return body
    if not _NUMBER(values["content-length"][0]):
        raise SipSyntaxError("Content-Length", "not a number")
    raise SipSyntaxError("Content-Length", "larger than the body")


_ANSWERED = frozenset(("via", "from", "to", "call-id", "cseq", "timestamp"))


def salvage(data: bytes) -> Request | None:
    """The request that malformed bytes were meant to be, as `response_to` needs it; None: nothing to answer.

    None for a response, an ACK, and without a top Via that says where to answer. Lines that can't be read are
    left out, the start line too (RFC 3261 §16.3: what isn't well-formed gets a 400), and of a twin the first
    stays.
    """
    head, _, _ = data[: limits.HEAD_BYTES].partition(b"\r\n\r\n")
    lines = _FOLD.sub(" ", head.decode("utf-8", "surrogateescape")).split("\r\n")
    method, _, rest = lines[0].strip(LWS).replace("\t", " ").partition(" ")
    if method[:4].upper() == "SIP/":
        return None
    values: _Values = {}
    for line in lines[1 : limits.HEADER_FIELDS]:
        name, colon, value = line.partition(":")
        key = key_of(name.rstrip(LWS))
        if not colon or key not in _ANSWERED or _CONTROL(line):
            continue
        if key not in values:
            values[key] = (value.strip(LWS),)
        elif key == "via":
            values[key] += (value.strip(LWS),)
    via = _salvage_via(values.get("via", ("",))[0])
    if via is None or "ACK" in (method, *values.get("cseq", ("",))[0].split()):
        return None
    request = Request(method, rest.rpartition(" ")[0].strip(LWS), Headers.adopt(values, None))
    request.set_top_via(via)
    return request


def _salvage_via(line: str) -> Via | None:
    """The top Via with whichever of its parameters can be read."""
    try:
        top = (split_list(line) or [""])[0]
        sent_by, _, rest = top.partition(";")
        via = Via.parse(sent_by)
    except SipSyntaxError:
        return None
    params = dict(via.params)
    for piece in rest.split(";")[: limits.PARAMETERS]:
        try:
            for name, value in parse_params(f";{piece}", "Via").items():
                params.setdefault(name, value)
        except SipSyntaxError:
            continue
    return Via(via.transport, via.host, via.port, params, via.protocol)
