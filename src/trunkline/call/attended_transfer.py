"""Attended transfer by the trunk (RFC 5589 §7.3): Z is the peer of another call between X and us, whose
dialog Replaces in Refer-To names (RFC 3891).

Nobody is called. Y is offered what Z has said, then Z is offered Y's answer, at a fresh port of ours beside
Y's; then Z is this call's, and the other call ends as if X had hung up there: X gets a BYE in both. Once its
REFER is accepted X may hang up wherever it likes, and neither Y nor Z is lost by it.

When it fails, Z is asked back to the port of the call that it is in, and each call goes on for as long as X
is in it.
"""

from trunkline.call.attempt import ABANDONED, Attempt
from trunkline.call.leg import Leg
from trunkline.call.passing import answer_slug
from trunkline.call.record import AttemptRecord
from trunkline.call.remote_media import connect
from trunkline.call.services import Services
from trunkline.call.transfer import Claim, Consultation, Transfer, TransferOwner, TransferState, status_of
from trunkline.errors import MediaError, SdpError
from trunkline.sip.dialog_request import ReInvite
from trunkline.sip.failures import RequestFailure
from trunkline.sip.message import Response
from trunkline.sip.referral import Referral
from trunkline.trunk.verdict import Slug, Verdict


class AttendedTransfer(Transfer):
    """One transfer to the peer of another call. `attempt` is that peer in this call, once Y has agreed."""

    __slots__ = ("_agreed", "_consultation", "_left", "_target_asked", "_target_stood", "target_away")

    def __init__(
        self,
        services: Services,
        owner: TransferOwner,
        legs: tuple[Leg, Leg],
        referral: Referral,
        number: int,
        consultation: Consultation,
    ) -> None:
        """`consultation` is the call with Z."""
        super().__init__(services, owner, legs, referral, number)
        self._consultation = consultation
        self._agreed = False
        """Y has, to what Z said."""
        self._left = False
        """X has left the call with Z."""
        self._target_stood = consultation.far.local.standing
        """What Z has agreed to in that call; its session goes on at the new port."""
        self.target_away = False
        """Z has been asked to that port, and neither refused nor joined: it isn't back in that call yet."""
        self._target_asked: ReInvite | None = None

    def start(self) -> None:
        """Offer Y what Z has said, though X may have put either on hold."""
        self.state = TransferState.JOINING
        self._consultation.call.claimed(_TargetClaim(self, self._consultation))
        self._referral.tell(100)
        self._offer_other(self._consultation.far, self._other_answered, resumes=True)

    def _other_answered(self, response: Response) -> None:
        """Y has agreed: Z is offered what it said, at a port beside Y's."""
        other, target = self._other, self._consultation.far
        try:
            other.take_answer(response.body)
        except SdpError as error:
            other.local.standing = self._stood
            if self.state is TransferState.JOINING:
                self._fail(Verdict.of(answer_slug(error), detail=str(error)))
            return
        self._agreed = True
        usage = target.usage
        if self.state is not TransferState.JOINING or usage is None:
            self._fall_back()
            return
        try:
            attempt = self.attempt = self._open_attempt(usage.dialog.call_id)
            self._target_stood = target.local.standing
            body = attempt.leg.offer(other)
        except MediaError as error:
            self._fail(Verdict.of(Slug.NO_MEDIA_PORTS, detail=str(error)))
        except SdpError as error:
            self._fail(Verdict.of(answer_slug(error), detail=str(error)))
        else:
            self.target_away = True
            self._target_asked = usage.reinvite(body, self._target_answered, self._target_refused)

    def _open_attempt(self, sip_call_id: str) -> Attempt:
        """Z in this call. Its session goes on (RFC 3264 §8), its port is another. Raises `MediaError`."""
        services, far = self._services, self._consultation.far
        leg = far.successor(services.media, self._owner, self._other)
        record, reached = self._owner.record, self._consultation.attempt
        consulted = self._consultation.call.record
        record.attempts += 1
        attempt = AttemptRecord(
            attempt_id=services.token(),
            call_id=record.call_id,
            position=record.attempts,
            target=consulted.caller if reached is None else reached.record.target,
            carrier=consulted.carrier,
            started_at=record.moment(services.clock.now()),
            sip_call_id=sip_call_id,
            resolved=consulted.source if reached is None else reached.record.resolved,
            wall_minus_now=record.wall_minus_now,
        )
        services.records.call_changed(record)
        services.records.attempt_changed(attempt)
        return Attempt.taken_over(services, leg, attempt)

    def _target_answered(self, response: Response) -> None:
        attempt, other, target = self.attempt, self._other, self._consultation.far
        usage = target.usage
        if self.state is not TransferState.JOINING or attempt is None or usage is None:
            self._bring_back()
            return
        leg = attempt.leg
        try:
            leg.take_answer(response.body)
            connect(self._services.media, leg, other)
        except SdpError as error:
            self._fail(Verdict.of(answer_slug(error), detail=str(error)))
            self._bring_back()
            return
        leg.adopt(usage)
        attempt.record.answered_at = attempt.record.moment(self._services.clock.now())
        self._services.records.attempt_changed(attempt.record)
        self.state = TransferState.JOINED
        self.target_away = False
        self._services.trace.link(attempt.record.sip_call_id, attempt.record.call_id)
        self._admission = self._consultation.call.part_with(target)
        if self._admission is not None:
            self._admission.hand_over(self._owner.hang_up)
        self._joined(attempt)

    def _target_refused(self, why: Response | RequestFailure) -> None:
        self.target_away = False
        self._consultation.far.local.standing = self._target_stood
        if self.state is TransferState.JOINING:
            self._fail(ABANDONED.answered_as(status_of(why)))

    # -- the call with Z ---------------------------------------------------------------------------

    def target_outlives(self, leg: Leg) -> bool:
        """`leg` of the call with Z has hung up: whether Z is kept all the same, because it was X."""
        if leg is not self._consultation.own or not self.under_way:
            return False
        self._left = True
        return True

    def target_lost(self) -> None:
        """The call with Z ends. Idempotent."""
        if self.under_way:
            self._left = False
            self._fail(Verdict.of(Slug.UNAVAILABLE, detail="the other call ended before the transfer"))

    def close(self, verdict: Verdict) -> None:
        """See `Transfer.close`: without X, the call with Z ends too."""
        super().close(verdict)
        self._withdraw()
        self._end_if_left()

    def _withdraw(self) -> None:
        """Z need not come, if it hasn't said yet whether it does."""
        if self.target_away and self._target_asked is not None:
            self._target_asked.cancel()

    def _fail(self, verdict: Verdict, reason: str | None = None) -> None:
        super()._fail(verdict, reason)
        self._withdraw()
        if self._agreed:
            self._fall_back()
        self._end_if_left()

    def _fall_back(self) -> None:
        """Y has agreed to something for Z's sake: it is X who hears it after all."""
        try:
            self._owner.transfer_fell_back()
        except SdpError:
            return  # nothing may be transcoded between them: X and Y have to agree anew

    def _end_if_left(self) -> None:
        if self._left and self.state is TransferState.FAILED:
            self._left = False
            self._consultation.call.transfer_failed_alone(self._consultation.own)

    def _bring_back(self) -> None:
        """Z listens at a port that is closed: it is asked back to that of the call that it is in."""
        self.target_away = False
        far = self._consultation.far
        if far.usage is not None and not far.usage.ended:
            far.local.standing = self._target_stood
            self._consultation.call.ask_back(far)


class _TargetClaim(Claim):
    """What the transfer means for the call with Z."""

    __slots__ = ("_earlier", "_transfer")

    def __init__(self, transfer: AttendedTransfer, consultation: Consultation) -> None:
        self._transfer = transfer
        self._earlier = 0 if consultation.earlier is None else consultation.earlier.number

    @property
    def number(self) -> int:
        """Nobody asked for it in that call."""
        return self._earlier

    @property
    def state(self) -> TransferState:
        return self._transfer.state

    @property
    def under_way(self) -> bool:
        return self._transfer.under_way

    def refuses_offers(self) -> bool:
        return self._transfer.under_way or self._transfer.target_away

    def outlives(self, leg: Leg) -> bool:
        return self._transfer.target_outlives(leg)

    def close(self, verdict: Verdict) -> None:  # noqa: ARG002 - Z is gone, whatever the reason
        self._transfer.target_lost()
