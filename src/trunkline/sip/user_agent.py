"""The user agent core (RFC 3261 §8, §12): the user of the transaction layer, and the owner of every dialog.

Decides, for a request that arrives: whether it belongs to a dialog (§12.2.2; 481 when that is unknown),
whether it can be processed at all (§8.2.1 405, §8.2.2.3 420, §8.2.3 415; RFC 3891 §3), and who processes it:
its dialog's `Usage`, or the layer above. Makes outgoing INVITEs and other requests. Repeated, merged and
looped requests are the stack's (482), who may call is the layer's above (`UserAgentUser.screen`, asked first
as §8.2 orders), and so is whether a request that has no hop left (§8.1.1.6) was to go on.

Knows neither sockets nor a clock of its own. Randomness comes from `token` alone.
"""

import hashlib
from collections.abc import Callable, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from typing import Final, Protocol

from trunkline.clock import Clock
from trunkline.sip.dialog import DialogId
from trunkline.sip.dialog_request import Fields
from trunkline.sip.errors import SipSyntaxError
from trunkline.sip.failures import FlowFailure, RequestFailure
from trunkline.sip.incoming_invite import IncomingInvite
from trunkline.sip.message import Request, Response, response_to
from trunkline.sip.name_addr import NameAddr
from trunkline.sip.outbound_auth import Authenticator, DigestUser
from trunkline.sip.outgoing_invite import InvitePlan, OutgoingInvite, OutgoingInviteEvents
from trunkline.sip.outgoing_request import OutgoingRequest, RequestSeries
from trunkline.sip.ports import Address, Connector, Flow, Locator, Observer, Target
from trunkline.sip.referral import read_replaces
from trunkline.sip.registration_client import RegistrationClient
from trunkline.sip.session_timer import too_small
from trunkline.sip.stack import ContactSpec, NextHop, ServerTransaction, SipStack
from trunkline.sip.timers import TimerValues
from trunkline.sip.uri import OtherUri, SipUri
from trunkline.sip.usage import Usage

ALLOW = ("INVITE", "ACK", "CANCEL", "BYE", "OPTIONS", "PRACK", "UPDATE", "INFO", "REFER")
"""Methods that a user agent accepts unless told otherwise."""
SUPPORTED = ("100rel", "timer")
"""Extensions that it knows unless told otherwise."""

_WITH_DESCRIPTION = frozenset(("INVITE", "UPDATE", "PRACK"))


@dataclass(frozen=True, slots=True)
class UserAgentSettings:
    """What a user agent says of itself and insists on."""

    product: str
    """User-Agent and Server (RFC 3261 §20.41, §20.35)."""
    allow: tuple[str, ...] = ALLOW
    """Methods for Allow; any other is answered 405."""
    supported: tuple[str, ...] = SUPPORTED
    """Option tags for Supported; a Require that names another one is answered 420."""
    accept: tuple[str, ...] = ("application/sdp",)
    """Media types, lower case, for Accept; a session description of another type is answered 415."""
    session_expires_s: int | None = 1800
    """Session interval to ask for (RFC 4028 §4: 1800 is recommended, below 90 is not allowed); None to ask
    for none.
    """
    min_se_s: int = 90
    """The smallest session interval to accept, at least 90 (RFC 4028 §5)."""
    require_reliable: bool = False
    """Whether our INVITEs insist on reliable provisional responses (`Require: 100rel`, RFC 3262 §4)."""


class UserAgentUser(Protocol):
    """The layer above."""

    def screen(self, request: Request, flow: Flow) -> Response | None:
        """Asked for every request outside a dialog that may be there, so not for ACK, CANCEL or BYE, before
        any state exists for it. A response is sent and that was it; None lets the request in."""

    def invite_received(self, invite: IncomingInvite) -> None:
        """A new INVITE: set `invite.events`, then answer by its methods, now or later."""

    def invite_refused(self, request: Request, flow: Flow, refusal: Response) -> Fields:
        """An INVITE that was let in can't be read (400) or wants what there isn't (415, 420). What is
        returned goes into the `refusal` too.
        """

    def request_received(self, request: Request, transaction: ServerTransaction) -> None:
        """Any other request outside a dialog, or one within a dialog that doesn't concern it (OPTIONS,
        MESSAGE).
        """


class UserAgent:
    """One core with its transaction layer, `stack`. Whoever owns the sockets calls `received` and
    `flow_failed`.
    """

    def __init__(
        self,
        *,
        clock: Clock,
        connector: Connector,
        locator: Locator,
        token: Callable[[], str],
        user: UserAgentUser,
        settings: UserAgentSettings,
        secret: bytes,
        timers: TimerValues | None = None,
        observer: Observer | None = None,
    ) -> None:
        """`token` returns a fresh token of at least 64 random bits at each call; `secret` is as for
        `SipStack`.
        """
        self.clock = clock
        self.timers = TimerValues() if timers is None else timers
        self.token = token
        self.user = user
        self.settings = settings
        self.stack = SipStack(
            clock=clock,
            connector=connector,
            locator=locator,
            token=token,
            user=self,
            timers=self.timers,
            observer=observer,
            secret=secret,
            product=settings.product,
        )
        self.received: Final = self.stack.received
        """For the world below: one datagram or one framed message, with its flow."""
        self._allow_value = ", ".join(settings.allow)
        self._supported_value = ", ".join(settings.supported)
        self._methods = frozenset(settings.allow)
        self._extensions = frozenset(settings.supported)
        self._usages: dict[DialogId, Usage] = {}
        self._invites: dict[ServerTransaction, IncomingInvite] = {}
        self._registrations: dict[RegistrationClient, None] = {}

    # for the world below

    def stream_broken(self, error: SipSyntaxError, flow: Flow) -> None:
        """A stream can't go on at this request; its connection is closed after this."""
        self.stack.stream_broken(error, flow)

    def flow_failed(self, where: Flow | Target, failure: FlowFailure) -> None:
        """A connection died or can't be opened, or a datagram can't be delivered."""
        if self.stack.believes(where, failure):
            self.stack.flow_failed(where, failure)
            for registration in tuple(self._registrations):
                registration.flow_failed(where)

    # for the layer above

    @property
    def dialogs(self) -> int:
        """How many dialogs exist: early, confirmed, and ended ones whose BYE is not answered yet."""
        return len(self._usages)

    @property
    def pending_invites(self) -> int:
        """How many INVITEs of peers have no final response yet."""
        return len(self._invites)

    def usage(self, dialog: DialogId) -> Usage | None:
        """The one in the dialog of that Call-ID, our tag and the peer's; None: there is no such dialog."""
        return self._usages.get(dialog)

    def invite(
        self,
        *,
        uri: SipUri,
        from_: NameAddr,
        to: NameAddr,
        next_hop: NextHop | None = None,
        route: Sequence[NameAddr] = (),
        headers: Fields = (),
        body: bytes = b"",
        content_type: str = "application/sdp",
        contact: ContactSpec | None = None,
        max_forwards: int = 70,
        credentials: DigestUser | None = None,
        call_id: str | None = None,
        target_timeout_s: float | None = None,
        barred: AbstractSet[Address] = frozenset(),
        events: OutgoingInviteEvents,
    ) -> OutgoingInvite:
        """Send an INVITE (RFC 3261 §13.2.1). `body` is the offer; every INVITE has one.

        Where it goes: `next_hop`, else the first of `route` (a pre-loaded route set of loose routers), else
        `uri`. A target that says nothing for `target_timeout_s` is left for the next one that the name has,
        if there is one (None: timers decide). Nothing is sent to `barred` addresses. `from_` gets a tag here.
        Raises `SipBuildError` when a value
        can't be sent.
        """
        if next_hop is None:
            first = route[0].uri if route else uri
            next_hop = first if isinstance(first, SipUri) else uri
        from_tag = self.token()
        plan = InvitePlan(
            uri_text=str(uri.without("method", "headers"))
            if uri.headers or "method" in uri.params
            else str(uri),
            from_value=f"{from_};tag={from_tag}",
            from_tag=from_tag,
            to_value=str(to),
            call_id=self.token() if call_id is None else call_id,
            next_hop=next_hop,
            route=[str(element) for element in route],
            headers=(("require", "100rel"), *headers) if self.settings.require_reliable else headers,
            body=body,
            content_type=content_type,
            contact=ContactSpec() if contact is None else contact,
            max_forwards=max_forwards,
            target_timeout_s=target_timeout_s,
            barred=barred,
        )
        return OutgoingInvite(
            self, plan, events, None if credentials is None else Authenticator(credentials, self.token)
        )

    def request(
        self,
        method: str,
        uri: SipUri,
        *,
        from_: NameAddr,
        to: NameAddr,
        next_hop: NextHop | None = None,
        headers: Fields = (),
        body: bytes = b"",
        content_type: str | None = None,
        contact: ContactSpec | None = None,
        credentials: DigestUser | None = None,
        call_id: str | None = None,
        on_response: Callable[[Response], None],
        on_failure: Callable[[RequestFailure], None],
    ) -> OutgoingRequest:
        """Send a request outside a dialog, not INVITE (RFC 3261 §8.1): exactly one of the callbacks comes,
        later.

        `on_response` gets the final response. Raises `SipBuildError` when a value can't be sent.
        """
        series = RequestSeries(
            method=method,
            uri_text=str(uri),
            from_value=f"{from_};tag={self.token()}",
            to_value=str(to),
            call_id=self.token() if call_id is None else call_id,
            next_hop=uri if next_hop is None else next_hop,
            authenticator=None if credentials is None else Authenticator(credentials, self.token),
        )
        return OutgoingRequest(
            self,
            series,
            headers=tuple(headers),
            body=body,
            content_type=content_type,
            contact=contact,
            on_response=on_response,
            on_failure=on_failure,
        )

    # for the stack (`StackUser`)

    def screen(self, request: Request, flow: Flow) -> Response | None:
        """Refuse without state what anybody may send and nobody here could process: what belongs to no dialog
        of ours, or is nothing outside one (481, RFC 3261 §12.2.2), and methods that there aren't (405,
        §8.2.1) unless the layer above, which is asked first, answers them.
        """
        if request.to_tag is not None:
            return None if self._dialog_of(request) is not None else response_to(request, 481)
        if request.method in _NEED_A_DIALOG:
            return response_to(request, 481)
        return self.user.screen(request, flow) or self._not_allowed(request)

    def request_received(self, request: Request, transaction: ServerTransaction) -> None:
        """A new request that was let in."""
        if request.method == "INVITE" and request.to_tag is None:
            self._invite_received(request, transaction)
            return
        refusal = self.inspect(request)
        if refusal is not None:
            transaction.respond(refusal)
        elif request.to_tag is not None:
            usage = self._dialog_of(request)
            if usage is None:
                transaction.respond(response_to(request, 481))
            else:
                usage.receive(request, transaction)
        else:
            self.user.request_received(request, transaction)

    def ack_received(self, request: Request, flow: Flow) -> None:  # noqa: ARG002 - part of the protocol
        """The ACK of a 2xx, if it is of a dialog of ours."""
        usage = self._dialog_of(request)
        if usage is not None:
            usage.receive_ack(request)

    def cancel_received(self, invite: ServerTransaction, cancel: Request) -> None:
        """A CANCEL that came in time."""
        pending = self._invites.get(invite)
        if pending is not None:
            pending.cancelled(cancel)
            return
        usage = self._dialog_of(invite.request)
        if usage is not None:
            usage.receive_cancel(invite)

    def _dialog_of(self, request: Request) -> Usage | None:
        return self.usage((request.call_id, request.to_tag or "", request.from_tag or ""))

    def _invite_received(self, request: Request, transaction: ServerTransaction) -> None:
        try:
            invite = self.inspect(request) or self._readable_invite(request, transaction)
        except SipSyntaxError as error:
            invite = self.stack.refusal(request, error, transaction.flow)
        if isinstance(invite, Response):
            if invite.status != 422:  # the caller tries again, as after a challenge (RFC 4028 §7.3)
                for name, value in self.user.invite_refused(request, transaction.flow, invite):
                    invite.headers.add(name, value)
            transaction.respond(invite)
            return
        self._invites[transaction] = invite
        invite.owned(lambda: self.user.invite_received(invite))

    def _readable_invite(self, request: Request, transaction: ServerTransaction) -> IncomingInvite | Response:
        contact = request.contact
        if contact is None or isinstance(contact.uri, OtherUri):
            raise SipSyntaxError("Contact", "an INVITE needs one SIP or SIPS URI")
        if too_small(request, self.settings.min_se_s):
            return response_to(request, 422, headers=[("min-se", str(self.settings.min_se_s))])
        if "replaces" in request.headers:
            return self._kept(request)
        return IncomingInvite(self, transaction, contact.uri)

    def _kept(self, invite: Request) -> Response:
        """No INVITE takes the place of a dialog of ours (RFC 3891 §3): 603 where it names one, else 481. Who
        wants that asks for it by REFER (`trunkline.sip.referral`).
        """
        named = read_replaces(invite.headers.all("replaces"))
        return response_to(invite, 481 if self.usage(named.dialog) is None else 603)

    def inspect(self, request: Request) -> Response | None:
        """The checks of RFC 3261 §8.2.1 to §8.2.3, in that order. Made for every request that was let in; a
        layer above that answers while screening asks for itself.
        """
        refusal = self._not_allowed(request)
        if refusal is not None:
            return refusal
        headers = request.headers
        if "require" in headers:
            unknown = request.require - self._extensions
            if unknown:
                return response_to(request, 420, headers=[("unsupported", ", ".join(sorted(unknown)))])
        if request.body and request.method in _WITH_DESCRIPTION:
            if request.content_type not in self.settings.accept:
                if "handling=optional" in (headers.get("content-disposition") or "").replace(" ", "").lower():
                    request.body = b""
                    return None
                return response_to(request, 415, headers=[("accept", ", ".join(self.settings.accept))])
            encoding = headers.get("content-encoding")
            if encoding is not None and encoding.strip().lower() != "identity":
                return response_to(request, 415, headers=[("accept-encoding", "identity")])
        return None

    def _not_allowed(self, request: Request) -> Response | None:
        if request.method in self._methods:
            return None
        return response_to(request, 405, headers=[("allow", self._allow_value)])

    # for the parts of the core

    def capabilities(self) -> tuple[tuple[str, str], ...]:
        """Allow, Supported and Accept, as an OPTIONS answer or a REGISTER names them (RFC 3261 §11.2)."""
        accept = ", ".join(self.settings.accept)
        return (("allow", self._allow_value), ("supported", self._supported_value), ("accept", accept))

    def watch(self, registration: RegistrationClient) -> None:
        """It wants to know of failing flows."""
        self._registrations[registration] = None

    def unwatch(self, registration: RegistrationClient) -> None:
        """It doesn't any more."""
        self._registrations.pop(registration, None)

    def declare(self, message: Request | Response) -> None:
        """Add Allow, Supported and our name (RFC 3261 §13.2.1, §13.3.1.4; RFC 4028 §7.1; RFC 3311 §4)."""
        put = message.headers.put
        put("user-agent" if isinstance(message, Request) else "server", self.settings.product)
        put("allow", self._allow_value)
        put("supported", self._supported_value)

    def remember(self, usage: Usage) -> None:
        """A dialog exists from now on. Idempotent."""
        self._usages[usage.dialog.id] = usage

    def forget(self, usage: Usage) -> None:
        """It doesn't any more. Idempotent."""
        self._usages.pop(usage.dialog.id, None)

    def invite_over(self, transaction: ServerTransaction) -> None:
        """An INVITE of a peer has its final response."""
        self._invites.pop(transaction, None)

    def uniform(self, low: float, high: float) -> float:
        """A random number from `low` up to, but not including, `high`."""
        digest = hashlib.blake2b(self.token().encode(), digest_size=7).digest()
        return low + (high - low) * (int.from_bytes(digest, "big") >> 3) / 2**53

    def glare_delay(self, *, owner: bool) -> float:
        """Seconds to wait after a 491, in steps of 10 ms (RFC 3261 §14.1): 2.1 to 4 for the owner of the
        Call-ID, else 0 to 2.
        """
        if owner:
            return int(self.uniform(210, 401)) / 100
        return int(self.uniform(0, 201)) / 100


_NEED_A_DIALOG = frozenset(("BYE", "PRACK", "UPDATE", "INFO"))
"""Methods that mean nothing outside a dialog (RFC 3261 §15.1.2, RFC 3262 §3, RFC 3311 §5.2, RFC 6086 §4)."""
