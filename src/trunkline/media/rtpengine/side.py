"""One side of a room: what a leg has asked of it, and the books on what arrived there.

rtpengine counts packets received. What was sent to a side is taken to be what its far side received while
audio passed; how a peer's audio was heard is what the far peer reports of it; whether a side is silent is
seen from two answers with the same count.
"""

from collections import deque
from typing import TYPE_CHECKING, Final

from trunkline.call.ports import AudioFormat, MediaEvents, MediaFlow, MediaLeg, RemoteMedia
from trunkline.call.record import MediaFigures
from trunkline.media.course import Course
from trunkline.media.rtpengine.counts import Counts

if TYPE_CHECKING:
    from trunkline.media.rtpengine.description import Endpoint
    from trunkline.media.rtpengine.sounds import Playable

MEDIA, DTMF = "media", "DTMF"
"""What can be blocked apart."""
EVERYTHING = frozenset({MEDIA, DTMF})
UNKNOWN_PAYLOAD_TYPE: Final = 127
"""Of audio that is transcoded."""
MAX_DIGITS: Final = 256
"""Digits that wait to be played at one side, at most."""


class Side:
    """See the module. `tag` names it to the rtpengine."""

    __slots__ = (
        "blocked",
        "closed",
        "course",
        "digits",
        "endpoint",
        "events",
        "expecting_since",
        "figures",
        "heard_at",
        "inward",
        "ipv6",
        "key",
        "key_from",
        "key_told",
        "leg",
        "moved",
        "playing",
        "received",
        "remote",
        "searched",
        "sound",
        "tag",
    )

    def __init__(self, tag: str, *, ipv6: bool) -> None:
        self.tag = tag
        self.ipv6 = ipv6
        self.endpoint: Endpoint | None = None
        """Where the peer sends to; None until the rtpengine has said so."""
        self.leg: MediaLeg | None = None
        self.events: MediaEvents | None = None
        self.remote: RemoteMedia | None = None
        self.inward = False
        """Whether its peer is another leg of ours."""
        self.closed = False
        self.blocked: frozenset[str] = frozenset()
        """What its peer sends that has been told to go nowhere: `media`, `DTMF`."""
        self.key: bytes | None = None
        """With which what its peer is sent has been told to be protected (SRTP)."""
        self.key_from = 0
        """What was `received` when the peer's own key began to serve."""
        self.key_told: bool | None = None
        """What its leg has been told of `wear`."""
        self.searched = False
        """Whether its peer's audio has been told to be searched for tones that go nowhere."""
        self.digits: deque[tuple[str, int]] = deque()
        """Digits for its peer, each with its duration, that have not been asked for yet."""
        self.sound: Playable | None = None
        """What its peer is to hear."""
        self.playing: Playable | None = None
        """What it has been told to play."""
        self.moved = False
        """Whether the peer takes it elsewhere by now, or in another format."""
        self.received = 0
        self.heard_at = 0.0
        """When packets were last seen to have come."""
        self.expecting_since: float | None = None
        self.figures = MediaFigures()
        self.course: Course | None = None
        """How its peer's audio goes, once that is followed."""

    def set_remote(self, remote: RemoteMedia, now: float) -> None:
        """Another peer, or another direction."""
        before = None if self.remote is None else self.remote.srtp
        if remote.srtp is not None and (before is None or before.receive != remote.srtp.receive):
            self.key_from, self.key_told = self.received, None
        if self.remote is not None and _heard_at(self.remote) != _heard_at(remote):
            self.moved = True
        self.remote = remote
        if not (remote.direction is MediaFlow.BOTH and remote.is_somewhere):
            self.expecting_since = None
        elif self.expecting_since is None:
            self.expecting_since = now

    def protect(self, key: bytes | None) -> None:
        """What its peer is sent is protected with this from now on, or plain. What is being played would go
        on as it began, so it begins again.
        """
        if (key is None) != (self.key is None):
            self.playing = None
        self.key = key

    def wear(self, ahead: int) -> bool | None:
        """`SrtpKeys.wear` of the peer's key; `ahead` packets may come before this is asked again. rtpengine
        itself knows no lifetime.
        """
        keys = None if self.remote is None else self.remote.srtp
        return None if keys is None else keys.wear(self.received - self.key_from + ahead)

    @property
    def hears_digits(self) -> bool:
        """Whether digits for its peer are a sound, since it has SRTP and no telephone-event."""
        remote = self.remote
        return remote is not None and remote.takes_events is None and remote.srtp is not None

    @property
    def passes(self) -> bool:
        """Whether what its peer sends is for the far side."""
        return self.remote is not None and self.remote.direction in {MediaFlow.BOTH, MediaFlow.RECEIVE}

    @property
    def tells_digits(self) -> bool:
        """Whether its peer's digits are for the call instead of the far side."""
        return self.remote is not None and self.remote.tells_digits

    @property
    def tells_tones(self) -> bool:
        """Whether those are tones in its peer's audio."""
        return self.remote is not None and self.remote.tells_digits and self.remote.finds_tones

    @property
    def listens(self) -> bool:
        """Whether its peer is to be sent anything."""
        return self.remote is not None and self.remote.direction in {MediaFlow.BOTH, MediaFlow.SEND}

    @property
    def silent_since(self) -> float | None:
        """Since when audio has been expected in vain; None while none is expected."""
        return None if self.expecting_since is None else max(self.expecting_since, self.heard_at)

    def count(self, counts: Counts, far: "Side | None", now: float) -> None:
        """An answer with figures came; `far` is where what arrives here goes, if anywhere."""
        news = counts.received - self.received
        if news > 0:
            self.received = counts.received
            self.heard_at = now
            if far is not None and MEDIA not in self.blocked:
                far.figures.packets_sent += news
        self.figures.packets_received = self.received
        if far is not None:
            far.figures.packets_lost = counts.far_lost
            far.figures.jitter_ms = counts.far_jitter_ms
            far.figures.mos = counts.far_mos

    def follow_on(self, now: float) -> None:
        """Both sides have been counted: add to the course, or end it."""
        if self.course is None:
            return
        figures, remote = self.figures, self.remote
        payload_type = next(iter(() if remote is None else remote.payload_types), UNKNOWN_PAYLOAD_TYPE)
        step = self.course.end if self.closed else self.course.look
        step(now, figures.packets_received, figures.packets_lost, figures.jitter_ms, payload_type)


def _heard_at(remote: RemoteMedia) -> tuple[str, int, AudioFormat | None]:
    """Where sounds of ours go, and in which format."""
    return remote.rtp_address, remote.rtp_port, remote.speaks
