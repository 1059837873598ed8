"""Places for exports under way: each keeps the database busy for as long as it takes.

A customer has one, and all customers together have one less than there are, so that an operator's finds room.
"""

from collections import Counter
from threading import Lock

from trunkline.web.errors import TooManyAttemptsError

MAX_EXPORTS = 3
"""At a time, in the whole process."""
RETRY_S = 30


class Exports:
    """Safe to share between threads."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._running: Counter[str | None] = Counter()

    def begin(self, account: str | None) -> None:
        """Take a place for a customer's account, or an operator (None). Raises `TooManyAttemptsError`."""
        with self._lock:
            if account is not None and self._running[account]:
                raise TooManyAttemptsError("an export of this account is running already", RETRY_S)
            customers = self._running.total() - self._running[None]
            full = self._running.total() >= MAX_EXPORTS
            if full or (account is not None and customers >= MAX_EXPORTS - 1):
                raise TooManyAttemptsError("exports are running already", RETRY_S)
            self._running[account] += 1

    def end(self, account: str | None) -> None:
        """Give it back."""
        with self._lock:
            self._running[account] -= 1
