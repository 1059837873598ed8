"""A media engine without sockets, for tests of calls and for the simulation: it keeps the books a real one
would.

Time is a `Clock`. Packets are not simulated one by one: between two changes audio flows steadily at 50
packets a second along every path that exists, and each leg on the path counts it (`fake_network`). A leg's
peer is either another leg of the same `FakeNetwork` (a terminal, or a leg of another node in the
simulation) or somebody outside, who talks or is silent as the test says. What a peer sends passes or is
transcoded by the rule of `RemoteMedia`: then only the payload type changes. The contract suite holds it
against the embedded engine.

Not modelled: loss, jitter, codecs, latching on anything but the signalled address, RTCP; a file sounds for no
time at all.
"""

from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TypeVar

from trunkline.call.ports import (
    MediaEvents,
    MediaFlow,
    MediaLeg,
    NoFamilyError,
    NoPortsError,
    RemoteMedia,
    SrtpKeys,
    Tone,
    WavFile,
)
from trunkline.call.ports import Sound as Announcement
from trunkline.call.quality import LegCourse
from trunkline.call.record import MediaFigures
from trunkline.clock import Clock, Timer
from trunkline.errors import MediaError
from trunkline.media.course import Course
from trunkline.media.fake_network import FakeNetwork, Sound
from trunkline.media.terminals import Echo, Hearing, Silence, Source, ToneHeard

PACKETS_A_SECOND = 50
DIGITS = frozenset("0123456789*#ABCD")
DIGIT_MS = 100
"""How long every digit of a peer lasts."""
PCMA = 8
G711 = frozenset({0, PCMA})
NO_SPEECH = "a terminal speaks PCMU and PCMA, and what the peer is said to be spoken to in"
_L = TypeVar("_L", bound="FakeLeg")


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
        if not (remote.direction is MediaFlow.BOTH and is_somewhere(remote)):
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
        if remote is None or not is_somewhere(remote):
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
            or not is_somewhere(remote)
        ):
            return
        self.sent += sound.packets
        self.engine.network.deliver(self, remote, sound, hops)


class FakeTerminal(FakeLeg):
    """A `Terminal` that knows what it would have heard. A file sounds for no time at all and ends at once."""

    def __init__(
        self,
        engine: "FakeEngine",
        address: str,
        port: int,
        listen_for: Sequence[float],
        source_ended: Callable[[], None] | None,
    ) -> None:
        super().__init__(engine, address, port, None)
        self.source: Source = Silence()
        self.digits = ""
        self.heard_s = dict.fromkeys(listen_for, 0.0)
        self.levels: dict[float, float] = {}
        self.source_ended = source_ended

    def set_remote(self, remote: RemoteMedia) -> None:
        """Set or change the peer. Raises `MediaError` for one with no audio that it can make."""
        if spoken_payload_type(remote) is None:
            raise MediaError(NO_SPEECH)
        super().set_remote(remote)

    def relays_for(self, other: FakeLeg) -> bool:  # noqa: ARG002 - nothing passes a terminal
        """False."""
        return False

    @property
    def digits_as(self) -> int | None:
        """Telephone-events as the peer takes them."""
        remote = self.remote
        if remote is None or remote.dtmf_payload_type is None:
            return None
        return remote.payload_types.get(remote.dtmf_payload_type)

    def announce(self, sound: Announcement | None) -> None:  # noqa: ARG002
        """Raises `MediaError`: it plays."""
        raise MediaError("a terminal plays, it announces nothing")

    def play(self, source: Source) -> None:
        """Say this from now on."""
        self.must_be_open()
        if isinstance(source, Tone):
            check_sound(source)
        self.engine.network.settle()
        self.source = source

    def send_digits(self, digits: str, duration_ms: int = 100) -> None:
        """Send digits, all at once."""
        super().send_digits(digits, duration_ms)
        if self.source_ended is not None:
            self.engine.clock.at(self.engine.clock.now(), self.source_ended)

    def hearing(self) -> Hearing:
        """What it has heard so far, or until it was closed."""
        self.engine.network.settle()
        return Hearing(
            self.digits,
            tuple(
                ToneHeard(hz, int(1000 * seconds), self.levels.get(hz))
                for hz, seconds in self.heard_s.items()
            ),
        )

    def emit(self, seconds: float) -> None:
        """Speak for so long, unless it only echoes."""
        super().emit(seconds)
        remote = self.remote
        if remote is None or isinstance(self.source, Echo):
            return
        payload_type = spoken_payload_type(remote)
        if payload_type is None:
            return
        sound = Sound(payload_type, PACKETS_A_SECOND * seconds, seconds)
        if isinstance(self.source, Tone):
            sound.tones, sound.level_dbm0 = self.source.frequencies_hz, self.source.level_dbm0
        self.send(sound, 0)

    def pass_on(self, sound: Sound, hops: int) -> None:
        """Hear it, and echo it if that is what it says."""
        if self.remote is not None and self.remote.is_event(sound.payload_type):
            self.digits += sound.digits
        for frequency_hz in sound.tones:
            if frequency_hz in self.heard_s:
                self.heard_s[frequency_hz] += sound.seconds
                self.levels[frequency_hz] = sound.level_dbm0
        if isinstance(self.source, Echo) and not sound.digits:
            self.send(sound, hops)


class FakeEngine:
    """A `MediaEngine` and `TerminalEngine` without sockets.

    `peers_talk`: somebody outside who is a leg's peer talks all the time, so that a call without terminals
    lasts; a leg's `talk` changes it for that leg.
    """

    def __init__(
        self,
        clock: Clock,
        *,
        network: FakeNetwork | None = None,
        address: str = "192.0.2.1",
        address_v6: str | None = "2001:db8::1",
        port_min: int = 10_000,
        port_max: int = 20_000,
        timeout_s: float = 60.0,
        drain_s: float = 2.0,
        peers_talk: bool = True,
    ) -> None:
        self.clock = clock
        self.network = FakeNetwork(clock) if network is None else network
        self.peers_talk = peers_talk
        self.open_legs = 0
        self._addresses = {False: address, True: address_v6}
        first = port_min + port_min % 2
        self._free = {ipv6: deque(range(first, port_max, 2)) for ipv6 in (False, True)}
        self._draining: dict[bool, deque[tuple[float, int]]] = {False: deque(), True: deque()}
        self._timeout_s = timeout_s
        self._drain_s = drain_s
        self._bridges: dict[FakeLeg, Timer | None] = {}
        """First leg of each bridge -> what will look for silence; None once it has been told of."""

    def open_leg(
        self,
        *,
        ipv6: bool,
        events: MediaEvents,
        beside: MediaLeg | None = None,  # noqa: ARG002 - all legs are in one place
    ) -> FakeLeg:
        """A leg on a free port pair. Raises `NoPortsError`, or `NoFamilyError` without an IPv6 address."""
        address, port = self._take(ipv6)
        return self._join(FakeLeg(self, address, port, events))

    def open_terminal(
        self,
        source: Source,
        *,
        ipv6: bool = False,
        listen_for: Sequence[float] = (),
        record_to: Path | None = None,
        source_ended: Callable[[], None] | None = None,
    ) -> FakeTerminal:
        """A terminal on a free port pair. It records nothing: raises `MediaError` when asked to."""
        if record_to is not None:
            raise MediaError("the fake engine records nothing")
        address, port = self._take(ipv6)
        terminal = self._join(FakeTerminal(self, address, port, listen_for, source_ended))
        try:
            terminal.play(source)
        except MediaError:
            terminal.close()
            raise
        return terminal

    def bridge(self, caller: MediaLeg, callee: MediaLeg) -> None:
        """Relay between the two, both ways; a timeout is told of `caller`. Raises `MediaError` for closed
        legs."""
        if not isinstance(caller, FakeLeg) or not isinstance(callee, FakeLeg) or caller is callee:
            raise MediaError("a bridge needs two different legs of one engine")
        caller.must_be_open()
        callee.must_be_open()
        self.network.settle()
        for leg in (caller, callee):
            self._unbridge(leg)
        caller.far, callee.far = callee, caller
        self._arm(caller, self.clock.now() + self._timeout_s)

    def watch(self, leg: FakeLeg) -> None:
        """Audio has come, or may have become expected: if silence is not being looked for, it is again."""
        for first in (leg, leg.far):
            if first in self._bridges and self._bridges[first] is None:
                self._arm(first, self.clock.now() + self._timeout_s)

    def forget(self, leg: FakeLeg) -> None:
        """A leg was closed: its port drains."""
        self._unbridge(leg)
        del self.network.legs[leg.address, leg.port]
        self.open_legs -= 1
        self._draining[":" in leg.address].append((self.clock.now() + self._drain_s, leg.port))

    def _take(self, ipv6: bool) -> tuple[str, int]:
        address = self._addresses[ipv6]
        if address is None:
            raise NoFamilyError("the engine is not bound to an IPv6 address")
        free, draining = self._free[ipv6], self._draining[ipv6]
        while draining and draining[0][0] <= self.clock.now():
            free.append(draining.popleft()[1])
        if not free:
            raise NoPortsError(f"no media port is free: {self.open_legs} in use and {len(draining)} drain")
        return address, free.popleft()

    def _join(self, leg: _L) -> _L:
        self.network.settle()
        self.network.legs[leg.address, leg.port] = leg
        self.open_legs += 1
        return leg

    def _unbridge(self, leg: FakeLeg) -> None:
        far = leg.far
        if far is None:
            return
        leg.far = far.far = None
        for first in (leg, far):
            timer = self._bridges.pop(first, None)
            if timer is not None:
                timer.cancel()

    def _arm(self, first: FakeLeg, deadline: float) -> None:
        self._bridges[first] = self.clock.at(deadline, lambda: self._check(first))

    def _check(self, first: FakeLeg) -> None:
        second = first.far
        if second is None:
            return
        self.network.settle()
        silent = (first.silent_since, second.silent_since)
        if silent[0] is None or silent[1] is None:
            self._bridges[first] = None  # `watch` looks again when audio is expected again
            return
        deadline = max(silent[0], silent[1]) + self._timeout_s
        if deadline > self.clock.now():
            self._arm(first, deadline)
            return
        self._bridges[first] = None
        if first.events is not None:
            first.events.media_timed_out(first)


def is_somewhere(remote: RemoteMedia) -> bool:
    """False for a hold by address (RFC 2543) and for a refused stream."""
    return remote.rtp_address not in {"0.0.0.0", "::"} and remote.rtp_port != 0


def is_agreed(remote: RemoteMedia, payload_type: int) -> bool:
    """True for what this peer may send."""
    return (
        payload_type in remote.payload_types
        or remote.is_event(payload_type)
        or any(audio.payload_type == payload_type for audio in remote.hears)
    )


def spoken_payload_type(remote: RemoteMedia) -> int | None:
    """What a terminal sends to this peer: what that `speaks`, or else G.711 of a static payload type."""
    if remote.speaks is not None:
        return remote.speaks.payload_type
    return next((to for to in remote.payload_types.values() if to in G711), None)


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
