"""What the peers of a room send that goes nowhere: during a hold, while a sound takes the place of their
audio, before a bridge and after it, and digits that are told instead. And while both are legs of ours: what
came from one never goes on to one, or customers could have packets run in a circle.

rtpengine passes packets on whatever a description's direction says, and from whomever. So what is silenced is
blocked by commands of its own. What begins is said before the peers are described, and what ends afterwards:
nothing slips through in between.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import NamedTuple

from trunkline.media.rtpengine import words
from trunkline.media.rtpengine.exchange import Answer, NgError, Step
from trunkline.media.rtpengine.side import DTMF, EVERYTHING, Side

Failed = Callable[[NgError], None]


class Blocking(NamedTuple):
    """One step to block something, or no longer."""

    side: Side
    what: str
    step: Step


def silenced(
    caller: Side, callees: Iterable[Side], far: Side | None, partner: Side | None
) -> dict[Side, frozenset[str]]:
    """What is to go nowhere, by the side whose peer sends it. `far` is bridged with the caller, `partner` is
    the side that the caller is described together with: whoever sends to its port would be heard by the
    caller, bridged or not.
    """
    wanted = {side: EVERYTHING for side in callees if side is not far and side.remote is not None}
    if partner is not None and partner is not far and caller.remote is not None:
        wanted[partner] = EVERYTHING
    if far is not None:
        for side, other in ((caller, far), (far, caller)):
            passes = side.passes and other.listens and other.sound is None
            passes = passes and not (side.inward and other.inward)
            wanted[side] = EVERYTHING if not passes else frozenset({DTMF} if side.tells_digits else ())
    return wanted


def blocks(wanted: Mapping[Side, frozenset[str]], begin: bool, failed: Failed) -> Iterator[Blocking]:
    """What is to be said for it; to `begin`, or to end what is no longer wanted."""
    for side, kinds in wanted.items():
        for what in sorted((kinds - side.blocked) if begin else (side.blocked - kinds)):

            def done(answer: Answer, side: Side = side, what: str = what) -> None:  # noqa: ARG001 - it holds nothing
                side.blocked = side.blocked | {what} if begin else side.blocked - {what}
                if what == DTMF:
                    side.searched = False

            keys = words.sent_by(side)
            if what == DTMF and not begin and side.searched:
                keys = words.end_search(side)
            verb = "block" if begin else "unblock"
            yield Blocking(side, what, Step(f"{verb} {what}", keys, done, failed))


def searches(sides: Iterable[Side], failed: Failed) -> Iterator[Step]:
    """Looking for tones that are to be told to the call and not to be heard."""
    for side in sides:
        if side.tells_tones and DTMF in side.blocked and not side.searched:

            def done(answer: Answer, side: Side = side) -> None:  # noqa: ARG001 - it holds nothing
                side.searched = True

            yield Step("block DTMF", words.search(side), done, failed)
