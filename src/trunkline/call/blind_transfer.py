"""Blind transfer by the trunk (RFC 5589 §6): Z is called by the account's own rules, as if the account had
dialled it.

A REFER dials nothing that the account could not dial by itself: plan, limits and failover are those of an
outbound call. The URI in Refer-To is asked for its number only. When X hangs up meanwhile, Y hears a ringback
tone where it can hear one. Joining and the end are `transfer`'s.
"""

from trunkline.call.attempt import Attempt, AttemptOwner
from trunkline.call.leg import Leg
from trunkline.call.leg_owner import LegOwner
from trunkline.call.passing import answer_slug
from trunkline.call.placing import open_attempt, send_invite
from trunkline.call.ports import MediaLeg
from trunkline.call.record import CallRecord, Direction
from trunkline.call.remote_media import connect
from trunkline.call.services import Services
from trunkline.call.transfer import Consultation, Transfer, TransferOwner, TransferState, decline
from trunkline.errors import MediaError, SdpError
from trunkline.sip.exchange import IncomingOffer
from trunkline.sip.message import Request, Response, response_to
from trunkline.sip.referral import Referral
from trunkline.sip.stack import ServerTransaction
from trunkline.trunk.account import Account
from trunkline.trunk.caller_id import ANONYMOUS, CallerIdentity, IdentitySource
from trunkline.trunk.e164 import number_or_none
from trunkline.trunk.hunt import AttemptEnd, Hunt
from trunkline.trunk.limits import Admission
from trunkline.trunk.plan import GatewayTarget, OutboundPlan, plan_outbound
from trunkline.trunk.verdict import Slug, Verdict


class BlindTransfer(Transfer, LegOwner, AttemptOwner):
    """One transfer to a number. `attempt` is the present one of Z."""

    __slots__ = ("_account", "_dialled", "_hunt", "_plan", "_told")

    def __init__(
        self,
        services: Services,
        owner: TransferOwner,
        legs: tuple[Leg, Leg],
        referral: Referral,
        number: int,
        *,
        account: Account,
        dialled: str,
    ) -> None:
        """`dialled` is what Refer-To names."""
        super().__init__(services, owner, legs, referral, number)
        self._account = account
        self._dialled = dialled
        self._plan: OutboundPlan | None = None
        self._hunt: Hunt[GatewayTarget] | None = None
        self._told = 100

    def start(self) -> None:
        """Plan it, and try the first target."""
        services = self._services
        plan = plan_outbound(
            services.directory,
            self._account,
            self._dialled,
            _identity(self._owner.record),
            service_domain=services.settings.service_domain,
            guarded=services.settings.guarded_prefixes,
            srtp_needs_tls=services.settings.srtp_needs_tls,
            pick=services.pick,
            is_up=services.health.is_up,
        )
        if isinstance(plan, Verdict):
            self._fail(plan)
            return
        services.limits.ask(
            self._account, plan.price_per_minute, lambda decided: self._decided(plan, decided)
        )

    def _decided(self, plan: OutboundPlan, decided: Admission | Verdict) -> None:
        """The account's limits let the call to Z begin, or not; the call may have ended meanwhile."""
        if isinstance(decided, Verdict):
            if self.under_way:
                self._fail(decided)
            return
        suspicion = self._services.fraud.placed(self._account, plan.called) if self.under_way else None
        if suspicion is not None or not self.under_way:
            decided.release()
            if suspicion is not None:
                self._fail(suspicion)
            return
        self._admission = decided
        self._plan = plan
        self._hunt = plan.hunt(self._services.health)
        self._referral.tell(100)
        self._try_next(plan, self._hunt)

    def outlives(self, leg: Leg) -> bool:
        """See `Transfer.outlives`: meanwhile Y hears that somebody is called."""
        if not super().outlives(leg):
            return False
        try:
            self._other.media.announce(self._services.settings.ringback)
        except MediaError:
            return True  # Y takes no sounds of ours: it waits in silence
        return True

    # -- the hunt ----------------------------------------------------------------------------------

    def _try_next(self, plan: OutboundPlan, hunt: Hunt[GatewayTarget]) -> None:
        target = hunt.next()
        if target is None:
            self._fail(hunt.verdict())
            return
        try:
            self._try(plan, target)
        except MediaError as error:
            self._fail(Verdict.of(Slug.NO_MEDIA_PORTS, detail=str(error)))

    def _try(self, plan: OutboundPlan, target: GatewayTarget) -> None:
        services = self._services
        far = plan.leg(target)
        attempt = self.attempt = open_attempt(
            services, self._owner, self, self._owner.record, far, beside=self._other
        )
        attempt.record.target = str(far.request_uri)
        attempt.leg.owner = self
        attempt.start()
        services.records.call_changed(self._owner.record)
        send_invite(services, attempt, far, behalf=self._other, resumes=True)

    def attempt_progressed(self, attempt: Attempt, response: Response) -> None:
        """X hears of it. What Z says of its audio is kept for an answer without a description."""
        if response.body:
            try:
                attempt.leg.take_answer(response.body)
            except SdpError:
                attempt.leg.remote = None
        if response.status != self._told:
            self._told = response.status
            self._referral.tell(response.status, response.reason)

    def attempt_answered(self, attempt: Attempt, response: Response) -> None:
        """Z is there: Y is asked to talk with it."""
        try:
            if response.body:
                attempt.leg.take_answer(response.body)
            elif attempt.leg.remote is None:
                raise SdpError("the 2xx has no session description, and no response before it had one")
        except SdpError as error:
            self._fail(Verdict.of(answer_slug(error), detail=f"{attempt.record.target}: {error}"))
            return
        if self._hunt is not None:
            self._hunt.answered()
        if self._admission is not None:
            self._admission.answered(self._owner.hang_up)
        self._services.records.attempt_changed(attempt.record)
        self.state = TransferState.JOINING
        self._offer_other(attempt.leg, self._other_answered, resumes=False)

    def attempt_ended(
        self,
        attempt: Attempt,  # noqa: ARG002 - it is the present one
        end: AttemptEnd,
        response: Response | None,
    ) -> None:
        """The next target, or the end."""
        plan, hunt = self._plan, self._hunt
        if plan is None or hunt is None:
            return
        final = hunt.ended(end)
        if final is None:
            self._try_next(plan, hunt)
        else:
            told = response is not None and response.status == final.status
            self._fail(final, response.reason if told and response is not None else None)

    def _other_answered(self, response: Response) -> None:
        attempt, other = self.attempt, self._other
        before = other.remote
        try:
            other.take_answer(response.body)
            if self.state is not TransferState.JOINING or attempt is None:
                self._owner.transfer_fell_back()
                return
            connect(self._services.media, attempt.leg, other)
        except SdpError as error:
            other.local.standing = self._stood
            other.remote = before
            if self.state is TransferState.JOINING:
                self._fail(Verdict.of(answer_slug(error), detail=str(error)))
            return
        self._silence()
        self._joined(attempt)

    def _fail(self, verdict: Verdict, reason: str | None = None) -> None:
        self._silence()
        super()._fail(verdict, reason)

    def _silence(self) -> None:
        """No ringback any more."""
        if self._alone:
            self._other.media.announce(None)

    # -- the dialog with Z, until the call takes it over --------------------------------------------

    def cancelled(self, cancel: Request) -> None:
        """Z is called; it has nothing to cancel."""

    def leg_acknowledged(self, leg: Leg, ack: Request) -> None:
        """Z has sent no INVITE of its own yet."""

    def leg_refreshed(self, leg: Leg, answer: bytes) -> None:
        """Y has not met it yet, and no session is refreshed so soon."""

    def leg_offered(self, leg: Leg, exchange: IncomingOffer) -> None:  # noqa: ARG002
        """Y would have to answer, which is not asked before Z has answered, and then by us."""
        exchange.reject(491)

    def leg_hung_up(self, leg: Leg, bye: Request) -> None:  # noqa: ARG002
        """Z is gone before Y has met it."""
        self._fail(Verdict.of(Slug.UNAVAILABLE, detail="BYE before the transfer was complete"))

    def leg_informed(self, leg: Leg, info: Request, transaction: ServerTransaction) -> None:  # noqa: ARG002
        """There is nobody yet to pass it on to."""
        transaction.respond(response_to(info, 488))

    def leg_referred(self, leg: Leg, refer: Request, transaction: ServerTransaction) -> None:  # noqa: ARG002
        """Z is a carrier's."""
        decline(refer, transaction)

    def leg_consulted(self, leg: Leg, account: str) -> Consultation | None:  # noqa: ARG002
        """Nor is it the account's."""
        return None

    def leg_lost(self, leg: Leg, slug: Slug, detail: str) -> None:  # noqa: ARG002
        """Its dialog is gone."""
        self._fail(Verdict.of(slug, detail=detail))

    def media_timed_out(self, leg: MediaLeg) -> None:
        """The engine tells the call."""

    def digit_received(self, leg: MediaLeg, digit: str, duration_ms: int) -> None:
        """The engine tells the call."""

    def sound_ended(self, leg: MediaLeg) -> None:
        """The engine tells the call."""

    def key_worn(self, leg: MediaLeg, *, spent: bool) -> None:
        """The engine tells the call."""


def _identity(record: CallRecord) -> CallerIdentity:
    """As whom the account calls Z: by its number of this call, withheld if it was withheld there."""
    outbound = record.direction is Direction.OUTBOUND
    restricted = outbound and record.caller == ANONYMOUS
    number = record.number or (number_or_none(record.caller) if outbound else None)
    return CallerIdentity(number, number, None, restricted, IdentitySource.ACCOUNT)
