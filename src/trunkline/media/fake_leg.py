"""A leg of the engine without sockets: the books that a real one would keep (`fake`)."""

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from trunkline.call.ports import MediaEvents, MediaFlow, RemoteMedia, SrtpKeys, Tone, WavFile
from trunkline.call.ports import Sound as Announcement
from trunkline.call.quality import LegCourse
from trunkline.call.record import MediaFigures
from trunkline.errors import MediaError
from trunkline.media.course import Course
from trunkline.media.fake_network import Sound

if TYPE_CHECKING:
    from trunkline.media.fake import FakeEngine

PACKETS_A_SECOND = 50
DIGITS = frozenset("0123456789*#ABCD")
DIGIT_MS = 100
"""How long every digit of a peer lasts."""
PCMA = 8


class FakeLeg:
    """A `MediaLeg` that counts."""

    def __init__(self, engine: "FakeEngine", address: str, port: int, events: MediaEvents | None) -> None:
        self.address = address
        self.port = port
        self.closed = False
        self.peer_talks = engine.peers_talk
        """Somebody outside who is this leg's peer sends audio all the time."""
        self.remote: RemoteMedia | None = None
        self.far: FakeLeg | None = None
        self.sound: Announcement | None = None
        self.engine = engine
        self.events = events
        self.received = 0.0
        self.sent = 0.0
        self.last_rtp = 0.0
        self.expecting_since: float | None = None
        self.key_served = 0.0
        self.key_told: bool | None = None
        self._course: Course | None = None

    def set_remote(self, remote: RemoteMedia) -> None:
        """Set or change the peer. Raises `MediaError` for an address of the other family, or on a closed
        leg."""
        self.must_be_open()
        if (":" in remote.rtp_address) != (":" in self.address):
            raise MediaError(f"{remote.rtp_address} is of the other address family")
        check_keys(remote.srtp)
        self.engine.network.settle()
        before = None if self.remote is None else self.remote.srtp
        if before is None or remote.srtp is None or before.receive != remote.srtp.receive:
            self.key_served, self.key_told = 0.0, None
        self.remote = remote
        if not (remote.direction is MediaFlow.BOTH and remote.is_somewhere):
            self.expecting_since = None
        elif self.expecting_since is None:
            self.expecting_since = self.engine.clock.now()
        self.engine.watch(self)

    def send_digits(self, digits: str, duration_ms: int = 100) -> None:
        """Send digits to the peer, all at once."""
        self.must_be_open()
        if self.digits_as is None:
            raise MediaError("the peer takes no telephone-events and no audio of ours")
        if not set(digits.upper()) <= DIGITS:
            raise MediaError(f"{digits!r} has something that is no DTMF digit")
        self.engine.network.settle()
        packets = len(digits) * (duration_ms // 20 + 2)
        self.send(Sound(self.digits_as, packets, digits=digits.upper()), 0)

    @property
    def digits_as(self) -> int | None:
        """The payload type in which the peer is sent digits: of its telephone-events, or else of audio."""
        remote = self.remote
        if remote is None:
            return None
        if remote.takes_events is not None:
            return remote.takes_events.payload_type
        return None if remote.speaks is None else remote.speaks.payload_type

    def announce(self, sound: Announcement | None) -> None:
        """Say `sound` in place of the far leg's audio."""
        self.must_be_open()
        if sound is not None and (self.remote is None or self.remote.speaks is None):
            raise MediaError("the peer takes no audio of ours")
        check_sound(sound)
        self.engine.network.settle()
        self.sound = sound
        if isinstance(sound, WavFile) and not sound.repeat:
            self.engine.clock.at(self.engine.clock.now(), lambda: self._sound_ended(sound))

    def _sound_ended(self, sound: Announcement) -> None:
        if self.sound is sound:
            self.sound = None
            if self.events is not None:
                self.events.sound_ended(self)

    def figures(self) -> MediaFigures:
        """Counters so far, or the last ones of a closed leg."""
        self.engine.network.settle()
        heard = int(self.received)
        return MediaFigures(packets_received=heard, packets_sent=int(self.sent), mos=4.4 if heard else None)

    def follow(self) -> None:
        """From now on keep how the peer's audio goes. Again: nothing."""
        self.must_be_open()
        if self._course is None:
            self._course = Course(self.engine.clock.now())

    def course(self) -> LegCourse | None:
        """How it went so far, or until it was closed: steadily between two looks."""
        if self._course is None:
            return None
        self._course.look(self.engine.clock.now(), self.figures().packets_received, 0, 0.0, PCMA)
        return LegCourse(*self._course.read())

    def close(self) -> MediaFigures:
        """End it and return the last counters. Idempotent."""
        figures = self.figures()
        if not self.closed:
            self.closed = True
            if self._course is not None:
                self._course.end(self.engine.clock.now(), figures.packets_received, 0, 0.0, PCMA)
            self.events = None
            self.engine.forget(self)
        return figures

    def talk(self, talks: bool = True) -> None:
        """From now on somebody outside, as this leg's peer, sends audio all the time, or falls silent."""
        self.engine.network.settle()
        self.peer_talks = talks

    def deliver(self, payload_type: int, packets: int = 1) -> None:
        """Packets of this leg's peer arrive now, all at once."""
        self.engine.network.settle()
        self.arrive(Sound(payload_type, packets), 0)

    @property
    def silent_since(self) -> float | None:
        """Since when audio has been expected in vain; None while none is expected."""
        return None if self.expecting_since is None else max(self.expecting_since, self.last_rtp)

    def must_be_open(self) -> None:
        """Raises `MediaError` once it is closed."""
        if self.closed:
            raise MediaError("the media leg is closed")

    def expects_from(self, sender: "FakeLeg") -> bool:
        """True when its peer is `sender`, by address."""
        remote = self.remote
        return remote is not None and (remote.rtp_address, remote.rtp_port) == (sender.address, sender.port)

    def relays_for(self, other: "FakeLeg") -> bool:
        """True when what it sends to `other`, another leg of the engine, may have come to a port of it."""
        return self.engine is other.engine

    @property
    def meets_own(self) -> bool:
        """True when its peer is a leg of the engine that would pass on what it is sent."""
        remote = self.remote
        if remote is None:
            return False
        peer = self.engine.network.legs.get((remote.rtp_address, remote.rtp_port))
        return peer is not None and peer.relays_for(self)

    def emit(self, seconds: float) -> None:
        """Let so much time be filled: by the sound it announces, and by its peer outside, if that talks."""
        remote = self.remote
        if remote is None or not remote.is_somewhere:
            return
        packets = PACKETS_A_SECOND * seconds
        if self.sound is not None and remote.speaks is not None:
            tone = self.sound if isinstance(self.sound, Tone) else Tone(())
            self.send(
                Sound(remote.speaks.payload_type, packets, seconds, tone.frequencies_hz, tone.level_dbm0), 0
            )
        if not self.peer_talks or (remote.rtp_address, remote.rtp_port) in self.engine.network.legs:
            return
        payload_type = next(
            iter([*remote.payload_types, *(audio.payload_type for audio in remote.hears)]), None
        )
        if payload_type is not None:
            self.arrive(Sound(payload_type, packets, seconds), 0)

    def arrive(self, sound: Sound, hops: int) -> None:
        """Packets of its peer have come."""
        remote = self.remote
        if remote is None or not is_agreed(remote, sound.payload_type):
            return
        if remote.srtp is not None:
            sound = replace(sound, packets=self.served(remote.srtp, sound.packets))
        if sound.packets <= 0:
            return
        self.received += sound.packets
        self.last_rtp = self.engine.clock.now()
        self.engine.watch(self)
        if remote.direction in {MediaFlow.BOTH, MediaFlow.RECEIVE}:
            self.pass_on(sound, hops)

    def served(self, keys: SrtpKeys, packets: float) -> float:
        """How many of these packets the peer's key serves; what is to be told of it is."""
        taken = min(packets, keys.receive_lifetime - 1 - self.key_served)
        self.key_served += taken
        spent = keys.wear(self.key_served)
        if spent is not None and spent is not self.key_told:
            self.key_told = spent
            if self.events is not None:
                self.events.key_worn(self, spent=spent)
        return taken

    def pass_on(self, sound: Sound, hops: int) -> None:
        """Hand accepted packets to the far leg, as its peer takes them."""
        far, remote = self.far, self.remote
        if remote is None:
            return
        is_event = remote.is_event(sound.payload_type)
        are_digits = is_event or (remote.finds_tones and sound.digits != "")
        if are_digits and remote.tells_digits:
            self._tell(sound.digits)
            return
        if far is None or (far.sound is not None and not are_digits) or (sound.crossed and far.meets_own):
            return
        onward = remote.payload_types.get(sound.payload_type)
        if are_digits and (onward is None or not is_event):
            onward = far.digits_as
        elif onward is None and far.remote is not None and far.remote.speaks is not None:
            onward = far.remote.speaks.payload_type
        if onward is not None:
            far.send(replace(sound, payload_type=onward), hops)

    def _tell(self, digits: str) -> None:
        for digit in digits:
            if self.events is not None:
                self.events.digit_received(self, digit, DIGIT_MS)

    def send(self, sound: Sound, hops: int) -> None:
        """Send packets to its peer, if there is one to send to."""
        remote = self.remote
        if (
            remote is None
            or remote.direction not in {MediaFlow.BOTH, MediaFlow.SEND}
            or not remote.is_somewhere
        ):
            return
        self.sent += sound.packets
        self.engine.network.deliver(self, remote, sound, hops)


def is_agreed(remote: RemoteMedia, payload_type: int) -> bool:
    """True for what this peer may send."""
    return (
        payload_type in remote.payload_types
        or remote.is_event(payload_type)
        or any(audio.payload_type == payload_type for audio in remote.hears)
    )


def check_sound(sound: Announcement | None) -> None:
    """Raises `MediaError` for a tone out of range, or a file that is none."""
    if isinstance(sound, Tone) and len(sound.frequencies_hz) not in {1, 2}:
        raise MediaError("a tone has one or two frequencies")
    if isinstance(sound, WavFile) and not Path(sound.path).is_file():
        raise MediaError(f"{sound.path}: no such file")


def check_keys(keys: SrtpKeys | None) -> None:
    """Raises `MediaError` for keys of an impossible length."""
    if keys is None:
        return
    if (len(keys.send), len(keys.receive)) != (30, 30) or len(keys.receive_mki) > 128:
        raise MediaError("SRTP needs keys of 30 octets, and identifiers of up to 128")
