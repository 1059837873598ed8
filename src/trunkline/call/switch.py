"""The switch: every request outside a dialog comes here, and every call is known here.

INVITE goes past the doorman, becomes a plan (`trunkline.trunk.plan`) or a refusal, and then a `Call`.
REGISTER goes to the registrar, OPTIONS is answered at once and without state. It also holds what is true of
all calls together: how many there may be, draining, hanging up by hand.

Every authenticated INVITE leaves a record, refused ones too, as long as these are not too many
(`refused_calls`).
"""

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

from trunkline.call.call import Call
from trunkline.call.doorman import Caller, Doorman
from trunkline.call.leg import offer_profiles
from trunkline.call.overload import Overload
from trunkline.call.passing import media_warning, sdp_slug, verdict_fields
from trunkline.call.placing import NOWHERE
from trunkline.call.record import CallRecord, Direction, Party, RecordState
from trunkline.call.refused_calls import RefusedCalls
from trunkline.call.registrar import Registrar
from trunkline.call.services import Services
from trunkline.errors import MediaError, SdpError
from trunkline.sdp.errors import UnusableCryptoError
from trunkline.sdp.offer_answer import RemoteAudio
from trunkline.sip.fronted import described
from trunkline.sip.grammar import readable
from trunkline.sip.incoming_invite import IncomingInvite
from trunkline.sip.message import Request, Response, response_to
from trunkline.sip.ports import Flow, Transport
from trunkline.sip.stack import ServerTransaction
from trunkline.sip.uri import OtherUri, SipUri
from trunkline.trunk.account import Account, Ringback
from trunkline.trunk.caller_id import CallerIdentity, read_identity, readable_addresses
from trunkline.trunk.carrier import Carrier
from trunkline.trunk.hunt import Hunt, Rules
from trunkline.trunk.limits import Admission, Counted, Inbound
from trunkline.trunk.media_policy import MediaPolicy, SrtpPolicy
from trunkline.trunk.plan import InboundPlan, OutboundPlan, called_number, plan_inbound, plan_outbound
from trunkline.trunk.verdict import Slug, Verdict

Plan = OutboundPlan | InboundPlan

DRAIN_RETRY_S = 30
OVERLOAD_RETRY_S = 5
HEARING_MOST = 10
"""Calls of one account that hear at a time why they were not let in: each has media ports for half a minute,
and no limit of the account holds for it.
"""


class Switch:
    """The user agent's user: see the module. `agent` of the services is set once the user agent exists."""

    def __init__(
        self,
        services: Services,
        doorman: Doorman,
        registrar: Registrar,
        on_asked: Callable[[Flow], None] | None = None,
    ) -> None:
        """`on_asked` is told of every health check that was answered."""
        self._services = services
        self._doorman = doorman
        self._registrar = registrar
        self._on_asked = on_asked
        self._calls: dict[str, Call] = {}
        self._admitted: tuple[Request, Caller] | None = None
        self._refused = RefusedCalls(services.clock)
        self._hearing: Counter[str] = Counter()
        """By account, the calls that were turned away and hear why."""
        self._inbound_up: Counter[str] = Counter()
        """By account, the calls to its numbers."""
        self._asking = 0
        """Calls whose credentials wait to be confirmed, or whose account's limits are being asked."""
        self._hung_up: Verdict | None = None
        """Why all calls were last ended together."""
        self.draining = False
        self.overload = Overload(services.token().encode())

    # -- requests outside dialogs ------------------------------------------------------------------

    def screen(self, request: Request, flow: Flow) -> Response | None:
        """What can be answered without a transaction: OPTIONS, challenges, refusals of a node that is
        draining or too busy, and of a REFER outside a call, which has no business here.
        """
        method = request.method
        if method == "OPTIONS":
            return self._health(request, flow)
        if method == "REFER":
            return response_to(request, 403)
        if method not in ("INVITE", "REGISTER"):
            return None
        if method == "INVITE":
            verdict = self._no_room(request)
            if verdict is not None:
                return response_to(request, verdict.status, headers=verdict_fields(verdict))
        admitted = self._doorman.admit(request, flow)
        if isinstance(admitted, Response):
            return admitted
        self._admitted = (request, admitted)
        return None

    def _health(self, request: Request, flow: Flow) -> Response:
        if self._on_asked is not None:
            self._on_asked(flow)
        if self.draining:
            return response_to(request, 503, headers=[("Retry-After", str(DRAIN_RETRY_S))])
        refusal = self._services.agent.inspect(request)
        return self._able(request) if refusal is None else refusal

    def _able(self, options: Request) -> Response:
        """What we can (RFC 3261 §11.2)."""
        agent = self._services.agent
        return response_to(options, 200, headers=[("server", agent.settings.product), *agent.capabilities()])

    def _without_account(self, request: Request) -> Response:
        """OPTIONS within a call looks whether the call still stands (RFC 3261 §12.2.2, §11.2): it does,
        draining or not.
        """
        return self._able(request) if request.method == "OPTIONS" else response_to(request, 403)

    def _no_room(self, invite: Request) -> Verdict | None:
        if self.draining:
            return Verdict.of(Slug.DRAINING, retry_after_s=DRAIN_RETRY_S)
        most = self._services.settings.max_calls
        full = most is not None and len(self) >= most
        if full or self.overload.turns_away(invite):
            return Verdict.of(Slug.OVERLOADED, retry_after_s=OVERLOAD_RETRY_S)
        return None

    def _admitted_caller(self, request: Request) -> Caller:
        """Who `screen` found; it runs right before, for the same request."""
        admitted, self._admitted = self._admitted, None
        if admitted is None or admitted[0] is not request:
            raise LookupError("a request that was not screened")
        return admitted[1]

    def request_received(self, request: Request, transaction: ServerTransaction) -> None:
        """REGISTER, and OPTIONS within a call."""
        if request.method != "REGISTER" or request.to_tag is not None:
            transaction.respond(self._without_account(request))
            return
        caller = self._admitted_caller(request)
        if caller.unconfirmed is None:
            self._register(request, transaction, caller)
            return

        def decided(admitted: Caller | Response) -> None:
            if isinstance(admitted, Response):
                transaction.respond(admitted)
            else:
                attend = self._services.agent.stack.attend
                attend(transaction, lambda: self._register(request, transaction, admitted))

        self._doorman.confirm(caller, request, transaction.flow, decided)

    def _register(self, request: Request, transaction: ServerTransaction, caller: Caller) -> None:
        if caller.account is None:
            transaction.respond(response_to(request, 403))
        else:
            transaction.respond(
                self._registrar.register(request, transaction.flow, caller.account, caller.secret)
            )

    # -- calls -------------------------------------------------------------------------------------

    def invite_received(self, invite: IncomingInvite) -> None:
        """A call from an account or a carrier."""
        caller = self._admitted_caller(invite.request)
        if caller.unconfirmed is None:
            self._let_in(invite, caller)
            return
        self._asking += 1
        hung_up = self._hung_up

        def decided(admitted: Caller | Response) -> None:
            self._asking -= 1
            if self._hung_up is not None and self._hung_up is not hung_up:
                invite.reject(self._hung_up.status, headers=verdict_fields(self._hung_up))
            elif isinstance(admitted, Response):
                asked = admitted.headers.all("proxy-authenticate")
                invite.reject(admitted.status, headers=[("Proxy-Authenticate", one) for one in asked])
            else:
                invite.attend(lambda: self._let_in(invite, admitted))

        self._doorman.confirm(caller, invite.request, invite.flow, decided)

    def invite_refused(self, request: Request, flow: Flow, refusal: Response) -> list[tuple[str, str]]:
        """A call from an account or a carrier that can't even be planned. Where the credentials still wait to
        be confirmed, nobody's.
        """
        caller = self._admitted_caller(request)
        verdict = Verdict.of(Slug.MALFORMED_REQUEST, status=refusal.status, detail=_said_in(refusal))
        dialled = _user_of(request)
        if caller.unconfirmed is None:
            direction = Direction.INBOUND if caller.account is None else Direction.OUTBOUND
            identity = _identity_of(request, outbound=caller.account is not None)
            record = self._record(request, flow, direction, dialled, identity.presented)
            if caller.account is not None:
                record.account = caller.account.key
            elif caller.carrier is not None:
                self._note_called(record, caller.carrier, dialled)
            self._close(record, verdict)
        return verdict_fields(verdict)

    def _let_in(self, invite: IncomingInvite, caller: Caller) -> None:
        if caller.account is not None:
            self._outbound(invite, caller.account)
        elif caller.carrier is not None:
            self._inbound(invite, caller.carrier)

    def _outbound(self, invite: IncomingInvite, account: Account) -> None:
        services = self._services
        request = invite.request
        dialled = _user_of(request)
        identity = _identity_of(request, outbound=True)
        record = self._record(request, invite.flow, Direction.OUTBOUND, dialled, identity.presented)
        record.account = account.key
        plan = _spent(request) or plan_outbound(
            services.directory,
            account,
            dialled,
            identity,
            service_domain=services.settings.service_domain,
            guarded=services.settings.guarded_prefixes,
            srtp_needs_tls=services.settings.srtp_needs_tls,
            pick=services.pick,
            is_up=services.health.is_up,
        )
        if isinstance(plan, Verdict):
            self._turn_away(invite, record, plan, account)
            return
        record.called = plan.called
        record.caller = readable(plan.caller.presented)
        if plan.caller.number is not None and services.directory.owns(account.key, plan.caller.number):
            record.number = plan.caller.number

        def admitted(admission: Admission) -> None:
            refusal = services.fraud.placed(account, plan.called)
            if refusal is None:
                self._start(invite, record, plan, plan.hunt(services.health), admission)
            else:
                admission.release()
                turned_away(refusal)

        def turned_away(verdict: Verdict) -> None:
            self._turn_away(invite, record, verdict, account)

        self._ask(account, plan.price_per_minute, invite, admitted, turned_away)

    def _ask(
        self,
        counted: Counted,
        price_per_minute: float,
        invite: IncomingInvite,
        admitted: Callable[[Admission], None],
        refused: Callable[[Verdict], None],
    ) -> None:
        """Whether the account's limits let the call in. Meanwhile its caller may give up, and all calls may
        be ended.
        """
        self._asking += 1
        hung_up = self._hung_up

        def decided(answer: Admission | Verdict) -> None:
            self._asking -= 1
            over = self._hung_up if self._hung_up is not hung_up else None
            if not invite.pending:
                over = Verdict.of(Slug.CANCELLED)
            if isinstance(answer, Verdict):
                refused(over or answer)
            elif over is None:
                admitted(answer)
            else:
                answer.release()
                refused(over)

        self._services.limits.ask(counted, price_per_minute, decided)

    def _inbound(self, invite: IncomingInvite, carrier: Carrier) -> None:
        services = self._services
        settings = services.settings
        request = invite.request
        dialled = _user_of(request)
        identity = _identity_of(request, outbound=False)
        record = self._record(request, invite.flow, Direction.INBOUND, dialled, identity.presented)
        record.carrier = carrier.name
        if dialled == carrier.contact_user:
            dialled = self._named(request, carrier) or dialled
        plan = _spent(request) or plan_inbound(
            services.directory,
            carrier,
            dialled,
            identity,
            service_domain=settings.service_domain,
            srtp_needs_tls=settings.srtp_needs_tls,
            barred=services.barred,
            is_up=services.health.is_up,
            bindings_of=services.registrations.bindings,
        )
        if isinstance(plan, Verdict):
            self._note_called(record, carrier, dialled)
            self._refuse(invite, record, plan)
            return
        record.account = plan.account.key
        record.number = record.called = plan.called
        record.caller = readable(plan.caller.presented)

        def admitted(admission: Admission) -> None:
            most = settings.max_inbound
            if most is not None and self._inbound_up[plan.account.key] >= most:
                admission.release()
                detail = f"{most} calls are up"
                refused(Verdict.of(Slug.INBOUND_LIMIT, detail=detail, retry_after_s=OVERLOAD_RETRY_S))
            else:
                hunt = plan.hunt(services.health, settings.timeout_status)
                self._start(invite, record, plan, hunt, admission)

        def refused(verdict: Verdict) -> None:
            self._refuse(invite, record, verdict)

        self._ask(Inbound.of(plan.account), 0.0, invite, admitted, refused)

    def _note_called(self, record: CallRecord, carrier: Carrier, dialled: str) -> None:
        """Whose number a call that won't be placed is for, if it is anybody's."""
        record.carrier = carrier.name
        number = called_number(self._services.directory, carrier, dialled)
        if number is not None:
            record.account = number.account
            record.number = record.called = number.e164

    def _named(self, request: Request, carrier: Carrier) -> str | None:
        """The number of ours that a call names whose Request-URI is our Contact at its carrier: there the
        Contact has taken the number's place (RFC 3261 §16.5), which P-Called-Party-ID keeps (RFC 7315 §4.2),
        or To does.
        """
        parties = [*readable_addresses(request.headers.all("p-called-party-id")), request.to]
        named = [_user(party.uri) for party in parties]
        directory = self._services.directory
        return next((user for user in named if called_number(directory, carrier, user) is not None), None)

    def _start(
        self,
        invite: IncomingInvite,
        record: CallRecord,
        plan: Plan,
        hunt: Hunt[Any],
        admission: Admission,
    ) -> None:
        try:
            body = invite.request.body
            media = self._caller_media(plan.caller_media, invite.flow)
            offer = RemoteAudio.read(body, offer_profiles(media.srtp)) if body else None
            call = Call(
                self._services,
                invite,
                record,
                plan,
                hunt,
                admission,
                self._ended,
                account=plan.account,
                caller_media=media,
            )
        except SdpError as error:
            verdict = Verdict.of(sdp_slug(error), detail=str(error))
        except MediaError as error:
            verdict = Verdict.of(Slug.NO_MEDIA_PORTS, detail=str(error), retry_after_s=OVERLOAD_RETRY_S)
        else:
            self._begun(call)
            try:
                if plan.account.ringback is Ringback.AT_ONCE and not invite.wants_offer:
                    invite.progress(180)
                call.start(offer)
            except Exception:
                call.hang_up(Verdict.of(Slug.INTERNAL_ERROR))
                raise
            return
        admission.release()
        self._refuse(invite, record, verdict)

    def _turn_away(
        self, invite: IncomingInvite, record: CallRecord, verdict: Verdict, account: Account
    ) -> None:
        """Refuse a call that will not be placed, in words where the account wants that and there are some:
        a call of which a record is kept.
        """
        services = self._services
        body = invite.request.body
        if not (
            invite.pending
            and account.announcements
            and body
            and str(verdict.slug) in services.settings.announcements
            and self._hearing[account.key] < HEARING_MOST
            and self._refused.has_room(record)
        ):
            self._refuse(invite, record, verdict)
            return
        try:
            media = self._caller_media(account.media_policy, invite.flow)
            offer = RemoteAudio.read(body, offer_profiles(media.srtp))
            hunt: Hunt[Any] = Hunt((), Rules.GATEWAYS)
            call = Call(
                services,
                invite,
                record,
                NOWHERE,
                hunt,
                None,
                self._heard_why,
                account=account,
                caller_media=media,
            )
        except (SdpError, MediaError):
            self._refuse(invite, record, verdict)
        else:
            self._refused.may_record(record)
            self._hearing[account.key] += 1
            self._begun(call)
            call.refuse(offer, verdict)

    def _caller_media(self, media: MediaPolicy, flow: Flow) -> MediaPolicy:
        """How audio may be agreed on with the caller, over the flow that its SIP came on. Raises
        `UnusableCryptoError` where SRTP is a must and its keys may not travel.
        """
        if not self._services.settings.srtp_needs_tls or flow.transport is Transport.TLS:
            return media
        if media.srtp is SrtpPolicy.REQUIRED:
            raise UnusableCryptoError("SRTP is required, and its keys may travel over TLS only")
        return replace(media, srtp=SrtpPolicy.FORBIDDEN)

    def _record(
        self, request: Request, flow: Flow, direction: Direction, dialled: str, caller: str
    ) -> CallRecord:
        services = self._services
        now, wall = services.clock.now(), services.clock.wall()
        record = CallRecord(
            call_id=services.new_call_id(),
            node=services.settings.node_name,
            direction=direction,
            account=None,
            number=None,
            dialled=dialled,
            called="",
            caller=readable(caller),
            sip_call_id=readable(request.call_id),
            source=described(flow),
            setup_at=wall,
            wall_minus_now=wall - now,
        )
        services.trace.link(request.call_id, record.call_id)
        return record

    def _refuse(self, invite: IncomingInvite, record: CallRecord, verdict: Verdict) -> None:
        """The end of a call that never became one."""
        services = self._services
        headers = verdict_fields(verdict)
        if verdict.status == 488:
            headers.append(media_warning(verdict, services.settings.service_domain))
        invite.reject(verdict.status, headers=headers)
        self._close(record, verdict)

    def _close(self, record: CallRecord, verdict: Verdict) -> None:
        services = self._services
        record.ended_at = record.moment(services.clock.now())
        record.state = RecordState.CLOSED
        record.verdict = verdict
        record.hung_up_by = Party.CALLER if verdict.slug is Slug.CANCELLED else Party.SERVICE
        if self._refused.may_record(record):
            services.records.call_changed(record)
            services.trace.close(record.call_id)
        else:
            services.passed_over(record)
            services.trace.drop(record.call_id)

    def _heard_why(self, call: Call) -> None:
        _take_one(self._hearing, call.record.account or "")
        self._ended(call)

    def _begun(self, call: Call) -> None:
        record = call.record
        self._calls[record.call_id] = call
        if record.direction is Direction.INBOUND and record.account is not None:
            self._inbound_up[record.account] += 1

    def _ended(self, call: Call) -> None:
        record = call.record
        known = self._calls.pop(record.call_id, None)
        if known is not None and record.direction is Direction.INBOUND and record.account is not None:
            _take_one(self._inbound_up, record.account)

    # -- all calls together ------------------------------------------------------------------------

    def __iter__(self) -> Iterator[Call]:
        """The calls that are up now."""
        return iter(list(self._calls.values()))

    def __len__(self) -> int:
        return len(self._calls) + self._asking

    def take_over(self, resumed: Callable[[Callable[[Call], None]], Call]) -> None:
        """Know a call of another node: `resumed` makes it, given whom it is to tell of its end."""
        self._begun(resumed(self._ended))

    def call(self, call_id: str) -> Call | None:
        """The live call of this id."""
        return self._calls.get(call_id)

    def hang_up_all(self, verdict: Verdict) -> None:
        """End every call: BYE, CANCEL or a final answer for each."""
        self._hung_up = verdict
        for call in self:
            call.hang_up(verdict)


def _take_one(counts: Counter[str], key: str) -> None:
    counts[key] -= 1
    if not counts[key]:
        del counts[key]


def _spent(request: Request) -> Verdict | None:
    """Why a call may not go on from here: no hop is left to it (RFC 3261 §8.1.1.6)."""
    return Verdict.of(Slug.HOP_LIMIT) if request.max_forwards == 0 else None


def _user_of(request: Request) -> str:
    """The Request-URI's user as it came; the number of a tel URI (RFC 3966)."""
    return _user(request.uri)


def _user(uri: SipUri | OtherUri) -> str:
    return readable((uri.user or "") if isinstance(uri, SipUri) else uri.opaque)


def _said_in(refusal: Response) -> str:
    """What a refusal of the user agent's own is about."""
    headers = refusal.headers
    about = headers.get("warning") or headers.get("unsupported") or headers.get("accept")
    return refusal.in_words if about is None else f"{refusal.in_words}: {readable(about)}"


def _identity_of(request: Request, *, outbound: bool) -> CallerIdentity:
    """The caller. Whom a customer's device prefers to be is for us to judge; a carrier should have taken that
    away (RFC 3325 §6), and where it has not, nobody has judged it.
    """
    headers = request.headers
    return read_identity(
        request.from_,
        asserted=headers.all("p-asserted-identity"),
        remote_party=headers.all("remote-party-id"),
        preferred=headers.all("p-preferred-identity") if outbound else (),
        privacy=headers.all("privacy"),
    )
