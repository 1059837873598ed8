"""Blind transfer of an answered call by the trunk itself (RFC 3515, RFC 5589 §6; BEHAVIOUR §5).

X, on the account's own side, refers Y, its peer, to Z. Y stays where it is: Z is called by the account's own
rules, as if the account had dialled it, and then takes X's place.

    TRYING ──Z answers──▶ JOINING ──Y answers the re-INVITE──▶ JOINED
       └──────refusals────────┴────────────────────────────▶ FAILED

X may hang up once its REFER is accepted: the transfer goes on, with a ringback tone for Y where Y can hear
one. Without X, what ends the transfer ends the call. In FAILED everything is as it was before.

A REFER dials nothing that the account could not dial by itself: plan, limits and failover are those of an
outbound call. The URI in Refer-To is asked for its number only; Replaces (RFC 3891) is declined, and
Referred-By (RFC 3892) goes no further, for it names the customer's own devices to the carrier. The NOTIFYs
are `trunkline.sip.referral`'s, what a place in the call means is the call's.
"""

from enum import Enum
from typing import Protocol

from trunkline.call.attempt import ABANDONED, Attempt, AttemptOwner
from trunkline.call.leg import Leg, LegOwner, connect
from trunkline.call.passing import answer_slug, sdp_slug, verdict_fields
from trunkline.call.placing import open_attempt, send_invite
from trunkline.call.ports import MediaLeg
from trunkline.call.record import CallRecord, Direction
from trunkline.call.services import Services
from trunkline.clock import Timer
from trunkline.errors import MediaError, SdpError
from trunkline.sip.errors import SipSyntaxError
from trunkline.sip.exchange import IncomingOffer
from trunkline.sip.failures import RequestFailure
from trunkline.sip.message import Request, Response, response_to
from trunkline.sip.referral import Referral, read_refer
from trunkline.sip.stack import ServerTransaction
from trunkline.trunk.account import Account
from trunkline.trunk.caller_id import ANONYMOUS, CallerIdentity, IdentitySource
from trunkline.trunk.e164 import number_or_none
from trunkline.trunk.hunt import AttemptEnd, Hunt
from trunkline.trunk.limits import Admission
from trunkline.trunk.plan import GatewayTarget, OutboundPlan, plan_outbound
from trunkline.trunk.verdict import Slug, Verdict

TRANSFERS_MAX = 10
"""Of one call, however they end; a further REFER is declined."""
JOIN_RETRY_S = 0.5
"""While another exchange of offer and answer is under way, joining waits for so long, again and again."""


class TransferState(Enum):
    """Where a transfer is."""

    TRYING = "trying"
    JOINING = "joining"
    JOINED = "joined"
    FAILED = "failed"


class TransferOwner(LegOwner, Protocol):
    """The call."""

    record: CallRecord

    @property
    def renegotiating(self) -> bool:
        """Whether an offer within the call waits for its answer."""

    def hang_up(self, verdict: Verdict) -> None:
        """End the call."""

    def transfer_joined(self, transfer: "Transfer") -> None:
        """Z stands in the place of X from now on; their media is joined."""

    def transfer_fell_back(self) -> None:
        """What X and Y say decides on the media again."""

    def transfer_failed_alone(self, referrer: Leg) -> None:
        """It failed after `referrer` had hung up: nobody is left for Y."""


class Transfer(LegOwner, AttemptOwner):
    """One transfer. `attempt` is the present one of Z."""

    __slots__ = (
        "_account",
        "_admission",
        "_alone",
        "_dialled",
        "_hunt",
        "_other",
        "_owner",
        "_plan",
        "_referral",
        "_services",
        "_stood",
        "_timer",
        "_told",
        "attempt",
        "number",
        "referrer",
        "state",
    )

    def __init__(
        self,
        services: Services,
        owner: TransferOwner,
        account: Account,
        legs: tuple[Leg, Leg],
        referral: Referral,
        dialled: str,
        number: int,
    ) -> None:
        """`legs` are X's and Y's; `number` is 1 for the first transfer of the call."""
        self._services = services
        self._owner = owner
        self._account = account
        self.referrer, self._other = legs
        self._referral = referral
        self._dialled = dialled
        self.number = number
        self._plan: OutboundPlan | None = None
        self._hunt: Hunt[GatewayTarget] | None = None
        self._admission: Admission | None = None
        self._alone = False
        self._told = 100
        self._timer: Timer | None = None
        self._stood = self._other.local.standing
        self.attempt: Attempt | None = None
        self.state = TransferState.TRYING

    @property
    def under_way(self) -> bool:
        """Whether its end is still open."""
        return self.state in (TransferState.TRYING, TransferState.JOINING)

    def refuses_offers(self) -> bool:
        """Whether X and Y can't agree on anything now: one is being re-invited, or has gone."""
        return self.state is TransferState.JOINING or (self.under_way and self._alone)

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
        """`leg` has hung up: whether the call goes on all the same, because it was X and Z may yet come."""
        if leg is not self.referrer or not self.under_way:
            return False
        self._alone = True
        try:
            self._other.media.announce(self._services.settings.ringback)
        except MediaError:
            return True  # Y takes no sounds of ours: it waits in silence
        return True

    def close(self, verdict: Verdict) -> None:
        """The call ends now, with `verdict`. Idempotent."""
        self._stop_timer()
        attempt, self.attempt = self.attempt, None
        if self.under_way:
            self.state = TransferState.FAILED
            self._referral.tell(487)
            if attempt is not None:
                attempt.abandon(ABANDONED, verdict_fields(ABANDONED))
        elif attempt is not None:
            attempt.finish(verdict)
            self.referrer.hang_up(())
        self._release()

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
        except SdpError as error:
            self._fail(Verdict.of(sdp_slug(error), detail=str(error)))

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
        send_invite(services, attempt, far, body=attempt.leg.offer(self._other, resumes=True))

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
        self._join()

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

    # -- joining Y and Z ---------------------------------------------------------------------------

    def _join(self) -> None:
        """Offer Y what Z has answered, once nothing else is being agreed on."""
        self._timer = None
        attempt, usage = self.attempt, self._other.usage
        if self.state is not TransferState.JOINING or attempt is None or usage is None:
            return
        if self._owner.renegotiating:
            clock = self._services.clock
            self._timer = clock.at(clock.now() + JOIN_RETRY_S, self._join)
            return
        self._stood = self._other.local.standing
        try:
            body = self._other.offer(attempt.leg)
        except SdpError as error:
            self._fail(Verdict.of(answer_slug(error), detail=str(error)))
        else:
            usage.reinvite(body, self._other_answered, self._other_refused)

    def _other_answered(self, response: Response) -> None:
        attempt, other = self.attempt, self._other
        try:
            other.take_answer(response.body)
            if self.state is not TransferState.JOINING or attempt is None:
                self._owner.transfer_fell_back()
                return
            connect(self._services.media, attempt.leg, other)
        except SdpError as error:
            other.local.standing = self._stood
            if self.state is TransferState.JOINING:
                self._fail(Verdict.of(answer_slug(error), detail=str(error)))
            return
        self._silence()
        self.state = TransferState.JOINED
        self._owner.transfer_joined(self)
        self._referral.tell(200, then=lambda: self.referrer.hang_up(()))

    def _other_refused(self, why: Response | RequestFailure) -> None:
        self._other.local.standing = self._stood
        if self.state is TransferState.JOINING:
            status = why.status if isinstance(why, Response) else 504
            self._fail(ABANDONED.answered_as(status))

    # -- the end -----------------------------------------------------------------------------------

    def _fail(self, verdict: Verdict, reason: str | None = None) -> None:
        """It comes to nothing: X and Y go on, or, without X, the call ends."""
        self._stop_timer()
        self.state = TransferState.FAILED
        attempt, self.attempt = self.attempt, None
        if attempt is not None:
            attempt.abandon(verdict, verdict_fields(verdict))
        self._release()
        self._referral.tell(verdict.status, reason)
        if self._alone:
            self._silence()
            self._owner.transfer_failed_alone(self.referrer)

    def _silence(self) -> None:
        """No ringback any more."""
        if self._alone:
            self._other.media.announce(None)

    def _release(self) -> None:
        if self._admission is not None:
            self._admission.release()

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    # -- the dialog with Z, until the call takes it over --------------------------------------------

    def cancelled(self, cancel: Request) -> None:
        """Z is called; it has nothing to cancel."""

    def leg_acknowledged(self, leg: Leg, ack: Request) -> None:
        """Z has sent no INVITE of its own yet."""

    def leg_offered(self, leg: Leg, exchange: IncomingOffer) -> None:  # noqa: ARG002
        """Y would have to answer, which is not asked before Z has answered, and then by us."""
        exchange.reject(491)

    def leg_hung_up(self, leg: Leg, bye: Request) -> None:  # noqa: ARG002
        """Z is gone before Y has met it."""
        self._fail(Verdict.of(Slug.UNAVAILABLE, detail="BYE before the transfer was complete"))

    def leg_informed(self, leg: Leg, info: Request, transaction: ServerTransaction) -> None:  # noqa: ARG002
        """There is nobody yet to pass it on to."""
        transaction.respond(response_to(info, 481))

    def leg_referred(self, leg: Leg, refer: Request, transaction: ServerTransaction) -> None:  # noqa: ARG002
        """Z is a carrier's."""
        decline(refer, transaction)

    def leg_lost(self, leg: Leg, slug: Slug, detail: str) -> None:  # noqa: ARG002
        """Its dialog is gone."""
        self._fail(Verdict.of(slug, detail=detail))

    def media_timed_out(self, leg: MediaLeg) -> None:
        """The engine tells the call."""

    def digit_received(self, leg: MediaLeg, digit: str, duration_ms: int) -> None:
        """The engine tells the call."""

    def sound_ended(self, leg: MediaLeg) -> None:
        """The engine tells the call."""


def accept_refer(
    services: Services,
    owner: TransferOwner,
    legs: tuple[Leg, Leg],
    earlier: Transfer | None,
    refer: Request,
    transaction: ServerTransaction,
) -> Transfer | None:
    """Answer a REFER of X, `legs` being X's and Y's, in an answered call, and give the transfer to `start`;
    None when there is none. `earlier` is the last one of the call.
    """
    referrer, other = legs
    account = services.directory.account(owner.record.account or "")
    number = 1 if earlier is None else earlier.number + 1
    usage = referrer.usage
    spent = number > TRANSFERS_MAX or (earlier is not None and earlier.state is TransferState.JOINED)
    if account is None or not account.refer_enabled or spent or usage is None:
        decline(refer, transaction)
        return None
    if owner.renegotiating or other.remote is None or (earlier is not None and earlier.under_way):
        transaction.respond(response_to(refer, 491))
        return None
    try:
        asked = read_refer(refer)
    except SipSyntaxError as error:
        fields = verdict_fields(Verdict.of(Slug.MALFORMED_REQUEST, detail=str(error)))
        transaction.respond(response_to(refer, 400, headers=fields))
        return None
    if asked.replaces:
        decline(refer, transaction)
        return None
    referral = Referral(usage, refer, transaction, quiet=asked.quiet, numbered=number > 1)
    return Transfer(services, owner, account, legs, referral, asked.dialled, number)


def decline(refer: Request, transaction: ServerTransaction) -> None:
    """603: there is no transfer for this peer."""
    transaction.respond(response_to(refer, 603, headers=verdict_fields(Verdict.of(Slug.NOT_ALLOWED))))


def _identity(record: CallRecord) -> CallerIdentity:
    """As whom the account calls Z: by its number of this call, withheld if it was withheld there."""
    outbound = record.direction is Direction.OUTBOUND
    restricted = outbound and record.caller == ANONYMOUS
    number = record.number or (number_or_none(record.caller) if outbound else None)
    return CallerIdentity(number, number, None, restricted, IdentitySource.ACCOUNT)
