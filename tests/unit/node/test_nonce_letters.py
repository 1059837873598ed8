"""Counts of nonces, asked for at the node that has issued them."""

import json

import pytest

from tests.unit.virtual_clock import FakeClock
from trunkline.live.post import PostOffice
from trunkline.live.words import Answer
from trunkline.node import nonce_letters
from trunkline.node.nonce_letters import ANSWER_S, NonceLetters
from trunkline.sip.digest import Challenge, Challenger
from trunkline.sip.nonce import NonceCounts

KEY = b"the key that all the edges share"


class Side:
    """One node."""

    def __init__(self, name: str, clock: FakeClock, key: bytes = KEY) -> None:
        self.post = PostOffice(lambda: None)
        self.post.joined()
        self.away = False
        self.challenger = Challenger("sip.example.com", key, clock, counts=NonceCounts(), edge=name)
        tokens = iter(range(100))
        self.letters = NonceLetters(
            self.post,
            clock,
            self.challenger,
            token=lambda: f"{name}{next(tokens)}",
            is_away=lambda: self.away,
        )
        self.decided: list[bool] = []
        self.said: list[list[object]] = []

    def nonce(self) -> str:
        return Challenge.parse(self.challenger.challenge_headers("192.0.2.1")[0]).nonce

    def ask(self, issuer: "Side", nonce: str, count: int = 1) -> None:
        self.letters.take(issuer.challenger.issuer, nonce, count, self.decided.append)


class Town:
    """Two nodes, a and b, and the post between them."""

    def __init__(self) -> None:
        self.clock = FakeClock()
        self.a, self.b = self.sides = [Side(name, self.clock) for name in "ab"]
        self.gone: list[Side] = []

    def deliver(self) -> None:
        for _ in range(4):
            for side in self.sides:
                answers = []
                for one in side.post.sayings():
                    side.said.append(json.loads(one.text))
                    heard = [
                        other
                        for other in self.sides
                        if one.node in other.post.boxes and other not in self.gone
                    ]
                    for other in heard:
                        other.post.received(one.text)
                    answers.append(Answer("sent" if heard else "nobody", None))
                side.post.answered(answers)
            self.clock.advance(0)


def test_the_issuer_lets_each_count_be_used_once() -> None:
    town = Town()
    nonce = town.a.nonce()
    for count in (1, 1, 3, 2):
        town.b.ask(town.a, nonce, count)
    assert town.b.decided == []
    town.deliver()
    assert town.b.decided == [True, False, True, False]
    assert not town.a.challenger.take(nonce, 3)
    town.b.ask(town.a, "of nobody's")
    town.deliver()
    assert town.b.decided[4:] == [False]


def test_an_issuer_that_is_gone_lets_nothing_be_used() -> None:
    town = Town()
    town.gone = [town.a]
    town.b.ask(town.a, town.a.nonce())
    town.deliver()
    assert town.b.decided == [False]


def test_an_issuer_that_says_nothing_is_waited_for_so_long() -> None:
    town = Town()
    town.b.ask(town.a, town.a.nonce())
    town.b.post.sayings()
    town.clock.advance(ANSWER_S - 0.1)
    assert town.b.decided == []
    town.clock.advance(0.1)
    assert town.b.decided == [False]
    town.deliver()
    assert town.b.decided == [False], "too late"


@pytest.mark.parametrize("under_way", [False, True])
def test_without_the_server_a_node_goes_by_what_was_used_at_itself(under_way: bool) -> None:
    town = Town()
    if under_way:
        town.b.ask(town.a, town.a.nonce())
    town.b.away = True
    town.b.post.lost()
    if not under_way:
        town.b.ask(town.a, town.a.nonce())
    assert town.b.decided == [], "never within the question"
    town.clock.advance(0)
    assert town.b.decided == [True]


def test_questions_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(nonce_letters, "QUESTIONS_MAX", 1)
    town = Town()
    nonce = town.a.nonce()
    for count in (1, 2):
        town.b.ask(town.a, nonce, count)
    town.clock.advance(0)
    assert town.b.decided == [False]
    town.deliver()
    assert town.b.decided == [False, True]


@pytest.mark.parametrize(
    "letter",
    [
        ["take"],
        ["take", "box", "q", "n"],
        ["take", "box", "q", "n", "1"],
        ["take", "box", "q", "n", 0],
        ["take", "box", "q", "n", 2**32],
        ["take", "b" * 65, "q", "n", 1],
        ["take", "box", "q" * 65, "n", 1],
        ["taken", "q"],
        ["taken", 1, ""],
    ],
)
def test_a_letter_that_can_t_be_read(letter: list[object]) -> None:
    with pytest.raises(ValueError, match="nonce"):
        Town().a.post.received(json.dumps(letter))


def test_a_word_of_somebody_without_the_key_lets_nobody_in() -> None:
    """It can see every letter, and write any."""
    town = Town()
    nonce = town.a.nonce()
    town.b.ask(town.a, nonce)
    town.deliver()
    ((_, _, receipt),) = town.a.said
    assert town.b.decided == [True]
    town.b.ask(town.a, nonce)
    for forged in ("yes", receipt, Side("a", town.clock, KEY[::-1]).challenger.receipt("b1", nonce, 1)):
        with pytest.raises(ValueError, match="receipt"):
            town.b.post.received(json.dumps(["taken", "b1", forged]))
    town.b.post.received(json.dumps(["taken", "of nobody's", receipt]))
    town.deliver()
    assert town.b.decided == [True, False]


def test_a_poisoned_question_keeps_nothing() -> None:
    town = Town()
    for number in range(1000):
        town.a.post.received(json.dumps(["take", "box", "q", f"{number:040}", 1]))
    assert town.a.challenger.take(town.a.nonce(), 1)
    assert {json.loads(one.text)[2] for one in town.a.post.sayings()} == {""}
