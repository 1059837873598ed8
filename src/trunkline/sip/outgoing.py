"""The wire form of a request of ours: what depends on the flow it takes, and what does not.

RFC 3261 §8.1.1.7 and §18.1.1 (Via), §8.1.1.8 and §12.1.1 (Contact), RFC 3581 §3 (rport). A request is
serialised once, without Via; for each flow that is tried, Via and Contact are put in right after the start
line. Which flow that is, is decided in `trunkline.sip.delivery`.
"""

from dataclasses import dataclass

from trunkline.sip.grammar import refuse_breaks
from trunkline.sip.message import Request
from trunkline.sip.ports import Flow, Transport
from trunkline.sip.uri import SipUri


@dataclass(frozen=True, slots=True)
class ContactSpec:
    """Our Contact but for the host and port, which are those of the flow that is used (RFC 3261 §8.1.1.8).

    Raises `SipBuildError` for a part that would end the line.
    """

    user: str | None = None
    """The user part, escaped."""
    uri_params: str = ""
    """URI parameters, each with its semicolon."""
    params: str = ""
    """Header parameters, each with its semicolon."""

    def __post_init__(self) -> None:
        refuse_breaks(f"{self.user}{self.uri_params}{self.params}", "a Contact")

    def text(self, flow: Flow, *, sips: bool = False) -> str:
        """The Contact value on `flow`; `sips` when Request-URI or first Route is SIPS (§8.1.1.8, §12.1.1)."""
        user = "" if self.user is None else f"{self.user}@"
        if sips:
            return f"<sips:{user}{flow.sent_by}{self.uri_params}>{self.params}"
        transport = flow.transport
        suffix = "" if transport is Transport.UDP else f";transport={transport.lower()}"
        return f"<sip:{user}{flow.sent_by}{suffix}{self.uri_params}>{self.params}"


def via_on(flow: Flow, branch: str) -> str:
    """Our Via value on `flow` (§8.1.1.7, §18.1.1), which asks for symmetric responses (RFC 3581 §3)."""
    return f"SIP/2.0/{flow.transport} {flow.sent_by};rport;branch={branch}"


class OutgoingBytes:
    """The wire form of a request, open right after its start line for the lines that depend on the flow."""

    __slots__ = ("_contact", "_head", "_sips", "_tail")

    def __init__(self, request: Request, contact: ContactSpec | None) -> None:
        data = request.to_bytes()
        cut = data.index(b"\r\n") + 2
        self._head = data[:cut]
        self._tail = data[cut:]
        self._contact = contact
        self._sips = contact is not None and _is_sips(request)

    def on(self, flow: Flow, via: str) -> bytes:
        """The bytes for `flow`, with our Via on top and our Contact."""
        contact = self._contact
        if contact is None:
            lines = f"Via: {via}\r\n"
        else:
            lines = f"Via: {via}\r\nContact: {contact.text(flow, sips=self._sips)}\r\n"
        return self._head + lines.encode("utf-8", "surrogateescape") + self._tail


def _is_sips(request: Request) -> bool:
    if request.uri_text[:5].lower() == "sips:":
        return True
    routes = request.headers.get("route")
    return routes is not None and isinstance(uri := request.route[0].uri, SipUri) and uri.scheme == "sips"
