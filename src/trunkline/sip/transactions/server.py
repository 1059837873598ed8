"""What both server transactions share: identity, the path of the responses, the last response as bytes.

RFC 3261 §17.2.3 says what a request is matched by (`trunkline.sip.transactions.table`), §18.2.2 where a
response goes (`trunkline.sip.response_path`).

A transaction lives for half a minute after its final response, only to absorb or answer repetitions. All that
it keeps of the messages then is the response's bytes.
"""

from abc import ABC, abstractmethod
from collections.abc import Hashable
from typing import Protocol

from trunkline.clock import Clock, Timer
from trunkline.sip.message import Request, Response
from trunkline.sip.ports import Flow
from trunkline.sip.timers import TimerValues


class ServerWire(Protocol):
    """What a server transaction asks of the stack."""

    @property
    def clock(self) -> Clock: ...

    @property
    def timers(self) -> TimerValues: ...

    def send_response(self, data: bytes, transaction: "ServerTransaction") -> None:
        """Put `data` on the path that answers to the request take."""

    def linger(self, transaction: "ServerTransaction") -> None:
        """`transaction.lingered` in 64·T1."""

    def server_terminated(self, transaction: "ServerTransaction") -> None:
        """The machine has ended: forget it."""

    def server_rejected(self, transaction: "ServerTransaction", response: Response) -> None:
        """`transaction` has sent a final response other than a 2xx."""

    def ack_of_accepted(self, ack: Request, flow: Flow) -> None:
        """An ACK matched an INVITE that was answered with a 2xx: it is the dialog's."""

    def new_tag(self) -> str:
        """A fresh To tag."""


class ServerTransaction(ABC):
    """One request received, and the way its answers go; subclasses are the machines.

    `flow` is where the request came from (last, if it came again after a connection had closed), `reply_flow`
    where answers go (None until the first answer, §18.2.2). `key`, `ack_key` and `merge_key` are what
    `TransactionTable` files it under. `sent_by_port` and `symmetric` are of the request's top Via: its port,
    None when it names none, and whether it asks for RFC 3581.
    """

    __slots__ = (
        "_data",
        "_local_tag",
        "_request",
        "_timer",
        "_wire",
        "ack_key",
        "call_id",
        "flow",
        "key",
        "last_response",
        "merge_key",
        "reply_flow",
        "sent_by_port",
        "symmetric",
    )

    def __init__(self, wire: ServerWire, request: Request, flow: Flow, key: Hashable) -> None:
        self._wire = wire
        self._request: Request | None = request
        self.call_id = request.call_id
        via = request.top_via
        self.sent_by_port = via.port
        self.symmetric = "rport" in via.params
        self.flow = flow
        self.reply_flow: Flow | None = None
        self.key = key
        self.ack_key: Hashable = None
        self.merge_key: Hashable = None
        self.last_response: Response | None = None
        self._data = b""
        self._local_tag: str | None = None
        self._timer: Timer | None = None

    @property
    def request(self) -> Request:
        """The request. Raises `LookupError` once it has been let go, after the final response."""
        if self._request is None:
            raise LookupError("the transaction has sent its final response and let the request go")
        return self._request

    @property
    @abstractmethod
    def final_sent(self) -> bool:
        """True once a final response was passed to `respond`."""

    @property
    def local_tag(self) -> str:
        """The To tag of our answers: the request's, else that of the last response, else a fresh one that is
        kept.

        A response with a status above 100 that has no To tag gets this one (§8.2.6.2).
        """
        if self._local_tag is None:
            tag = self.request.to_tag
            if tag is None and self.last_response is not None:
                tag = self.last_response.to_tag
            self._local_tag = tag or self._wire.new_tag()
        return self._local_tag

    @abstractmethod
    def respond(self, response: Response) -> None:
        """Send `response` if the state allows it; a response that comes too late is ignored."""

    def acknowledged(self) -> None:
        """Input: the core won't repeat its 2xx any more, because the ACK has come. Of no other request."""
        return

    @abstractmethod
    def receive_again(self) -> None:
        """Input: the same request once more."""

    @abstractmethod
    def lingered(self) -> None:
        """Input: timer J or L."""

    @abstractmethod
    def await_user(self) -> None:
        """The user has the request and has not answered yet: arm what the RFC asks for in that case."""

    def _transmit(self, response: Response) -> None:
        """Serialise once, keep the bytes, send."""
        if response is not self.last_response:
            if response.status > 100 and not response.has_to_tag:
                response.headers.extend("to", f";tag={self.local_tag}")
            self.last_response = response
            self._data = response.to_bytes()
        self._wire.send_response(self._data, self)
        if response.status >= 300:
            self._wire.server_rejected(self, response)

    def _let_go(self) -> None:
        """After the final response: keep its bytes and what names the transaction, free the messages."""
        if self._local_tag is None:
            self._local_tag = self.local_tag
        self._request = None
        self.last_response = None

    def _retransmit(self) -> None:
        if self._data:
            self._wire.send_response(self._data, self)

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _arm(self, delay_s: float) -> None:
        self._stop_timer()
        clock = self._wire.clock
        self._timer = clock.at(clock.now() + delay_s, self._timer_fired)

    @abstractmethod
    def _timer_fired(self) -> None: ...

    def _end(self) -> None:
        self._stop_timer()
        self._wire.server_terminated(self)
