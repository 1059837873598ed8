"""What a call does about SRTP keys that wear out (RFC 3711 §8.2, §9.2; RFC 4568 §6.1).

A key of the peer's serves for as many packets as its crypto line says, 2^48 unless it says less. While the
last of them go by, the peer is offered a new key of ours, and may answer with a new one of its own
(`Renegotiation.rekey`). One that keeps to the worn key, or refuses, is not asked again; when the key has
nothing left to serve, its audio can't be believed any more, and the call ends.
"""

from collections import deque
from typing import Final, Protocol

from trunkline.call.leg import Leg
from trunkline.call.ports import MediaLeg
from trunkline.call.renegotiation import Renegotiation
from trunkline.clock import Clock, Timer
from trunkline.trunk.verdict import Slug, Verdict

AGAIN_S: Final = 0.5
"""While something else is being agreed on, the offer waits for so long, again and again."""


class RekeyingOwner(Protocol):
    """The call."""

    @property
    def may_rekey(self) -> Renegotiation | None:
        """What agrees on keys, while it has nothing else to do; None meanwhile."""

    def hang_up(self, verdict: Verdict) -> None:
        """End the call."""


class Rekeying:
    """The worn keys of one call."""

    __slots__ = ("_clock", "_owner", "_timer", "_worn")

    def __init__(self, clock: Clock, owner: RekeyingOwner) -> None:
        self._clock = clock
        self._owner = owner
        self._worn: deque[MediaLeg] = deque()
        self._timer: Timer | None = None

    def worn(self, leg: MediaLeg, *, spent: bool) -> None:
        """A key of `leg` has little left, or nothing."""
        if spent:
            self._owner.hang_up(Verdict.of(Slug.SRTP_KEY_SPENT))
            return
        self._worn.append(leg)
        if self._timer is None:
            self._go_on()

    def stop(self) -> None:
        """The call is over. Idempotent."""
        self._worn.clear()
        if self._timer is not None:
            self._timer.cancel()

    def _go_on(self) -> None:
        self._timer = None
        renegotiation = self._owner.may_rekey
        if renegotiation is not None:
            leg = _facing(renegotiation, self._worn.popleft())
            if leg is not None:
                renegotiation.rekey(leg)
        if self._worn:
            self._timer = self._clock.at(self._clock.now() + AGAIN_S, self._go_on)


def _facing(renegotiation: Renegotiation, media: MediaLeg) -> Leg | None:
    """The leg on that port; None once a transfer has put another one in its place."""
    legs = (renegotiation.caller, renegotiation.callee)
    return next((leg for leg in legs if leg.media is media), None)
