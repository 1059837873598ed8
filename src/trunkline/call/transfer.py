"""Transfer of an answered call by the trunk itself: what its two kinds have in common (RFC 3515, RFC 5589).

X, on the account's own side, refers Y, its peer, to Z. Y stays where it is, and Z takes X's place: it is
called (`blind_transfer`), or it is the peer of another call of X's (`attended_transfer`).

    TRYING ──────▶ JOINING ──Y answers the re-INVITE──▶ JOINED
       └──refusals────┴───────────────────────────────▶ FAILED

X may hang up once its REFER is accepted: the transfer goes on. Without X, what ends the transfer ends the
call. In FAILED everything is as it was before.

Which REFER is a transfer is decided in `referring`; the NOTIFYs are `trunkline.sip.referral`'s, what a place
in the call means is the call's. Referred-By (RFC 3892) goes no further, for it names the customer's own
devices to the carrier.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from typing import Protocol

from trunkline.call.attempt import ABANDONED, Attempt
from trunkline.call.leg import Leg
from trunkline.call.leg_owner import LegOwner
from trunkline.call.passing import answer_slug, verdict_fields
from trunkline.call.record import CallRecord
from trunkline.call.services import Services
from trunkline.clock import Timer
from trunkline.errors import SdpError
from trunkline.sip.dialog_request import ReInvite
from trunkline.sip.failures import RequestFailure
from trunkline.sip.message import Request, Response, response_to
from trunkline.sip.referral import Referral
from trunkline.sip.stack import ServerTransaction
from trunkline.trunk.limits import Admission
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

    def transfer_joined(self, attempt: Attempt, referrer: Leg) -> None:
        """Z, whom `attempt` reached, stands in the place of X from now on; their media is joined."""

    def transfer_fell_back(self) -> None:
        """What X and Y say decides on the media again."""

    def transfer_failed_alone(self, referrer: Leg) -> None:
        """It failed after `referrer` had hung up: nobody is left for Y."""


class Claim(Protocol):
    """What a transfer means for a call that it concerns."""

    __slots__ = ()

    @property
    def number(self) -> int:
        """How many transfers have been asked for in the call so far."""

    @property
    def state(self) -> TransferState:
        """Where the transfer is."""

    @property
    def under_way(self) -> bool:
        """Whether its end is still open."""

    def refuses_offers(self) -> bool:
        """Whether nothing can be agreed on in the call now: one of its peers is being re-invited, or has
        gone.
        """

    def outlives(self, leg: Leg) -> bool:
        """`leg` has hung up: whether the call goes on all the same, because it was X and Z may yet come."""

    def close(self, verdict: Verdict) -> None:
        """The call ends now, with `verdict`. Idempotent."""


class ConsultedCall(TransferOwner, Protocol):
    """Another call of X's, whose peer Z may be given to a transfer."""

    def claimed(self, claim: Claim) -> None:
        """A transfer is about to take Z."""

    def ask_back(self, leg: Leg) -> None:
        """The transfer has failed, and Z, whose `leg` is, listens at a port that is closed."""

    def part_with(self, leg: Leg) -> Admission | None:
        """The dialog of `leg`, Z's, is another call's now: this one ends, as if X had hung up. What it was
        admitted by goes along.
        """


@dataclass(frozen=True, slots=True)
class Consultation:
    """An answered call between X and Z."""

    call: ConsultedCall
    own: Leg
    """X's."""
    far: Leg
    """Z's."""
    attempt: Attempt | None
    """What reached Z; None: it was Z who called."""
    earlier: Claim | None
    """The last transfer that the call had to do with."""


class Transfer(ABC):
    """One transfer of a call: X, Y and what comes of it. `attempt` is what reached Z, or tries to."""

    __slots__ = (
        "_admission",
        "_alone",
        "_asked",
        "_other",
        "_owner",
        "_referral",
        "_services",
        "_stood",
        "_timer",
        "attempt",
        "number",
        "referrer",
        "state",
    )

    def __init__(
        self,
        services: Services,
        owner: TransferOwner,
        legs: tuple[Leg, Leg],
        referral: Referral,
        number: int,
    ) -> None:
        """`legs` are X's and Y's; `number` is 1 for the first transfer of the call."""
        self._services = services
        self._owner = owner
        self.referrer, self._other = legs
        self._referral = referral
        self.number = number
        self._admission: Admission | None = None
        self._alone = False
        self._timer: Timer | None = None
        self._asked: ReInvite | None = None
        """Y's, until its outcome."""
        self._stood = self._other.local.standing
        self.attempt: Attempt | None = None
        self.state = TransferState.TRYING

    @property
    def under_way(self) -> bool:
        """Whether its end is still open."""
        return self.state in (TransferState.TRYING, TransferState.JOINING)

    def refuses_offers(self) -> bool:
        """Whether X and Y can't agree on anything now: one is being re-invited, or has gone."""
        if self._asked is not None or self.state is TransferState.JOINING:
            return True
        return self.under_way and self._alone

    def outlives(self, leg: Leg) -> bool:
        """`leg` has hung up: whether the call goes on all the same, because it was X and Z may yet come."""
        if leg is not self.referrer or not self.under_way:
            return False
        self._alone = True
        return True

    @abstractmethod
    def start(self) -> None:
        """Begin, once the call knows of it."""

    def close(self, verdict: Verdict) -> None:
        """The call ends now, with `verdict`. Idempotent."""
        self._stop_timer()
        if self.under_way:
            self.state = TransferState.FAILED
            self._referral.tell(487)
            self._let_go(ABANDONED)
        elif self.attempt is not None:
            attempt, self.attempt = self.attempt, None
            attempt.finish(verdict)
            self.referrer.hang_up(())
        self._release()

    def _let_go(self, verdict: Verdict) -> None:
        """Nothing comes of it with Z."""
        attempt, self.attempt = self.attempt, None
        if attempt is not None:
            attempt.abandon(verdict, verdict_fields(verdict))

    # -- joining -----------------------------------------------------------------------------------

    def _offer_other(self, target: Leg, on_answer: Callable[[Response], None], *, resumes: bool) -> None:
        """Offer Y what the peer of `target` says, once nothing else is being agreed on. With `resumes` that
        one may be on hold by X. `on_answer` gets Y's answer.
        """
        self._timer = None
        usage = self._other.usage
        if self.state is not TransferState.JOINING or usage is None:
            return
        if self._owner.renegotiating:
            clock = self._services.clock
            self._timer = clock.at(
                clock.now() + JOIN_RETRY_S, lambda: self._offer_other(target, on_answer, resumes=resumes)
            )
            return
        self._stood = self._other.local.standing
        try:
            body = self._other.offer(target, resumes=resumes)
        except SdpError as error:
            self._fail(Verdict.of(answer_slug(error), detail=str(error)))
            return

        def answered(response: Response) -> None:
            self._asked = None
            on_answer(response)

        reinvite = usage.reinvite(body, answered, self._other_refused)
        if self.state is TransferState.JOINING:
            self._asked = reinvite

    def _other_refused(self, why: Response | RequestFailure) -> None:
        self._asked = None
        self._other.local.standing = self._stood
        if self.state is TransferState.JOINING:
            self._fail(ABANDONED.answered_as(status_of(why)))

    def _joined(self, attempt: Attempt) -> None:
        """Y and Z hear each other: X is told, and ended."""
        self.state = TransferState.JOINED
        self._owner.transfer_joined(attempt, self.referrer)
        self._referral.tell(200, then=lambda: self.referrer.hang_up(()))

    # -- the end -----------------------------------------------------------------------------------

    def _fail(self, verdict: Verdict, reason: str | None = None) -> None:
        """It comes to nothing: X and Y go on, or, without X, the call ends."""
        self._stop_timer()
        self.state = TransferState.FAILED
        if self._asked is not None:
            self._asked.cancel()
        self._let_go(verdict)
        self._release()
        self._referral.tell(verdict.status, reason)
        if self._alone:
            self._owner.transfer_failed_alone(self.referrer)

    def _release(self) -> None:
        if self._admission is not None:
            self._admission.release()

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None


def status_of(why: Response | RequestFailure) -> int:
    """What a refused re-INVITE is told as."""
    return why.status if isinstance(why, Response) else 504


def decline(refer: Request, transaction: ServerTransaction) -> None:
    """603: there is no transfer for this peer."""
    transaction.respond(response_to(refer, 603, headers=verdict_fields(Verdict.of(Slug.NOT_ALLOWED))))
