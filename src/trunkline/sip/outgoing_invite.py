"""An INVITE of ours that is to establish a session (RFC 3261 §13.2, §9.1; RFC 3262 §4; RFC 4028 §7).

Owns everything from sending the INVITE until the session is up or came to nothing: early dialogs, one for
each To tag; the first 2xx, also one that crosses our CANCEL, which is acknowledged and ended with a BYE;
another round after a 401, 407 or 422. The confirmed dialog is `usage`'s, further 2xx are `answered_invite`'s.
A 3xx is not followed.

    sent ──1xx──▶ early dialogs ──2xx──▶ answered
      └─────────────┴──300 to 699, failure, `cancel`──▶ over (but for `late_answer`)

Every INVITE carries an offer. Early dialogs that lose against the first 2xx are dropped at once instead of
after 64·T1 (§13.2.2.4): they would be ended anyway.
"""

from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from typing import TYPE_CHECKING, Protocol

from trunkline.sip.answered_invite import FORKS_MAX, AnsweredInvite
from trunkline.sip.dialog import Dialog
from trunkline.sip.dialog_request import Fields
from trunkline.sip.errors import SipSyntaxError
from trunkline.sip.failures import RequestFailure
from trunkline.sip.headers import Headers
from trunkline.sip.message import Request, Response
from trunkline.sip.outbound_auth import Authenticator
from trunkline.sip.ports import Address, Flow, Target
from trunkline.sip.reliability import is_reliable
from trunkline.sip.session_timer import ABSOLUTE_MIN_SE_S
from trunkline.sip.stack import ClientRequest, ContactSpec, NextHop
from trunkline.sip.usage import Usage
from trunkline.sip.usage_events import Offer

if TYPE_CHECKING:
    from trunkline.sip.user_agent import UserAgent

TOO_SMALL_MAX = 3
"""How often an INVITE is sent again because of a 422, each with a larger Min-SE (RFC 4028 §7.3)."""


class OutgoingInviteEvents(Protocol):
    """What the sender of an INVITE is told. Nothing comes after `cancel` but `target_chosen` and
    `late_answer`.
    """

    def target_chosen(self, target: Target | Flow) -> None:
        """The INVITE goes there now, or was answered there after it had gone on to another target; may be
        called before `UserAgent.invite` has returned.
        """

    def trying(self, response: Response) -> None:
        """A 100."""

    def progressed(self, response: Response, usage: Usage | None) -> None:
        """101 to 199, acknowledged if reliable. `usage` is its early dialog, None without a To tag."""

    def answered(self, response: Response, usage: Usage) -> None:
        """The first 2xx, already acknowledged."""

    def rejected(self, response: Response) -> None:
        """A final response of 300 or more."""

    def failed(self, failure: RequestFailure) -> None:
        """There will be no final response."""

    def late_answer(self, response: Response) -> None:
        """A 2xx after `cancel` or `failed`, already acknowledged and ended with a BYE."""


class InvitePlan:
    """What every attempt at one INVITE has in common. `route` is a pre-loaded route set (RFC 3261 §8.1.2)."""

    __slots__ = (
        "barred",
        "body",
        "call_id",
        "contact",
        "content_type",
        "from_tag",
        "from_value",
        "headers",
        "max_forwards",
        "next_hop",
        "route",
        "target_timeout_s",
        "to_value",
        "uri_text",
    )

    def __init__(
        self,
        *,
        uri_text: str,
        from_value: str,
        from_tag: str,
        to_value: str,
        call_id: str,
        next_hop: NextHop,
        route: Sequence[str],
        headers: Fields,
        body: bytes,
        content_type: str,
        contact: ContactSpec,
        max_forwards: int,
        target_timeout_s: float | None,
        barred: AbstractSet[Address] = frozenset(),
    ) -> None:
        self.barred = barred
        self.uri_text = uri_text
        self.from_value = from_value
        self.from_tag = from_tag
        self.to_value = to_value
        self.call_id = call_id
        self.next_hop = next_hop
        self.route = route
        self.headers = tuple(headers)
        self.body = body
        self.content_type = content_type
        self.contact = contact
        self.max_forwards = max_forwards
        self.target_timeout_s = target_timeout_s

    def request(self, cseq: int) -> Request:
        """The INVITE, without Via and Contact."""
        headers = Headers.adopt({}, None)
        if self.route:
            headers.set_all("route", self.route)
        headers.put("max-forwards", str(self.max_forwards))
        headers.set("from", self.from_value)
        headers.set("to", self.to_value)
        headers.set("call-id", self.call_id)
        headers.put("cseq", f"{cseq} INVITE")
        for name, value in self.headers:
            headers.add(name, value)
        if self.body:
            headers.set("content-type", self.content_type)
        headers.parsed["from"] = (self.from_tag,)
        return Request("INVITE", self.uri_text, headers, self.body)


class OutgoingInvite:
    """One INVITE. Made by `UserAgent.invite`; it is the `ClientEvents` of each of its transactions."""

    __slots__ = (
        "_agent",
        "_authenticator",
        "_client",
        "_cseq",
        "_dialogs",
        "_events",
        "_flow",
        "_min_se_s",
        "_over",
        "_plan",
        "_request",
        "_rounds",
        "_too_small",
        "_usages",
        "usage",
    )

    def __init__(
        self,
        agent: "UserAgent",
        plan: InvitePlan,
        events: OutgoingInviteEvents,
        authenticator: Authenticator | None,
    ) -> None:
        self._agent = agent
        self._plan = plan
        self._events = events
        self._authenticator = authenticator
        self._client: ClientRequest | None = None
        self._flow: Flow | None = None
        self._cseq = 0
        self._rounds = 0
        self._too_small = 0
        self._min_se_s = agent.settings.min_se_s if agent.settings.min_se_s > ABSOLUTE_MIN_SE_S else 0
        self._usages: dict[str, Usage] = {}
        self._dialogs: dict[str, Dialog] = {}
        self._over = False
        self.usage: Usage | None = None
        """The dialog that answered, else the latest early one, None while there is none."""
        self._request = self._send()

    @property
    def request(self) -> Request:
        """The INVITE as last sent, without our Via and Contact."""
        return self._request

    def cancel(self, headers: Fields = ()) -> None:
        """Give it up, at any moment: CANCEL as soon as RFC 3261 §9.1 allows one, or BYE once it is answered.

        `headers` go into the CANCEL or BYE. Idempotent.
        """
        if self._over:
            if self.usage is not None:
                self.usage.bye(headers)
            return
        self._over = True
        self._drop_usages()
        if self._client is not None:
            self._client.cancel(headers)

    def _send(self) -> Request:
        agent = self._agent
        self._cseq += 1
        request = self._request = self._plan.request(self._cseq)
        agent.declare(request)
        asked = self._asked_s()
        if asked is not None:
            request.headers.put("session-expires", str(asked))
        if self._min_se_s:
            request.headers.put("min-se", str(self._min_se_s))
        if self._authenticator is not None:
            self._authenticator.authorize(request)
        plan, flow = self._plan, self._flow
        # Again to the very server that asked for more.
        next_hop = plan.next_hop if flow is None or flow.closed else flow
        self._client = agent.stack.request(
            request,
            next_hop,
            self,
            contact=plan.contact,
            target_timeout_s=plan.target_timeout_s,
            barred=plan.barred,
        )
        return request

    def _asked_s(self) -> int | None:
        wanted = self._agent.settings.session_expires_s
        return None if wanted is None else max(wanted, self._min_se_s, ABSOLUTE_MIN_SE_S)

    # events of the stack

    def target_chosen(self, target: Target | Flow) -> None:
        """Told on."""
        self._events.target_chosen(target)

    def response_received(self, response: Response, flow: Flow) -> None:
        """Any response to the INVITE."""
        status = response.status
        self._flow = flow
        if status >= 300:
            if not self._over and not self._try_again(response):
                self._finish()
                self._events.rejected(response)
        elif status >= 200:
            self._succeeded(response)
        elif self._over:
            return
        elif status == 100:
            self._events.trying(response)
        else:
            self._progressed(response)

    def request_failed(self, failure: RequestFailure) -> None:
        """There will be no final response."""
        if not self._over:
            self._finish()
            self._events.failed(failure)

    def _progressed(self, response: Response) -> None:
        tag = response.to_tag
        if tag is None:
            self._events.progressed(response, None)
            return
        usage = self._usages.get(tag) or self._open(tag, response)
        if usage is None:
            return
        if is_reliable(response):
            if not usage.acknowledge_provisional(response):
                return
            if response.body:
                usage.offer = Offer.NONE
        usage.peer_said(response)
        self.usage = usage
        self._events.progressed(response, usage)
        usage.go_on()

    def _succeeded(self, response: Response) -> None:
        """The first 2xx."""
        tag = response.to_tag or ""
        usage = self._usages.get(tag) or self._open(tag, response)
        if usage is None:
            return
        answered = AnsweredInvite(
            self._agent, self._request, self._plan.contact, self._authenticator, self._dialogs
        )
        if self._client is not None:
            self._client.hand_over(answered)
        answered.acknowledged(tag, usage.accept_answer(response, self._request))
        del self._usages[tag]
        if self._over:
            usage.bye()
            self._client = None
            if self.usage is None:
                self._events.late_answer(response)
            return
        self._finish()
        self.usage = usage
        usage.offer = Offer.NONE
        usage.peer_said(response)
        usage.session_timer.accepted_by_peer(response, self._asked_s())
        self._events.answered(response, usage)
        usage.go_on()

    def _open(self, tag: str, response: Response) -> Usage | None:
        """The usage for a To tag (RFC 3261 §13.2.2.1, §13.2.2.4). The dialog of one that was dropped goes on
        where it was: its sequence numbers have been used.
        """
        agent = self._agent
        dialog = self._dialogs.get(tag)
        if dialog is None:
            if len(self._dialogs) >= FORKS_MAX:
                return None
            dialog = self._dialogs[tag] = Dialog.as_uac(self._request, response, self._flow)
        usage = Usage(agent, dialog, self._plan.contact, self, self._authenticator)
        usage.offer = Offer.OURS
        usage.local_description = self._plan.body
        self._usages[tag] = usage
        agent.remember(usage)
        return usage

    # trying again

    def _try_again(self, response: Response) -> bool:
        status = response.status
        if status in (401, 407):
            authenticator = self._authenticator
            if authenticator is None or not authenticator.challenged(self._request, response, self._rounds):
                return False
            self._rounds += 1
        elif status != 422 or not self._raise_min_se(response):
            return False
        self._drop_usages()
        self._send()
        return True

    def _raise_min_se(self, response: Response) -> bool:
        try:
            min_se = response.min_se
        except SipSyntaxError:
            return False
        if (
            min_se is None
            or min_se <= max(self._min_se_s, self._asked_s() or 0)
            or self._too_small >= TOO_SMALL_MAX
        ):
            return False
        self._too_small += 1
        self._min_se_s = min_se
        return True

    # the end

    def abandon(self, headers: Fields) -> None:
        """`Usage.bye` on an early dialog: the INVITE as a whole is given up."""
        self.cancel(headers)

    def ended_by_bye(self) -> None:
        """The callee sent a BYE within an early dialog: only that dialog is over (RFC 3261 §15 forbids it,
        yet it happens).
        """

    def _finish(self) -> None:
        self._over = True
        self._client = None
        self._drop_usages()

    def _drop_usages(self) -> None:
        usages = self._usages
        self._usages = {}
        self.usage = None
        for usage in usages.values():
            usage.drop()
