"""A peer that says exactly what a test tells it to, message by message, and keeps what it hears."""

from tests.simulation.virtual_network import VirtualNetwork
from trunkline.sip.failures import FlowFailure
from trunkline.sip.message import Request, Response
from trunkline.sip.parse import parse_message
from trunkline.sip.ports import Address, Flow, Target, Transport

Fields = tuple[tuple[str, str], ...]


class ScriptedPeer:
    """It has no transactions and no dialogs: tests give numbers, tags and branches."""

    def __init__(
        self,
        network: VirtualNetwork,
        address: str = "10.0.0.9",
        *,
        transport: Transport = Transport.UDP,
        public: Address | None = None,
    ) -> None:
        self.host = network.host(address, public=public)
        self.host.receiver = self
        self.transport = transport
        self.heard: list[Request | Response] = []
        self.flows: list[Flow] = []
        self.failures: list[FlowFailure] = []
        self._branches = 0

    def received(self, data: bytes, flow: Flow) -> None:
        self.heard.append(parse_message(data))
        self.flows.append(flow)

    def flow_failed(self, where: Flow | Target, failure: FlowFailure) -> None:
        self.failures.append(failure)

    @property
    def summaries(self) -> list[str]:
        """What it heard: `INVITE`, `200 INVITE`."""
        return [
            one.method if isinstance(one, Request) else f"{one.status} {one.cseq.method}"
            for one in self.heard
        ]

    def request_heard(self, method: str) -> Request:
        """The last request with that method."""
        for message in reversed(self.heard):
            if isinstance(message, Request) and message.method == method:
                return message
        raise AssertionError(f"no {method} among {self.summaries}")

    def response_heard(self, status: int, method: str) -> Response:
        """The last response of that kind."""
        for message in reversed(self.heard):
            if isinstance(message, Response) and message.status == status and message.cseq.method == method:
                return message
        raise AssertionError(f"no {status} {method} among {self.summaries}")

    def request(
        self,
        method: str,
        to: Address,
        *,
        cseq: int = 1,
        call_id: str = "call-1",
        from_tag: str = "peer",
        to_tag: str | None = None,
        uri: str = "sip:callee@10.0.0.2",
        contact: str | None = None,
        headers: Fields = (),
        body: bytes = b"",
        branch: str | None = None,
        require_body_type: bool = True,
    ) -> None:
        """Send a request; a fresh branch unless one is given. `contact` "" leaves Contact out."""
        self._branches += 1
        here = self.host.address
        tag = "" if to_tag is None else f";tag={to_tag}"
        lines = [
            f"{method} {uri} SIP/2.0",
            f"Via: SIP/2.0/{self.transport} {here};branch={branch or f'z9hG4bKpeer{self._branches}'};rport",
            "Max-Forwards: 70",
            f"From: <sip:peer@example.com>;tag={from_tag}",
            f"To: <sip:callee@example.com>{tag}",
            f"Call-ID: {call_id}",
            f"CSeq: {cseq} {method}",
        ]
        if contact is None:
            contact = f"<sip:peer@{here}>"
        if contact:
            lines.append(f"Contact: {contact}")
        if body and require_body_type:
            lines.append("Content-Type: application/sdp")
        lines += [f"{name}: {value}" for name, value in headers]
        self.send(_message(lines, body), to)

    def respond(
        self,
        request: Request,
        status: int,
        *,
        to_tag: str | None = "peer",
        contact: str | None = None,
        headers: Fields = (),
        body: bytes = b"",
    ) -> None:
        """Answer `request` where it came from. `contact` "" leaves Contact out."""
        received = request.headers
        to = received.get("to") or ""
        if to_tag is not None and request.to_tag is None:
            to = f"{to};tag={to_tag}"
        lines = [f"SIP/2.0 {status} Whatever"]
        lines += [f"Via: {value}" for value in received.all("via")]
        lines += [
            f"From: {received.get('from')}",
            f"To: {to}",
            f"Call-ID: {request.call_id}",
            f"CSeq: {request.cseq}",
        ]
        if contact is None:
            contact = f"<sip:peer@{self.host.address}>"
        if contact and status != 100:
            lines.append(f"Contact: {contact}")
        if body and "Content-Type" not in dict(headers):
            lines.append("Content-Type: application/sdp")
        lines += [f"{name}: {value}" for name, value in headers]
        flow = self.flows[max(i for i, one in enumerate(self.heard) if one is request)]
        flow.send(_message(lines, body))

    def send(self, data: bytes, to: Address) -> None:
        """Send bytes."""
        self.host.flow_to(Target(self.transport, to)).send(data)


def _message(lines: list[str], body: bytes) -> bytes:
    lines.append(f"Content-Length: {len(body)}")
    return "\r\n".join([*lines, "", ""]).encode() + body
