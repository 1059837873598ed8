"""What a room's peers are to hear of us: sounds in the place of the far side's audio, and digits.

Here is which command comes next, and what its answer changes; that the far side is silenced meanwhile is the
room's business. A sound that can't be played is over at once, and digits that can't be played are dropped:
either is logged, and the call goes on.

Digits are put into the far side's audio, as telephone-events or as tones. The tones rtpengine would send
unprotected: to a peer with SRTP, which it protects every sound for, they are a sound.
"""

from collections.abc import Callable, Iterable, Iterator
from typing import Final

from trunkline.clock import Clock
from trunkline.media.rtpengine import words
from trunkline.media.rtpengine.exchange import Answer, NgError, Step
from trunkline.media.rtpengine.side import Side
from trunkline.media.rtpengine.sounds import MAX_BLOB, Playable, keypad, keypad_samples

DIGIT_DBM0: Final = 10
"""How far below 0 dBm0 a digit is: both of its tones, and in telephone-events (RFC 4733 §2.3)."""
INJECTS_S: Final = 0.1
"""From the answer that has rtpengine put digits into audio to the first digit: some packets of that audio
have to pass before, or the digit is lost without a word.
"""
Warn = Callable[[NgError], None]


def sounds(sides: Iterable[Side], clock: Clock, wake: Callable[[], None], warn: Warn) -> Iterator[Step]:
    """Begin, replace or stop what is played, and begin it anew for a peer that has moved: it would go on to
    where it began. `wake` is called when a sound has come to its end by itself.
    """
    for side in sides:
        if side.closed or (side.sound is side.playing and not side.moved):
            continue
        if side.playing is not None:
            yield _stop(side, warn)
        elif side.sound is not None:
            side.moved = False
            yield _start(side, side.sound, clock, wake, warn)


def _start(side: Side, sound: Playable, clock: Clock, wake: Callable[[], None], warn: Warn) -> Step:
    def done(answer: Answer) -> None:  # noqa: ARG001 - we know how long it is
        side.playing = sound
        if sound.ends:
            clock.at(clock.now() + sound.length_ms / 1000, ended)

    def ended() -> None:
        if side.playing is sound:
            side.playing = None
            _over(side, sound)
            wake()

    def failed(error: NgError) -> None:
        warn(error)
        _over(side, sound)

    return Step("play media", {**words.tagged(side), **sound.keys}, done, failed)


def _over(side: Side, sound: Playable) -> None:
    if side.sound is sound:
        side.sound = None
        if sound.told and side.events is not None and side.leg is not None:
            side.events.sound_ended(side.leg)


def _stop(side: Side, warn: Warn) -> Step:
    def done(answer: Answer) -> None:  # noqa: ARG001 - it holds nothing
        side.playing = None

    def failed(error: NgError) -> None:
        side.playing = None
        warn(error)

    return Step("stop media", words.tagged(side), done, failed)


def say_digits(sides: Iterable[Side]) -> None:
    """Make a sound of the digits that wait for a peer that hears them as one, unless it hears another."""
    for side in sides:
        if not side.hears_digits or side.sound is not None or side.closed:
            continue
        pressed: list[tuple[str, int]] = []
        samples = 0
        while side.digits and samples + keypad_samples(side.digits[0][1]) <= MAX_BLOB:
            samples += keypad_samples(side.digits[0][1])
            pressed.append(side.digits.popleft())
        if pressed:
            side.sound = keypad(pressed, -DIGIT_DBM0)


class Injection:
    """Whether digits can be put into a room's audio."""

    def __init__(self, clock: Clock, wake: Callable[[], None]) -> None:
        """`wake` is called when they can."""
        self._clock = clock
        self._wake = wake
        self._since: float | None = None
        self.wanted = False
        """Some are to be."""

    def described(self, *, anew: bool) -> None:
        """The rtpengine knows of it, for peers that are joined `anew` or were before."""
        if anew or self._since is None:
            self._since = self._clock.now() + INJECTS_S

    def may_begin(self) -> bool:
        """Whether they can now; if not yet, it goes on when they can."""
        since, now = self._since, self._clock.now()
        if since is not None and now < since:
            self._clock.at(since, self._wake)
        return since is not None and now >= since


def digits(caller: Side, far: Side, warn: Warn) -> Iterator[Step]:
    """rtpengine plays digits as if the other side had sent them, one after the other."""
    for side, sender in ((far, caller), (caller, far)):
        if side.digits and not side.hears_digits:
            digit, duration_ms = side.digits[0]

            def done(answer: Answer, side: Side = side) -> None:  # noqa: ARG001 - it holds nothing
                side.digits.popleft()

            def failed(error: NgError, side: Side = side) -> None:
                side.digits.clear()
                warn(error)

            keys = {**words.tagged(sender), "digit": digit, "duration": duration_ms, "volume": DIGIT_DBM0}
            yield Step("play DTMF", keys, done, failed)
