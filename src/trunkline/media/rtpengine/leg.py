"""A `call.ports.MediaLeg` at an rtpengine: one side of a room.

What is set here is said to the rtpengine a moment later (`room`). The figures are those of its last answer:
at most `watch.LONGEST_S` old while the leg lives, and after `close` filled in once more, in the same object,
with what the rtpengine says when it deletes the call, which takes it less time than a record waits to be
written.
"""

from collections import Counter
from dataclasses import replace
from typing import Final

from trunkline.call.ports import MediaEvents, RemoteMedia, Sound
from trunkline.call.quality import LegCourse
from trunkline.call.record import MediaFigures
from trunkline.errors import MediaError
from trunkline.media.rtpengine.description import Endpoint, refusal
from trunkline.media.rtpengine.room import Room
from trunkline.media.rtpengine.side import MAX_DIGITS, Side
from trunkline.media.rtpengine.sounds import playable

DIGITS: Final = frozenset("0123456789*#ABCD")


class RtpengineLeg:
    """See the module."""

    __slots__ = ("_open", "_room", "_side", "address", "port")

    def __init__(self, room: Room, side: Side, events: MediaEvents, open_legs: Counter[Endpoint]) -> None:
        """`open_legs`: where the node's legs receive; this one is among them until `close`."""
        endpoint = side.endpoint
        if endpoint is None:
            raise MediaError("the rtpengine has given no port")
        self._room = room
        self._side = side
        self._open = open_legs
        self._open[endpoint] += 1
        self.address = endpoint.address
        self.port = endpoint.port
        side.leg = self
        side.events = events

    @property
    def room(self) -> Room:
        """The call at the rtpengine that it is in."""
        return self._room

    @property
    def side(self) -> Side:
        """Its side of the room."""
        return self._side

    @property
    def closed(self) -> bool:
        """True from `close` on."""
        return self._side.closed

    def set_remote(self, remote: RemoteMedia) -> None:
        """Set or change the peer. Raises `MediaError` for an address of the other family, for what an
        rtpengine can't do, or on a closed leg. A peer that is another leg of ours need not speak first: that
        one is not at the host of its signalling, and would wait as well.
        """
        self.must_be_open()
        if (":" in remote.rtp_address) != (":" in self.address):
            raise MediaError(f"{remote.rtp_address} is of the other address family")
        reason = refusal(remote)
        if reason is not None:
            raise MediaError(reason)
        self._side.inward = Endpoint(remote.rtp_address, remote.rtp_port) in self._open
        if self._side.inward:
            remote = replace(remote, signalled_from=None)
        self._room.set_remote(self._side, remote)

    def send_digits(self, digits: str, duration_ms: int = 100) -> None:
        """Have digits sent to the peer (RFC 4733), each held within 100-5000 ms. They need a stream of the
        far leg's to travel in: without one they are lost, and logged. Where they are tones to a peer with
        SRTP they need none.
        """
        self.must_be_open()
        remote = self._side.remote
        if remote is None or (remote.takes_events is None and remote.speaks is None):
            raise MediaError("the peer takes no telephone-events and no audio of ours")
        if not set(digits.upper()) <= DIGITS:
            raise MediaError(f"{digits!r} has something that is no DTMF digit")
        if len(self._side.digits) + len(digits) > MAX_DIGITS:
            raise MediaError("too many digits wait to be sent")
        self._room.send_digits(self._side, digits.upper(), duration_ms)

    def announce(self, sound: Sound | None) -> None:
        """Have the peer hear `sound` in place of the far leg's audio."""
        self.must_be_open()
        if sound is None:
            self._room.play(self._side, None)
            return
        if self._side.remote is None or self._side.remote.speaks is None:
            raise MediaError("the peer takes no audio of ours")
        self._room.play(self._side, playable(sound))

    def figures(self) -> MediaFigures:
        """Counters of the last answer."""
        return self._side.figures

    def follow(self) -> None:
        """From now on keep how the peer's audio goes, seen at each answer. Again: nothing."""
        self.must_be_open()
        self._room.follow(self._side)

    def course(self) -> LegCourse | None:
        """How it went so far; once it is closed, until the rtpengine has said the last figures."""
        course = self._side.course
        return None if course is None else LegCourse(*course.read())

    def close(self) -> MediaFigures:
        """End it. The figures are filled in when the rtpengine has said the last ones. Idempotent."""
        if not self._side.closed:
            self._room.close(self._side)
            endpoint = Endpoint(self.address, self.port)
            self._open[endpoint] -= 1
            if not self._open[endpoint]:
                del self._open[endpoint]
        return self._side.figures

    def must_be_open(self) -> None:
        """Raises `MediaError` once it is closed."""
        if self._side.closed:
            raise MediaError("the media leg is closed")
