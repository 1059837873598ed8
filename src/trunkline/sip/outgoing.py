"""The wire form of a request of ours: what depends on the flow it takes, and what does not.

RFC 3261 §8.1.1.7 and §18.1.1 (Via), §8.1.1.8 and §12.1.1 (Contact), RFC 3581 §3 (rport). A request is
serialised once, without Via; for each flow that is tried, Via and Contact are put in right after the start
line. Which flow that is, is decided in `trunkline.sip.delivery`, but for the ACK of a 2xx, which has no
transaction (§13.2.2.4).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol, cast

from trunkline.sip.grammar import refuse_breaks
from trunkline.sip.message import Request
from trunkline.sip.ports import Connector, Flow, LocateFailure, Target, Transport
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


def _with_lines(data: bytes, lines: str) -> bytes:
    """A message with `lines`, each with its end, put in right after its start line."""
    cut = data.index(b"\r\n") + 2
    return data[:cut] + lines.encode("utf-8", "surrogateescape") + data[cut:]


class OutgoingBytes:
    """The wire form of a request without the lines that depend on the flow."""

    __slots__ = ("_contact", "_data", "_sips")

    def __init__(self, request: Request, contact: ContactSpec | None) -> None:
        self._data = request.to_bytes()
        self._contact = contact
        self._sips = contact is not None and _is_sips(request)

    def on(self, flow: Flow, via: str) -> bytes:
        """The bytes for `flow`, with our Via on top and our Contact."""
        contact = self._contact
        if contact is None:
            return _with_lines(self._data, f"Via: {via}\r\n")
        return _with_lines(self._data, f"Via: {via}\r\nContact: {contact.text(flow, sips=self._sips)}\r\n")


class AckWire(Protocol):
    """What an ACK asks of the stack."""

    @property
    def connector(self) -> Connector: ...

    def new_branch(self, uri_text: str | None) -> str:
        """A fresh branch."""

    def send(self, data: bytes, flow: Flow, call_id: str) -> None:
        """Put `data` on `flow`."""


class SentAck:
    """The ACK of a 2xx: sent once its next hop is found, and again for every repetition of the 2xx (RFC 3261
    §13.2.2.4).
    """

    __slots__ = ("_data", "_flow", "_wire", "call_id")

    def __init__(self, wire: AckWire, ack: Request) -> None:
        self._wire = wire
        self._data = ack.to_bytes()
        self._flow: Flow | None = None
        self.call_id = ack.call_id

    def located(self, found: Flow | Target | Sequence[Target] | LocateFailure) -> None:
        """The next hop, of which the first target counts; nothing is sent when there is none."""
        if isinstance(found, LocateFailure):
            return
        connector = self._wire.connector
        if isinstance(found, Target):
            self._flow = connector.flow_to(found)
        elif not isinstance(found, Sequence):
            self._flow = found
        elif found:
            self._flow = connector.flow_to(cast("Sequence[Target]", found)[0])
        self.repeat()

    def repeat(self) -> None:
        """Send it again with a branch of its own (§8.1.1.7), on a new connection if the old one has
        closed.
        """
        flow = self._flow
        if flow is None:
            return
        wire = self._wire
        if flow.closed:
            flow = self._flow = wire.connector.flow_to(Target(flow.transport, flow.remote))
        via = via_on(flow, wire.new_branch(None))
        wire.send(_with_lines(self._data, f"Via: {via}\r\n"), flow, self.call_id)


def _is_sips(request: Request) -> bool:
    if request.uri_text[:5].lower() == "sips:":
        return True
    routes = request.headers.get("route")
    return routes is not None and isinstance(uri := request.route[0].uri, SipUri) and uri.scheme == "sips"
