"""One attempt: an INVITE towards one endpoint or gateway, with its own media port, SDP and record.

It decides nothing about what comes next: how it ended goes to the call, whose `Hunt` knows the rules. Two
timers are its own: silence (no response at all within the endpoint's `timeout`), and ringing (a provisional
response came, a final one does not). The walk over one URI's own SRV and address records happens below, in
`trunkline.sip.delivery`, inside the same silence budget.

Driven by the user agent (`OutgoingInviteEvents`) and the clock; told to stop by the call.
"""

from dataclasses import dataclass
from typing import Protocol

from trunkline.call.leg import Leg
from trunkline.call.record import AttemptRecord
from trunkline.call.services import Services
from trunkline.clock import Timer
from trunkline.sdp.offer_answer import RemoteAudio
from trunkline.sip.failures import RequestFailure, RequestFailureKind
from trunkline.sip.message import Response
from trunkline.sip.outgoing_invite import OutgoingInvite
from trunkline.sip.ports import Flow, Target
from trunkline.sip.usage import Usage
from trunkline.trunk.hunt import AttemptEnd, EndKind
from trunkline.trunk.verdict import Slug, Verdict

_Q850_MAX = 127
_END_OF_FAILURE = {
    RequestFailureKind.NO_RESPONSE: EndKind.SILENT,
    RequestFailureKind.NO_FINAL: EndKind.RING_TIMEOUT,
    RequestFailureKind.UNREACHABLE: EndKind.UNREACHABLE,
    RequestFailureKind.NAME: EndKind.NAME,
    RequestFailureKind.TLS: EndKind.TLS,
    RequestFailureKind.BARRED: EndKind.BARRED,
    RequestFailureKind.CANCELLED: EndKind.CANCELLED,
}


class AttemptOwner(Protocol):
    """The call."""

    __slots__ = ()

    def attempt_progressed(self, attempt: "Attempt", response: Response) -> None:
        """A provisional response from 101 to 199; `attempt.leg.usage` is its early dialog, or None without a
        To tag.
        """

    def attempt_answered(self, attempt: "Attempt", response: Response) -> None:
        """The first 2xx, already acknowledged."""

    def attempt_ended(self, attempt: "Attempt", end: AttemptEnd, response: Response | None) -> None:
        """It failed; `response` is the final one, if any came."""


@dataclass(frozen=True, slots=True)
class Patience:
    """How long an attempt waits, in seconds."""

    silence_s: float
    """Without any response."""
    ring_s: float
    """From the first response that counts, to a final one."""
    trying_counts: bool
    """Whether a 100 Trying ends the silence (`forwarding.trying_counts`)."""
    progress_s: float | None = None
    """After a 100, until anything else comes; None: a 100 starts the ringing."""


class Attempt:
    """One INVITE of ours. `invite` is set right after construction by the call."""

    __slots__ = (
        "_heard_of",
        "_owner",
        "_said",
        "_services",
        "_timer",
        "_trying",
        "early_media",
        "invite",
        "leg",
        "live",
        "patience",
        "record",
        "rung",
    )

    def __init__(
        self, services: Services, owner: AttemptOwner, leg: Leg, record: AttemptRecord, patience: Patience
    ) -> None:
        self._services = services
        self._owner = owner
        self.patience = patience
        self._timer: Timer | None = None
        self._heard_of = False
        self._trying = False
        self._said: dict[str, RemoteAudio] | None = None
        """What each branch of a fork has said of its audio before the answer, by To tag."""
        self.leg = leg
        self.record = record
        self.invite: OutgoingInvite | None = None
        self.early_media = False
        self.rung = False
        self.live = True

    @classmethod
    def taken_over(cls, services: Services, leg: Leg, record: AttemptRecord) -> "Attempt":
        """One whose INVITE was another call's: nothing more comes of that."""
        return cls(services, _NOBODY, leg, record, Patience(0.0, 0.0, trying_counts=False))

    def start(self) -> None:
        """Arm the silence timer; call just before the INVITE goes out."""
        clock = self._services.clock
        self._timer = clock.at(clock.now() + self.patience.silence_s, self._silent)
        self._services.records.attempt_changed(self.record)

    def abandon(self, verdict: Verdict, headers: list[tuple[str, str]]) -> None:
        """Stop it, whatever it is doing: CANCEL as RFC 3261 §9.1 allows, close the media, close the
        record.
        """
        if self.live:
            invite = self.invite
            self._close(verdict)
            if invite is not None:
                invite.cancel(headers)

    def unoffered(self, detail: str) -> None:
        """There is nothing to offer the target: no INVITE goes out."""
        self._end(EndKind.UNOFFERED, None, detail)

    # -- the user agent's events -------------------------------------------------------------------

    def target_chosen(self, target: Target | Flow) -> None:
        """Note where the INVITE goes now."""
        if isinstance(target, Target):
            self.record.resolved = f"{target.transport} {target.address}"
        else:
            self.record.resolved = f"{target.transport} {target.remote}"

    def trying(self, response: Response) -> None:  # noqa: ARG002 - part of the protocol
        """A 100 ends the silence when it counts; it says nothing else."""
        if not self.live or not self.patience.trying_counts or self._trying:
            return
        self._trying = True
        if self.patience.progress_s is None:
            self._heard()
        elif not self._heard_of:
            self._stop_timer()
            clock = self._services.clock
            self._timer = clock.at(clock.now() + self.patience.progress_s, self._stalled)

    def progressed(self, response: Response, usage: Usage | None) -> None:
        """101 to 199: it rings, or early media starts."""
        if not self.live:
            return
        self._heard()
        if usage is not None:
            self.leg.adopt(usage)
        if not self.rung:
            self.rung = True
            self.record.ringing_at = self.record.moment(self._services.clock.now())
            self._services.records.attempt_changed(self.record)
        self._owner.attempt_progressed(self, response)
        remote = self.leg.remote
        if usage is not None and remote is not None and remote.body == response.body:
            self.described(usage.dialog.remote_tag)

    def described(self, branch: str) -> None:
        """What the peer has just said of its audio was said by the branch of the fork with this To tag."""
        if self.leg.remote is not None:
            said = self._said = self._said or {}
            said[branch] = self.leg.remote

    def answered(self, response: Response, usage: Usage) -> None:
        """The first 2xx."""
        if not self.live:
            return
        self._stop_timer()
        if not response.body and self._said is not None:
            # Of a fork another branch may have been heard last: what this one has said itself counts.
            self.leg.remote = self._said.get(usage.dialog.remote_tag, self.leg.remote)
        self._said = None
        self.leg.adopt(usage)
        self.record.answered_at = self.record.moment(self._services.clock.now())
        self._owner.attempt_answered(self, response)

    def rejected(self, response: Response) -> None:
        """A final answer of 300 or more."""
        self._end(EndKind.RESPONSE, response, response.in_words)

    def failed(self, failure: RequestFailure) -> None:
        """No final answer will come."""
        self._end(_END_OF_FAILURE[failure.kind], None, failure.detail)

    def late_answer(self, response: Response) -> None:
        """It answered after it had been left; the user agent has acknowledged and ended it (never a ghost
        call).
        """

    # -- its own clock -----------------------------------------------------------------------------

    def _heard(self) -> None:
        """Something that counts came: from the first such response on only the ring timer runs."""
        if self._heard_of:
            return
        self._heard_of = True
        self._stop_timer()
        clock = self._services.clock
        self._timer = clock.at(clock.now() + self.patience.ring_s, self._rang_out)

    def _silent(self) -> None:
        self._give_up(EndKind.SILENT, f"no response within {self.patience.silence_s:g} s")

    def _stalled(self) -> None:
        self._give_up(EndKind.SILENT, f"nothing but a 100 within {self.patience.progress_s:g} s")

    def _rang_out(self) -> None:
        self._give_up(EndKind.RING_TIMEOUT, f"no answer within {self.patience.ring_s:g} s")

    def _give_up(self, kind: EndKind, detail: str) -> None:
        invite = self.invite
        self._end(kind, None, detail)
        if invite is not None:
            invite.cancel([("Reason", 'SIP;cause=408;text="no answer in time"')])

    # -- the end -----------------------------------------------------------------------------------

    def _end(self, kind: EndKind, response: Response | None, detail: str) -> None:
        if not self.live:
            return
        end = AttemptEnd(
            kind=kind,
            status=None if response is None else response.status,
            detail=detail,
            rung=self.rung,
            early_media=self.early_media,
            q850=None if response is None else _q850(response),
        )
        self._close(end.verdict)
        self._owner.attempt_ended(self, end, response)

    def _close(self, verdict: Verdict) -> None:
        self._stop_timer()
        self.leg.close()
        self.finish(verdict)

    def finish(self, verdict: Verdict) -> None:
        """Close the record (an answered attempt's, when its call ends), and let go of the INVITE."""
        self.live = False
        self.invite = None
        if self.record.ended_at is None:
            self.record.ended_at = self.record.moment(self._services.clock.now())
            self.record.verdict = verdict
            self._services.records.attempt_changed(self.record)

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None


class _Nobody(AttemptOwner):
    """Whom nothing is told."""

    def attempt_progressed(self, attempt: Attempt, response: Response) -> None:
        pass

    def attempt_answered(self, attempt: Attempt, response: Response) -> None:
        pass

    def attempt_ended(self, attempt: Attempt, end: AttemptEnd, response: Response | None) -> None:
        pass


_NOBODY = _Nobody()


def _q850(response: Response) -> int | None:
    """The Q.850 cause that the far end gives (RFC 3326 §2); a number that is none of its 7 bits counts as
    none: no record would hold it.
    """
    causes = [reason.cause for reason in response.reason_header if reason.protocol == "Q.850"]
    return next((cause for cause in causes if cause is not None and cause <= _Q850_MAX), None)


ABANDONED = Verdict.of(Slug.ABANDONED)
"""What an attempt's record says when the call ended first."""
