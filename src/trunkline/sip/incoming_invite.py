"""An INVITE that wants to establish a session with us (RFC 3261 §13.3; RFC 3262 §3; RFC 4028 §9; RFC 5407
§3.1).

Owns the initial INVITE from its arrival to the final response: progress, reliable or not, repeated every
minute so that no proxy gives up, and a 183 where there has been none (§13.3.1.1); acceptance, which waits for
the PRACK of a response with a session description (RFC 3262 §3); refusal; CANCEL; the Expires of the INVITE.
What follows a 2xx, its repetition until the ACK included, is `usage`'s.

    pending ──accept──▶ accepted
       └──reject, CANCEL, BYE, Expires, no PRACK──▶ over

Methods called too late, after a CANCEL crossed them, do nothing.

A session description that went out reliably is the answer: no later response carries one (RFC 6337 §3.1.1).
"""

from collections.abc import Callable
from typing import TYPE_CHECKING, Protocol

from trunkline.clock import Timer
from trunkline.sip.dialog import Dialog
from trunkline.sip.dialog_request import Fields
from trunkline.sip.message import Request, Response, response_to
from trunkline.sip.ports import Flow
from trunkline.sip.reliability import ReliableProvisionals
from trunkline.sip.stack import ContactSpec, ServerTransaction
from trunkline.sip.uri import SipUri
from trunkline.sip.usage import Usage
from trunkline.sip.usage_events import UNATTENDED, Offer, UsageEvents

if TYPE_CHECKING:
    from trunkline.sip.user_agent import UserAgent

EXTEND_S = 60.0
"""RFC 3261 §13.3.1.1: a provisional response every minute; RFC 3262 §3 asks for less when they are
reliable.
"""
EXTEND_RELIABLY_S = 150.0
"""RFC 3262 §3: every two and a half minutes."""


class IncomingInviteEvents(UsageEvents, Protocol):
    """What the user of an incoming INVITE is told, before and after it accepts."""

    __slots__ = ()

    def cancelled(self, cancel: Request) -> None:
        """The caller gave up (487 already sent). Nothing follows."""

    def lapsed(self, status: int, reason: str) -> None:
        """It can't be answered any more: its Expires has run out (487), or a reliable response was never
        acknowledged (504). It is refused with `status` after this, unless its user has done so. Nothing
        follows.
        """


class IncomingInvite:
    """One such INVITE. Made by `UserAgent`."""

    __slots__ = (
        "_accepting",
        "_agent",
        "_answered_reliably",
        "_events",
        "_expiry",
        "_extension",
        "_last_progress",
        "_over",
        "_transaction",
        "request",
        "usage",
    )

    def __init__(self, agent: "UserAgent", transaction: ServerTransaction, remote_target: SipUri) -> None:
        request = transaction.request
        self._agent = agent
        self._transaction = transaction
        self._events: IncomingInviteEvents = UNATTENDED
        self._accepting: tuple[bytes, Fields] | None = None
        self._answered_reliably = False
        self._expiry: Timer | None = None
        self._extension: Timer | None = None
        self._last_progress = 183
        self._over = False
        self.request = request
        uri = request.uri
        contact = ContactSpec(user=uri.user if isinstance(uri, SipUri) else None)
        dialog = Dialog.as_uas(request, transaction.local_tag, transaction.flow, remote_target)
        self.usage = usage = Usage(agent, dialog, contact, self)
        usage.peer_said(request)
        usage.offer = Offer.THEIRS if request.body else Offer.NONE
        if "expires" in request.headers:
            expires = request.expires
            if expires is not None:
                self._expiry = agent.clock.at(agent.clock.now() + expires, self._expired)
        self._extend_after(EXTEND_S)

    @property
    def flow(self) -> Flow:
        """The flow that it came on."""
        return self._transaction.flow

    @property
    def answered_reliably(self) -> bool:
        """A session description went out that no later response may replace (RFC 6337 §3.1.1)."""
        return self._answered_reliably

    @property
    def wants_offer(self) -> bool:
        """The caller has made none, and every provisional response goes out reliably: the first one has to
        hold ours (RFC 3261 §13.2.1, RFC 3262 §5).
        """
        return not self._answered_reliably and not self.request.body and self._insists

    @property
    def _insists(self) -> bool:
        return "require" in self.request.headers and "100rel" in self.request.require

    @property
    def unheard(self) -> bool:
        """It was accepted, and its 2xx waits for a PRACK, or was never sent because none came."""
        return self._accepting is not None

    @property
    def pending(self) -> bool:
        """True until it is accepted or over."""
        return not self._over

    @property
    def events(self) -> IncomingInviteEvents:
        """Who is told; also of the dialog's events."""
        return self._events

    @events.setter
    def events(self, events: IncomingInviteEvents) -> None:
        self._events = events
        self.usage.events = events

    def attend(self, act: Callable[[], None]) -> None:
        """Do something about it later; what is raised costs this INVITE. Nothing is done once it is over."""
        if not self._over:
            self._agent.stack.attend(self._transaction, lambda: self.owned(act))

    def owned(self, act: Callable[[], None]) -> None:
        """Do something about it that may raise: then the stack answers, and nothing of it stays."""
        try:
            act()
        except Exception:
            self.disowned()
            raise

    def disowned(self) -> None:
        """Whoever was to answer it can't, and the stack does. Does nothing once it is over."""
        if not self._over:
            self._finish()
            self.usage.drop()

    # answers

    def trying(self) -> None:
        """Send a 100 now (else the stack sends one after 200 ms: RFC 3261 §17.2.1)."""
        if not self._over:
            self._transaction.respond(response_to(self.request, 100))

    def progress(
        self, status: int, *, body: bytes = b"", headers: Fields = (), reliable: bool | None = None
    ) -> None:
        """Send a provisional response, `status` within 101 and 199.

        `reliable` None: reliably when the caller requires it, or supports it and there is a body. It is never
        sent reliably to a caller that doesn't support it, and always to one that requires it (RFC 3262 §3).
        """
        if self._over or self._accepting is not None:
            return
        request = self.request
        usage = self.usage
        if self._answered_reliably:
            body = b""
        if reliable is None:
            reliable = bool(body)
        response = self._dialog_response(status, body, headers)
        self._last_progress = status
        if self._insists or (reliable and "100rel" in request.supported):
            self._extend_after(EXTEND_RELIABLY_S)
            self._send_reliably(response)
        else:
            self._extend_after(EXTEND_S)
            self._transaction.respond(response)
        if body:
            usage.local_description = body

    def accept(self, *, body: bytes = b"", headers: Fields = ()) -> None:
        """Send the 200, at once or when the reliable response before it is acknowledged, and repeat it until
        the ACK.
        """
        if self._over or self._accepting is not None:
            return
        reliable = self.usage.reliable
        if reliable is not None:
            if reliable.holds_back_2xx:
                self._accepting = (body, headers)
                return
            reliable.stop()
        self._accept(body, headers)

    def reject(self, status: int, *, reason: str | None = None, headers: Fields = ()) -> None:
        """Send a final response, `status` within 300 and 699. Without `reason` its usual phrase is used."""
        if self._over:
            return
        self._finish()
        if self.usage.reliable is not None:
            self.usage.reliable.stop()
        self._transaction.respond(response_to(self.request, status, reason, headers=headers))
        self.usage.drop()

    def _accept(self, body: bytes, headers: Fields) -> None:
        self._accepting = None
        usage = self.usage
        if self._answered_reliably:
            body = b""
        response = self._dialog_response(200, body, headers)
        for name, value in usage.session_timer.accept(self.request):
            response.headers.add(name, value)
        offered = bool(body) and not self.request.body
        usage.offer = Offer.OURS if offered else Offer.NONE
        if body:
            usage.local_description = body
        self._finish()
        usage.confirm()
        usage.accepted(self._transaction, response, offered=offered)

    def _dialog_response(self, status: int, body: bytes, headers: Fields) -> Response:
        """A response that forms the dialog: Record-Route is mirrored (RFC 3261 §12.1.1)."""
        request = self.request
        self._agent.remember(self.usage)
        response = self.usage.dialog_response(request, self._transaction, status, body, headers)
        if "record-route" in request.headers:
            response.headers.rewrite("record-route", tuple(request.headers.all("record-route")))
        return response

    def _send_reliably(self, response: Response) -> None:
        usage = self.usage
        agent = self._agent
        reliable = usage.reliable
        if reliable is None:
            first = int(agent.uniform(1, 2**31 - 1))
            reliable = ReliableProvisionals(agent.clock, agent.timers.t1, self._transaction, self, first)
            usage.reliable = reliable
        if response.body:
            self._answered_reliably = True
            usage.offer = Offer.NONE if self.request.body else Offer.OURS
        reliable.send(response)

    # what happens meanwhile

    def provisional_acknowledged(self) -> None:
        """Every reliable response has its PRACK: an acceptance that waited goes out."""
        if self._accepting is not None and not self._over:
            self._accept(*self._accepting)

    def provisional_lost(self) -> None:
        """No PRACK for 64·T1 (RFC 3262 §3)."""
        self._lapse(504, "no PRACK for a provisional response")

    def cancelled(self, cancel: Request) -> None:
        """A CANCEL arrived in time (RFC 3261 §9.2)."""
        if not self._over:
            events = self._events
            self.reject(487)
            events.cancelled(cancel)

    def abandon(self, headers: Fields) -> None:
        """`Usage.bye` before the answer: a callee can't send a BYE then (RFC 3261 §15)."""
        self.reject(480, headers=headers)

    def ended_by_bye(self) -> None:
        """The caller sent a BYE within the early dialog (RFC 3261 §15.1.2)."""
        self.reject(487)

    def _expired(self) -> None:
        """RFC 3261 §13.3.1."""
        self._lapse(487, "the INVITE has expired")

    def _lapse(self, status: int, reason: str) -> None:
        self._events.lapsed(status, reason)
        self.reject(status)

    def _extend_after(self, seconds: float) -> None:
        if self._extension is not None:
            self._extension.cancel()
        clock = self._agent.clock
        self._extension = clock.at(clock.now() + seconds, self._extension_due)

    def _extension_due(self) -> None:
        """Say that it goes on, as was said last (RFC 3261 §13.3.1.1: a 100 doesn't count)."""
        if not self.wants_offer:
            self.progress(self._last_progress)

    def _finish(self) -> None:
        self._over = True
        self._events = UNATTENDED
        self._agent.invite_over(self._transaction)
        for timer in (self._expiry, self._extension):
            if timer is not None:
                timer.cancel()
