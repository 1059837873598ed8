"""Nonces that are answered at another node than the one that has issued them: `call.ports.NonceIssuers` by
letters (ADR 21).

    the node that was answered                     the issuer
    ["take", own box, question, nonce, count] ──▶  uses the count, if it is still to be had
    ["taken", question, receipt]              ◀──  the receipt is empty when it is not

The issuer alone says which counts of its nonces were used, so each is used once in all, at whichever node.
Letters reach it under the name that its nonces bear. A node that is gone, or says nothing within `ANSWER_S`,
has its nonces refused: the client is asked once more, by the node that it has come to. While the live state
is away nobody can be asked, and each node goes by what was used at itself.

A receipt takes the key that nonces are signed with: who can write to the server, but hasn't the key, lets
nobody in.
"""

import hmac
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from trunkline.clock import Clock, Timer
from trunkline.live.post import PostOffice
from trunkline.sip.digest import Challenger

ANSWER_S: Final = 2.0
"""A question and its answer are four ways to the server, and wait for exchanges that are under way."""
QUESTIONS_MAX: Final = 2000
"""That wait at the same time; beyond it the client is asked once more."""
_TEXT_MAX: Final = 64
_COUNT_MAX: Final = 0xFFFFFFFF
"""RFC 7616 §3.4: eight hexadecimal digits."""


@dataclass(frozen=True, slots=True)
class _Question:
    nonce: str
    count: int
    decided: Callable[[bool], None]
    patience: Timer


class NonceLetters:
    """Both sides of it, for one node."""

    def __init__(
        self,
        post: PostOffice,
        clock: Clock,
        challenger: Challenger,
        *,
        token: Callable[[], str],
        is_away: Callable[[], bool],
    ) -> None:
        """`is_away`: whether the live state is, for this node."""
        self._post = post
        self._clock = clock
        self._challenger = challenger
        self._token = token
        self._is_away = is_away
        self._box = _box(challenger.issuer)
        self._questions: dict[str, _Question] = {}
        post.boxes.append(self._box)
        post.listen(("take", "taken"), self._read)

    def take(self, issuer: str, nonce: str, count: int, decided: Callable[[bool], None]) -> None:
        """See `call.ports.NonceIssuers`."""
        if len(self._questions) >= QUESTIONS_MAX:
            self._soon(lambda: decided(False))
            return
        question = self._token()
        patience = self._clock.at(self._clock.now() + ANSWER_S, lambda: self._decide(question, good=False))
        self._questions[question] = _Question(nonce, count, decided, patience)
        letter: list[str | int] = ["take", self._box, question, nonce, count]
        self._post.send(_box(issuer), letter, lambda: self._unheard(question))

    def _unheard(self, question: str) -> None:
        """Nobody has that name, or the server is away."""
        away = self._is_away()
        self._soon(lambda: self._decide(question, good=away))

    def _decide(self, question: str, *, good: bool) -> None:
        asked = self._questions.pop(question, None)
        if asked is not None:
            asked.patience.cancel()
            asked.decided(good)

    def _read(self, letter: Sequence[object]) -> None:
        match letter:
            case ["take", str(box), str(question), str(nonce), int(count)] if (
                len(box) <= _TEXT_MAX and len(question) <= _TEXT_MAX and 0 < count <= _COUNT_MAX
            ):
                taken = self._challenger.take(nonce, count)
                receipt = self._challenger.receipt(question, nonce, count) if taken else ""
                self._post.send(box, ["taken", question, receipt], _nothing)
            case ["taken", str(question), str(receipt)]:
                self._answered(question, receipt)
            case other:
                raise ValueError(f"no letter about a nonce: {other!r:.100}")

    def _answered(self, question: str, receipt: str) -> None:
        asked = self._questions.get(question)
        if asked is None:
            return
        expected = self._challenger.receipt(question, asked.nonce, asked.count)
        if receipt and not hmac.compare_digest(receipt.encode(), expected.encode()):
            raise ValueError("a receipt that is none")
        self._soon(lambda: self._decide(question, good=bool(receipt)))

    def _soon(self, act: Callable[[], None]) -> None:
        """In a timer's callback, where a fault costs itself."""
        self._clock.at(self._clock.now(), act)


def _box(issuer: str) -> str:
    """Where letters about an issuer's nonces go."""
    return f"nonces {issuer}"


def _nothing() -> None:
    """Who has asked is gone: nobody waits for the answer."""
