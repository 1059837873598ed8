"""A terminal of the engine without sockets: what it would have heard (`fake`)."""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from trunkline.call.ports import RemoteMedia, Tone
from trunkline.call.ports import Sound as Announcement
from trunkline.errors import MediaError
from trunkline.media.fake_leg import PACKETS_A_SECOND, PCMA, FakeLeg, check_sound
from trunkline.media.fake_network import Sound
from trunkline.media.terminals import Echo, Hearing, Silence, Source, ToneHeard

if TYPE_CHECKING:
    from trunkline.media.fake import FakeEngine

G711 = frozenset({0, PCMA})
NO_SPEECH = "a terminal speaks PCMU and PCMA, and what the peer is said to be spoken to in"


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


def spoken_payload_type(remote: RemoteMedia) -> int | None:
    """What a terminal sends to this peer: what that `speaks`, or else G.711 of a static payload type."""
    if remote.speaks is not None:
        return remote.speaks.payload_type
    return next((to for to in remote.payload_types.values() if to in G711), None)
