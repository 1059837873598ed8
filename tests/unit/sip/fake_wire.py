"""What the transaction layer stands on in tests: flows that keep what was sent, names without DNS, users
that take notes.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from tests.unit.virtual_clock import FakeClock
from trunkline.sip.failures import RequestFailure
from trunkline.sip.headers import Headers
from trunkline.sip.message import Request, Response, response_to
from trunkline.sip.parse import parse_message
from trunkline.sip.ports import Address, Flow, LocateFailure, Target, Transport
from trunkline.sip.stack import ServerTransaction, SipStack, StackLimits
from trunkline.sip.timers import TimerValues
from trunkline.sip.uri import SipUri

OURS = Address("198.51.100.1", 5060)
PEER = Address("192.0.2.10", 5060)
UDP_PEER = Target(Transport.UDP, PEER)
TCP_PEER = Target(Transport.TCP, PEER)
CRLF = "\r\n"


class FakeFlow:
    """A path that keeps what was sent on it."""

    def __init__(
        self, transport: Transport = Transport.UDP, remote: Address = PEER, sent_by: Address = OURS
    ) -> None:
        self.transport = transport
        self.remote = remote
        self.sent_by = sent_by
        self.closed = False
        self.sent: list[bytes] = []

    def send(self, data: bytes) -> None:
        assert not self.closed
        self.sent.append(data)

    def take(self) -> list[bytes]:
        """What was sent since the last call."""
        sent, self.sent = self.sent, []
        return sent

    def take_requests(self) -> list[Request]:
        messages = [parse_message(data) for data in self.take()]
        assert all(isinstance(message, Request) for message in messages), messages
        return [message for message in messages if isinstance(message, Request)]

    def take_responses(self) -> list[Response]:
        messages = [parse_message(data) for data in self.take()]
        assert all(isinstance(message, Response) for message in messages), messages
        return [message for message in messages if isinstance(message, Response)]

    def first_lines(self) -> list[str]:
        """Method or status of everything sent since the last call."""
        lines = [data.split(b"\r\n", 1)[0].decode() for data in self.take()]
        return [line.split(" ")[1 if line.startswith("SIP/") else 0] for line in lines]


class FakeConnector:
    """One flow per target, for as long as it stays open."""

    def __init__(self) -> None:
        self.flows: dict[Target, FakeFlow] = {}
        self.asked: list[Target] = []
        self.dead: set[Target] = set()

    def flow_to(self, target: Target) -> Flow:
        self.asked.append(target)
        flow = self.flows.get(target)
        if flow is None or flow.closed:
            flow = self.flows[target] = FakeFlow(target.transport, target.address)
            flow.closed = target in self.dead
        return flow


class FakeLocator:
    """Names that a test has declared."""

    def __init__(self) -> None:
        self.names: dict[str, Sequence[Target] | LocateFailure] = {}
        self.waiting: list[Callable[[Sequence[Target] | LocateFailure], None]] = []

    def locate(self, uri: SipUri, then: Callable[[Sequence[Target] | LocateFailure], None]) -> None:
        found = self.names.get(uri.host)
        if found is None:
            self.waiting.append(then)
        else:
            then(found)


@dataclass
class FakeUser:
    """A `StackUser` that takes notes, and answers what it is told to."""

    screening: Callable[[Request, Flow], Response | None] | None = None
    answering: Callable[[Request, ServerTransaction], None] | None = None
    requests: list[tuple[Request, ServerTransaction]] = field(default_factory=list)
    acks: list[Request] = field(default_factory=list)
    cancelled: list[ServerTransaction] = field(default_factory=list)

    def screen(self, request: Request, flow: Flow) -> Response | None:
        return None if self.screening is None else self.screening(request, flow)

    def request_received(self, request: Request, transaction: ServerTransaction) -> None:
        self.requests.append((request, transaction))
        if self.answering is not None:
            self.answering(request, transaction)

    def ack_received(self, request: Request, flow: Flow) -> None:
        self.acks.append(request)

    def cancel_received(self, invite: ServerTransaction, cancel: Request) -> None:
        self.cancelled.append(invite)


@dataclass
class FakeEvents:
    """`ClientEvents` that take notes."""

    targets: list[Target | Flow] = field(default_factory=list)
    responses: list[Response] = field(default_factory=list)
    failures: list[RequestFailure] = field(default_factory=list)

    def target_chosen(self, target: Target | Flow) -> None:
        self.targets.append(target)

    def response_received(self, response: Response, flow: Flow) -> None:
        self.responses.append(response)

    def request_failed(self, failure: RequestFailure) -> None:
        self.failures.append(failure)

    @property
    def statuses(self) -> list[int]:
        return [response.status for response in self.responses]


@dataclass
class FakeObserver:
    """An `Observer` that takes notes."""

    log: list[tuple[str, str, str]] = field(default_factory=list)

    def message_received(self, data: bytes, flow: Flow, call_id: str) -> None:
        self.log.append(("in", data.split(b" ", 2)[0].decode(errors="replace"), call_id))

    def message_sent(self, data: bytes, flow: Flow, call_id: str) -> None:
        self.log.append(("out", data.split(b" ", 2)[0].decode(errors="replace"), call_id))


class Rig:
    """A stack and everything around it."""

    def __init__(self, *, limits: StackLimits | None = None, timers: TimerValues | None = None) -> None:
        self.clock = FakeClock()
        self.connector = FakeConnector()
        self.locator = FakeLocator()
        self.user = FakeUser()
        self.observer = FakeObserver()
        self.events = FakeEvents()
        self._tokens = 0
        self.stack = SipStack(
            clock=self.clock,
            connector=self.connector,
            locator=self.locator,
            token=self.token,
            user=self.user,
            observer=self.observer,
            secret=b"secret",
            product="Trunkline",
            limits=limits,
            timers=timers,
        )

    def token(self) -> str:
        self._tokens += 1
        return f"token{self._tokens}"

    def flow(self, target: Target = UDP_PEER) -> FakeFlow:
        """The flow that the stack has to `target`."""
        return self.connector.flows[target]

    def receive(self, message: Request | Response | bytes | str, flow: Flow) -> None:
        """Let the stack receive a message."""
        if isinstance(message, str):
            message = message.replace("\n", CRLF).encode()
        self.stack.received(message if isinstance(message, bytes) else message.to_bytes(), flow)

    @property
    def idle(self) -> bool:
        """True when nothing is left behind."""
        return not (self.stack.client_transactions or self.stack.server_transactions or len(self.clock))


def outgoing(
    method: str = "INVITE", uri: str = "sip:bob@example.com", *extra: tuple[str, str], body: bytes = b""
) -> Request:
    """A request as a user of the stack makes it: without Via and Contact."""
    headers = Headers(
        [
            *extra,
            ("Max-Forwards", "70"),
            ("From", "<sip:alice@example.net>;tag=a1"),
            ("To", "<sip:bob@example.com>"),
            ("Call-ID", "call-1"),
            ("CSeq", f"7 {method}"),
        ]
    )
    return Request(method, uri, headers, body)


def incoming(
    method: str = "INVITE",
    *,
    branch: str | None = "z9hG4bKpeer1",
    uri: str = "sip:bob@198.51.100.1",
    via: str = "SIP/2.0/UDP 192.0.2.10:5060",
    to_tag: str = "",
    cseq: int = 1,
    call_id: str = "call-9",
    cseq_method: str | None = None,
    extra: str = "",
) -> bytes:
    """A request as a peer sends it."""
    text = (
        f"{method} {uri} SIP/2.0\n"
        f"Via: {via}{'' if branch is None else ';branch=' + branch}\n"
        f"Max-Forwards: 70\n"
        f"From: <sip:alice@192.0.2.10>;tag=peer\n"
        f"To: <sip:bob@198.51.100.1>{';tag=' + to_tag if to_tag else ''}\n"
        f"Call-ID: {call_id}\n"
        f"CSeq: {cseq} {cseq_method or method}\n"
        f"{extra}"
        f"Content-Length: 0\n\n"
    )
    return text.replace("\n", CRLF).encode()


def respond_with(status: int) -> Callable[[Request, ServerTransaction], None]:
    """What a `FakeUser` does that answers every request so."""
    return lambda request, transaction: transaction.respond(response_to(request, status))
