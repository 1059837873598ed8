"""Limits that are asked elsewhere: an answer comes when the test says so."""

from collections.abc import Callable

from trunkline.trunk.limits import AccountLimits, Admission, Counted
from trunkline.trunk.verdict import Verdict


class SlowLimits:
    """`call.ports.CallLimits` over `limits`; `answer` tells those who have asked so far."""

    def __init__(self, limits: AccountLimits) -> None:
        self._limits = limits
        self._asked: list[Callable[[], None]] = []

    def ask(
        self, account: Counted, price_per_minute: float, decided: Callable[[Admission | Verdict], None]
    ) -> None:
        self._asked.append(lambda: self._limits.ask(account, price_per_minute, decided))

    def answer(self) -> None:
        asked, self._asked = self._asked, []
        for ask in asked:
            ask()
