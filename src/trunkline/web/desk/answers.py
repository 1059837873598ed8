"""Answers kept for requests that may come twice: each principal has keys of the own."""

from trunkline.store.answers import Answer, owner_of
from trunkline.web.desk.counter import Counter


class AnswerDesk:
    """See the module; `trunkline.store.answers` says what is kept, and how long."""

    def __init__(self, counter: Counter) -> None:
        self._answers = counter.store.answers
        principal = counter.principal
        self._owner = owner_of(principal.name, user=principal.user is not None)

    def claim(self, key: str, fingerprint: str) -> Answer | None:
        """The answer to the request with `key`; None: serve it, then `keep` the answer or `release` the key.

        Raises `KeyReusedError` when that was another request, `PendingError`.
        """
        return self._answers.claim(self._owner, key, fingerprint)

    def keep(self, key: str, answer: Answer) -> None:
        self._answers.keep(self._owner, key, answer)

    def release(self, key: str) -> None:
        self._answers.release(self._owner, key)
