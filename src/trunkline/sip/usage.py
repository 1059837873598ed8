"""The INVITE usage of a dialog (RFC 5057's term), early or confirmed, in either role: what a call does with
its dialog.

Owns, by RFC section: requests of the peer within the dialog (RFC 3261 §12.2.2, §14.2, §15.1.2; RFC 3311 §5.2;
RFC 3262 §3 for PRACK; RFC 4028 §9), requests of ours (§14.1, §15.1.1; RFC 3311 §5.1; RFC 4028 §10), the
offer/answer state that decides between 200, 491 and 500, and the ACK of a 2xx to the peer's INVITEs. The
states are those of RFC 5407 §2 with Moratorium and Established as one:

    EARLY ──2xx──▶ CONFIRMED ──BYE sent, received, or the dialog lost──▶ TERMINATED (Mortal until our BYE is
    answered)

Not here: the initial INVITE (`incoming_invite`, `outgoing_invite`), one request's retries (`dialog_request`),
repeating a 2xx (`acceptance`) or a reliable provisional response (`reliability`), intervals
(`session_timer`).

Invariants: one modification of ours at a time, later ones wait in a short queue; no BYE from a callee whose
2xx is not acknowledged (§15: it follows the ACK, or 64·T1); no events after TERMINATED.

Deliberate deviations, with the test that pins each: a request numbered like an earlier one is out of order as
well (`test_usage.py::test_equal_cseq`); a transport failure of a request does not end the dialog (RFC 3261
§8.1.3.1 makes it a 503).
"""

from collections import deque
from collections.abc import Callable
from typing import TYPE_CHECKING

from trunkline.sip.acceptance import Acceptance
from trunkline.sip.dialog import Dialog
from trunkline.sip.dialog_request import (
    Body,
    Bye,
    DialogRequest,
    Fields,
    Modification,
    Outcome,
    Prack,
    ReInvite,
)
from trunkline.sip.errors import SipSyntaxError
from trunkline.sip.exchange import IncomingOffer
from trunkline.sip.message import Request, Response, response_to
from trunkline.sip.reliability import ReliableProvisionals, in_sequence
from trunkline.sip.session_timer import SessionTimer
from trunkline.sip.stack import ContactSpec, ServerTransaction
from trunkline.sip.usage_events import UNATTENDED, Invitation, Offer, UsageEvents, UsageState

if TYPE_CHECKING:
    from trunkline.sip.outbound_auth import Authenticator
    from trunkline.sip.user_agent import UserAgent

__all__ = ["IncomingOffer", "Usage", "UsageEvents", "UsageState"]

QUEUE_MAX = 4
"""Modifications of ours that wait for their turn; a further one is refused with a 491 of our own making."""

_BASELINE = frozenset(("INVITE", "ACK", "BYE", "CANCEL", "OPTIONS"))
_SDP = "application/sdp"


class Usage:
    """One INVITE dialog. Made by `IncomingInvite` and `OutgoingInvite`."""

    __slots__ = (
        "_acceptances",
        "_bye_headers",
        "_exchanges",
        "_invite_seq",
        "_modification",
        "_on_the_wire",
        "_peer_allow",
        "_queue",
        "_rseq",
        "agent",
        "authenticator",
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
        self,
        agent: "UserAgent",
        dialog: Dialog,
        contact: ContactSpec,
        invitation: Invitation,
        authenticator: "Authenticator | None" = None,
    ) -> None:
        settings = agent.settings
        self.agent = agent
        self.dialog = dialog
        self.contact = contact
        self.invitation: Invitation | None = invitation
        self.authenticator = authenticator
        self.state = UsageState.EARLY
        self.events: UsageEvents = UNATTENDED
        self.offer = Offer.NONE
        self.local_description = b""
        """The session description that we sent last and that stands."""
        self.session_timer = SessionTimer(agent.clock, self, settings.session_expires_s, settings.min_se_s)
        self.reliable: ReliableProvisionals | None = None
        self._peer_allow: frozenset[str] | Request | Response | None = None
        self._rseq: int | None = None
        self._invite_seq = dialog.remote_seq
        self._acceptances: list[Acceptance] = []
        self._exchanges: list[IncomingOffer] = []
        self._modification: Modification | None = None
        self._on_the_wire = False
        self._queue: deque[Modification] | None = None
        self._bye_headers: Fields | None = None

    # what its user may do

    @property
    def ended(self) -> bool:
        """True once TERMINATED."""
        return self.state is UsageState.TERMINATED

    def peer_allows(self, method: str) -> bool:
        """Whether the peer's last Allow names `method`; without an Allow only RFC 3261's own methods are
        taken for granted.
        """
        allow = self._peer_allow
        if allow is None:
            return method in _BASELINE
        if not isinstance(allow, frozenset):
            try:
                allow = allow.allow
            except SipSyntaxError:
                allow = _BASELINE
            self._peer_allow = allow
        return method in allow

    def bye(self, headers: Fields = ()) -> None:
        """Hang up (RFC 3261 §15.1.1). An early dialog's INVITE is cancelled or refused instead.
        Idempotent.
        """
        if self.state is UsageState.EARLY:
            if self.invitation is not None:
                self.invitation.abandon(headers)
        elif self.state is UsageState.CONFIRMED:
            self._hang_up(headers)

    def reinvite(
        self,
        body: Body,
        on_answer: Callable[[Response], None],
        on_reject: Callable[[Outcome], None],
        headers: Fields = (),
    ) -> None:
        """Send a re-INVITE with an offer, as soon as RFC 3261 §14.1 allows one. Exactly one callback comes,
        unless the usage ends before. A 491 is retried here; `body` may be a function, called for each
        attempt."""
        self._modify(ReInvite(self, body=body, headers=headers, on_answer=on_answer, on_reject=on_reject))

    def update(
        self,
        body: Body,
        on_answer: Callable[[Response], None],
        on_reject: Callable[[Outcome], None],
        headers: Fields = (),
    ) -> None:
        """Send an UPDATE, with an offer or (`b""`) without, as soon as RFC 3311 §5.1 allows one; see
        `reinvite`.
        """
        self._modify(
            Modification(self, "UPDATE", body=body, headers=headers, on_answer=on_answer, on_reject=on_reject)
        )

    def info(
        self,
        content_type: str,
        body: bytes,
        on_answer: Callable[[Response], None],
        on_reject: Callable[[Outcome], None],
        headers: Fields = (),
    ) -> None:
        """Send an INFO (RFC 6086 §4.2.1)."""
        self.request("INFO", on_answer, on_reject, body=body, content_type=content_type, headers=headers)

    def request(
        self,
        method: str,
        on_answer: Callable[[Response], None],
        on_reject: Callable[[Outcome], None],
        *,
        body: bytes = b"",
        content_type: str | None = None,
        headers: Fields = (),
    ) -> None:
        """Send any other request that is not a target refresh one. Does nothing once the usage has ended."""
        if not self.ended:
            DialogRequest(
                self,
                method,
                body=body,
                content_type=content_type,
                headers=headers,
                on_answer=on_answer,
                on_reject=on_reject,
            ).send()

    # requests of the peer

    def receive(self, request: Request, transaction: ServerTransaction) -> None:
        """A request within the dialog, other than ACK and CANCEL, that passed the inspection of RFC 3261
        §8.2.
        """
        method = request.method
        if self.state is UsageState.TERMINATED:
            transaction.respond(response_to(request, 200 if method == "BYE" else 481))
            return
        if not self.dialog.in_order(request.cseq.number):
            transaction.respond(response_to(request, 500, headers=[_retry_soon(self.agent)]))
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
            self._send_deferred_bye()
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

    def _receive_bye(self, request: Request, transaction: ServerTransaction) -> None:
        transaction.respond(response_to(request, 200))
        events = self.events
        early, invitation = self.state is UsageState.EARLY, self.invitation
        self._end()
        self.forget()
        if early and invitation is not None:
            invitation.ended_by_bye()
        events.bye_received(request)

    def _receive_reinvite(self, request: Request, transaction: ServerTransaction) -> None:
        modification = self._modification
        self._invite_seq = request.cseq.number
        unanswered = self.offer is Offer.THEIRS or any(one.method == "INVITE" for one in self._exchanges)
        if self.state is UsageState.EARLY or unanswered:
            transaction.respond(response_to(request, 500, headers=[_retry_soon(self.agent)]))
        elif self.offer is Offer.OURS or (
            self._on_the_wire and modification is not None and modification.method == "INVITE"
        ):
            transaction.respond(response_to(request, 491))
        elif not self._refused_as_too_small(request, transaction):
            self._offer_up(request, transaction)

    def _receive_update(self, request: Request, transaction: ServerTransaction) -> None:
        if any(exchange.method == "UPDATE" for exchange in self._exchanges):
            transaction.respond(response_to(request, 500, headers=[_retry_soon(self.agent)]))
        elif request.body and self.offer is not Offer.NONE:
            if self.offer is Offer.OURS:
                transaction.respond(response_to(request, 491))
            else:
                transaction.respond(response_to(request, 500, headers=[_retry_soon(self.agent)]))
        elif not self._refused_as_too_small(request, transaction):
            if request.body:
                self._offer_up(request, transaction)
            else:
                self._accept_refresh(request, transaction, b"", ())

    def _receive_prack(self, request: Request, transaction: ServerTransaction) -> None:
        reliable = self.reliable
        if reliable is None or not reliable.acknowledge(request):
            transaction.respond(response_to(request, 481))
            return
        if not request.body:
            transaction.respond(response_to(request, 200))
        elif self.offer is Offer.OURS:
            self.offer = Offer.NONE
            transaction.respond(response_to(request, 200))
            self.events.prack_received(request)
        else:
            self._offer_up(request, transaction)
        reliable.go_on()
        self.go_on()

    def _refused_as_too_small(self, request: Request, transaction: ServerTransaction) -> bool:
        minimum = self.session_timer.minimum_for(request)
        if minimum is None:
            return False
        transaction.respond(response_to(request, 422, headers=[("min-se", str(minimum))]))
        return True

    def _offer_up(self, request: Request, transaction: ServerTransaction) -> None:
        exchange = IncomingOffer(self, request, transaction)
        self._exchanges.append(exchange)
        if request.body:
            self.offer = Offer.THEIRS
        self.events.offer_received(exchange)

    def exchange_accepted(self, exchange: IncomingOffer, body: bytes, headers: Fields) -> None:
        """The user accepts a re-INVITE, or an offer in an UPDATE or PRACK."""
        self._exchanges.remove(exchange)
        request, transaction = exchange.request, exchange.transaction
        if request.body:
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
        if exchange.request.body:
            self.offer = Offer.NONE
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
        response.headers.set("contact", self.contact.text(transaction.flow, sips=self.dialog.wants_sips))
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
            self._send_deferred_bye()
        elif self._invite_seq <= acceptance.cseq:  # else the peer has moved on (RFC 6141 §5.4)
            events = self.events
            self._hang_up(())
            events.no_ack()

    # requests of ours

    def _modify(self, modification: Modification) -> None:
        if self.ended:
            return
        queue = self._queue
        if queue is None:
            queue = self._queue = deque()
        if len(queue) >= QUEUE_MAX:
            modification.refuse(Response(491))
            return
        queue.append(modification)
        self.go_on()

    def go_on(self) -> None:
        """Something has come to its end: send the modification that waits, if it may be sent now."""
        queue = self._queue
        if queue and self._modification is None and self.modification_may_start(queue[0]):
            self._modification = queue.popleft()
            self._modification.start()

    def modification_may_start(self, modification: Modification) -> bool:
        """Whether nothing is under way that would collide with it (RFC 3261 §14.1, RFC 3311 §5.1)."""
        if modification.method == "INVITE":
            if self.state is not UsageState.CONFIRMED or self._acceptances or self._exchanges:
                return False
            return self.offer is Offer.NONE
        if not modification.offers:
            return True
        return self.offer is Offer.NONE and (self.reliable is None or not self.reliable.holds_back_2xx)

    def modification_started(self, modification: Modification) -> None:
        """It goes out: until its final response no other offer may."""
        self._on_the_wire = True
        if modification.offers:
            self.offer = Offer.OURS
        if modification.method == "INVITE":
            self._rseq = None

    def modification_paused(self, modification: Modification) -> None:
        """It will be tried again; until then offers of the peer are welcome."""
        self._on_the_wire = False
        if modification.offers:
            self.offer = Offer.NONE

    def modification_over(self, modification: Modification) -> None:
        """It has its outcome."""
        self.modification_paused(modification)
        self._modification = None

    def acknowledge(self, invite: Request) -> Request:
        """Send the ACK of a 2xx to `invite` (RFC 3261 §13.2.2.4) and return it, to be sent again for each
        repetition.
        """
        ack = self.dialog.request("ACK", invite.cseq.number)
        for name in ("authorization", "proxy-authorization"):
            for value in invite.headers.all(name):
                ack.headers.add(name, value)
        self.agent.stack.send_ack(ack, self.dialog.next_hop())
        return ack

    def acknowledge_provisional(self, response: Response) -> bool:
        """Send a PRACK for a reliable provisional response; False when it is a repetition or out of order
        (RFC 3262 §4).
        """
        try:
            rseq = response.rseq
        except SipSyntaxError:
            return False
        if rseq is None or not in_sequence(rseq, self._rseq):
            return False
        self._rseq = rseq
        if not self.ended:
            Prack(self, f"{rseq} {response.cseq}").send()
        return True

    def synchronise(self) -> None:
        """Offer once more what stands: an error undid changes of which the peer may think otherwise (RFC 6141
        §3.4).
        """
        if self.local_description:
            self._modify(ReInvite(self, body=self.local_description))

    # the session timer

    def refresh_session(self) -> None:
        """Refresh with UPDATE when the peer allows it, else with a re-INVITE (RFC 4028 §7.4).

        A modification that is under way or waits will refresh the session as well.
        """
        self.session_timer.refresh_sent()
        if self._modification is not None or self._queue:
            return
        if self.peer_allows("UPDATE"):
            self._modify(Modification(self, "UPDATE", on_reject=self._refresh_rejected))
        elif self.local_description:
            self._modify(ReInvite(self, body=self.local_description, on_reject=self._refresh_rejected))

    def _refresh_rejected(self, outcome: Outcome) -> None:
        if not isinstance(outcome, Response) or outcome.status in (408, 481):
            return
        if outcome.status in (405, 501) and self.peer_allows("UPDATE"):
            self._peer_allow = frozenset(_BASELINE)
            self.refresh_session()
        elif not self.session_timer.agreed:
            self.session_timer.peer_seemed_alive()

    def session_expired(self) -> None:
        """End the session (RFC 4028 §10)."""
        if self.state is UsageState.CONFIRMED:
            events = self.events
            self._hang_up([("reason", 'SIP;cause=408;text="Session expired"')])
            events.expired()

    # beginning and end

    def peer_said(self, message: Request | Response) -> None:
        """Remember what `message` says that the peer allows."""
        if "allow" in message.headers:
            self._peer_allow = message

    def confirm(self) -> None:
        """A 2xx to the initial INVITE was sent or received."""
        self.state = UsageState.CONFIRMED
        self.invitation = None

    def drop(self) -> None:
        """The initial INVITE came to nothing: the early dialog is over (RFC 3261 §12.3)."""
        self._end()
        self.forget()

    def dialog_lost(self, reason: str) -> None:
        """A request of ours had the outcome that ends a dialog (RFC 3261 §12.2.1.2)."""
        if self.state is UsageState.CONFIRMED:
            events = self.events
            self._hang_up(())
            events.failed(reason)

    def forget(self) -> None:
        """The dialog has come to its very end."""
        self.agent.forget(self)

    def _hang_up(self, headers: Fields) -> None:
        unacknowledged = self._acceptances
        self._acceptances = []
        self._end()
        if unacknowledged:
            self._acceptances = unacknowledged
            self._bye_headers = headers
        else:
            Bye(self, headers).send()

    def _send_deferred_bye(self) -> None:
        headers = self._bye_headers
        if headers is not None and not self._acceptances:
            self._bye_headers = None
            Bye(self, headers).send()

    def _end(self) -> None:
        self.state = UsageState.TERMINATED
        self.events = UNATTENDED
        self.invitation = None
        self.session_timer.stop()
        for acceptance in self._acceptances:
            acceptance.stop()
        self._acceptances = []
        for exchange in self._exchanges:
            exchange.settled = True
            exchange.transaction.respond(response_to(exchange.request, 487))
        self._exchanges = []
        if self._modification is not None:
            self._modification.stop()
            self._modification = None
        self._queue = None


def _retry_soon(agent: "UserAgent") -> tuple[str, str]:
    """Retry-After between 0 and 10 s (RFC 3261 §14.2, RFC 3311 §5.2)."""
    return ("retry-after", str(int(agent.uniform(0, 11))))
