"""One request on its way to one of several targets: RFC 3263 §4.3, RFC 3261 §18.1.1 and §9.1.

`ClientRequest` owns the walk. Each target gets its own transaction with its own branch, Via and Contact; the
request that the user gave is never changed, its bytes are made once, and the copies differ in the lines after
the start line only.

====================================================  ===================================================
what a target does, nothing but a 100 heard from it   what follows
====================================================  ===================================================
transport failure, timer B or F                       the next target; after the last one `request_failed`
503                                                   the next target; the last one's 503 is passed up
silence for `target_timeout_s`, if that is given      the next target, if any; this one is left behind
anything else                                         passed up, and the walk is over
====================================================  ===================================================

A connection to the last target that had been open and turns out to be gone, with nothing heard from it, is
replaced once: the request is repeated on the new one under its old branch, by which a server that has it
already knows it (RFC 3261 §17.2.3).

Targets at `barred` addresses are left out before the walk begins: so its user says where a request must not
go, whatever name leads there.

A provisional above 100 ends the walk: the far end is doing something that somebody may have heard already. A
cancelled or detached request never goes on to another target.

A target that was left behind may still wake up: then its INVITE is cancelled, and a 2xx that comes all the
same is passed up, like one of a fork (RFC 3261 §13.2.2.4).

Size (§18.1.1): a request above `UDP_REQUEST_BYTES` that was to go by UDP goes by TCP to the same address and
port; when that fails, for whatever reason, it goes by UDP after all, and the stack remembers for a while that
TCP doesn't work there. A request to a flow (a registered client's, or a dialog's) uses that flow whatever its
size.

CANCEL (§9.1) is sent when a provisional response has come, on the same flow with the same branch; 64·T1 later
an INVITE without final response is given up. When a connection closes under an INVITE that was ringing, the
CANCEL goes by a new one.
"""

from collections.abc import Iterable, Sequence
from collections.abc import Set as AbstractSet
from functools import partial
from typing import NamedTuple, Protocol, cast

from trunkline.clock import Clock, Timer
from trunkline.sip.failures import FlowFailure, FlowFailureKind, RequestFailure, RequestFailureKind
from trunkline.sip.message import Request, Response
from trunkline.sip.outgoing import ContactSpec, OutgoingBytes, via_on
from trunkline.sip.ports import Address, Connector, Flow, LocateFailure, Locator, Target, Transport
from trunkline.sip.timers import TimerValues
from trunkline.sip.transactions.client import ClientTransaction
from trunkline.sip.transactions.invite_client import InviteClientTransaction
from trunkline.sip.uri import SipUri

NextHop = SipUri | Flow | Target | Sequence[Target]
"""Where a request is to go: a URI to locate, a path that exists, one place, or places to try in order."""

UDP_REQUEST_BYTES = 1300
"""RFC 3261 §18.1.1: longer requests leave UDP when the path MTU is unknown."""


class ClientEvents(Protocol):
    """What the user of a request is told; `request_failed` only after `SipStack.request` has returned."""

    def target_chosen(self, target: Target | Flow) -> None:
        """The request is about to be sent there, or a target that was left behind has answered it. May come
        within `SipStack.request`.
        """

    def response_received(self, response: Response, flow: Flow) -> None:
        """Every provisional, the final, and for an INVITE every 2xx, repeated ones and those of forks too.
        `flow` leads to the target that it is of, which may be one that was left behind.
        """

    def request_failed(self, failure: RequestFailure) -> None:
        """There is no final response and none will come, but for a 2xx of a target that was left behind."""


class _Unheard:
    """The user of a request that is over."""

    def target_chosen(self, target: Target | Flow) -> None:
        pass

    def response_received(self, response: Response, flow: Flow) -> None:
        pass

    def request_failed(self, failure: RequestFailure) -> None:
        pass


_UNHEARD = _Unheard()


class DeliveryStack(Protocol):
    """What the walk asks of the stack."""

    @property
    def clock(self) -> Clock: ...

    @property
    def timers(self) -> TimerValues: ...

    @property
    def connector(self) -> Connector: ...

    @property
    def locator(self) -> Locator: ...

    def new_branch(self, uri_text: str | None) -> str:
        """A fresh branch; `uri_text` is the Request-URI when the request is outside a dialog."""

    def client_transaction(
        self, user: "ClientRequest", request: Request, via: str, branch: str, data: bytes, flow: Flow
    ) -> ClientTransaction:
        """Create and file a client transaction, to be started by its user."""

    def cancel_invite(
        self, invite: ClientTransaction, flow: Flow, headers: Iterable[tuple[str, str]]
    ) -> None:
        """Send a CANCEL for `invite` on `flow`."""

    def tcp_works(self, address: Address) -> bool:
        """False when TCP to that address failed lately."""

    def tcp_failed(self, address: Address) -> None:
        """TCP to that address failed."""


class ClientRequest:
    """A request that the user gave to the stack, with its walk over the targets."""

    __slots__ = (
        "_barred",
        "_bytes",
        "_cancel_headers",
        "_detached",
        "_events",
        "_fallback",
        "_finished",
        "_heard",
        "_is_invite",
        "_left",
        "_position",
        "_replaced",
        "_request",
        "_stack",
        "_starting",
        "_target",
        "_target_timeout_s",
        "_targets",
        "_timer",
        "_transaction",
    )

    def __init__(
        self,
        stack: DeliveryStack,
        request: Request,
        events: ClientEvents,
        contact: ContactSpec | None,
        target_timeout_s: float | None,
        barred: AbstractSet[Address] = frozenset(),
    ) -> None:
        self._stack = stack
        self._barred = barred
        self._events = events
        self._request: Request | None = request
        self._is_invite = request.method == "INVITE"
        self._bytes: OutgoingBytes | None = OutgoingBytes(request, contact)
        self._target_timeout_s = target_timeout_s
        self._targets: Sequence[Target] = ()
        self._position = 0
        self._target: Target | None = None
        self._fallback: Target | None = None
        self._transaction: ClientTransaction | None = None
        self._left: tuple[ClientTransaction, ...] = ()
        self._heard = 0
        self._timer: Timer | None = None
        self._cancel_headers: tuple[tuple[str, str], ...] | None = None
        self._detached = False
        self._finished = False
        self._starting = False
        self._replaced = False

    def hand_over(self, events: ClientEvents) -> None:
        """Whatever still comes goes to `events` (for an INVITE that has been answered, see
        `trunkline.sip.answered_invite`).
        """
        self._events = events

    @property
    def flow(self) -> Flow | None:
        """The flow of the target in hand, None while the name is being looked up."""
        return None if self._transaction is None else self._transaction.flow

    @property
    def finished(self) -> bool:
        """True once a final response or a failure has come."""
        return self._finished

    def start(self, next_hop: NextHop, *, one_target: bool) -> None:
        """Find the targets and try the first. Called once, by the stack."""
        self._starting = True
        if isinstance(next_hop, SipUri):
            self._stack.locator.locate(next_hop, partial(self._located, one_target))
        elif isinstance(next_hop, Target):
            self._located(True, [next_hop])
        elif isinstance(next_hop, Sequence):
            self._located(one_target, cast("Sequence[Target]", next_hop))
        elif next_hop.closed:
            self._fail(_unreachable(next_hop, "the flow has closed"))
        elif next_hop.remote in self._barred:
            self._fail(RequestFailure(RequestFailureKind.BARRED, _place(next_hop)))
        else:
            self._events.target_chosen(next_hop)
            self._send(next_hop, self._prepare(next_hop))
        self._starting = False

    def cancel(self, headers: Iterable[tuple[str, str]] = ()) -> None:
        """Give an INVITE up (RFC 3261 §9.1): `headers` (a Reason, RFC 3326) go into the CANCEL.

        The CANCEL waits for a provisional response; if none ever comes, none is sent, and timer B ends the
        request. A 2xx may still arrive at any time. Of another request, only the walk is ended. Has no effect
        after the end, or twice.
        """
        if self._finished or self._cancel_headers is not None:
            return
        self._cancel_headers = tuple(headers)
        if self._heard and self._transaction is not None:
            self._send_cancel(self._transaction)

    def detach(self) -> None:
        """No more events, but for the 2xx to an INVITE: somebody has to acknowledge those."""
        self._detached = True

    # the walk

    @property
    def _given_up(self) -> bool:
        return self._detached or self._cancel_headers is not None

    @property
    def _has_next(self) -> bool:
        return self._fallback is not None or self._position < len(self._targets)

    def _located(self, one_target: bool, found: Sequence[Target] | LocateFailure) -> None:
        if isinstance(found, LocateFailure):
            self._fail(RequestFailure(RequestFailureKind.NAME, found.reason))
        elif self._given_up:
            self._fail(RequestFailure(RequestFailureKind.CANCELLED))
        else:
            if self._barred and found:
                allowed = [target for target in found if target.address not in self._barred]
                if not allowed:
                    first = found[0]
                    self._fail(
                        RequestFailure(RequestFailureKind.BARRED, f"{first.transport} {first.address}")
                    )
                    return
                found = allowed
            self._targets = found[:1] if one_target else found
            self._try_next(RequestFailure(RequestFailureKind.NAME, "no target"))

    def _try_next(self, failure: RequestFailure) -> None:
        """Send to the next target, or end with `failure`."""
        self._stop_timer()
        self._heard = 0
        connector = self._stack.connector
        while self._has_next:
            target, downgraded = self._fallback, True
            if target is None:
                target, downgraded = self._targets[self._position], False
                self._position += 1
            self._fallback = None
            flow = connector.flow_to(target)
            wire = self._prepare(flow)
            if target.transport is Transport.UDP and not downgraded and self._needs_tcp(wire, target):
                self._fallback = target
                target = target._replace(transport=Transport.TCP)
                flow = connector.flow_to(target)
                wire = self._prepare(flow)
            self._target = target
            if not flow.closed:
                self._events.target_chosen(target)
                self._send(flow, wire)
                return
            self._note_tcp_failure()
            failure = _unreachable(flow, "the connection has closed")
        self._fail(failure)

    def _needs_tcp(self, wire: "_Wire", target: Target) -> bool:
        return len(wire.data) > UDP_REQUEST_BYTES and self._stack.tcp_works(target.address)

    def _note_tcp_failure(self) -> None:
        if self._fallback is not None:
            self._stack.tcp_failed(self._fallback.address)

    def _prepare(self, flow: Flow, branch: str | None = None) -> "_Wire":
        request, form = self._request, self._bytes
        if request is None or form is None:
            raise LookupError("the request has its final response and has been let go")
        if branch is None:
            within_dialog = ";tag=" in (request.headers.get("to") or "")
            branch = self._stack.new_branch(None if within_dialog else request.uri_text)
        via = via_on(flow, branch)
        return _Wire(request, branch, via, form.on(flow, via))

    def _send(self, flow: Flow, wire: "_Wire") -> None:
        if self._target_timeout_s is not None and self._has_next:
            clock = self._stack.clock
            self._timer = clock.at(clock.now() + self._target_timeout_s, self._leave_target)
        request, branch, via, data = wire
        self._transaction = self._stack.client_transaction(self, request, via, branch, data, flow)
        self._transaction.start()

    def _leave_target(self) -> None:
        """The target in hand is silent for too long: go on, and keep an ear open for it."""
        silent = self._transaction
        if silent is not None and not self._given_up:
            self._note_tcp_failure()
            self._left = (*self._left, silent)
            self._try_next(_unreachable(silent.flow, "no response"))

    # what the transactions report (ClientTransactionUser)

    def response_received(self, transaction: ClientTransaction, response: Response) -> None:
        status = response.status
        if transaction is not self._transaction:
            self._left_target_spoke(transaction, response)
        elif status < 200:
            self._provisional(transaction, response)
        elif status < 300:
            self._end()
            if not self._detached or self._is_invite:
                self._events.response_received(response, transaction.flow)
            self._let_go()
        elif (
            status == 503
            and self._heard <= 100
            and self._position < len(self._targets)
            and not self._given_up
        ):
            self._fallback = None
            self._try_next(_unreachable(transaction.flow, "503"))
        else:
            self._end()
            if not self._detached:
                self._events.response_received(response, transaction.flow)
            self._let_go()
            if not self._left:
                self._events = _UNHEARD

    def timed_out(self, transaction: ClientTransaction) -> None:
        if transaction is not self._transaction:
            return
        if self._heard:
            self._fail(RequestFailure(RequestFailureKind.NO_FINAL, _place(transaction.flow)))
            return
        self._note_tcp_failure()
        failure = RequestFailure(RequestFailureKind.NO_RESPONSE, _place(transaction.flow))
        if self._given_up:
            self._fail(failure)
        else:
            self._try_next(failure)

    def transport_failed(self, transaction: ClientTransaction, failure: FlowFailure) -> None:
        if transaction is not self._transaction or self._finished:
            return
        if self._heard and failure.kind is FlowFailureKind.CLOSED:
            self._cancel_on_new_connection(transaction)
        elif failure.kind is FlowFailureKind.CLOSED and self._repeated(transaction):
            return
        reason = RequestFailure.of_flow(_place(transaction.flow), failure)
        if self._given_up or self._heard > 100:
            self._fail(reason)
        else:
            self._note_tcp_failure()
            self._try_next(reason)

    def _repeated(self, gone: ClientTransaction) -> bool:
        """Repeat the request on a new connection, once, where no other target is left. False: it isn't."""
        target = self._target
        if self._replaced or self._given_up or self._has_next or target is None:
            return False
        if not target.transport.reliable:
            return False
        self._replaced = True
        flow = self._stack.connector.flow_to(target)
        if flow.closed:
            return False
        request, _, via, data = self._prepare(flow, gone.branch)
        self._transaction = self._stack.client_transaction(self, request, via, gone.branch, data, flow)
        self._transaction.start()
        return True

    def _provisional(self, transaction: ClientTransaction, response: Response) -> None:
        if not self._heard:
            self._stop_timer()
            self._fallback = None
            if self._cancel_headers is not None:
                self._send_cancel(transaction)
        self._heard = max(self._heard, response.status)
        if not self._detached:
            self._events.response_received(response, transaction.flow)

    def _left_target_spoke(self, transaction: ClientTransaction, response: Response) -> None:
        """A target that the walk left behind has woken up."""
        invite = self._is_invite
        if response.status < 200:
            if transaction in self._left and invite:
                self._left = tuple(one for one in self._left if one is not transaction)
                self._send_cancel(transaction)
        elif response.status < 300 and (invite or not self._finished):
            if not self._finished:
                self._end()
                self._change_over(transaction)
            if invite or not self._detached:
                self._events.response_received(response, transaction.flow)

    def _change_over(self, answered: ClientTransaction) -> None:
        """A target left behind has answered first: now it is the one in hand, and the other is unwanted."""
        unwanted, self._transaction = self._transaction, answered
        if not self._given_up:
            self._events.target_chosen(answered.flow)
        if unwanted is not None and self._heard:
            self._send_cancel(unwanted)
        elif unwanted is not None:
            self._left = (*self._left, unwanted)

    # CANCEL

    def _send_cancel(self, transaction: ClientTransaction, flow: Flow | None = None) -> None:
        if not isinstance(transaction, InviteClientTransaction):
            return
        stack = self._stack
        stack.cancel_invite(transaction, flow or transaction.flow, self._cancel_headers or ())
        stack.clock.at(stack.clock.now() + stack.timers.timeout_s, partial(self._cancel_ignored, transaction))

    def _cancel_ignored(self, transaction: InviteClientTransaction) -> None:
        """64·T1 after the CANCEL: without a final response the INVITE is over (§9.1)."""
        if transaction.abandon() and transaction is self._transaction:
            self._fail(
                RequestFailure(RequestFailureKind.NO_FINAL, f"{_place(transaction.flow)}: CANCEL ignored")
            )

    def _cancel_on_new_connection(self, transaction: ClientTransaction) -> None:
        if self._target is not None and isinstance(transaction, InviteClientTransaction):
            flow = self._stack.connector.flow_to(self._target)
            if not flow.closed:
                self._stack.cancel_invite(transaction, flow, self._cancel_headers or ())

    # the end

    def _end(self) -> None:
        self._finished = True
        self._stop_timer()

    def _let_go(self) -> None:
        """The request is over and will not be sent again. Only 2xx to an INVITE, further ones or of targets
        that were left behind, may still come for its user.
        """
        self._request = None
        self._bytes = None
        self._targets = ()
        self._position = 0
        self._target = None
        if not self._is_invite:
            self._events = _UNHEARD

    def _fail(self, failure: RequestFailure) -> None:
        if not self._finished:
            self._end()
            if self._starting:
                clock = self._stack.clock
                clock.at(clock.now(), partial(self._report, failure))
            else:
                self._report(failure)

    def _report(self, failure: RequestFailure) -> None:
        if not self._detached:
            self._events.request_failed(failure)

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None


class _Wire(NamedTuple):
    """One copy of the request, ready to be sent."""

    request: Request
    branch: str
    via: str
    data: bytes


def _place(flow: Flow) -> str:
    return f"{flow.transport} {flow.remote}"


def _unreachable(flow: Flow, detail: str) -> RequestFailure:
    return RequestFailure(RequestFailureKind.UNREACHABLE, f"{_place(flow)}: {detail}")
