"""What both client transactions share: identity, the wire below, the user above.

RFC 3261 §17.1.3 (what a response is matched by) and §17.1.1.3 and §9.1 (the requests derived from the
original: ACK and CANCEL carry its Request-URI, top Via, From, Call-ID, CSeq number and Route).

A transaction that only absorbs repetitions (for up to 32 s after the final response) has let go of its
request.
"""

from abc import ABC, abstractmethod
from typing import Protocol

from trunkline.clock import Clock, Timer
from trunkline.sip.failures import FlowFailure
from trunkline.sip.headers import Headers
from trunkline.sip.message import Request, Response
from trunkline.sip.ports import Flow
from trunkline.sip.timers import TimerValues
from trunkline.sip.transactions.lingering import Lingerer


class ClientWire(Protocol):
    """What a client transaction asks of the stack."""

    @property
    def clock(self) -> Clock: ...

    @property
    def timers(self) -> TimerValues: ...

    def send(self, data: bytes, flow: Flow, call_id: str) -> None:
        """Put `data` on `flow`. Failure arrives later, at `ClientTransaction.fail`."""

    def linger(self, transaction: Lingerer) -> None:
        """`transaction.lingered` in 64·T1."""

    def client_terminated(self, transaction: "ClientTransaction") -> None:
        """The machine has ended: forget it."""


class ClientTransactionUser(Protocol):
    """The transaction user of RFC 3261 §17.1, as seen from below."""

    def response_received(self, transaction: "ClientTransaction", response: Response) -> None:
        """A response that the machine passes up."""

    def timed_out(self, transaction: "ClientTransaction") -> None:
        """Timer B or F fired: no final response."""

    def transport_failed(self, transaction: "ClientTransaction", failure: FlowFailure) -> None:
        """The request, or the ACK, could not be sent (§17.1.4)."""


class _Nobody:
    """The user of a transaction whose outcome nobody waits for."""

    def response_received(self, transaction: "ClientTransaction", response: Response) -> None:
        pass

    def timed_out(self, transaction: "ClientTransaction") -> None:
        pass

    def transport_failed(self, transaction: "ClientTransaction", failure: FlowFailure) -> None:
        pass


NOBODY = _Nobody()


class ClientTransaction(ABC):
    """One request on its way to one target; subclasses are the machines.

    `request` is the user's, without our Via; `via` is the Via value the wire shows, empty once a final
    response has come, `data` the bytes.
    """

    __slots__ = (
        "_data",
        "_interval",
        "_request",
        "_timeout_at",
        "_timer",
        "_user",
        "_wire",
        "branch",
        "call_id",
        "flow",
        "key",
        "via",
    )

    def __init__(
        self,
        wire: ClientWire,
        user: ClientTransactionUser,
        request: Request,
        via: str,
        branch: str,
        data: bytes,
        flow: Flow,
    ) -> None:
        self._wire = wire
        self._user: ClientTransactionUser = user
        self._request: Request | None = request
        self.call_id = request.call_id
        self.via = via
        self.branch = branch
        self.key = (branch, request.method)
        """What a response matches by: branch and the method of its CSeq (§17.1.3)."""
        self._data = data
        self.flow = flow
        self._timer: Timer | None = None
        self._interval = 0.0
        self._timeout_at = 0.0

    @property
    def request(self) -> Request:
        """The request. Raises `LookupError` once it has been let go, after the final response."""
        if self._request is None:
            raise LookupError("the transaction has its final response and has let the request go")
        return self._request

    @abstractmethod
    def start(self) -> None:
        """Send the request and arm the timers."""

    @abstractmethod
    def receive(self, response: Response) -> None:
        """Input: a response that matched."""

    @abstractmethod
    def fail(self, failure: FlowFailure) -> None:
        """Input: the transport says that the flow is dead."""

    def _begin(self) -> None:
        """Arm retransmission (on an unreliable transport) or the timeout, whichever is earlier, then send."""
        wire = self._wire
        timers = wire.timers
        now = wire.clock.now()
        self._timeout_at = first = now + timers.timeout_s
        if not self.flow.transport.reliable:
            self._interval = timers.t1
            first = now + timers.t1
        self._timer = wire.clock.at(first, self._timer_fired)
        wire.send(self._data, self.flow, self.call_id)

    def _retransmit(self, interval: float) -> None:
        """Send the request again and come back after `interval` seconds, or at the timeout if that is
        earlier.
        """
        wire = self._wire
        self._interval = interval
        self._timer = wire.clock.at(min(wire.clock.now() + interval, self._timeout_at), self._timer_fired)
        wire.send(self._data, self.flow, self.call_id)

    def _let_go(self) -> None:
        """After the final response: keep what names the transaction, free what a request of it would need."""
        self._request = None
        self.via = ""

    @abstractmethod
    def _timer_fired(self) -> None: ...

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _end(self) -> None:
        """Let go of everything: a terminated transaction is destroyed at once (§17.1.1.2, §17.1.2.2)."""
        self._stop_timer()
        self._data = b""
        self._user = NOBODY
        self._wire.client_terminated(self)


def derived_request(method: str, request: Request, via: str, to: str) -> Request:
    """An ACK or CANCEL for `request` on the same hop, with `to` as its To value (§17.1.1.3, §9.1)."""
    original = request.headers
    values: dict[str, tuple[str, ...]] = {"via": (via,)}
    routes = original.all("route")
    if routes:
        values["route"] = tuple(routes)
    values["max-forwards"] = ("70",)
    values["from"] = (original.get("from") or "",)
    values["to"] = (to,)
    values["call-id"] = (request.call_id,)
    values["cseq"] = (f"{request.cseq.number} {method}",)
    return Request(method, request.uri_text, Headers.adopt(values, None))
