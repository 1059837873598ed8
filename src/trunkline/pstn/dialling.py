"""A call of a test phone in values: what is wanted of it, and what came of it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from trunkline.call.record import MediaFigures
from trunkline.media.terminals import Hearing, Silence, Source
from trunkline.pstn.talker import CODECS
from trunkline.sip.outbound_auth import DigestUser
from trunkline.sip.uri import SipUri

PAUSE_S = 0.5
"""How long a `w` between digits lasts."""


@dataclass(frozen=True, slots=True)
class Dialling:
    """One call to place."""

    to: SipUri
    caller: str | None = None
    """The user of From; None: the digest user, or `anonymous`."""
    domain: str | None = None
    """The host of From; None: that of `to`."""
    credentials: DigestUser | None = None
    next_hop: SipUri | None = None
    """Where the INVITE goes, if not where `to` says."""
    say: Source = field(default_factory=Silence)
    listen_for: Sequence[float] = ()
    """Frequencies in Hz, at most 16."""
    digits: str = ""
    """Sent once the call is answered: as telephone-events (RFC 4733), or as tones to a far end without
    them. `w` is a pause of `PAUSE_S`.
    """
    info: bool = False
    """Send the digits in INFO requests instead."""
    talk_s: float = 5.0
    """How long to stay after the answer."""
    ring_s: float = 60.0
    """How long to wait for an answer."""
    record_to: Path | None = None
    codecs: tuple[str, ...] = CODECS
    ptime_ms: int = 20
    """Audio in a packet that is asked for, 10 to 60."""
    srtp: bool = False
    """Offer SRTP, and nothing else."""
    events: bool = True
    """Offer telephone-event (RFC 4733)."""
    ilbc_ms: int = 30
    """The iLBC mode to offer, 20 or 30."""
    headers: tuple[tuple[str, str], ...] = ()
    noted: Callable[["Step"], None] = lambda _step: None
    """Is told of each step as it happens."""


@dataclass(frozen=True, slots=True)
class Step:
    """One thing that happened, seconds after the INVITE."""

    at_s: float
    what: str


@dataclass(slots=True)
class CallReport:
    """What came of a call, placed or taken."""

    answered: bool = False
    status: int | None = None
    """Of the final response; None when there was none."""
    outcome: str = ""
    """In words."""
    sip_call_id: str = ""
    """Call-ID of a call that was placed."""
    hung_up_by_us: bool = False
    talk_s: float = 0.0
    codec: str = ""
    hearing: Hearing = field(default_factory=lambda: Hearing("", ()))
    digits_in_info: str = ""
    """What came in INFO requests."""
    figures: MediaFigures = field(default_factory=MediaFigures)
    steps: list[Step] = field(default_factory=list)

    def heard(self, frequency_hz: float, at_least_ms: int = 500) -> bool:
        """Whether a frequency that was listened for was heard for so long."""
        return any(
            tone.frequency_hz == frequency_hz and tone.duration_ms >= at_least_ms
            for tone in self.hearing.tones
        )
