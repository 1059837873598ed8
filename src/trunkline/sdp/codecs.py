"""The six codecs of the service and telephone-event, as SDP names them.

Owns the static payload types (RFC 3551 §6), the clock rates, and what is read from and written into `a=fmtp`:
G.729's annexb (RFC 4856: always `annexb=no` here), iLBC's mode (RFC 3952 §5), the event list of
telephone-event (RFC 4733 §2.4.1), Speex's parameters (RFC 5574 §5) kept as they come. Everything else in
`a=fmtp` is dropped. Deliberate leniency, pinned by a test: G.729 under the names G729A, by which Sipura and
Linksys telephones call it, and G.729. How much audio a packet holds. Who speaks which codec with whom is
`agreement`.
"""

import re
from functools import lru_cache
from typing import NamedTuple

CODEC_NAMES: tuple[str, ...] = ("PCMA", "PCMU", "G722", "G729", "iLBC", "speex")
"""Canonical encoding names, in the order that is offered where nothing else is asked for. `speex` is 16 kHz
Speex."""

TELEPHONE_EVENT = "telephone-event"
DTMF_EVENTS = "0-15"
"""The events of a telephone-event line without a list (RFC 4733 §2.5.1.1)."""


class Codec(NamedTuple):
    """One payload type of a session description: what the number stands for."""

    payload_type: int
    """0 to 127."""
    name: str
    """One of `CODEC_NAMES`, or `TELEPHONE_EVENT`."""
    clock_rate: int
    """RTP timestamp units per second: 8000, for Speex 16000 (G.722's is 8000, RFC 3551 §4.5.2)."""
    fmtp: str = ""
    """Format parameters in the normal form of this module; empty when there are none to state."""

    @property
    def key(self) -> tuple[str, int]:
        """What is the same on both sides of a call, whatever the payload types."""
        return self[1:3]


_BY_LOWER = {name.lower(): name for name in CODEC_NAMES} | {
    "alaw": "PCMA",
    "g711a": "PCMA",
    "ulaw": "PCMU",
    "g711u": "PCMU",
    "speex16": "speex",
    "speex/16000": "speex",
}
_ENCODINGS = {
    "pcma/8000": ("PCMA", 8000),
    "pcmu/8000": ("PCMU", 8000),
    "g722/8000": ("G722", 8000),
    "g729/8000": ("G729", 8000),
    "g729a/8000": ("G729", 8000),
    "g.729/8000": ("G729", 8000),
    "ilbc/8000": ("iLBC", 8000),
    "speex/16000": ("speex", 16000),
    "telephone-event/8000": (TELEPHONE_EVENT, 8000),
    "telephone-event/16000": (TELEPHONE_EVENT, 16000),
}
_STATIC = {0: ("PCMU", 8000), 8: ("PCMA", 8000), 9: ("G722", 8000), 18: ("G729", 8000)}
_ANNEX_B_NO = "annexb=no"
_ILBC_MODE_20 = "mode=20"
_ILBC_MODE_30 = "mode=30"
_OURS = {
    "PCMA": Codec(8, "PCMA", 8000),
    "PCMU": Codec(0, "PCMU", 8000),
    "G722": Codec(9, "G722", 8000),
    "G729": Codec(18, "G729", 8000, _ANNEX_B_NO),
    "iLBC": Codec(97, "iLBC", 8000, _ILBC_MODE_30),
    "speex": Codec(98, "speex", 16000),
}
_OUR_EVENTS = {
    8000: Codec(101, TELEPHONE_EVENT, 8000, "0-16"),
    16000: Codec(102, TELEPHONE_EVENT, 16000, "0-16"),
}
_EVENTS = re.compile(r"[0-9]{1,3}(?:-[0-9]{1,3})?(?:,[0-9]{1,3}(?:-[0-9]{1,3})?){0,31}", re.ASCII)
_SPEEX_PARAMETERS = re.compile(r'[A-Za-z0-9=;," ]{1,96}', re.ASCII)
MAX_PACKET_MS = 60
_USUAL_PACKET_MS = 20
_MAX_RTPMAP = 64
_MAX_FMTP = 256


def canonical_codec_name(name: str) -> str | None:
    """The spelling of `CODEC_NAMES` for a codec's name in any case, or for its usual nickname; None when
    unknown."""
    return _BY_LOWER.get(name.strip().lower())


def our_codec(name: str) -> Codec:
    """The codec `name` (of `CODEC_NAMES`) with the payload type and parameters that we choose where nobody
    else has."""
    return _OURS[name]


def our_telephone_event(clock_rate: int) -> Codec:
    """telephone-event at the clock rate of the audio it goes with, 8000 or 16000, with our payload type."""
    return _OUR_EVENTS[clock_rate]


def read_codec(payload_type: int, rtpmap: str | None, fmtp: str) -> Codec | None:
    """The codec that a payload type stands for; None when it isn't one of ours.

    `rtpmap` and `fmtp` are what follows the payload type in those attributes (None: no such attribute). A
    static payload type that is mapped to another encoding than its own counts as unknown.
    """
    if rtpmap is not None and len(rtpmap) > _MAX_RTPMAP:
        return None
    return _read_codec(payload_type, rtpmap, fmtp if len(fmtp) <= _MAX_FMTP else "")


@lru_cache(maxsize=1024)
def _read_codec(payload_type: int, rtpmap: str | None, fmtp: str) -> Codec | None:
    static = _STATIC.get(payload_type)
    if rtpmap is None:
        encoding = static
    else:
        encoding = _ENCODINGS.get(rtpmap.strip().lower().removesuffix("/1"))
        if static is not None and encoding != static:
            return None
    if encoding is None:
        return None
    name, clock_rate = encoding
    return Codec(payload_type, name, clock_rate, _normal_fmtp(name, fmtp.strip()))


def _normal_fmtp(name: str, fmtp: str) -> str:
    match name:
        case "G729":
            return _ANNEX_B_NO
        case "iLBC":
            parameters = [item.strip() for item in fmtp.lower().split(";")]
            return _ILBC_MODE_20 if _ILBC_MODE_20 in parameters else _ILBC_MODE_30
        case "telephone-event":
            return fmtp if _EVENTS.fullmatch(fmtp) else DTMF_EVENTS
        case "speex":
            return fmtp if _SPEEX_PARAMETERS.fullmatch(fmtp) else ""
    return ""


def agreed_fmtp(offered: Codec, answered: Codec) -> str:
    """The parameters of a codec that both sides of an exchange have named.

    iLBC's mode is the one of lower bandwidth, 30 ms, unless both asked for 20 ms (RFC 3952 §5); the
    parameters of all others describe what their sender wants to receive, and pass.
    """
    if offered.name == "iLBC" and offered.fmtp != answered.fmtp:
        return _ILBC_MODE_30
    return answered.fmtp


def frame_ms(codec: Codec) -> int:
    """The audio in one frame that we make: what a packet holds is a multiple of it."""
    match codec.name:
        case "iLBC":
            return 20 if codec.fmtp == _ILBC_MODE_20 else 30
        case "speex":
            return 20
    return 10


def packet_ms(codec: Codec, ptime: int | None, maxptime: int | None) -> int:
    """The audio in a packet for a peer with these wishes (None: none, which means 20 ms), 10 to 60."""
    most = min(MAX_PACKET_MS, maxptime or MAX_PACKET_MS)
    wanted = min(ptime or _USUAL_PACKET_MS, most)
    frame = frame_ms(codec)
    return max(frame, wanted - wanted % frame)
