"""What a room's peers are to hear of us: sounds in the place of the far side's audio, and digits.

Here is which command comes next, and what its answer changes; that the far side is silenced meanwhile is the
room's business. A sound that can't be played is over at once, and digits that can't be played are dropped:
either is logged, and the call goes on.
"""

from collections.abc import Callable, Iterable, Iterator
from typing import Final

from trunkline.clock import Clock
from trunkline.media.rtpengine import words
from trunkline.media.rtpengine.exchange import Answer, NgError, Step
from trunkline.media.rtpengine.side import Side
from trunkline.media.rtpengine.sounds import Playable

DIGIT_DBM0: Final = 10
"""How far below 0 dBm0 a digit is: both of its tones, and in telephone-events (RFC 4733 §2.3)."""
Warn = Callable[[NgError], None]


def sounds(sides: Iterable[Side], clock: Clock, wake: Callable[[], None], warn: Warn) -> Iterator[Step]:
    """Begin, replace or stop what is played. `wake` is called when a sound has come to its end by itself."""
    for side in sides:
        if side.sound is side.playing or side.closed:
            continue
        if side.playing is not None:
            yield _stop(side, warn)
        elif side.sound is not None:
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
        if side.events is not None and side.leg is not None:
            side.events.sound_ended(side.leg)


def _stop(side: Side, warn: Warn) -> Step:
    def done(answer: Answer) -> None:  # noqa: ARG001 - it holds nothing
        side.playing = None

    def failed(error: NgError) -> None:
        side.playing = None
        warn(error)

    return Step("stop media", words.tagged(side), done, failed)


def digits(caller: Side, far: Side, warn: Warn) -> Iterator[Step]:
    """rtpengine plays digits as if the other side had sent them, one after the other."""
    for side, sender in ((far, caller), (caller, far)):
        if side.digits:
            digit, duration_ms = side.digits[0]

            def done(answer: Answer, side: Side = side) -> None:  # noqa: ARG001 - it holds nothing
                side.digits.popleft()

            def failed(error: NgError, side: Side = side) -> None:
                side.digits.clear()
                warn(error)

            keys = {**words.tagged(sender), "digit": digit, "duration": duration_ms, "volume": DIGIT_DBM0}
            yield Step("play DTMF", keys, done, failed)
