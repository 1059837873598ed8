"""Another node, whose nonces are answered here: what it says of their counts comes when the test says so."""

from collections.abc import Callable


class SlowIssuers:
    """`call.ports.NonceIssuers`; `answer` tells those who have asked so far."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, str, int]] = []
        """Issuer, nonce, count."""
        self._waiting: list[Callable[[bool], None]] = []

    def take(self, issuer: str, nonce: str, count: int, decided: Callable[[bool], None]) -> None:
        self.asked.append((issuer, nonce, count))
        self._waiting.append(decided)

    def answer(self, *, good: bool) -> None:
        waiting, self._waiting = self._waiting, []
        for decided in waiting:
            decided(good)
