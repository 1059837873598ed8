"""What a node says to the server and what it is answered: the forms that the scripts read (`exchange.lua`,
`register.lua`).

Each thing said is one `Saying`, whose `form` is what the script gets as JSON; `Heard.read` and its kin check
what comes back. Text of peers may have bytes in it that are no UTF-8 (`sip.headers`): they go there and come
back as they are, for the scripts read no JSON with half a surrogate pair. Raises `LiveError` for an answer in
another form: somebody else uses the database.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from trunkline.errors import LiveError
from trunkline.trunk.limits import NOTHING, Held

Form = Sequence[object]


class Saying(Protocol):
    """One thing that is said."""

    @property
    def form(self) -> Form:
        """As JSON has it."""


@dataclass(frozen=True, slots=True)
class Ask:
    """May one more call of an account begin? None is no limit."""

    account: str
    calls: int | None
    rate: int | None
    seconds: float | None
    """Of a day."""
    cost: float | None

    @property
    def form(self) -> Form:
        limits = (self.calls, self.rate, self.seconds, self.cost)
        return ["ask", self.account, *(False if limit is None else limit for limit in limits)]


@dataclass(frozen=True, slots=True)
class Use:
    """What an account holds at this node has changed."""

    account: str
    more: int
    """Calls more than the server knows of."""
    held: Held
    wants: bool
    """Whether to be told what the others hold."""

    @property
    def form(self) -> Form:
        held = self.held
        metered = held.seconds > 0.0 or held.seconds_rate > 0.0
        said = [held.seconds, held.cost, held.seconds_rate, held.cost_rate] if metered else False
        return ["use", self.account, self.more, said, self.wants]


@dataclass(frozen=True, slots=True)
class Base:
    """What the records say that an account has used today at another node, which may not be there to say
    it.
    """

    node: str
    account: str
    seconds: float
    cost: float

    @property
    def form(self) -> Form:
        return ["base", self.node, self.account, self.seconds, self.cost]


@dataclass(frozen=True, slots=True)
class Tell:
    """A notice for the other nodes."""

    kind: str
    key: str
    text: str = ""
    for_s: float | None = None
    """How long it holds; 0 takes it back, None says it once and keeps nothing."""
    again: bool = False
    """It was said before, to a server that may have lost it: what others have said of the key since then
    holds instead.
    """

    @property
    def form(self) -> Form:
        return [
            "again" if self.again else "tell",
            self.kind,
            self.key,
            self.text,
            False if self.for_s is None else int(self.for_s * 1000),
        ]


@dataclass(frozen=True, slots=True)
class Post:
    """A letter to one node."""

    node: str
    text: str

    @property
    def form(self) -> Form:
        return ["post", self.node, self.text]


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """What another node needs to go on with a call of this one."""

    call_id: str
    place: str
    text: str

    @property
    def form(self) -> Form:
        return ["checkpoint", self.call_id, self.place, self.text]


@dataclass(frozen=True, slots=True)
class Forget:
    """A call has ended."""

    call_id: str

    @property
    def form(self) -> Form:
        return ["forget", self.call_id]


@dataclass(frozen=True, slots=True)
class Claim:
    """Calls of dead nodes, whose media are at these places, are asked for."""

    lease: str
    node: str
    at_once: int
    places: Sequence[str]

    @property
    def arguments(self) -> list[str]:
        """For the script."""
        return [self.lease, self.node, str(self.at_once), json.dumps(list(self.places))]


def read_calls(answer: object) -> list[tuple[str, str]]:
    """Calls and their checkpoints, from the answer to a claim."""
    match answer:
        case [*items] if len(items) % 2 == 0:
            texts = [one.decode() for one in items if isinstance(one, bytes)]
            return list(zip(texts[::2], texts[1::2], strict=False))
    raise _strange(answer)


@dataclass(frozen=True, slots=True)
class Registration:
    """A node begins a lease."""

    lease: str
    node: str
    lease_s: float
    day: int
    """Days since the epoch."""
    earlier: str
    """The leases that it had before, with a space in between; empty for the first."""
    settle_s: float
    held: Sequence[tuple[str, Held]]

    @property
    def arguments(self) -> list[str]:
        """For the script."""
        held = [
            [account, one.up, one.seconds, one.cost, one.seconds_rate, one.cost_rate]
            for account, one in self.held
        ]
        times = (str(int(self.lease_s * 1000)), str(self.day), self.earlier, str(int(self.settle_s * 1000)))
        return [self.lease, self.node, *times, json.dumps(held)]


@dataclass(frozen=True, slots=True)
class Batch:
    """What is said under a lease at once."""

    lease: str
    node: str
    lease_s: float
    day: int
    since: int
    """The number of the last notice known."""
    sayings: Sequence[Saying]

    @property
    def arguments(self) -> list[str | bytes]:
        """For the script."""
        said = json.dumps([saying.form for saying in self.sayings], ensure_ascii=False)
        times = (str(int(self.lease_s * 1000)), str(self.day), str(self.since))
        return [self.lease, self.node, *times, said.encode("utf-8", "surrogateescape")]


@dataclass(frozen=True, slots=True)
class Joined:
    """The answer to a registration."""

    nodes: int
    """With a living lease, this one included."""
    settling_s: float
    """For so long not every node may have said what it holds."""
    newest: int
    """The number of the last notice."""
    born: bool
    """The data began with this registration: nothing of before is there."""

    @classmethod
    def read(cls, answer: object) -> "Joined":
        """From the script's answer."""
        match answer:
            case [int(nodes), int(settling_ms), int(newest), int(born)]:
                return cls(nodes, settling_ms / 1000, newest, bool(born))
        raise _strange(answer)


@dataclass(frozen=True, slots=True)
class Answer:
    """To one saying."""

    word: str
    """Of an `Ask`: yes, call, rate, minutes, cost (what refuses it), settling. Of a `Post`: sent, nobody.
    Of a `Checkpoint`: taken, when another node goes on with the call. Otherwise empty.
    """
    elsewhere: Held | None
    """What the others hold; None when it was not wanted."""

    @classmethod
    def read(cls, answer: object) -> "Answer":
        """From the script's answer."""
        match answer:
            case []:
                return _NO_ANSWER
            case [bytes(word)]:
                return cls(word.decode(), None)
            case [bytes(word), int(up), bytes(seconds), bytes(cost), bytes(rate), bytes(cost_rate)]:
                held = Held(up, float(seconds), float(cost), float(rate), float(cost_rate))
                return cls(word.decode(), NOTHING if held == NOTHING else held)
        raise _strange(answer)


_NO_ANSWER = Answer("", None)


@dataclass(frozen=True, slots=True)
class Notice:
    """What another node has told."""

    kind: str
    key: str
    text: str
    for_s: float | None
    """How long it still holds; 0 when it was taken back, None when it was said once."""

    @classmethod
    def read(cls, notice: object) -> "Notice":
        """From the script's answer."""
        match notice:
            case [bytes(kind), bytes(key), bytes(text), bytes(left)]:
                for_s = int(left) / 1000 if left else None
                return cls(kind.decode(), _text(key), _text(text), for_s)
        raise _strange(notice)

    @classmethod
    def kept(cls, kind: str, key: bytes, value: bytes, now_ms: int) -> "Notice":
        """From what is kept, at `now_ms` of the server."""
        until, _, text = _text(value).partition(" ")
        if not until.isdigit():
            raise _strange(value)
        return cls(kind, _text(key), text, max(0, int(until) - now_ms) / 1000)


@dataclass(frozen=True, slots=True)
class Heard:
    """The answer to a batch."""

    nodes: int
    settling_s: float
    newest: int
    """The number of the last notice that there is."""
    known: int
    """The number of the last one that is here now."""
    missed: bool
    """Notices were dropped before this node heard them."""
    orphans: int
    """Dead nodes whose calls nobody may have claimed yet."""
    answers: Sequence[Answer]
    """One for each saying."""
    notices: Sequence[Notice]

    @classmethod
    def read(cls, answer: object) -> "Heard | None":
        """From the script's answer; None when the lease has lapsed."""
        match answer:
            case []:
                return None
            case [
                int(nodes),
                int(settling_ms),
                int(newest),
                int(known),
                int(missed),
                int(orphans),
                [*answers],
                [*notices],
            ]:
                return cls(
                    nodes,
                    settling_ms / 1000,
                    newest,
                    known,
                    bool(missed),
                    orphans,
                    [Answer.read(one) for one in answers],
                    [Notice.read(one) for one in notices],
                )
        raise _strange(answer)


def _text(value: bytes) -> str:
    return value.decode("utf-8", "surrogateescape")


def _strange(answer: object) -> LiveError:
    return LiveError(f"the live state's server has answered {answer!r:.120}: is its database another's too?")
