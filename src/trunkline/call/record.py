"""The records a call leaves: one for the call, one for each attempt; the same columns always.

Every `*_at` is wall-clock seconds since the epoch, None while it has not happened. The wall clock is read
once a call, at its INVITE; every later moment is that one and the monotonic seconds since (`moment`), so that
a clock that is put right meanwhile makes no call longer or shorter. A record is handed to the `RecordSink`
when it opens and each time it changes; the sink writes it in group commits, off the call path.
"""

from dataclasses import dataclass, field
from enum import StrEnum

from trunkline.trunk.verdict import Verdict


class Direction(StrEnum):
    """Outbound is customer to carrier, inbound carrier to customer."""

    OUTBOUND = "outbound"
    INBOUND = "inbound"


class RecordState(StrEnum):
    """`recovered`: the node died in this call, and the next start closed the record with what was known."""

    OPEN = "open"
    CLOSED = "closed"
    RECOVERED = "recovered"


class Party(StrEnum):
    """Who hung up. After a transfer whoever took a party's place counts as that party, here and in the
    figures.
    """

    CALLER = "caller"
    CALLEE = "callee"
    SERVICE = "service"


@dataclass(slots=True)
class MediaFigures:
    """What one leg's audio looked like, seen from us: received from that peer, sent to that peer."""

    codec: str = ""
    packets_received: int = 0
    packets_sent: int = 0
    packets_lost: int = 0
    """RTP packets that never came (RFC 3550 §6.4.1 cumulative), of those the peer sent."""
    jitter_ms: float = 0.0
    """Interarrival jitter (RFC 3550 §6.4.1) at the end of the call."""
    mos: float | None = None
    """Estimated listening quality 1.0 to 4.5 (ITU-T G.107 E-model); None when nothing arrived."""


@dataclass(slots=True)
class AttemptRecord:
    """One INVITE towards one endpoint or gateway (the walk over its own SRV/A targets included)."""

    attempt_id: str
    call_id: str
    position: int
    """1 for the first attempt of the call."""
    target: str
    """The URI as configured or registered."""
    carrier: str | None
    started_at: float
    sip_call_id: str = ""
    resolved: str = ""
    """`transport address:port` of the target that was last tried."""
    ringing_at: float | None = None
    answered_at: float | None = None
    ended_at: float | None = None
    verdict: Verdict | None = None
    """Why it ended or was left; None while it is under way."""
    wall_minus_now: float = 0.0
    """Its call's."""

    def moment(self, now: float) -> float:
        """The wall-clock second of `now` (monotonic) in this attempt."""
        return now + self.wall_minus_now


@dataclass(slots=True)
class CallRecord:
    """One call, from its first accepted INVITE on."""

    call_id: str
    node: str
    direction: Direction
    account: str | None
    number: str | None
    """The E.164 number of the account that was called (inbound) or whose caller ID was used (outbound),
    digits only.
    """
    dialled: str
    """The Request-URI's user as it came."""
    called: str
    """The called number in E.164, digits only; empty when malformed."""
    caller: str
    """The caller's number as presented onward; `anonymous` when withheld."""
    sip_call_id: str
    """Call-ID of the caller's leg."""
    source: str
    """`transport address:port` the call came from."""
    setup_at: float
    ringing_at: float | None = None
    answered_at: float | None = None
    ended_at: float | None = None
    state: RecordState = RecordState.OPEN
    carrier: str | None = None
    """The carrier that brought or took the call."""
    attempts: int = 0
    hung_up_by: Party | None = None
    verdict: Verdict | None = None
    caller_media: MediaFigures = field(default_factory=MediaFigures)
    callee_media: MediaFigures = field(default_factory=MediaFigures)
    wall_minus_now: float = 0.0
    """From monotonic to wall-clock seconds, as it was at the INVITE. Of use while the call is up."""

    def moment(self, now: float) -> float:
        """The wall-clock second of `now` (monotonic) in this call."""
        return now + self.wall_minus_now

    @property
    def transcoded(self) -> bool:
        """Whether the two legs spoke different codecs."""
        codecs = {self.caller_media.codec, self.callee_media.codec}
        return len(codecs) == 2 and "" not in codecs

    @property
    def setup_s(self) -> float | None:
        """Seconds from the INVITE to ringing, answer or the end, whichever came first; None while none
        has.
        """
        for moment in (self.ringing_at, self.answered_at, self.ended_at):
            if moment is not None:
                return moment - self.setup_at
        return None

    @property
    def ring_s(self) -> float:
        """Seconds of ringing: 0 when it never rang."""
        end = self.answered_at if self.answered_at is not None else self.ended_at
        return 0.0 if self.ringing_at is None or end is None else max(0.0, end - self.ringing_at)

    @property
    def talk_s(self) -> float:
        """Seconds from the answer to the end: 0 when it was never answered."""
        return (
            0.0
            if self.answered_at is None or self.ended_at is None
            else max(0.0, self.ended_at - self.answered_at)
        )
