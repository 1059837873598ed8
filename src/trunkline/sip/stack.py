"""The transaction layer and the transport rules around it: bytes below, requests and responses above.

What happens to bytes that arrive (RFC 3261 §18, §17.1.3, §17.2.3, §8.2)::

    unreadable            a request that may be answered gets the error's status, anything else is dropped
    response              to the client transaction that it matches, else dropped (RFC 6026 §8.9)
    request               top Via gets `received` and `rport`, then
      ACK                 to the INVITE transaction that it matches, else to the user
      repeated            to its transaction
      CANCEL              answered here with 200 or 481; the user hears of it unless it comes too late
      too many            503 with Retry-After, no state kept
      screened            what `StackUser.screen` returned, no state kept (§8.2.7)
      looped, merged      482 (RFC 5393, §8.2.2.2)
      else                a server transaction, and to the user

Requests on their way out are `trunkline.sip.delivery`, dialogs and the checks of §8.2 that need more than a
transaction are the user's. Nothing here blocks or reads a clock; whoever owns the sockets calls `received`
and `flow_failed`.

An exception out of the user's code costs one request: it is answered (a `SipSyntaxError` of a header read
late with its own status and a Warning, anything else with 500) and then, unless it was the peer's fault,
raised to the caller of `received`.
"""

import hashlib
from collections.abc import Callable, Hashable, Iterable
from collections.abc import Set as AbstractSet
from contextlib import suppress
from dataclasses import dataclass
from typing import Protocol

from trunkline.clock import Clock
from trunkline.sip.delivery import ClientEvents, ClientRequest, NextHop
from trunkline.sip.errors import SipSyntaxError
from trunkline.sip.failures import FlowFailure, FlowFailureKind, RequestFailure, RequestFailureKind
from trunkline.sip.loop import LoopGuard
from trunkline.sip.message import Request, Response, response_to
from trunkline.sip.multipart import unwrap
from trunkline.sip.outgoing import ContactSpec, SentAck
from trunkline.sip.parse import parse_message
from trunkline.sip.ports import Address, Connector, Flow, Locator, Observer, Target
from trunkline.sip.response_path import mark_source, path_back, reply_path
from trunkline.sip.timers import TimerValues
from trunkline.sip.transactions.client import (
    NOBODY,
    ClientTransaction,
    ClientTransactionUser,
    derived_request,
)
from trunkline.sip.transactions.invite_client import InviteClientTransaction
from trunkline.sip.transactions.invite_server import InviteServerTransaction
from trunkline.sip.transactions.lingering import Lingering
from trunkline.sip.transactions.non_invite_client import NonInviteClientTransaction
from trunkline.sip.transactions.non_invite_server import NonInviteServerTransaction
from trunkline.sip.transactions.server import ServerTransaction
from trunkline.sip.transactions.table import TransactionTable, server_key
from trunkline.sip.uri import SipUri

__all__ = [
    "ClientEvents",
    "ClientRequest",
    "ContactSpec",
    "FlowFailure",
    "FlowFailureKind",
    "InviteServerTransaction",
    "NextHop",
    "RequestFailure",
    "RequestFailureKind",
    "ServerTransaction",
    "SipStack",
    "StackLimits",
    "StackUser",
]


@dataclass(frozen=True, slots=True)
class StackLimits:
    """Bounds of one stack."""

    server_transactions: int = 50_000
    """Beyond this many an INVITE outside a dialog gets a 503. Other requests outside a dialog (anybody may
    send OPTIONS) get it beyond half as many, requests within one (a BYE ends something) beyond a quarter
    more. One that came by UDP counts until 32 s after its answer (timers J and L).
    """
    retry_after_s: int = 10
    """The Retry-After of that 503."""
    tcp_memory_s: float = 300.0
    """How long an address that refused TCP is sent long requests by UDP at once."""
    tcp_memory_size: int = 1024
    """How many such addresses are remembered."""


class StackUser(Protocol):
    """The core above the transactions."""

    def screen(self, request: Request, flow: Flow) -> Response | None:
        """Called before a server transaction exists, for every request but ACK and CANCEL, repeated ones that
        were screened out before included. A response is sent without keeping any state.
        """

    def request_received(self, request: Request, transaction: ServerTransaction) -> None:
        """A new request. Answer by `transaction.respond`, now or later."""

    def ack_received(self, request: Request, flow: Flow) -> None:
        """The ACK of a 2xx, or one that belongs to nothing."""

    def cancel_received(self, invite: ServerTransaction, cancel: Request) -> None:
        """`invite` has no final response and isn't wanted any more; the CANCEL is answered already."""


class SipStack:
    """All transactions of one node.

    `token` gives a fresh unguessable token (RFC 3261 §19.3) for each branch and tag, `secret` keys those that
    are recognised without state, `product` is what our own answers name as Server (§20.35).
    """

    def __init__(
        self,
        *,
        clock: Clock,
        connector: Connector,
        locator: Locator,
        token: Callable[[], str],
        user: StackUser,
        timers: TimerValues | None = None,
        observer: Observer | None = None,
        secret: bytes,
        product: str,
        limits: StackLimits | None = None,
    ) -> None:
        self.clock = clock
        self.connector = connector
        self.locator = locator
        self.timers = TimerValues() if timers is None else timers
        self.new_tag = token
        self._user = user
        self._observer = observer
        self._product = product
        self._limits = StackLimits() if limits is None else limits
        self._table = TransactionTable()
        self.linger = Lingering(clock, self.timers.timeout_s).add
        self._loops = LoopGuard(secret)
        self._tag_key = hashlib.blake2s(b"tag" + secret).digest()
        self._no_tcp: dict[Address, float] = {}

    @property
    def client_transactions(self) -> int:
        """How many client transactions exist, finished ones that still absorb repetitions included."""
        return self._table.client_count

    @property
    def server_transactions(self) -> int:
        """How many server transactions exist, finished ones that still absorb repetitions included."""
        return self._table.server_count

    # from below

    def received(self, data: bytes, flow: Flow) -> None:
        """One datagram or one framed message."""
        try:
            message = parse_message(data)
        except SipSyntaxError as error:
            self._receive_unreadable(data, flow, error)
            return
        if self._observer is not None:
            self._observer.message_received(data, flow, message.call_id)
        if message.body and message.cseq.method != "INFO":
            unwrap(message)
        if isinstance(message, Request):
            self._receive_request(message, flow)
        else:
            transaction = self._table.client_for(message)
            if transaction is not None:
                transaction.receive(message)

    def stream_broken(self, error: SipSyntaxError, flow: Flow) -> None:
        """A stream can't be framed any further: the request at which it ends is answered, where it may be,
        before the connection is closed (RFC 3261 §18.3).
        """
        if error.message is not None:
            self._refuse_unreadable(error.message, error, flow)

    def flow_failed(self, flow_or_target: Flow | Target, failure: FlowFailure) -> None:
        """A connection died or can't be opened, or ICMP says that a datagram didn't arrive (RFC 3261 §18.4).

        Every client transaction there fails at once. Server transactions stay: their responses find another
        way.
        """
        if self.believes(flow_or_target, failure):
            for transaction in self._table.clients_on(flow_or_target):
                transaction.fail(failure)

    def believes(self, flow_or_target: Flow | Target, failure: FlowFailure) -> bool:
        """False for ICMP that quotes no request of a client transaction there, up to its branch: who has not
        seen that can't know it.
        """
        return failure.quoted is None or self._table.has_sent(failure.quoted, flow_or_target)

    # from above

    def request(
        self,
        request: Request,
        next_hop: NextHop,
        events: ClientEvents,
        *,
        contact: ContactSpec | None = None,
        one_target: bool = False,
        target_timeout_s: float | None = None,
        barred: AbstractSet[Address] = frozenset(),
    ) -> ClientRequest:
        """Send any request but ACK and CANCEL; RFC 3261 §8.1.2, §17.1.

        `request` has no Via and, with `contact` given, no Contact: both are added per target. With
        `one_target` only the first target is tried. After `target_timeout_s` without any response the walk
        goes on to the next target, if there is one (else timer B or F decides). Nothing is sent to `barred`
        addresses. Raises `SipBuildError` when `request` can't be written.
        """
        sending = ClientRequest(self, request, events, contact, target_timeout_s, barred)
        sending.start(next_hop, one_target=one_target)
        return sending

    def send_ack(self, ack: Request, next_hop: NextHop) -> SentAck:
        """Send the ACK of a 2xx (§13.2.2.4): no transaction, and a Via that `ack` itself doesn't have.

        What is returned sends it again.
        """
        sent = SentAck(self, ack)
        if isinstance(next_hop, SipUri):
            self.locator.locate(next_hop, sent.located)
        else:
            sent.located(next_hop)
        return sent

    def stateless_tag(self, request: Request) -> str:
        """A To tag that is the same for every repetition of `request` (§8.2.7)."""
        get = request.headers.get
        data = f"{request.top_via.branch}\0{get('call-id')}\0{get('cseq')}\0{get('from')}".encode(
            "utf-8", "surrogateescape"
        )
        return hashlib.blake2s(data, key=self._tag_key, digest_size=8).hexdigest()

    # requests received

    def _receive_unreadable(self, data: bytes, flow: Flow, error: SipSyntaxError) -> None:
        request = error.message
        if self._observer is not None:
            call_id = None if request is None else request.headers.get("call-id")
            self._observer.message_received(data, flow, call_id or "")
        if request is not None:
            self._refuse_unreadable(request, error, flow)

    def _refuse_unreadable(self, request: Request, error: SipSyntaxError, flow: Flow) -> None:
        mark_source(request, flow.remote)
        self._respond_statelessly(request, flow, self.refusal(request, error, flow))

    def refusal(self, request: Request, error: SipSyntaxError, flow: Flow) -> Response:
        """The answer to a malformed request, with the faulty header in a Warning (RFC 3261 §20.43)."""
        text = "".join([c if " " <= c <= "~" and c not in '"\\' else "?" for c in str(error)])
        return self._answer(request, error.status, ("Warning", f'399 {flow.sent_by} "{text}"'))

    def _receive_request(self, request: Request, flow: Flow) -> None:
        mark_source(request, flow.remote)
        method = request.method
        if method == "ACK":
            self._receive_ack(request, flow)
            return
        key = server_key(request, method)
        known = self._table.server_for(key)
        if known is not None:
            if known.flow.closed:
                known.flow = flow
            known.receive_again()
            return
        full = self._table.server_count >= self._room_for(request)
        if method == "CANCEL":
            self._receive_cancel(request, flow, key, full=full)
            return
        refusal = self._overload(request) if full else self._screen(request, flow)
        if refusal is not None:
            self._respond_statelessly(request, flow, refusal)
        else:
            self._receive_new(request, flow, key)

    def _room_for(self, request: Request) -> int:
        room = self._limits.server_transactions
        if request.to_tag is not None:
            return room + room // 4
        return room if request.method in ("INVITE", "CANCEL") else room // 2

    def _receive_ack(self, ack: Request, flow: Flow) -> None:
        invite = self._table.server_for_ack(ack)
        if invite is None:
            self.ack_of_accepted(ack, flow)
        else:
            invite.receive_ack(ack, flow)

    def _receive_cancel(self, cancel: Request, flow: Flow, key: Hashable, *, full: bool) -> None:
        invite = self._table.server_for(server_key(cancel, "INVITE"))
        if invite is None:
            self._respond_statelessly(cancel, flow, self._answer(cancel, 481))
            return
        answer = self._answer(cancel, 200, to_tag=invite.local_tag)
        if full:
            self._respond_statelessly(cancel, flow, answer)
        else:
            transaction = NonInviteServerTransaction(self, cancel, flow, key)
            self._table.add_server(transaction)
            transaction.respond(answer)
        if not invite.final_sent:
            self._user.cancel_received(invite, cancel)

    def _receive_new(self, request: Request, flow: Flow, key: Hashable) -> None:
        kind = InviteServerTransaction if request.method == "INVITE" else NonInviteServerTransaction
        transaction = kind(self, request, flow, key)
        self._table.add_server(transaction)
        if self._table.merges_with(transaction) or (request.to_tag is None and self._loops.looped(request)):
            transaction.respond(self._answer(request, 482))
            return
        self.attend(transaction, lambda: self._user.request_received(request, transaction))
        transaction.await_user()

    def attend(self, transaction: ServerTransaction, act: Callable[[], None]) -> None:
        """Have the user do something about a request that has no final response, when it comes or later: what
        is raised costs that request.
        """
        request = transaction.request
        try:
            act()
        except SipSyntaxError as error:
            transaction.respond(self.refusal(request, error, transaction.flow))
        except Exception:
            transaction.respond(self._answer(request, 500))
            raise

    def _screen(self, request: Request, flow: Flow) -> Response | None:
        try:
            return self._user.screen(request, flow)
        except SipSyntaxError as error:
            return self.refusal(request, error, flow)

    def _overload(self, request: Request) -> Response:
        return self._answer(request, 503, ("Retry-After", str(self._limits.retry_after_s)))

    def _answer(
        self, request: Request, status: int, *headers: tuple[str, str], to_tag: str | None = None
    ) -> Response:
        return response_to(request, status, to_tag=to_tag, headers=(*headers, ("Server", self._product)))

    def _respond_statelessly(self, request: Request, flow: Flow, response: Response) -> None:
        headers = response.headers
        if not response.has_to_tag:
            headers.extend("to", f";tag={self.stateless_tag(request)}")
        path = reply_path(request, flow)
        if path is not None:
            way = self.connector.flow_to(path) if isinstance(path, Target) else path
            self.send(response.to_bytes(), way, headers.get("call-id") or "")

    # what transactions and deliveries ask for

    def send(self, data: bytes, flow: Flow, call_id: str) -> None:
        """Put `data` on `flow`, and show it to the observer."""
        flow.send(data)
        if self._observer is not None:
            self._observer.message_sent(data, flow, call_id)

    def send_response(self, data: bytes, transaction: ServerTransaction) -> None:
        """Put `data` on the way back (§18.2.2), which is looked for again when it has closed."""
        flow = transaction.reply_flow
        if flow is None or flow.closed:
            path = path_back(transaction.flow, transaction.sent_by_port, symmetric=transaction.symmetric)
            if path is None:
                return
            flow = self.connector.flow_to(path) if isinstance(path, Target) else path
            transaction.reply_flow = flow
        self.send(data, flow, transaction.call_id)

    def new_branch(self, uri_text: str | None) -> str:
        """A fresh branch, with a loop fingerprint of `uri_text` when given."""
        return self._loops.branch(self.new_tag(), uri_text)

    def client_transaction(
        self, user: ClientTransactionUser, request: Request, via: str, branch: str, data: bytes, flow: Flow
    ) -> ClientTransaction:
        """Create and file a client transaction, to be started by its user."""
        kind = InviteClientTransaction if request.method == "INVITE" else NonInviteClientTransaction
        transaction = kind(self, user, request, via, branch, data, flow)
        self._table.add_client(transaction)
        self._loops.remember(flow.sent_by)
        return transaction

    def cancel_invite(
        self, invite: ClientTransaction, flow: Flow, headers: Iterable[tuple[str, str]]
    ) -> None:
        """Send a CANCEL for `invite` (§9.1) on `flow`, with `headers` added. Nobody waits for its outcome."""
        cancel = derived_request("CANCEL", invite.request, invite.via, invite.request.headers.get("to") or "")
        for name, value in headers:
            cancel.headers.add(name, value)
        transaction = self.client_transaction(
            NOBODY, cancel, invite.via, invite.branch, cancel.to_bytes(), flow
        )
        transaction.start()

    def client_terminated(self, transaction: ClientTransaction) -> None:
        """A client machine has ended."""
        self._table.remove_client(transaction)

    def server_terminated(self, transaction: ServerTransaction) -> None:
        """A server machine has ended."""
        self._table.remove_server(transaction)

    def server_rejected(self, transaction: ServerTransaction, response: Response) -> None:
        """A server machine has sent a final response other than a 2xx."""
        self._table.settle(transaction)
        if isinstance(transaction, InviteServerTransaction):
            self._table.expect_rfc2543_ack(transaction, response)

    def ack_of_accepted(self, ack: Request, flow: Flow) -> None:
        """An ACK that is the dialog's."""
        with suppress(SipSyntaxError):
            self._user.ack_received(ack, flow)

    def tcp_works(self, address: Address) -> bool:
        """False when TCP to `address` failed less than `StackLimits.tcp_memory_s` ago."""
        until = self._no_tcp.get(address)
        if until is None:
            return True
        if self.clock.now() < until:
            return False
        del self._no_tcp[address]
        return True

    def tcp_failed(self, address: Address) -> None:
        """TCP to `address` failed."""
        memory = self._no_tcp
        memory.pop(address, None)
        if len(memory) >= self._limits.tcp_memory_size:
            del memory[next(iter(memory))]
        memory[address] = self.clock.now() + self._limits.tcp_memory_s
