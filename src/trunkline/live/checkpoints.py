"""Checkpoints of calls: what this node says of the calls that it carries, so that another may go on with them
once it has died, and the calls of dead nodes that it is given (ADR 19).

A checkpoint is said `SETTLED_S` after a call has changed: what is new has been agreed on by then, and a call
that is over sooner costs nothing. It is kept at the server under this node's lease, and taken back when the
call ends. Checkpoints under a lapsed lease are claimed, some at a time, by the nodes that live: one step at
the server moves each to one node, and notes whose the call is. A node that was merely cut off says all that
it has under its next lease, and is told which of its calls are another's by now.

Driven by `link`. What is in a checkpoint, and what to do with one, is known by the `Keeper`.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Final, Protocol

from trunkline.clock import Clock
from trunkline.live.words import Answer, Checkpoint, Forget

AT_ONCE: Final = 50
"""Checkpoints in one exchange."""
CLAIMED_AT_ONCE: Final = 50
SETTLED_S: Final = 0.5
AGAIN_S: Final = 5.0
"""A call of which no checkpoint can be made now is looked at again."""
TEXT_MAX: Final = 65_536
"""Of a longer checkpoint nothing is said: the call can't be gone on with."""


@dataclass(frozen=True, slots=True)
class Kept:
    """A call, as the server keeps it."""

    place: str
    """Where its media are: only a node that can reach that may claim it. Without a space."""
    text: str


class Keeper(Protocol):
    """The node."""

    @property
    def places(self) -> Sequence[str]:
        """Where media can be that it reaches."""

    def is_up(self, call_id: str) -> bool:
        """Whether it carries this call."""

    def checkpoint(self, call_id: str) -> Kept | None:
        """Of a call that stands now; None for another one."""

    def claimed(self, call_id: str, text: str) -> None:
        """Go on with this call of a dead node's."""

    def taken(self, call_id: str) -> None:
        """Another node goes on with this call."""


class Checkpoints:
    """See the module. Without a `keeper` nothing is said, and nothing claimed."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._known: dict[str, None] = {}
        """Calls of which the server has a checkpoint, or may have one."""
        self._due: dict[str, float] = {}
        """Calls of which there is something to say, and from when on."""
        self._missed: set[str] = set()
        """Calls of which no checkpoint could be made when they were last looked at."""
        self._over: dict[str, None] = {}
        """Calls that have ended since the server was told of them."""
        self._said: list[tuple[str, bool]] = []
        """Call and whether it goes on, of what was said last."""
        self.keeper: Keeper | None = None

    def changed(self, call_id: str) -> None:
        """A call was answered, or something in it is new."""
        if self.keeper is not None:
            self._put_off(call_id, SETTLED_S)

    def ended(self, call_id: str) -> None:
        """A call is over."""
        self._due.pop(call_id, None)
        self._missed.discard(call_id)
        if call_id in self._known:
            del self._known[call_id]
            self._over[call_id] = None

    def _put_off(self, call_id: str, for_s: float) -> None:
        self._due[call_id] = self._clock.now() + for_s

    # -- the conversation --------------------------------------------------------------------------

    def joined(self) -> None:
        """The server is there (again), under a new lease: it is told of every call."""
        for call_id in self._known:
            self._due[call_id] = self._clock.now()

    def sayings(self) -> list[Checkpoint | Forget]:
        """What to say next, at most `AT_ONCE`. The answers go to `answered`, or all of it was `lost`."""
        keeper = self.keeper
        if keeper is None:
            return []
        said: list[Checkpoint | Forget] = []
        now = self._clock.now()
        due = (call_id for call_id, at in self._due.items() if at <= now)
        for call_id in list(islice(due, AT_ONCE)):
            del self._due[call_id]
            kept = keeper.checkpoint(call_id)
            if kept is not None and len(kept.text) <= TEXT_MAX:
                self._known[call_id] = None
                self._over.pop(call_id, None)
                self._missed.discard(call_id)
                said.append(Checkpoint(call_id, kept.place, kept.text))
            elif keeper.is_up(call_id):
                self._miss(call_id)
        over = list(islice(self._over, AT_ONCE))
        for call_id in over:
            del self._over[call_id]
        said += [Forget(call_id) for call_id in over]
        self._said = [(one.call_id, isinstance(one, Checkpoint)) for one in said]
        return said

    def _miss(self, call_id: str) -> None:
        """No checkpoint can be made of it now. Once in a row that is a change under way, and what stood
        before counts; twice, and what stood before is not true any more.
        """
        if call_id in self._missed and call_id in self._known:
            del self._known[call_id]
            self._over[call_id] = None
        self._missed.add(call_id)
        self._put_off(call_id, AGAIN_S)

    def answered(self, answers: Sequence[Answer]) -> None:
        """The answers to `sayings`."""
        said, self._said = self._said, []
        for (call_id, _), answer in zip(said, answers, strict=False):
            if answer.word == "taken" and self.keeper is not None and self._known.pop(call_id, True) is None:
                self._due.pop(call_id, None)
                self.keeper.taken(call_id)

    @property
    def has_more(self) -> bool:
        """Whether something waits to be said now."""
        now = self._clock.now()
        return bool(self._over) or any(at <= now for at in self._due.values())

    def lost(self) -> None:
        """The server is away: what may not have arrived is said again."""
        said, self._said = self._said, []
        for call_id, up in said:
            if not up:
                self._over[call_id] = None

    # -- calls of dead nodes -----------------------------------------------------------------------

    def claimed(self, calls: Iterable[tuple[str, str]]) -> None:
        """Calls, with their checkpoints, that are this node's from now on."""
        if self.keeper is not None:
            for call_id, text in calls:
                self._over.pop(call_id, None)
                self._known[call_id] = None
                self.keeper.claimed(call_id, text)

    def unknown(self, call_ids: Iterable[str]) -> list[str]:
        """Of the calls that the server has under this node's lease, those that it knows nothing of."""
        return [one for one in call_ids if one not in self._known and one not in self._over]

    def forget(self, call_ids: Iterable[str]) -> None:
        """The server has checkpoints of these calls, which it was told to forget before."""
        self._over.update(dict.fromkeys(call_ids))
