"""The server half of the INVITE usage: what the peer asks for within the dialog, and the answers.

RFC 3261 §12.2.2, §14.2, §15.1.2; RFC 3311 §5.2; RFC 3262 §3 for PRACK; RFC 4028 §9; RFC 6141 §4.6. It holds
the offer/answer state that decides between taking a new offer up, 491 and 500 (RFC 6337 §3, RFC 5407 §3.1.4,
§3.1.5, §3.3)::

                         nothing open   an offer of ours   an offer of theirs   their INVITE unanswered
    re-INVITE            up             491                500                  500
    UPDATE, no offer     200            200                200                  200
    UPDATE with offer    up             491                500                  500

A 500 carries a Retry-After of 0 to 10 s. An UPDATE while another one is unanswered gets a 500 too. "Up" is
`UsageEvents.offer_received`. A 2xx to an INVITE goes out through `acceptance` until its ACK comes; a callee's
BYE waits for that (§15).

Driven by `UserAgent`. The client half is `usage`.

A request numbered like an earlier one is out of order as well as one numbered lower: it is no repetition, or
its transaction would have absorbed it.
"""

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING

from trunkline.sip.acceptance import Acceptance
from trunkline.sip.dialog import Dialog
from trunkline.sip.dialog_request import Fields, Modification
from trunkline.sip.exchange import IncomingOffer
from trunkline.sip.message import Request, Response, response_to
from trunkline.sip.reliability import ReliableProvisionals
from trunkline.sip.session_timer import SessionTimer
from trunkline.sip.stack import ContactSpec, ServerTransaction
from trunkline.sip.usage_events import UNATTENDED, Invitation, Offer, UsageEvents, UsageState

if TYPE_CHECKING:
    from trunkline.sip.user_agent import UserAgent

_SDP = "application/sdp"


class UsageServer(ABC):
    """The half of a `Usage` that answers. Not made on its own."""

    __slots__ = (
        "_acceptances",
        "_bye_headers",
        "_exchanges",
        "_invite_seq",
        "_modification",
        "_peer_allow",
        "agent",
        "contact",
        "dialog",
        "events",
        "invitation",
        "local_description",
        "offer",
        "reliable",
        "session_timer",
        "state",
    )

    def __init__(
        self, agent: "UserAgent", dialog: Dialog, contact: ContactSpec, invitation: Invitation | None
    ) -> None:
        settings = agent.settings
        self.agent = agent
        self.dialog = dialog
        self.contact = contact
        """Our Contact, but for host and port."""
        self.invitation: Invitation | None = invitation
        """The initial INVITE, until its final response."""
        self.state = UsageState.EARLY
        self.events: UsageEvents = UNATTENDED
        self.offer = Offer.NONE
        """Whose offer has no answer yet."""
        self.local_description = b""
        """The session description that we sent last and that stands."""
        self.session_timer = SessionTimer(agent.clock, self, settings.session_expires_s, settings.min_se_s)
        self.reliable: ReliableProvisionals | None = None
        self._peer_allow: frozenset[str] | str | None = None
        self._invite_seq = dialog.remote_seq
        self._acceptances: list[Acceptance] = []
        self._exchanges: list[IncomingOffer] = []
        self._modification: Modification | None = None
        self._bye_headers: Fields | None = None

    @property
    def ended(self) -> bool:
        """True once TERMINATED."""
        return self.state is UsageState.TERMINATED

    # what the user agent passes on

    def receive(self, request: Request, transaction: ServerTransaction) -> None:
        """A request within the dialog, other than ACK and CANCEL, that passed the inspection of RFC 3261
        §8.2.
        """
        method = request.method
        if self.state is UsageState.TERMINATED:
            self._receive_when_ended(request, transaction)
            return
        if not self.dialog.in_order(request.cseq.number):
            self._try_later(request, transaction)
            return
        self.dialog.flow = transaction.flow
        if method == "BYE":
            self._receive_bye(request, transaction)
        elif method == "INVITE":
            self._receive_reinvite(request, transaction)
        elif method == "UPDATE":
            self._receive_update(request, transaction)
        elif method == "PRACK":
            self._receive_prack(request, transaction)
        elif method == "INFO":
            self.events.info_received(request, transaction)
        elif method == "REFER":
            self.events.refer_received(request, transaction)
        else:
            self.agent.user.request_received(request, transaction)

    def receive_ack(self, ack: Request) -> None:
        """The ACK of a 2xx (RFC 3261 §13.3.1.4); repeated or stray ones are ignored."""
        number = ack.cseq.number
        for acceptance in self._acceptances:
            if acceptance.cseq == number:
                break
        else:
            return
        acceptance.stop()
        self._acceptances.remove(acceptance)
        if self.ended:
            self._end_after_acceptances()
            return
        if acceptance.offered:
            self.offer = Offer.NONE
        self.events.acknowledged(ack)
        self.go_on()

    def receive_cancel(self, transaction: ServerTransaction) -> None:
        """A CANCEL for a re-INVITE that is not answered yet (the stack has answered the CANCEL)."""
        for exchange in self._exchanges:
            if exchange.transaction is transaction and not exchange.settled:
                exchange.cancelled = True
                if exchange.on_cancel is None:
                    exchange.reject(487)
                else:
                    exchange.on_cancel()
                return

    # requests

    def _receive_when_ended(self, request: Request, transaction: ServerTransaction) -> None:
        """Mortal (RFC 5407 §3.2): a BYE that crosses ours is welcome, anything else is too late."""
        if request.method == "BYE":
            self._bye_headers = None
            transaction.respond(response_to(request, 200))
        else:
            transaction.respond(response_to(request, 481))

    def _receive_bye(self, request: Request, transaction: ServerTransaction) -> None:
        """The dialog is over; a 2xx that is not acknowledged yet is repeated nevertheless (RFC 5407
        §3.1.3).
        """
        transaction.respond(response_to(request, 200))
        events, invitation = self.events, self.invitation
        self._end()
        self._end_after_acceptances()
        if invitation is not None:
            invitation.ended_by_bye()
        events.bye_received(request)

    def _receive_reinvite(self, request: Request, transaction: ServerTransaction) -> None:
        self._invite_seq = request.cseq.number
        if self.state is UsageState.EARLY or self._awaits_our_answer:
            self._try_later(request, transaction)
        elif self.offer is Offer.OURS:
            transaction.respond(response_to(request, 491))
        elif not self._refused_as_too_small(request, transaction):
            self._offer_up(request, transaction)

    def _receive_update(self, request: Request, transaction: ServerTransaction) -> None:
        if any(one.method == "UPDATE" for one in self._exchanges):
            self._try_later(request, transaction)
        elif request.body and self.offer is Offer.OURS:
            transaction.respond(response_to(request, 491))
        elif request.body and self._awaits_our_answer:
            self._try_later(request, transaction)
        elif self._refused_as_too_small(request, transaction):
            return
        elif request.body:
            self._offer_up(request, transaction)
        else:
            self._accept_refresh(request, transaction, b"", ())

    @property
    def _awaits_our_answer(self) -> bool:
        """An offer of the peer, or a re-INVITE that asks for one, waits for our user."""
        return self.offer is Offer.THEIRS or any(one.method == "INVITE" for one in self._exchanges)

    def _receive_prack(self, request: Request, transaction: ServerTransaction) -> None:
        reliable = self.reliable
        if reliable is None or not reliable.acknowledge(request):
            transaction.respond(response_to(request, 481))
            return
        if request.body and self.offer is not Offer.OURS:
            self._offer_up(request, transaction)
        else:
            transaction.respond(response_to(request, 200))
            if request.body:
                self.offer = Offer.NONE
                self.events.prack_received(request)
        reliable.go_on()
        self.go_on()

    def _try_later(self, request: Request, transaction: ServerTransaction) -> None:
        """500 with a Retry-After between 0 and 10 s (RFC 3261 §14.2, RFC 3311 §5.2)."""
        seconds = str(int(self.agent.uniform(0, 11)))
        transaction.respond(response_to(request, 500, headers=[("retry-after", seconds)]))

    def _refused_as_too_small(self, request: Request, transaction: ServerTransaction) -> bool:
        minimum = self.session_timer.minimum_for(request)
        if minimum is None:
            return False
        transaction.respond(response_to(request, 422, headers=[("min-se", str(minimum))]))
        return True

    # exchanges with the user

    def _offer_up(self, request: Request, transaction: ServerTransaction) -> None:
        exchange = IncomingOffer(self, request, transaction)
        self._exchanges.append(exchange)
        if request.body:
            self.offer = Offer.THEIRS
        try:
            self.events.offer_received(exchange)
        except Exception:
            if not exchange.settled:  # the stack answers it
                exchange.settled = True
                self._exchanges.remove(exchange)
                self.offer = Offer.NONE
            raise

    def exchange_accepted(self, exchange: IncomingOffer, body: bytes, headers: Fields) -> None:
        """The user accepts a re-INVITE, or an offer in an UPDATE or PRACK."""
        self._exchanges.remove(exchange)
        request, transaction = exchange.request, exchange.transaction
        self.offer = Offer.NONE
        if exchange.method == "PRACK":
            content_type = _SDP if body else None
            transaction.respond(
                response_to(request, 200, headers=headers, body=body, content_type=content_type)
            )
        else:
            self._accept_refresh(request, transaction, body, headers)
        self.go_on()

    def exchange_rejected(
        self, exchange: IncomingOffer, status: int, headers: Fields, reason: str | None
    ) -> None:
        """The user refuses it: no state changes (RFC 3261 §12.2.2)."""
        self._exchanges.remove(exchange)
        self.offer = Offer.NONE
        if status == 408 and exchange.method != "INVITE":
            status, reason = 504, None  # RFC 4320 §4.2: a 408 always comes too late there
        exchange.transaction.respond(response_to(exchange.request, status, reason, headers=headers))
        self.go_on()

    def _accept_refresh(
        self, request: Request, transaction: ServerTransaction, body: bytes, headers: Fields
    ) -> None:
        """A 200 to a re-INVITE or UPDATE: only now is the remote target replaced (RFC 6141 §4.6)."""
        self.peer_said(request)
        self.dialog.refresh_target(request)
        if body:
            self.local_description = body
        response = self.dialog_response(request, transaction, 200, body, headers)
        for name, value in self.session_timer.accept(request):
            response.headers.add(name, value)
        if request.method == "INVITE":
            offered = not request.body and bool(body)
            if offered:
                self.offer = Offer.OURS
            self.accepted(transaction, response, offered=offered)
        else:
            transaction.respond(response)

    def dialog_response(
        self, request: Request, transaction: ServerTransaction, status: int, body: bytes, headers: Fields
    ) -> Response:
        """A response with our Contact, Allow and Supported (RFC 3261 §12.1.1, §13.3.1.4)."""
        response = response_to(
            request, status, headers=headers, body=body, content_type=_SDP if body else None
        )
        response.headers.put("contact", self.contact.text(transaction.flow, sips=self.dialog.wants_sips))
        self.agent.declare(response)
        return response

    def accepted(self, transaction: ServerTransaction, response: Response, *, offered: bool) -> None:
        """Send a 2xx to an INVITE and repeat it until its ACK comes."""
        agent = self.agent
        self._acceptances.append(
            Acceptance(
                agent.clock, agent.timers, transaction, response, offered=offered, give_up=self._no_ack
            )
        )

    def _no_ack(self, acceptance: Acceptance) -> None:
        self._acceptances.remove(acceptance)
        if self.ended:
            self._end_after_acceptances()
        elif self._invite_seq <= acceptance.cseq:  # else the peer has moved on (RFC 6141 §5.4)
            events = self.events
            self._hang_up(())
            events.no_ack()

    def peer_said(self, message: Request | Response) -> None:
        """Remember what `message` says that the peer allows."""
        headers = message.headers
        if "allow" in headers:
            self._peer_allow = ",".join(headers.all("allow"))

    @property
    def peer_allow(self) -> str | None:
        """The methods of the peer's last Allow; None without one."""
        allow = self._peer_allow
        return allow if allow is None or isinstance(allow, str) else ",".join(sorted(allow))

    @peer_allow.setter
    def peer_allow(self, methods: str | None) -> None:
        self._peer_allow = methods

    # the other half

    @abstractmethod
    def go_on(self) -> None:
        """Something has come to its end: a request of ours that waited may go now."""

    @abstractmethod
    def refresh_session(self) -> None:
        """The session timer asks for a refresh."""

    @abstractmethod
    def session_expired(self) -> None:
        """The session timer gives the session up."""

    @abstractmethod
    def _hang_up(self, headers: Fields) -> None: ...

    @abstractmethod
    def _end(self) -> None: ...

    @abstractmethod
    def _end_after_acceptances(self) -> None: ...
