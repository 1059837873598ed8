"""The INVITE usage of a dialog (RFC 5057's term), early or confirmed, in either role: what a call does with
it.

This is the client half and the life of it: requests of ours (RFC 3261 §14.1, §15.1.1; RFC 3311 §5.1; RFC 4028
§10), the PRACK and ACK for the peer's responses, beginning and end. The server half is `usage_uas`. The
states are those of RFC 5407 §2, Moratorium and Established taken as one:

    EARLY ──2xx──▶ CONFIRMED ──BYE sent or received, or the dialog lost──▶ TERMINATED

TERMINATED is Mortal while a BYE of ours or a 2xx of ours is unanswered: BYEs get a 200, everything else a
481.

Not here: the initial INVITE (`incoming_invite`, `outgoing_invite`), one request's retries (`dialog_request`),
repeating a 2xx (`acceptance`) or a reliable provisional response (`reliability`), intervals
(`session_timer`).

Invariants: one modification of ours at a time, later ones wait in a short queue; no BYE from us while a 2xx
of ours is not acknowledged (§15: it follows the ACK, or 64·T1); no events after TERMINATED. A peer without a
tag (RFC 2543) is sent no re-INVITE: it would have no To tag, and whoever the peer's Contact or Record-Route
names would take it for a new call, from us.

A transport failure of a request does not end the dialog: RFC 3261 §8.1.3.1 makes it a 503.
"""

from collections import deque
from collections.abc import Callable
from typing import TYPE_CHECKING

from trunkline.sip.dialog import Dialog
from trunkline.sip.dialog_request import (
    Body,
    Bye,
    DialogRequest,
    Fields,
    Modification,
    Notify,
    Outcome,
    Prack,
    ReInvite,
)
from trunkline.sip.errors import SipSyntaxError
from trunkline.sip.exchange import IncomingOffer
from trunkline.sip.message import Request, Response, response_to
from trunkline.sip.outgoing import SentAck
from trunkline.sip.reliability import in_sequence
from trunkline.sip.stack import ContactSpec
from trunkline.sip.usage_events import UNATTENDED, Invitation, Offer, UsageEvents, UsageState
from trunkline.sip.usage_uas import UsageServer

if TYPE_CHECKING:
    from trunkline.sip.outbound_auth import Authenticator
    from trunkline.sip.user_agent import UserAgent

__all__ = ["IncomingOffer", "Usage", "UsageEvents", "UsageState"]

QUEUE_MAX = 4
"""Modifications of ours that wait for their turn; a further one is refused with a 491 of our own making."""

_BASELINE = frozenset(("INVITE", "ACK", "BYE", "CANCEL", "OPTIONS"))


class Usage(UsageServer):
    """One INVITE dialog. Made by `IncomingInvite` and `OutgoingInvite`; its user sets `events`."""

    __slots__ = ("_queue", "_rseq", "authenticator")

    def __init__(
        self,
        agent: "UserAgent",
        dialog: Dialog,
        contact: ContactSpec,
        invitation: Invitation | None,
        authenticator: "Authenticator | None" = None,
    ) -> None:
        super().__init__(agent, dialog, contact, invitation)
        self.authenticator = authenticator
        self._rseq: int | None = None
        self._queue: deque[Modification] | None = None

    # what its user may do

    def peer_allows(self, method: str) -> bool:
        """Whether the peer's last Allow names `method`; without an Allow only RFC 3261's own methods are
        taken for granted.
        """
        allow = self._peer_allow
        if allow is None:
            return method in _BASELINE
        if isinstance(allow, str):
            allow = self._peer_allow = frozenset([one.strip() for one in allow.split(",")])
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
        *,
        relayed: bool = False,
    ) -> ReInvite:
        """Send a re-INVITE with an offer (it must have one), as soon as RFC 3261 §14.1 allows one. Exactly
        one callback comes, unless the usage ends before. A 491 is retried here, unless the offer is only
        `relayed` for somebody who will do that himself; `body` may be a function, called for each attempt.
        What is returned can be cancelled.
        """
        reinvite = ReInvite(
            self, body=body, headers=headers, on_answer=on_answer, on_reject=on_reject, relayed=relayed
        )
        self._modify(reinvite)
        return reinvite

    def update(
        self,
        body: Body,
        on_answer: Callable[[Response], None],
        on_reject: Callable[[Outcome], None],
        headers: Fields = (),
        *,
        relayed: bool = False,
    ) -> None:
        """Send an UPDATE, with an offer or (`b""`) without, as soon as RFC 3311 §5.1 allows one; see
        `reinvite`.
        """
        self._modify(
            Modification(
                self,
                "UPDATE",
                body=body,
                headers=headers,
                on_answer=on_answer,
                on_reject=on_reject,
                relayed=relayed,
            )
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
            ).start()

    def notify(
        self,
        headers: Fields,
        content_type: str,
        body: bytes,
        on_answer: Callable[[Response], None],
        on_reject: Callable[[Outcome], None],
    ) -> None:
        """Send a NOTIFY (RFC 6665 §4.2.2); whatever comes of it, the dialog stands. Does nothing once the
        usage has ended.
        """
        if not self.ended:
            Notify(
                self,
                "NOTIFY",
                body=body,
                content_type=content_type,
                headers=headers,
                on_answer=on_answer,
                on_reject=on_reject,
            ).start()

    def _modify(self, modification: Modification) -> None:
        if self.ended:
            return
        if modification.method == "INVITE" and not self.dialog.remote_tag:
            modification.refuse(Response(488))
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
        if self.offer is not Offer.NONE or self._awaits_our_answer:
            return False
        return self.reliable is None or not self.reliable.holds_back_2xx

    def modification_started(self, modification: Modification) -> None:
        """It goes out: until its final response no other offer may."""
        if modification.offers:
            self.offer = Offer.OURS
        if modification.method == "INVITE":
            self._rseq = None

    def modification_paused(self, modification: Modification) -> None:
        """It will be tried again; until then offers of the peer are welcome."""
        if modification.offers:
            self.offer = Offer.NONE

    def withdrawn(self, modification: Modification) -> bool:
        """Take it out of the queue; False when its turn has come."""
        if not self._queue or modification not in self._queue:
            return False
        self._queue.remove(modification)
        return True

    def modification_over(self, modification: Modification) -> None:
        """It has its outcome."""
        self.modification_paused(modification)
        self._modification = None

    def accept_answer(self, answer: Response, invite: Request) -> SentAck:
        """A 2xx to our initial `invite` confirms the dialog and is acknowledged (RFC 3261 §13.2.2.4)."""
        self.dialog.set_route_from(answer)
        self.dialog.refresh_target(answer)
        self.confirm()
        return self.acknowledge(invite)

    def acknowledge(self, invite: Request) -> SentAck:
        """Send the ACK of a 2xx to `invite` (RFC 3261 §13.2.2.4) and return it, to be sent again for each
        repetition.
        """
        ack = self.dialog.request("ACK", invite.cseq.number)
        for name in ("authorization", "proxy-authorization"):
            for value in invite.headers.all(name):
                ack.headers.add(name, value)
        return self.agent.stack.send_ack(ack, self.dialog.next_hop())

    def acknowledge_provisional(self, response: Response) -> bool:
        """Take in a reliable provisional response: the target (RFC 6141 §4.7), and a PRACK to it; False when
        it is a repetition or out of order (RFC 3262 §4).
        """
        try:
            rseq = response.rseq
        except SipSyntaxError:
            return False
        if rseq is None or not in_sequence(rseq, self._rseq):
            return False
        self._rseq = rseq
        self.dialog.refresh_target(response)
        if not self.ended:
            Prack(self, f"{rseq} {response.cseq}").start()
        return True

    def synchronise(self) -> None:
        """Offer once more what stands: an error undid changes of which the peer may think otherwise (RFC 6141
        §3.4).
        """
        if self.local_description:
            self._modify(ReInvite(self, body=self._standing, on_answer=self._refreshed))

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
            self._modify(
                ReInvite(
                    self,
                    body=self._standing,
                    on_answer=self._refreshed,
                    on_reject=self._refresh_rejected,
                )
            )

    def _standing(self) -> bytes:
        """What stands when it is sent: it may have waited for an exchange that has changed that."""
        return self.local_description

    def _refreshed(self, response: Response) -> None:
        self.events.refreshed(response.body)

    def _refresh_rejected(self, outcome: Outcome) -> None:
        if not isinstance(outcome, Response) or outcome.status in (408, 481):
            return
        if outcome.status in (405, 501) and self.peer_allows("UPDATE"):
            self._peer_allow = _BASELINE
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

    def confirm(self) -> None:
        """A 2xx to the initial INVITE was sent or received."""
        self.state = UsageState.CONFIRMED
        self.invitation = None

    def resume(self, description: bytes, allow: str | None) -> None:
        """It was confirmed at another node, where `description` was our last and the peer allowed
        `allow`.
        """
        self.local_description = description
        self.peer_allow = allow
        self.confirm()
        self.agent.remember(self)

    def drop(self) -> None:
        """Nothing more is said in it: the initial INVITE came to nothing (RFC 3261 §12.3), or another node
        goes on with the dialog.
        """
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
        self._bye_headers = headers
        self._end()
        self._end_after_acceptances()

    def _end_after_acceptances(self) -> None:
        """Once no 2xx of ours waits for its ACK: send the BYE if there is one to send, or be gone."""
        if self._acceptances:
            return
        headers, self._bye_headers = self._bye_headers, None
        if headers is None:
            self.forget()
        else:
            Bye(self, headers).start()

    def _end(self) -> None:
        self.state = UsageState.TERMINATED
        self.events = UNATTENDED
        self.invitation = None
        self.session_timer.close()
        for exchange in self._exchanges:
            exchange.settled = True
            exchange.on_cancel = None
            exchange.transaction.respond(response_to(exchange.request, 487))
        self._exchanges = []
        if self._modification is not None:
            self._modification.stop()
            self._modification = None
        self._queue = None
