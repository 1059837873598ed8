"""Who has signed in from where within the day, as far as the door has to know it.

A user's password takes its time, and a thread. Sources that nobody has signed in from have `STRANGERS` of
these together; more are turned away at once. However many machines try names that are none, signed-in
people, keys and tokens, and those who come back from where they signed in, are served.
"""

from collections import OrderedDict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Lock
from typing import TypeVar

from trunkline.web.errors import TooManyAttemptsError

KNOWN_S = 24 * 3600.0
MAX_KNOWN = 16_384
"""Sources, and names at them; the one that signed in longest ago goes first."""
STRANGERS = 4
"""Passwords of unknown sources that are checked at a time: half of the process' threads."""

_K = TypeVar("_K")


class Visitors:
    """Safe to share between threads."""

    def __init__(self, now: Callable[[], float]) -> None:
        """`now` is a monotonic clock."""
        self._now = now
        self._lock = Lock()
        self._sources: OrderedDict[str, float] = OrderedDict()
        self._names: OrderedDict[tuple[str, str], float] = OrderedDict()
        self._checking = 0
        """Passwords of strangers."""

    def remember(self, source: str, name: str) -> None:
        """The right password for `name` has come from `source`."""
        with self._lock:
            self._put(self._sources, source)
            self._put(self._names, (source, name))

    def _put(self, book: OrderedDict[_K, float], key: _K) -> None:
        book.pop(key, None)
        book[key] = self._now()
        if len(book) > MAX_KNOWN:
            book.popitem(last=False)

    def knows(self, source: str, name: str) -> bool:
        """Whether that happened within the day."""
        with self._lock:
            return self._is_recent(self._names.get((source, name)))

    def _is_recent(self, at: float | None) -> bool:
        return at is not None and self._now() - at < KNOWN_S

    @contextmanager
    def checking(self, source: str) -> Iterator[None]:
        """A password of `source` is checked. Raises `TooManyAttemptsError` for the stranger that is one too
        many.
        """
        with self._lock:
            stranger = not self._is_recent(self._sources.get(source))
            if stranger and self._checking >= STRANGERS:
                raise TooManyAttemptsError("too many sign in at this moment", 1)
            self._checking += stranger
        try:
            yield
        finally:
            with self._lock:
                self._checking -= stranger
