"""The health of endpoints and gateways: what calls and pings have shown lately.

A target is down while at least N of its last M results are failures, and up again after `successes` good ones
in a row, which clear its past. So that a target that nobody pings is not lost for ever, a down one whose last
result is older than `retry_after_s` counts as up for the next call. Down targets are put behind the others
(`prefer_up`), never removed.

Results come from attempts (`hunt`) and from OPTIONS pings (`call`); any response to a ping is a success.

A ping tells of a server, and a million numbers may lead to it. So its results are kept once, and a target
there has them for its own until a call tells something else of it: from then on it is kept apart, with the
server's results and its own, and no longer once both have come to say the same. At most `MAX_APART` are; the
one that was put apart first then has its server's history again.
"""

from collections import OrderedDict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final, NamedTuple, TypeVar

from trunkline.clock import Clock

MAX_APART: Final = 10_000

_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class HealthPolicy:
    """When a target is down. Raises `ValueError` when `failures` can't be reached within `window`."""

    failures: int = 3
    """N: this many failures …"""
    window: int = 5
    """… among the last M results put a target down."""
    successes: int = 2
    """This many good results in a row bring it up again."""
    retry_after_s: float = 60.0
    """A down target that nothing was heard about for this long is tried again."""

    def __post_init__(self) -> None:
        if not 1 <= self.failures <= self.window or self.successes < 1:
            raise ValueError("failures must be 1 to window, and successes at least 1")


class HealthState(StrEnum):
    """`unknown`: nothing was heard about it yet."""

    UNKNOWN = "unknown"
    UP = "up"
    DOWN = "down"


@dataclass(frozen=True, slots=True)
class HealthView:
    """What is known of one target, for displays."""

    state: HealthState
    results: tuple[bool, ...]
    """The last results, oldest first; True is good."""
    since_at: float | None
    """Wall clock of the last change between up and down; None while unknown."""
    last_at: float | None
    """Wall clock of the last result."""
    last_failure: str
    """Slug of the last failure; empty when there was none."""
    last_detail: str


class HealthKey(NamedTuple):
    """The name of a target."""

    owner: str
    """The number or the carrier that it belongs to."""
    uri: str
    server: str = ""
    """The server whose pings are results of the target as well; empty: it shares none."""


class _History:
    """The results of one target or server."""

    __slots__ = (
        "down",
        "good_in_a_row",
        "heard",
        "last_at",
        "last_detail",
        "last_failure",
        "results",
        "since_at",
    )

    def __init__(self, since_at: float) -> None:
        self.results: tuple[bool, ...] = ()
        self.down = False
        self.good_in_a_row = 0
        self.heard = 0.0
        self.since_at = since_at
        self.last_at = since_at
        self.last_failure = ""
        self.last_detail = ""

    def copy(self) -> "_History":
        copy = _History(self.since_at)
        for name in self.__slots__:
            setattr(copy, name, getattr(self, name))
        return copy

    def note(self, slug: str, detail: str, policy: HealthPolicy, clock: Clock) -> bool:
        """Take a result, good if `slug` is empty. True when that changed up to down, or down to up."""
        self.heard, self.last_at = clock.now(), clock.wall()
        self.results = (*self.results, not slug)[-policy.window :]
        if slug:
            self.good_in_a_row = 0
            self.last_failure, self.last_detail = slug, detail
            turned = not self.down and self.results.count(False) >= policy.failures
        else:
            self.good_in_a_row += 1
            turned = self.down and self.good_in_a_row >= policy.successes
            if turned:
                self.results = (True,)
        if turned:
            self.down = not self.down
            self.since_at = self.last_at
        return turned

    def says(self, other: "_History") -> bool:
        """Whether the same results will be told of both from now on, after one that both took."""
        return (
            self.results == other.results
            and self.down == other.down
            and (not self.down or self.good_in_a_row == other.good_in_a_row)
        )


class _Server:
    __slots__ = ("apart", "history")

    def __init__(self) -> None:
        self.history: _History | None = None
        """None: it was never pinged."""
        self.apart: dict[HealthKey, _History] = {}
        """The targets there that calls have told something else about."""


class HealthBook:
    """The health of every target."""

    __slots__ = ("_alone", "_apart", "_clock", "_follower", "_servers", "policy")

    def __init__(self, clock: Clock, policy: HealthPolicy | None = None) -> None:
        self._clock = clock
        self.policy = policy or HealthPolicy()
        """What results mean from now on; a reload replaces it."""
        self._servers: dict[str, _Server] = {}
        self._apart: OrderedDict[HealthKey, _History] = OrderedDict()
        """All of the servers' targets apart, oldest first."""
        self._alone: dict[HealthKey, _History] = {}
        """The targets that share no server."""
        self._follower: Callable[[HealthKey, str, str], None] | None = None

    def follow(self, told: Callable[[HealthKey, str, str], None]) -> None:
        """Have `told` called with each result of a call that says something new: key, slug (empty: a good
        one) and detail. Good results of a target that has no bad one among its last are not told.
        """
        self._follower = told

    def succeeded(self, key: HealthKey) -> bool:
        """Note a good result of a call. True when that brought the target up."""
        if self._follower is not None:
            history = self._history(key)
            if history is not None and not all(history.results):
                self._follower(key, "", "")
        return self.take(key)

    def failed(self, key: HealthKey, slug: str, detail: str = "") -> bool:
        """Note a bad result of a call and why. True when that put the target down."""
        if self._follower is not None:
            self._follower(key, slug, detail)
        return self.take(key, slug, detail)

    def take(self, key: HealthKey, slug: str = "", detail: str = "") -> bool:
        """Note a result that is told of elsewhere: a ping's, another node's; good if `slug` is empty. True
        when that changed up to down, or down to up.
        """
        if not slug and key.server and key not in self._apart:
            server = self._servers.get(key.server)
            if server is not None and server.history is not None and self._flawless(server.history):
                return False
        return self._own(key).note(slug, detail, self.policy, self._clock)

    def pinged(self, server: str, slug: str = "", detail: str = "") -> None:
        """Note the result of a ping, good if `slug` is empty, for the server and the targets there.

        Linear in the targets there that differ from it.
        """
        at = self._servers.setdefault(server, _Server())
        if at.history is None:
            at.history = _History(self._clock.wall())
        at.history.note(slug, detail, self.policy, self._clock)
        for key, history in list(at.apart.items()):
            history.note(slug, detail, self.policy, self._clock)
            if history.says(at.history):
                del at.apart[key], self._apart[key]

    def _flawless(self, history: _History) -> bool:
        """Whether another good result would change nothing."""
        return not history.down and len(history.results) == self.policy.window and all(history.results)

    def _own(self, key: HealthKey) -> _History:
        """The target's own history, from now on if it had none."""
        if not key.server:
            history = self._alone.get(key)
            if history is None:
                history = self._alone[key] = _History(self._clock.wall())
            return history
        history = self._apart.get(key)
        if history is None:
            while len(self._apart) >= MAX_APART:
                self._forget(next(iter(self._apart)))
            server = self._servers.setdefault(key.server, _Server())
            shared = server.history
            history = _History(self._clock.wall()) if shared is None else shared.copy()
            self._apart[key] = server.apart[key] = history
        return history

    def _forget(self, key: HealthKey) -> None:
        del self._apart[key]
        server = self._servers[key.server]
        del server.apart[key]
        if server.history is None and not server.apart:
            del self._servers[key.server]

    def _history(self, key: HealthKey) -> _History | None:
        if not key.server:
            return self._alone.get(key)
        history = self._apart.get(key)
        if history is None:
            server = self._servers.get(key.server)
            return None if server is None else server.history
        return history

    def is_up(self, key: HealthKey) -> bool:
        """Whether calls should go there: it isn't down, or was not heard about for so long that it deserves a
        try."""
        history = self._history(key)
        return (
            history is None
            or not history.down
            or self._clock.now() - history.heard >= self.policy.retry_after_s
        )

    def view(self, key: HealthKey) -> HealthView:
        """What is known of the target."""
        history = self._history(key)
        if history is None:
            return HealthView(HealthState.UNKNOWN, (), None, None, "", "")
        return HealthView(
            HealthState.DOWN if history.down else HealthState.UP,
            history.results,
            history.since_at,
            history.last_at,
            history.last_failure,
            history.last_detail,
        )

    def forget(self, keys: Iterable[HealthKey], servers: Iterable[str] = ()) -> None:
        """Let go of targets and servers that are no more."""
        for key in keys:
            self._alone.pop(key, None)
            if key in self._apart:
                self._forget(key)
        for name in servers:
            server = self._servers.pop(name, None)
            for key in server.apart if server is not None else ():
                del self._apart[key]

    def apart(self) -> list[HealthKey]:
        """The targets that have a history of their own, at most `MAX_APART` besides those that share no
        server."""
        return [*self._alone, *self._apart]

    def servers(self) -> list[str]:
        """The servers that something was heard about."""
        return list(self._servers)

    def server_state(self, server: str) -> HealthState:
        """What pings have shown of it, and so of every target there that isn't apart."""
        at = self._servers.get(server)
        if at is None or at.history is None:
            return HealthState.UNKNOWN
        return HealthState.DOWN if at.history.down else HealthState.UP


def prefer_up(targets: Sequence[_T], is_up: Callable[[_T], bool]) -> tuple[list[_T], list[_T]]:
    """(`targets` with the down ones last, the down ones). All up or all down: the order stays, none count as
    down."""
    up: list[_T] = []
    down: list[_T] = []
    for target in targets:
        (up if is_up(target) else down).append(target)
    return (up + down, down) if up else (down, [])
