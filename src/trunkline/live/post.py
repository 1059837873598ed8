"""Letters from one node to another, by the server: what one asks the other to do with a connection that it
holds.

A letter arrives at once or not at all: when the server is away, or nobody listens under that name, its sender
is told. Nothing is kept. Its text is a JSON list, whose first is the word that says who reads it.
"""

import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from trunkline.live.words import Answer, Post

AT_ONCE = 200
"""Letters in one exchange."""
WAITING_MAX = 2000
"""Beyond it a letter is returned at once."""

Read = Callable[[Sequence[object]], None]


@dataclass(frozen=True, slots=True)
class _Letter:
    post: Post
    failed: Callable[[], None]


class PostOffice:
    """See the module. `wake` is called when there is something to send."""

    def __init__(self, wake: Callable[[], None]) -> None:
        self._wake = wake
        self._waiting: list[_Letter] = []
        self._sent: list[_Letter] = []
        self._joined = False
        self._readers: dict[str, Read] = {}
        self.boxes: list[str] = []
        """Names, beside the node's, that letters reach it under."""

    def listen(self, words: Iterable[str], read: Read) -> None:
        """Have `read` called with each letter that begins with one of `words`; it raises `ValueError` for one
        that it can't read.
        """
        self._readers.update(dict.fromkeys(words, read))

    def received(self, text: str) -> None:
        """A letter to this node. Raises `ValueError` for one that nobody can read."""
        match json.loads(text):
            case [str(word), *_] as letter if word in self._readers:
                self._readers[word](letter)
            case other:
                raise ValueError(f"no letter: {other!r:.100}")

    def send(self, node: str, letter: Sequence[str | int], failed: Callable[[], None]) -> None:
        """Send it; `failed` is called when it can't arrive, perhaps before this returns."""
        if not self._joined or len(self._waiting) >= WAITING_MAX:
            failed()
            return
        self._waiting.append(_Letter(Post(node, json.dumps(letter)), failed))
        self._wake()

    # -- the conversation --------------------------------------------------------------------------

    def joined(self) -> None:
        """The server is there."""
        self._joined = True

    def sayings(self) -> list[Post]:
        """What to send next, at most `AT_ONCE`. The answers go to `answered`, or all of it was `lost`."""
        self._sent, self._waiting = self._waiting[:AT_ONCE], self._waiting[AT_ONCE:]
        return [letter.post for letter in self._sent]

    def answered(self, answers: Sequence[Answer]) -> None:
        """The answers to `sayings`."""
        sent, self._sent = self._sent, []
        for letter, answer in zip(sent, answers, strict=False):
            if answer.word != "sent":
                letter.failed()

    @property
    def has_more(self) -> bool:
        """Whether letters wait."""
        return bool(self._waiting)

    def lost(self) -> None:
        """The server is away: what may not have arrived is returned."""
        self._joined = False
        letters = [*self._sent, *self._waiting]
        self._sent, self._waiting = [], []
        for letter in letters:
            letter.failed()
