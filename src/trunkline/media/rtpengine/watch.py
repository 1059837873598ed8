"""What is found by asking an rtpengine for a room's figures: the books of its sides, silence, SRTP keys that
wear out, and a call that the rtpengine has lost.

An answer costs more to read than all else that a call takes while it is up, so a room in which nothing has
changed for long is asked less often: `poll_s` seconds apart at first, then after a `CALM`th of the time since
the last change, at most `LONGEST_S` or a third of `timeout_s`. It is `poll_s` again while a key is nearly
worn or the rtpengine does not answer, and silence is asked about in the moment in which it has lasted too
long: it is told between `timeout_s` and four thirds of it after the last packet.

Silence and a lost call are told as `MediaEvents.media_timed_out`: there is no audio any more. What the sides
are, and who is joined with whom, is the room's business.
"""

from collections.abc import Iterable
from typing import Final, Protocol

from trunkline.clock import Clock, Timer
from trunkline.media.rtpengine.counts import read_counts
from trunkline.media.rtpengine.exchange import Answer, Exchange, NgError, NgRefusedError
from trunkline.media.rtpengine.side import Side

CALM: Final = 4
LONGEST_S: Final = 20.0
"""Between an answer and the next question."""


class Watched(Protocol):
    """A room."""

    call_id: str
    caller: Side
    ended: bool

    @property
    def sides(self) -> Iterable[Side]:
        """All that count packets."""

    @property
    def joined(self) -> Side | None:
        """The callee's side that the rtpengine was told to join with the caller's."""

    @property
    def bridged(self) -> Side | None:
        """The callee's side that the caller's is to be joined with."""

    @property
    def bridged_at(self) -> float:
        """Since when."""

    def lose(self, error: NgError) -> None:
        """There is no such call at the rtpengine any more, or none that can be reached."""


class Watch:
    """See the module."""

    def __init__(
        self, room: Watched, exchange: Exchange, clock: Clock, *, timeout_s: float, poll_s: float
    ) -> None:
        self._room = room
        self._exchange = exchange
        self._clock = clock
        self._timeout_s = timeout_s
        self._poll_s = poll_s
        self._longest_s = min(LONGEST_S, timeout_s / 3)
        self._changed_at = clock.now()
        self._silence_told = False
        self._unheard_since: float | None = None
        self._timer: Timer | None = None

    def start(self) -> None:
        """Ask once `poll_s` is over, and from then on."""
        self._changed_at = self._clock.now()
        self._ask_at(self._changed_at + self._poll_s)

    def stop(self) -> None:
        """Ask no more. Idempotent."""
        if self._timer is not None:
            self._timer.cancel()

    def look_again(self) -> None:
        """Something has changed: silence from here on is another one."""
        self._silence_told = False
        self._changed_at = self._clock.now()
        self.ask_by(self._changed_at + self._poll_s)

    def ask_by(self, moment: float) -> None:
        """Ask then, unless that is done sooner."""
        if self._timer is not None and self._timer.armed and self._timer.deadline > moment:
            self._timer.cancel()
            self._ask_at(moment)

    def _ask_at(self, moment: float) -> None:
        self._timer = self._clock.at(moment, self._ask)

    def _ask(self) -> None:
        self._exchange.ask("query", {"call-id": self._room.call_id}, self._answered)

    def _answered(self, outcome: Answer | NgError) -> None:
        if self._room.ended:
            return
        now = self._clock.now()
        if isinstance(outcome, NgRefusedError):
            self._room.lose(outcome)
            return
        if isinstance(outcome, NgError):
            self._unheard_since = now if self._unheard_since is None else self._unheard_since
            if now - self._unheard_since >= self._timeout_s:
                self._room.lose(outcome)
                return
        else:
            self._unheard_since = None
            self.count(outcome)
            self._look_for_silence(now)
        self._ask_at(self._next_at(now))

    def _next_at(self, now: float) -> float:
        """When to ask again."""
        if self._unheard_since is not None or any(side.key_told is False for side in self._room.sides):
            return now + self._poll_s
        calm_s = (now - self._changed_at) / CALM
        later = now + max(self._poll_s, min(calm_s, self._longest_s))
        silent_at = self._silent_at()
        return later if silent_at is None else min(later, silent_at)

    def count(self, answer: Answer) -> None:
        """Take the figures that an answer holds."""
        counts = read_counts(answer)
        caller, far, now = self._room.caller, self._room.joined, self._clock.now()
        sides = list(self._room.sides)
        for side in sides:
            found = counts.get(side.tag)
            if found is not None:
                heard = side.received
                side.count(found, far if side is caller else caller if side is far else None, now)
                if side.received != heard:
                    self._silence_told = False
                    _tell_wear(side, side.received - heard)
        for side in sides:
            side.follow_on(now)

    def _silent_at(self) -> float | None:
        """When silence has lasted too long, unless something comes; None when that is told, or nothing is
        expected.
        """
        caller, far = self._room.caller, self._room.bridged
        if far is None or self._silence_told:
            return None
        near_since, far_since = caller.silent_since, far.silent_since
        if near_since is None or far_since is None:
            return None
        return max(near_since, far_since, self._room.bridged_at) + self._timeout_s

    def _look_for_silence(self, now: float) -> None:
        silent_at, caller = self._silent_at(), self._room.caller
        if silent_at is not None and now >= silent_at:
            self._silence_told = True
            if caller.events is not None and caller.leg is not None:
                caller.events.media_timed_out(caller.leg)


def _tell_wear(side: Side, came: int) -> None:
    """As many packets as `came` since the last answer may come until the next one."""
    spent = side.wear(came)
    if spent is None or side.key_told is spent or side.key_told:
        return
    side.key_told = spent
    if side.events is not None and side.leg is not None:
        side.events.key_worn(side.leg, spent=spent)
