"""Requests and responses: headers read when asked for, and bytes for the wire (RFC 3261 §7, §8.2.6, §20).

Reading a property parses the header once and keeps the result until that header changes. Each may raise
`SipSyntaxError` when the header is malformed, except those that `parse_message` has checked: `uri`,
`top_via`, `from_`, `to`, their tags, `call_id`, `cseq`, `max_forwards`.

Not here: reading bytes (`parse`), what a header does to a dialog or transaction (`dialog`, `stack`).
"""

from collections.abc import Iterable
from typing import Final

from trunkline.sip import limits
from trunkline.sip.errors import SipBuildError, SipSyntaxError
from trunkline.sip.grammar import LWS, is_token, readable, split_list
from trunkline.sip.header_values import (
    CSeq,
    RAck,
    Reason,
    SessionExpires,
    parse_cseq,
    parse_delta,
    parse_number,
    parse_rack,
    read_reasons,
)
from trunkline.sip.headers import Headers
from trunkline.sip.name_addr import NameAddr
from trunkline.sip.reasons import REASONS
from trunkline.sip.uri import OtherUri, SipUri, parse_uri
from trunkline.sip.via import Via

__all__ = [
    "CSeq",
    "Message",
    "RAck",
    "Reason",
    "Request",
    "Response",
    "SessionExpires",
    "parse_cseq",
    "read_reasons",
    "response_to",
]


class Message:
    """What requests and responses share."""

    __slots__ = ("body", "headers")

    headers: Headers
    body: bytes

    @property
    def top_via(self) -> Via:
        """The first Via element. Raises `SipSyntaxError` when there is none."""
        via: Via | None = self.headers.parsed.get("via")
        if via is None:
            line = self.headers.get("via")
            if line is None:
                raise SipSyntaxError("Via", "missing")
            elements = split_list(line)
            if not elements:
                raise SipSyntaxError("Via", "empty")
            via = self.headers.parsed["via"] = Via.parse(elements[0])
        return via

    @property
    def vias(self) -> list[Via]:
        """Every Via element, top first."""
        return [Via.parse(element) for element in self.headers.split("Via")]

    def set_top_via(self, via: Via) -> None:
        """Replace the first Via element and leave the others as they are."""
        lines = self.headers.all("via")
        rest = split_list(lines[0])[1:] if lines and "," in lines[0] else []
        self.headers.rewrite("via", (str(via), *rest, *lines[1:]))
        self.headers.parsed["via"] = via

    @property
    def from_(self) -> NameAddr:
        """From (§20.20)."""
        address = self.headers.parsed.get("from")
        return address if isinstance(address, NameAddr) else self._address("from", "From")

    @property
    def to(self) -> NameAddr:
        """To (§20.39)."""
        address = self.headers.parsed.get("to")
        return address if isinstance(address, NameAddr) else self._address("to", "To")

    @property
    def from_tag(self) -> str | None:
        """None in messages of RFC 2543 elements."""
        address = self.headers.parsed.get("from")
        return address[0] if type(address) is tuple else self.from_.tag

    @property
    def to_tag(self) -> str | None:
        """None outside a dialog."""
        address = self.headers.parsed.get("to")
        return address[0] if type(address) is tuple else self.to.tag

    @property
    def has_to_tag(self) -> bool:
        """Whether To has a tag, in whatever spelling. Never raises: a To that can't be read, which the answer
        to a malformed request repeats, is judged by its text.
        """
        text = self.headers.get("to") or ""
        params = text.rpartition(">")[2]
        if '"' not in params:
            if not params:
                return False
            if params.startswith(";tag="):
                return True
        try:
            return "tag" in self.to.params
        except SipSyntaxError:
            return ";tag=" in text

    @property
    def call_id(self) -> str:
        """Call-ID (§20.8)."""
        value = self.headers.get("call-id")
        if value is None:
            raise SipSyntaxError("Call-ID", "missing")
        return value

    @property
    def cseq(self) -> CSeq:
        """CSeq (§20.16)."""
        cseq: CSeq | None = self.headers.parsed.get("cseq")
        if cseq is None:
            cseq = self.headers.parsed["cseq"] = parse_cseq(self._required("cseq", "CSeq"))
        return cseq

    @property
    def contact(self) -> NameAddr | None:
        """The first Contact; None when there is none, or it is `*`."""
        contacts = self.contacts
        return contacts[0] if contacts else None

    @property
    def contacts(self) -> list[NameAddr]:
        """Every Contact (§20.10). `*` gives an empty list: see `contact_is_star`."""
        return [] if self.contact_is_star else self._addresses("contact", "Contact")

    @property
    def contact_is_star(self) -> bool:
        """True for `Contact: *` (§10.2.2), which stands alone: beside another one it is malformed (§10.3)."""
        return self.headers.all("contact") == ["*"]

    @property
    def route(self) -> list[NameAddr]:
        """Route (§20.34), top first."""
        return self._addresses("route", "Route")

    @property
    def record_route(self) -> list[NameAddr]:
        """Record-Route (§20.30), top first."""
        return self._addresses("record-route", "Record-Route")

    @property
    def path(self) -> list[NameAddr]:
        """Path (RFC 3327 §4), top first: the way back to a device that registers."""
        return self._addresses("path", "Path")

    @property
    def max_forwards(self) -> int | None:
        """0 to 255, None when absent (RFC 2543)."""
        return self._number("max-forwards", "Max-Forwards", limits.MAX_FORWARDS_MAX)

    @property
    def content_type(self) -> str | None:
        """The media type in lower case without parameters."""
        value = self.headers.get("content-type")
        return None if value is None else value.partition(";")[0].strip(LWS).replace(" ", "").lower()

    @property
    def expires(self) -> int | None:
        """Seconds, None when absent; a value that isn't a number of at most 32 bits raises (§20.19)."""
        return self._number("expires", "Expires", limits.DELTA_SECONDS_MAX)

    @property
    def require(self) -> frozenset[str]:
        """Option tags in lower case (§20.32)."""
        return self._tokens("require", "Require")

    @property
    def supported(self) -> frozenset[str]:
        """Option tags in lower case (§20.37)."""
        return self._tokens("supported", "Supported")

    @property
    def allow(self) -> frozenset[str]:
        """Methods as spelled (methods are case-sensitive), empty when the header is absent (§20.5)."""
        tokens: frozenset[str] | None = self.headers.parsed.get("allow")
        if tokens is None:
            tokens = self.headers.parsed["allow"] = frozenset(self.headers.split("Allow"))
        return tokens

    @property
    def rseq(self) -> int | None:
        """RFC 3262 §7.1."""
        return self._number("rseq", "RSeq", limits.RSEQ_MAX)

    @property
    def rack(self) -> RAck | None:
        """RFC 3262 §7.2."""
        value = self.headers.get("rack")
        return None if value is None else parse_rack(value)

    @property
    def session_expires(self) -> SessionExpires | None:
        """RFC 4028 §4."""
        value = self.headers.get("session-expires")
        if value is None:
            return None
        seconds, params = parse_delta(value, "Session-Expires")
        refresher = (params.get("refresher") or "").lower()
        return SessionExpires(seconds, refresher if refresher in ("uac", "uas") else None)

    @property
    def min_se(self) -> int | None:
        """Seconds (RFC 4028 §5)."""
        value = self.headers.get("min-se")
        return None if value is None else parse_delta(value, "Min-SE")[0]

    @property
    def reason_header(self) -> list[Reason]:
        """Reason (RFC 3326). Values that can't be read are left out: it is advice and may not kill calls."""
        return read_reasons(self.headers.all("reason"))

    def _required(self, key: str, name: str) -> str:
        value = self.headers.get(key)
        if value is None:
            raise SipSyntaxError(name, "missing")
        return value

    def _address(self, key: str, name: str) -> NameAddr:
        try:
            address = self.headers.parsed[key] = NameAddr.parse(self._required(key, name))
        except SipSyntaxError as error:
            raise error.within(name) from None
        return address

    def _addresses(self, key: str, name: str) -> list[NameAddr]:
        parsed = self.headers.parsed
        addresses: list[NameAddr] | None = parsed.get(key)
        if addresses is None:
            if key not in self.headers:
                return []
            elements = self.headers.split(name)
            try:
                addresses = parsed[key] = [NameAddr.parse(element) for element in elements]
            except SipSyntaxError as error:
                raise error.within(name) from None
        return addresses.copy()

    def _number(self, key: str, name: str, maximum: int) -> int | None:
        value = self.headers.get(key)
        return None if value is None else parse_number(value, name, maximum)

    def _tokens(self, key: str, name: str) -> frozenset[str]:
        parsed = self.headers.parsed
        tokens: frozenset[str] | None = parsed.get(key)
        if tokens is None:
            tokens = parsed[key] = frozenset([token.lower() for token in self.headers.split(name)])
        return tokens

    def _serialise(self, start_line: str) -> bytes:
        body = self.body
        lines = [start_line, *self.headers.lines(), f"Content-Length: {len(body)}\r\n\r\n"]
        head = "\r\n".join(lines)
        ends = len(lines) + 1
        if head.count("\n") != ends or head.count("\r") != ends:
            raise SipBuildError("a start line or header value holds a line break")
        return head.encode("utf-8", "surrogateescape") + body


class Request(Message):
    """A request (RFC 3261 §7.1)."""

    __slots__ = ("_uri", "_uri_text", "method")

    def __init__(
        self,
        method: str,
        uri_text: str,
        headers: Headers,
        body: bytes = b"",
        uri: SipUri | OtherUri | None = None,
    ) -> None:
        self.headers = headers
        self.body = body
        self.method: Final = method
        """Case-sensitive."""
        self._uri_text = uri_text
        self._uri = uri

    @property
    def uri_text(self) -> str:
        """The Request-URI exactly as received or given."""
        return self._uri_text

    @property
    def uri(self) -> SipUri | OtherUri:
        """The Request-URI."""
        uri = self._uri
        if uri is None:
            try:
                uri = self._uri = parse_uri(self._uri_text)
            except SipSyntaxError as error:
                raise error.within("Request-URI") from None
        return uri

    @uri.setter
    def uri(self, uri: SipUri | OtherUri) -> None:
        self._uri = uri
        self._uri_text = str(uri)

    def to_bytes(self) -> bytes:
        """The wire form, Content-Length computed. Raises `SipBuildError` when a part would break its line."""
        if not self._uri_text or " " in self._uri_text or not is_token(self.method):
            raise SipBuildError("the method or Request-URI can't stand in a request line")
        return self._serialise(f"{self.method} {self._uri_text} SIP/2.0")

    def __repr__(self) -> str:
        return f"<Request {self.method} {self._uri_text}>"


class Response(Message):
    """A response (RFC 3261 §7.2)."""

    __slots__ = ("reason", "status")

    def __init__(
        self, status: int, reason: str | None = None, headers: Headers | None = None, body: bytes = b""
    ) -> None:
        self.headers = Headers() if headers is None else headers
        self.body = body
        self.status: Final = status
        """100 to 699."""
        self.reason: Final = REASONS.get(status, "") if reason is None else reason
        """The phrase; may be empty."""

    @property
    def in_words(self) -> str:
        """Status and phrase, as `404 Not Found`, fit for a display, a log and a database (`readable`)."""
        return f"{self.status} {readable(self.reason)}".rstrip()

    def to_bytes(self) -> bytes:
        """The wire form, Content-Length computed. Raises `SipBuildError` when a part would break its line."""
        return self._serialise(f"SIP/2.0 {self.status} {self.reason}")

    def __repr__(self) -> str:
        return f"<Response {self.status} {self.reason}>"


def response_to(
    request: Request,
    status: int,
    reason: str | None = None,
    *,
    to_tag: str | None = None,
    headers: Iterable[tuple[str, str]] = (),
    body: bytes = b"",
    content_type: str | None = None,
) -> Response:
    """A response to `request` (RFC 3261 §8.2.6): with Via, From, To, Call-ID, CSeq, and in a 100 Timestamp.

    `to_tag` is added to To unless it has a tag already. Raises `SipBuildError` for a header that can't be
    sent.
    """
    copied = request.headers.only(_COPIED if status != 100 else _COPIED_INTO_100)
    if to_tag is not None and not _has_tag(request):
        copied.extend("to", f";tag={to_tag}")
    for name, value in headers:
        copied.add(name, value)
    if content_type is not None:
        copied.set("content-type", content_type)
    return Response(status, reason, copied, body)


_COPIED = ("via", "from", "to", "call-id", "cseq")
_COPIED_INTO_100 = (*_COPIED, "timestamp")


def _has_tag(request: Request) -> bool:
    try:
        return "tag" in request.to.params
    except SipSyntaxError:
        return True
