"""The health of endpoints and gateways: what calls and pings have shown lately (BEHAVIOUR §3).

A target is down while at least N of its last M results are failures, and up again after `successes` good ones
in a row, which clear its past. So that a target that nobody pings is not lost for ever, a down one whose last
result is older than `retry_after_s` counts as up for the next call. Down targets are put behind the others
(`prefer_up`), never removed.

Results come from attempts (`hunt`) and from OPTIONS pings (`call`); any response to a ping is a success.
"""

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import TypeVar

from trunkline.clock import Clock

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


class _Target:
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

    def __init__(self, window: int) -> None:
        self.results: deque[bool] = deque(maxlen=window)
        self.down = False
        self.good_in_a_row = 0
        self.heard = 0.0
        self.since_at: float | None = None
        self.last_at: float | None = None
        self.last_failure = ""
        self.last_detail = ""


class HealthBook:
    """The health of every target, by key. Holds a key from its first result until `retain` drops it."""

    __slots__ = ("_clock", "_follower", "_policy", "_targets")

    def __init__(self, clock: Clock, policy: HealthPolicy | None = None) -> None:
        self._clock = clock
        self._policy = policy or HealthPolicy()
        self._targets: dict[str, _Target] = {}
        self._follower: Callable[[str, str, str], None] | None = None

    def follow(self, told: Callable[[str, str, str], None]) -> None:
        """Have `told` called with each result that says something new: key, slug (empty: a good one) and
        detail. Good results of a target that has no bad one among its last are not told.
        """
        self._follower = told

    def succeeded(self, key: str) -> bool:
        """Note a good result of a call. True when that brought the target up."""
        target = self._targets.get(key)
        if self._follower is not None and target is not None and False in target.results:
            self._follower(key, "", "")
        return self.take(key)

    def failed(self, key: str, slug: str, detail: str = "") -> bool:
        """Note a bad result of a call and why. True when that put the target down."""
        if self._follower is not None:
            self._follower(key, slug, detail)
        return self.take(key, slug, detail)

    def take(self, key: str, slug: str = "", detail: str = "") -> bool:
        """Note a result that is told of elsewhere: a ping's, another node's; a good one without `slug`. True
        when the target is down now and was not before, or the other way round.
        """
        return self._bad(key, slug, detail) if slug else self._good(key)

    def _good(self, key: str) -> bool:
        target = self._heard(key)
        target.results.append(True)
        target.good_in_a_row += 1
        if target.down and target.good_in_a_row >= self._policy.successes:
            target.results.clear()
            target.results.append(True)
            target.down = False
            target.since_at = self._clock.wall()
            return True
        return False

    def _bad(self, key: str, slug: str, detail: str) -> bool:
        target = self._heard(key)
        target.results.append(False)
        target.good_in_a_row = 0
        target.last_failure = slug
        target.last_detail = detail
        if not target.down and target.results.count(False) >= self._policy.failures:
            target.down = True
            target.since_at = self._clock.wall()
            return True
        return False

    def _heard(self, key: str) -> _Target:
        target = self._targets.get(key)
        if target is None:
            target = self._targets[key] = _Target(self._policy.window)
            target.since_at = self._clock.wall()
        target.heard = self._clock.now()
        target.last_at = self._clock.wall()
        return target

    def is_up(self, key: str) -> bool:
        """Whether calls should go there: it isn't down, or was not heard about for so long that it deserves a
        try."""
        target = self._targets.get(key)
        return (
            target is None
            or not target.down
            or self._clock.now() - target.heard >= self._policy.retry_after_s
        )

    def view(self, key: str) -> HealthView:
        """What is known of the target."""
        target = self._targets.get(key)
        if target is None:
            return HealthView(HealthState.UNKNOWN, (), None, None, "", "")
        return HealthView(
            HealthState.DOWN if target.down else HealthState.UP,
            tuple(target.results),
            target.since_at,
            target.last_at,
            target.last_failure,
            target.last_detail,
        )

    def retain(self, keys: Iterable[str]) -> None:
        """Forget every target that isn't among `keys`: those that exist no more."""
        wanted = set(keys)
        for key in [key for key in self._targets if key not in wanted]:
            del self._targets[key]

    def __iter__(self) -> Iterator[str]:
        """The keys of all targets that were heard of."""
        return iter(self._targets)

    def __len__(self) -> int:
        return len(self._targets)


def prefer_up(targets: Sequence[_T], is_up: Callable[[_T], bool]) -> tuple[list[_T], list[_T]]:
    """(`targets` with the down ones last, the down ones). All up or all down: the order stays, none count as
    down."""
    up: list[_T] = []
    down: list[_T] = []
    for target in targets:
        (up if is_up(target) else down).append(target)
    return (up + down, down) if up else (down, [])
