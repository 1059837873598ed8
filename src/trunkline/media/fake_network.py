"""What joins the legs of fake engines (`fake`): audio that flows steadily, and whom it reaches."""

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from trunkline.call.ports import RemoteMedia, SrtpKeys
from trunkline.clock import Clock

if TYPE_CHECKING:
    from trunkline.media.fake_leg import FakeLeg

MAX_HOPS = 16
"""Legs that audio passes at most: a circle ends here."""


@dataclass(slots=True)
class Sound:
    """What flows along a path."""

    payload_type: int
    packets: float
    seconds: float = 0.0
    tones: tuple[float, ...] = ()
    level_dbm0: float = -10.0
    digits: str = ""
    """As telephone-events, or where `payload_type` is audio as tones in it."""
    crossed: bool = False
    """It has come from a relaying leg of the engine that it is at."""


@dataclass(slots=True)
class FakeNetwork:
    """Joins the legs of any number of fake engines, and remembers what was sent to those outside."""

    clock: Clock
    legs: dict[tuple[str, int], "FakeLeg"] = field(default_factory=dict)
    sent_outside: dict[tuple[str, int], list[int]] = field(default_factory=dict)
    """Address and port -> payload types of the packets that were delivered there one by one."""
    _settled: float | None = None

    def settle(self) -> None:
        """Let the time since the last call have had its packets. Every change of a leg calls this first."""
        now = self.clock.now()
        seconds = 0.0 if self._settled is None else now - self._settled
        self._settled = now
        if seconds <= 0.0:
            return
        for leg in list(self.legs.values()):
            leg.emit(seconds)

    def deliver(self, leg: "FakeLeg", to: RemoteMedia, sound: Sound, hops: int) -> None:
        """Carry what `leg` sends to its peer."""
        key = (to.rtp_address, to.rtp_port)
        peer = self.legs.get(key)
        if peer is None:
            if sound.seconds == 0.0 and not sound.digits:
                self.sent_outside.setdefault(key, []).extend([sound.payload_type] * round(sound.packets))
        elif hops < MAX_HOPS and peer.expects_from(leg):
            heard = as_made_out(sound, to.srtp, None if peer.remote is None else peer.remote.srtp)
            if heard is not None:
                peer.arrive(replace(heard, crossed=leg.relays_for(peer)), hops + 1)


def as_made_out(sound: Sound, sender: SrtpKeys | None, receiver: SrtpKeys | None) -> Sound | None:
    """What comes of `sound` when these are the keys at both ends: with keys that don't fit nothing, and
    without any the noise that SRTP is to who takes it for RTP.
    """
    if receiver is None:
        return sound if sender is None else replace(sound, tones=(), digits="")
    fits = sender is not None and sender.send == receiver.receive and not receiver.receive_mki
    return sound if fits else None
