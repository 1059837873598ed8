"""One call: the caller's leg, the attempts to reach somebody, the leg that answered, and the one record of it
all.

    HUNTING ──answer──▶ TALKING ──BYE, timeout───────────────────▶ ENDED
       ├──list exhausted, CANCEL, refusal───────────────────────────▶ ENDED
       └──refusal that the caller hears in words──▶ REFUSING────────▶ ENDED

It decides when to try the next target (by asking `Hunt`) and how the call ends: every end, of whatever cause,
goes through `_finish` with one `Verdict`, which closes what is open exactly once. What both legs settle
before the answer is `trunkline.call.early`, what goes on in the answered call is `trunkline.call.talk`; who
may call where was decided before (`trunkline.trunk.plan`).

A customer's call that the carrier has answered is talk, also when the customer's PRACK or CANCEL keeps our
200 from going out: its audio passed from the first early media on, and the carrier is paid for it.

Deliberate deviations from a transparent back-to-back user agent (RFC 7092): an INVITE without SDP is answered
with our own offer instead of passing the absence on; PRACK and session timers end at each leg.
"""

from collections.abc import Callable
from enum import Enum
from functools import partial

from trunkline.call.announcement import Announcement
from trunkline.call.attempt import ABANDONED, Attempt
from trunkline.call.early import Early
from trunkline.call.informing import pass_on
from trunkline.call.leg import Leg
from trunkline.call.passing import (
    Field,
    answer_slug,
    extension_fields,
    reason_fields,
    refusal,
    verdict_fields,
)
from trunkline.call.placing import Target, Way, open_attempt, send_invite
from trunkline.call.ports import LegOpener, MediaLeg
from trunkline.call.quality import EVERY_S, Quality
from trunkline.call.record import CallRecord, Direction, Party, RecordState
from trunkline.call.rekeying import Rekeying
from trunkline.call.remote_media import connect
from trunkline.call.renegotiation import Renegotiation
from trunkline.call.services import Services
from trunkline.call.sounds import Sounds
from trunkline.call.talk import Talk
from trunkline.call.transfer import Claim, Consultation, decline
from trunkline.errors import MediaError, SdpError
from trunkline.sdp.local import LocalAudio
from trunkline.sdp.offer_answer import RemoteAudio
from trunkline.sip.exchange import IncomingOffer
from trunkline.sip.fronted import source_of
from trunkline.sip.incoming_invite import IncomingInvite
from trunkline.sip.message import Request, Response
from trunkline.sip.stack import ServerTransaction
from trunkline.trunk.account import Account, Ringback
from trunkline.trunk.hunt import AttemptEnd, EndKind, Hunt
from trunkline.trunk.limits import Admission
from trunkline.trunk.media_policy import MediaPolicy
from trunkline.trunk.plan import FarLeg
from trunkline.trunk.verdict import Slug, Verdict


class CallState(Enum):
    """Where a call is in its life."""

    HUNTING = "hunting"
    TALKING = "talking"
    REFUSING = "refusing"
    ENDED = "ended"


class Call:
    """See the module. Created by `Switch` once a plan stands; `start` sends the first INVITE.

    It is the owner of its legs and attempts. `admission` is the account's, given back at the end.
    """

    __slots__ = (
        "_admission",
        "_announcement",
        "_early",
        "_hunt",
        "_invite",
        "_on_end",
        "_passed",
        "_rekeying",
        "_services",
        "_way",
        "attempt",
        "caller",
        "record",
        "state",
        "talk",
    )

    def __init__(
        self,
        services: Services,
        invite: IncomingInvite,
        record: CallRecord,
        way: Way,
        hunt: Hunt[Target],
        admission: Admission | None,
        on_end: Callable[["Call"], None],
        *,
        account: Account,
        caller_media: MediaPolicy,
        media: LegOpener | None = None,
    ) -> None:
        """`account` is the one whose call it is, `caller_media` how audio may be agreed on with the caller;
        `media` has the caller's media leg, if another than the services' engine does. Raises `MediaError`
        when no media port can be had.
        """
        self._services = services
        self._invite = invite
        self._way = way
        self._hunt = hunt
        self._admission = admission
        self._on_end = on_end
        self._passed = extension_fields(invite.request)
        self._rekeying: Rekeying | None = None
        self.record = record
        self.attempt: Attempt | None = None
        self.state = CallState.HUNTING
        self.talk: Talk | None = None
        """From the answer to the end."""
        self.caller = Leg(
            media or services.media,
            self,
            session=LocalAudio(services.new_session_id()),
            ipv6=":" in source_of(invite.flow).host,
            policy=caller_media,
            key=services.key,
        )
        sounds = Sounds(invite, self.caller)
        self._early = Early(services, invite, self.caller, sounds, ringback=account.ringback is Ringback.TONE)
        self._announcement = Announcement(services, sounds, wanted=account.announcements)

    @property
    def callee(self) -> Leg | None:
        """The leg of the present attempt, or of the one that answered."""
        return None if self.attempt is None else self.attempt.leg

    # -- hunting -----------------------------------------------------------------------------------

    def start(self, offer: RemoteAudio | None) -> None:
        """Open the record and try the first target. `offer` is the caller's, None when its INVITE has no
        SDP.
        """
        self._open(offer)
        self._try_next()

    def refuse(self, offer: RemoteAudio | None, verdict: Verdict) -> None:
        """Open the record and refuse the call, which nobody else was tried for, so that the caller hears
        why.
        """
        self._open(offer)
        self._finish(verdict, Party.SERVICE)

    def _open(self, offer: RemoteAudio | None) -> None:
        caller = self.caller
        caller.remote = offer
        caller.adopt(self._invite.usage)
        self._invite.events = caller
        self._services.records.call_changed(self.record)

    def _try_next(self) -> None:
        target = self._hunt.next()
        if target is None:
            self._finish(self._hunt.verdict(), Party.SERVICE)
            return
        try:
            self._try(self._way.leg(target))
        except MediaError as error:
            verdict = Verdict.of(Slug.NO_MEDIA_PORTS, detail=str(error), retry_after_s=5)
            self._finish(verdict, Party.SERVICE)

    def _try(self, far: FarLeg) -> None:
        services = self._services
        record = self.record
        attempt = self.attempt = open_attempt(services, self, self, record, far, beside=self.caller)
        record.carrier = far.carrier or record.carrier
        max_forwards = self._invite.request.max_forwards
        attempt.start()
        send_invite(
            services,
            attempt,
            far,
            behalf=self.caller,
            passed=self._passed,
            max_forwards=70 if max_forwards is None else max_forwards - 1,
        )
        if self.attempt is attempt and record.attempts > 1:
            services.records.call_changed(record)

    def attempt_progressed(self, attempt: Attempt, response: Response) -> None:
        """Pass ringing and early media on."""
        record = self.record
        if record.ringing_at is None:
            record.ringing_at = attempt.record.ringing_at
            self._services.records.call_changed(record)
        self._early.progressed(attempt, response)

    def attempt_answered(self, attempt: Attempt, response: Response) -> None:
        """Answer the caller with what the callee answered, now or in an earlier provisional response."""
        callee = attempt.leg
        try:
            body = self._early.answer(callee, response.body)
        except SdpError as error:
            verdict = Verdict.of(answer_slug(error), detail=f"{attempt.record.target}: {error}")
            callee.hang_up(verdict_fields(verdict))
            self._finish(verdict, Party.SERVICE)
            return
        self.state = CallState.TALKING
        services = self._services
        self._hunt.answered()
        if self._admission is not None:
            self._admission.answered(self.hang_up)
        self.record.answered_at = attempt.record.answered_at
        self.talk = Talk(services, self, self.caller, callee)
        services.records.attempt_changed(attempt.record)
        services.records.call_changed(self.record)
        self._invite.accept(body=body)
        self.talk.catch_up()
        for leg in (self.caller, callee):
            if leg.secure and not leg.over_tls:
                services.keys_exposed(leg.signalled_from or "")

    # -- another node's ----------------------------------------------------------------------------

    def resume(self, attempt: Attempt) -> None:
        """Go on with what another node has answered: the caller's leg and that of `attempt` are as they were
        there. Both peers hear where we are. Raises `SdpError` for legs that can't be joined.
        """
        services = self._services
        self.attempt = attempt
        self.state = CallState.TALKING
        if self._admission is not None:
            self._admission.answered(self.hang_up)
        connect(services.media, self.caller, attempt.leg)
        talk = self.talk = Talk(services, self, self.caller, attempt.leg)
        services.records.attempt_changed(attempt.record)
        services.records.call_changed(self.record)
        talk.refresh()

    def part(self) -> None:
        """Another node goes on with it: the peers are told nothing, and nothing is written down. Its media
        are that node's already.
        """
        if self.state is CallState.ENDED:
            return
        self.state = CallState.ENDED
        attempt, self.attempt = self.attempt, None
        if self.talk is not None:
            self.talk.end(Verdict.of(Slug.SHUT_DOWN))
            self.talk = None
        for leg in (self.caller, *(() if attempt is None else (attempt.leg,))):
            if leg.usage is not None:
                leg.usage.drop()
            leg.close()
        if self._rekeying is not None:
            self._rekeying.stop()
        if self._admission is not None:
            self._admission.release()
        self._on_end(self)
        self._services.trace.close(self.record.call_id)

    def attempt_ended(
        self,
        attempt: Attempt,  # noqa: ARG002 - it is the present one
        end: AttemptEnd,
        response: Response | None,
    ) -> None:
        """Ask the hunt: the next one, or the end."""
        final = self._hunt.ended(end)
        if final is None:
            self._try_next()
        else:
            self._finish(final, Party.CALLEE if end.kind is EndKind.RESPONSE else Party.SERVICE, response)

    # -- the caller's INVITE -----------------------------------------------------------------------

    def cancelled(self, cancel: Request) -> None:
        """The caller gave up (487 is sent already)."""
        if self._announcement.going_on:
            self._announcement.over()
            return
        self._finish(Verdict.of(Slug.CANCELLED), Party.CALLER, passed=reason_fields(cancel))

    # -- events of either leg ----------------------------------------------------------------------

    def leg_acknowledged(self, leg: Leg, ack: Request) -> None:
        """The ACK of a 2xx, or a PRACK; with SDP it answers an offer of ours."""
        if self.talk is not None:
            self.talk.acknowledged(leg, ack.body)
            return
        try:
            self._early.acknowledged(self.attempt, leg, ack.body)
        except SdpError as error:
            self.hang_up(Verdict.of(answer_slug(error), detail=f"the answer in PRACK: {error}"))

    def leg_refreshed(self, leg: Leg, answer: bytes) -> None:
        """The answer to a session refresh of ours."""
        if self.talk is not None:
            self.talk.refreshed(leg, answer)

    def leg_offered(self, leg: Leg, exchange: IncomingOffer) -> None:
        """A re-INVITE, an UPDATE or a PRACK with an offer."""
        if self.talk is None:
            self._early.offered(leg, self.attempt, exchange)
        else:
            self.talk.offered(leg, exchange)

    def leg_hung_up(self, leg: Leg, bye: Request) -> None:
        """A BYE (200 is sent already). Before the answer a caller may send one (487 is sent too), a callee
        may not, yet some do (RFC 3261 §15).
        """
        if self.talk is not None and self.talk.outlives(leg):
            if self.attempt is not None and leg is self.attempt.leg:
                self.attempt.finish(Verdict.of(Slug.ANSWERED))
            return
        calling = leg is self.caller
        verdict = Verdict.of(Slug.ANSWERED)
        if self.state is CallState.HUNTING or self._invite.unheard:
            verdict = (
                Verdict.of(Slug.CANCELLED)
                if calling
                else Verdict.of(Slug.UNAVAILABLE, detail="BYE before an answer")
            )
        passed = extension_fields(bye) + reason_fields(bye)
        self._finish(verdict, Party.CALLER if calling else Party.CALLEE, passed=passed)

    def leg_informed(self, leg: Leg, info: Request, transaction: ServerTransaction) -> None:
        """INFO crosses to the other leg."""
        pass_on(info, transaction, self._heard_by(calling=leg is self.caller))

    def _heard_by(self, *, calling: bool) -> Leg | None:
        """Who is told what the caller, or the callee, says in INFO or presses. Before the answer that is the
        callee alone, whose early media may ask for digits: the caller may not know of a dialog yet.
        """
        if calling:
            return self.callee
        return self.caller if self.state is CallState.TALKING else None

    def leg_referred(self, leg: Leg, refer: Request, transaction: ServerTransaction) -> None:
        """A transfer by the trunk: for the account's own side of an answered call."""
        talk = self.talk
        if self.state is not CallState.TALKING or talk is None or leg is not self._own_leg:
            decline(refer, transaction)
        else:
            talk.referred(leg, refer, transaction)

    @property
    def _own_leg(self) -> Leg | None:
        """The one on the account's side."""
        return self.caller if self.record.direction is Direction.OUTBOUND else self.callee

    @property
    def renegotiating(self) -> bool:
        """Whether an offer within the call waits for its answer."""
        return self.talk is not None and self.talk.renegotiating

    @property
    def may_rekey(self) -> Renegotiation | None:
        """What agrees on keys, while nothing else is being agreed on."""
        return None if self.talk is None else self.talk.may_rekey

    @property
    def quality(self) -> Quality:
        """How the audio went until now."""
        return Quality() if self.talk is None else self.talk.courses.quality()

    def leg_consulted(self, leg: Leg, account: str) -> Consultation | None:
        """Its far end may be given to another call of the account, where it is answered and free."""
        talk = self.talk
        if self.state is not CallState.TALKING or talk is None or talk.bound:
            return None
        if leg is not self._own_leg or self.record.account != account:
            return None
        far = talk.other(leg)
        return Consultation(self, leg, far, None if far is self.caller else self.attempt, talk.transfer)

    def claimed(self, claim: Claim) -> None:
        """A transfer of another call is about to take the far end of this one."""
        if self.talk is not None:
            self.talk.transfer = claim

    def ask_back(self, leg: Leg) -> None:
        """A transfer of another call has left the peer of `leg` with a port that is closed."""
        if self.talk is not None:
            self.talk.offer_standing(leg)

    def part_with(self, leg: Leg) -> Admission | None:
        """The dialog of `leg` is another call's now: this one ends, as if the account's side had hung up."""
        leg.usage = None
        admission, self._admission = self._admission, None
        self._finish(Verdict.of(Slug.ANSWERED), Party.CALLEE if leg is self.caller else Party.CALLER)
        return admission

    def transfer_joined(self, attempt: Attempt, referrer: Leg) -> None:
        """Whom the account's side was transferred to stands in its place from now on, in the record too."""
        attempt.leg.owner = self
        referrer.close()
        if referrer is self.caller:
            self.caller = attempt.leg
        elif self.attempt is not None:
            self.attempt.finish(Verdict.of(Slug.ANSWERED))
            self.attempt = attempt
        if self.talk is not None and self.callee is not None:
            self.talk.join(self.caller, self.callee)
        self._services.records.call_changed(self.record)

    def transfer_fell_back(self) -> None:
        """The far end has answered for somebody who is gone: what both legs say decides."""
        if self.talk is not None and self.state is CallState.TALKING:
            self.talk.reconnect()

    def transfer_failed_alone(self, referrer: Leg) -> None:
        """It had hung up meanwhile."""
        self._finish(Verdict.of(Slug.ANSWERED), Party.CALLER if referrer is self.caller else Party.CALLEE)

    def leg_lost(self, leg: Leg, slug: Slug, detail: str) -> None:  # noqa: ARG002 - either ends the call
        """Its dialog is gone: no ACK, the session expired, or a request in it was answered 481 or not at
        all.
        """
        self._finish(Verdict.of(slug, detail=detail), Party.SERVICE)

    def media_timed_out(self, leg: MediaLeg) -> None:  # noqa: ARG002 - either ends the call
        """No RTP for too long, both ways."""
        self.hang_up(Verdict.of(Slug.MEDIA_TIMEOUT))

    def digit_received(self, leg: MediaLeg, digit: str, duration_ms: int) -> None:
        """A digit in the media of one leg, whose far end is told digits in INFO."""
        far = self._heard_by(calling=leg is self.caller.media)
        if far is not None:
            far.tell_digit(digit, duration_ms)

    def sound_ended(self, leg: MediaLeg) -> None:  # noqa: ARG002 - only the caller hears sounds
        """The caller has heard why it is refused."""
        self._announcement.over()

    def key_worn(self, leg: MediaLeg, *, spent: bool) -> None:
        """An SRTP key of one side has little left to serve, or nothing."""
        if self._rekeying is None:
            self._rekeying = Rekeying(self._services.clock, self)
        self._rekeying.worn(leg, spent=spent)

    # -- the end -----------------------------------------------------------------------------------

    def hang_up(self, verdict: Verdict) -> None:
        """End it from our side, at any moment: BYE, CANCEL or a final answer, as the state asks.
        Idempotent.
        """
        self._finish(verdict, Party.SERVICE)

    def _finish(
        self,
        verdict: Verdict,
        party: Party,
        response: Response | None = None,
        passed: list[Field] | None = None,
    ) -> None:
        """Close whatever is open, once. `response` is the far end's refusal, `passed` are header fields of
        the BYE or CANCEL.
        """
        self._announcement.over()
        if self.state is CallState.ENDED:
            return
        talking = self.state is CallState.TALKING
        self.state = CallState.ENDED
        fields = (passed or []) if party is not Party.SERVICE else verdict_fields(verdict)
        attempt, self.attempt = self.attempt, None
        if self.talk is not None:
            self.talk.end(verdict)
        unheard = self._invite.unheard
        if talking and attempt is not None:
            for leg in (attempt.leg,) if unheard else (self.caller, attempt.leg):
                leg.hang_up(fields)
            self.record.callee_media = attempt.leg.close()
            attempt.finish(verdict)
        elif attempt is not None:
            attempt.abandon(ABANDONED, fields)
        heard = talking or party is Party.CALLER or (attempt is not None and attempt.early_media)
        refuse = partial(self._end, verdict, party, response, refuses=unheard or not talking)
        if not heard and self._announcement.begins(verdict, refuse):
            self.state = CallState.REFUSING
        else:
            refuse()

    def _end(self, verdict: Verdict, party: Party, response: Response | None, *, refuses: bool) -> None:
        """The caller's final answer, if it has none yet, and the end of the books."""
        services = self._services
        record = self.record
        self.state = CallState.ENDED
        if self._invite.unheard and record.direction is Direction.INBOUND:
            record.answered_at = None  # the carrier has not heard of it, and nobody pays
        if self._rekeying is not None:
            self._rekeying.stop()
        if refuses and verdict.slug is not Slug.CANCELLED:
            status, reason, headers = refusal(verdict, response, services.settings.service_domain)
            self._invite.reject(status, reason=reason, headers=headers)
        record.caller_media = self.caller.close()
        record.ended_at = record.moment(services.clock.now())
        record.state = RecordState.CLOSED
        record.verdict = verdict
        record.hung_up_by = party
        if self._admission is not None:
            self._admission.release()
        self._on_end(self)
        services.records.call_changed(record)
        talk, self.talk = self.talk, None
        if talk is not None and record.talk_s >= EVERY_S:
            services.records.course_ended(record.call_id, talk.courses)
        services.trace.close(record.call_id)
