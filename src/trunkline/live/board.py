"""Notices: what a node makes known to the others (a ban, a registration, the health of a target), and what it
hears of theirs.

A notice is of a kind, about a key. One that holds for a while is kept at the server for nodes that come
later; the newest about a key replaces those before. While the server is away, the newest of each key waits,
up to `WAITING_MAX` of them; what is only said once is dropped then. What a notice means, and what is to be
done where the server and this node differ, is known by who listens for its kind.

All nodes hear all notices in the order in which the server got them, and all end with the last word: what a
node hears together with the answer to a word of its own about the key is older, and passed over.
"""

from collections.abc import Callable, Iterable
from collections.abc import Set as AbstractSet
from dataclasses import dataclass

import structlog

from trunkline.errors import TrunklineError
from trunkline.live.words import Notice, Tell

AT_ONCE = 500
"""Notices in one exchange."""
WAITING_MAX = 65_536
"""Beyond it the oldest is dropped: other nodes learn of it when it is told again, or not."""

Heard = Callable[[Notice], None]
Reconcile = Callable[[AbstractSet[str], bool], Iterable[Tell]]


@dataclass(frozen=True, slots=True)
class _Listener:
    heard: Heard
    reconcile: Reconcile | None


class Board:
    """See the module. `wake` is called when there is something to say."""

    def __init__(self, wake: Callable[[], None]) -> None:
        self._wake = wake
        self._log = structlog.get_logger()
        self._listeners: dict[str, _Listener] = {}
        self._waiting: dict[tuple[str, str], Tell] = {}
        self._said: list[Tell] = []
        self._joined = False

    def listen(self, kind: str, heard: Heard, reconcile: Reconcile | None = None) -> None:
        """Have `heard` called with each notice of `kind` that another node has told; for a text that it can't
        read it raises `ValueError` or `TrunklineError`. Where notices of the kind are kept, `reconcile` is
        called once all of them were heard: with their keys, those included that wait to be said, and whether
        the server can't know better than this node (it is new to it, or has lost all). It answers what to
        say.
        """
        self._listeners[kind] = _Listener(heard, reconcile)

    @property
    def kept_kinds(self) -> tuple[str, ...]:
        """What is listened for, and kept."""
        return tuple(kind for kind, one in self._listeners.items() if one.reconcile is not None)

    def tell(self, notice: Tell) -> None:
        """Make it known, soon."""
        if notice.for_s is None and not self._joined:
            return
        key = (notice.kind, notice.key)
        self._waiting.pop(key, None)
        self._waiting[key] = notice
        if len(self._waiting) > WAITING_MAX:
            del self._waiting[next(iter(self._waiting))]
        self._wake()

    def hear(self, notices: Iterable[Notice]) -> None:
        """From other nodes; those that came with the answer to sayings are heard before these are `said`."""
        newer = {(one.kind, one.key) for one in self._said if not one.again} | self._waiting.keys()
        for notice in notices:
            listener = self._listeners.get(notice.kind)
            if listener is None or (notice.kind, notice.key) in newer:
                continue
            try:
                listener.heard(notice)
            except (ValueError, TrunklineError) as error:
                self._log.warning(
                    "a notice can't be read", kind=notice.kind, key=notice.key[:80], reason=repr(error)[:200]
                )

    def reconcile(self, kind: str, kept: AbstractSet[str], *, fresh: bool) -> None:
        """All that is kept of `kind` was heard; `kept` are its keys."""
        listener = self._listeners[kind]
        if listener.reconcile is not None:
            waiting = {key for one, key in self._waiting if one == kind}
            for notice in listener.reconcile(kept | waiting, fresh):
                self._waiting.setdefault((notice.kind, notice.key), notice)

    # -- the conversation --------------------------------------------------------------------------

    def joined(self) -> None:
        """The server is there (again): what has waited is told now."""
        self._joined = True

    def sayings(self) -> list[Tell]:
        """What to say next, at most `AT_ONCE`; it was `said`, or all of it was `lost`."""
        keys = list(self._waiting)[:AT_ONCE]
        self._said = [self._waiting.pop(key) for key in keys]
        return self._said

    def said(self) -> None:
        """The sayings have arrived."""
        self._said = []

    @property
    def has_more(self) -> bool:
        """Whether something waits to be said."""
        return bool(self._waiting)

    def lost(self) -> None:
        """The server is away: what may not have arrived waits, but for what is said only once."""
        self._joined = False
        told = [*self._said, *self._waiting.values()]
        self._said = []
        self._waiting = {(one.kind, one.key): one for one in told if one.for_s is not None}
