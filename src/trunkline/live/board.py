"""Notices: what a node makes known to the others (a ban, a registration, the health of a target), and what it
hears of theirs.

A notice is of a kind, about a key. One that holds for a while is kept at the server for nodes that come
later; the newest about a key replaces those before. While the server is away, the newest of each key waits,
up to `WAITING_MAX` of them; what is only said once is dropped then. What a notice means is known by who
listens for its kind.
"""

from collections.abc import Callable, Iterable

from trunkline.live.words import Notice, Tell

AT_ONCE = 500
"""Notices in one exchange."""
WAITING_MAX = 65_536
"""Beyond it the oldest is dropped: other nodes learn of it when it is told again, or not."""

Heard = Callable[[Notice], None]


class Board:
    """See the module. `wake` is called when there is something to say."""

    def __init__(self, wake: Callable[[], None]) -> None:
        self._wake = wake
        self._listeners: dict[str, Heard] = {}
        self._restaters: list[Callable[[], Iterable[Tell]]] = []
        self._waiting: dict[tuple[str, str], Tell] = {}
        self._said: list[Tell] = []
        self._joined = False

    def listen(self, kind: str, heard: Heard, restate: Callable[[], Iterable[Tell]] | None = None) -> None:
        """Have `heard` called with each notice of `kind` that another node has told. `restate` says what of
        it this node makes known, to a server that may have lost it.
        """
        self._listeners[kind] = heard
        if restate is not None:
            self._restaters.append(restate)

    @property
    def kinds(self) -> tuple[str, ...]:
        """What is listened for."""
        return tuple(self._listeners)

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
        """From other nodes."""
        for notice in notices:
            heard = self._listeners.get(notice.kind)
            if heard is not None and (notice.kind, notice.key) not in self._waiting:
                heard(notice)

    # -- the conversation --------------------------------------------------------------------------

    def joined(self) -> None:
        """The server is there (again): all that holds is told once more, and what has waited."""
        self._joined = True
        for restate in self._restaters:
            for notice in restate():
                self._waiting.setdefault((notice.kind, notice.key), notice)

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
