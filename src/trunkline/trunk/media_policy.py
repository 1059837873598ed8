"""How audio may be agreed on with one peer of a call: an account's or a carrier's wishes, in one value.

What they make of an offer or an answer is `trunkline.sdp.agreement` and `trunkline.call.leg`.
"""

from dataclasses import dataclass
from enum import StrEnum

from trunkline.sdp.codecs import CODEC_NAMES


class SrtpPolicy(StrEnum):
    """Whether audio is encrypted (RFC 4568). What doesn't fit is refused with 488, never made plain."""

    ALLOWED = "allowed"
    """As the peer offers it; we offer plain RTP."""
    REQUIRED = "required"
    """Always: we offer it, and take nothing else."""
    FORBIDDEN = "forbidden"
    """Never."""


class DtmfMode(StrEnum):
    """How digits travel to and from a peer."""

    AUTO = "auto"
    """As telephone-events (RFC 4733) where both sides have them, else as tones within the audio."""
    RFC4733 = "rfc4733"
    """As telephone-events only: a peer without them is told no digits."""
    INFO = "info"
    """In INFO requests with application/dtmf-relay."""
    INBAND = "inband"
    """As tones within the audio, which are listened for."""

    @property
    def uses_events(self) -> bool:
        """Whether telephone-event is offered, and answered."""
        return self in (DtmfMode.AUTO, DtmfMode.RFC4733)


@dataclass(frozen=True, slots=True)
class MediaPolicy:
    """The wishes of one side."""

    codecs: tuple[str, ...] = CODEC_NAMES
    """What may be agreed on with it, preferred first; names of `sdp.codecs.CODEC_NAMES`."""
    transcoding: bool = True
    """Whether its audio may be transcoded for a peer that shares none of its codecs: both sides of a call
    have to allow it.
    """
    srtp: SrtpPolicy = SrtpPolicy.ALLOWED
    dtmf: DtmfMode = DtmfMode.AUTO

    def in_words(self) -> str:
        """For `trunkline explain`."""
        return f"{', '.join(self.codecs)}; SRTP {self.srtp}; digits {self.dtmf}"


def bridge_words(one: MediaPolicy, other: MediaPolicy) -> str:
    """What comes of two sides' codecs, in a sentence, before either has offered anything."""
    shared = [name for name in other.codecs if name in one.codecs]
    if one.transcoding and other.transcoding:
        passes = f"{', '.join(shared)} pass as they are" if shared else "none passes as it is"
        return f"Of these codecs {passes}; where the peers share none, audio is transcoded."
    if not shared:
        return "They have no codec in common and transcoding is off: a call gets 488."
    return f"Transcoding is off: a call needs {' or '.join(shared)} on both sides, else it gets 488."
