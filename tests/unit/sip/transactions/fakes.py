"""What a transaction machine stands on in tests: a wire and a user that write one log."""

from collections.abc import Sequence
from enum import Enum
from typing import Protocol, TypeVar

from tests.unit.sip.fake_wire import OURS, FakeFlow, outgoing
from tests.unit.virtual_clock import FakeClock
from trunkline.sip.failures import FlowFailure, FlowFailureKind
from trunkline.sip.message import Request, Response, response_to
from trunkline.sip.parse import parse_message
from trunkline.sip.ports import Flow, Transport
from trunkline.sip.timers import TimerValues
from trunkline.sip.transactions.client import ClientTransaction
from trunkline.sip.transactions.lingering import Lingering
from trunkline.sip.transactions.server import ServerTransaction

FAILURE = FlowFailure(FlowFailureKind.REFUSED, "ICMP port unreachable")
BRANCH = "z9hG4bKours"
VIA = f"SIP/2.0/UDP {OURS};rport;branch={BRANCH}"


def first_word(data: bytes) -> str:
    """Method of a request, status of a response."""
    parts = data.split(b" ", 2)
    return (parts[1] if parts[0] == b"SIP/2.0" else parts[0]).decode()


class Log:
    """Wire and user of one machine, of either kind. `entries` is what the machine did, in order."""

    def __init__(self, timers: TimerValues | None = None) -> None:
        self.clock = FakeClock()
        self.timers = TimerValues() if timers is None else timers
        self.entries: list[str] = []
        self.sent: list[bytes] = []
        self.sent_at: list[float] = []
        self.began = self.clock.now()
        self.linger = Lingering(self.clock, self.timers.timeout_s).add

    def take(self) -> list[str]:
        """The entries since the last call."""
        entries, self.entries = self.entries, []
        return entries

    # ClientWire, ServerWire

    def send(self, data: bytes, flow: Flow, call_id: str) -> None:
        self.sent.append(data)
        self.sent_at.append(self.clock.now() - self.began)
        self.entries.append(f"send {first_word(data)}")

    def send_response(self, data: bytes, transaction: ServerTransaction) -> None:
        self.send(data, transaction.flow, "")

    def client_terminated(self, transaction: ClientTransaction) -> None:
        self.entries.append("forget")

    def server_terminated(self, transaction: ServerTransaction) -> None:
        self.entries.append("forget")

    def server_rejected(self, transaction: ServerTransaction, response: Response) -> None:
        self.entries.append("rejected")

    def ack_of_accepted(self, ack: Request, flow: Flow) -> None:
        self.entries.append("pass up ACK")

    def new_tag(self) -> str:
        return "fresh"

    # ClientTransactionUser

    def response_received(self, transaction: ClientTransaction, response: Response) -> None:
        self.entries.append(f"pass up {response.status}")

    def timed_out(self, transaction: ClientTransaction) -> None:
        self.entries.append("timed out")

    def transport_failed(self, transaction: ClientTransaction, failure: FlowFailure) -> None:
        self.entries.append("failed")


class Stateful(Protocol):
    """A transaction of whatever kind."""

    @property
    def state(self) -> Enum:
        """Where it is."""


class Machine(Protocol):
    """A transaction, with its log."""

    log: Log

    @property
    def transaction(self) -> Stateful:
        """Itself."""

    def feed(self, input_: int | str) -> None:
        """A message, an event or a stretch of time."""


AnyMachine = TypeVar("AnyMachine", bound=Machine)


def led(machine: AnyMachine, way: Sequence[int | str], state: Enum) -> AnyMachine:
    """The machine, after these inputs in the state that they lead to; its log begins there."""
    for input_ in way:
        machine.feed(input_)
    assert machine.transaction.state is state
    machine.log.take()
    return machine


def named(value: object) -> str:
    """A state or an input, in the name of a test."""
    return value.name if isinstance(value, Enum) else str(value)


def on_the_wire(method: str, transport: Transport) -> tuple[Request, bytes, FakeFlow]:
    """A request of ours, its bytes with our Via, and a flow for it."""
    request = outgoing(method, "sip:bob@example.com", ("Route", "<sip:proxy.example.com;lr>"))
    data = request.to_bytes().replace(b"\r\n", b"\r\nVia: " + VIA.encode() + b"\r\n", 1)
    return request, data, FakeFlow(transport)


def answer(data: bytes, status: int, to_tag: str = "b1") -> Response:
    """The response of a peer to the bytes of a request, as it arrives."""
    request = parse_message(data)
    assert isinstance(request, Request)
    response = parse_message(response_to(request, status, to_tag=to_tag if status > 100 else None).to_bytes())
    assert isinstance(response, Response)
    return response
