"""Places for what keeps a thread, or the database, busy for seconds: exports, pings, test calls."""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Lock

from trunkline.web.errors import TooManyAttemptsError


class Places:
    """So many at a time in the whole process, of which one customer has a share, and one is left to the
    operators. Safe to share between threads.
    """

    def __init__(self, most: int, of_one: int, what: str, retry_s: int) -> None:
        """`what` are the words for what is under way; who is turned away may come again after `retry_s`."""
        self._most = most
        self._of_one = of_one
        self._what = what
        self._retry_s = retry_s
        self._lock = Lock()
        self._taken: Counter[str | None] = Counter()

    def take(self, whose: str | None) -> None:
        """One for a customer's account, or an operator (None), until it is given back. Raises
        `TooManyAttemptsError` where there is none.
        """
        with self._lock:
            taken = self._taken.total()
            customers = taken - self._taken[None]
            full = taken >= self._most
            if whose is not None:
                full = full or customers >= self._most - 1 or self._taken[whose] >= self._of_one
            if full:
                raise TooManyAttemptsError(f"too many {self._what} are under way", self._retry_s)
            self._taken[whose] += 1

    def give_back(self, whose: str | None) -> None:
        """What was taken."""
        with self._lock:
            self._taken[whose] -= 1
            if not self._taken[whose]:
                del self._taken[whose]

    @contextmanager
    def taken(self, whose: str | None) -> Iterator[None]:
        """One for the time of a block, as `take`."""
        self.take(whose)
        try:
            yield
        finally:
            self.give_back(whose)
