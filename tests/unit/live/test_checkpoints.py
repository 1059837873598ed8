"""What a node says of its calls, and what it hears of those of dead nodes."""

from collections.abc import Sequence

import pytest

from tests.unit.virtual_clock import FakeClock
from trunkline.live import checkpoints as module
from trunkline.live.checkpoints import AGAIN_S, SETTLED_S, Checkpoints, Kept
from trunkline.live.words import Answer, Checkpoint, Forget


class Node:
    """A keeper whose calls are texts; None: it is up, and no checkpoint can be made."""

    def __init__(self) -> None:
        self.clock = FakeClock()
        self.calls: dict[str, str | None] = {}
        self.got: list[tuple[str, str]] = []
        self.lost: list[str] = []
        self.checkpoints = Checkpoints(self.clock)
        self.checkpoints.keeper = self

    @property
    def places(self) -> Sequence[str]:
        return ["here"]

    def is_up(self, call_id: str) -> bool:
        return call_id in self.calls

    def checkpoint(self, call_id: str) -> Kept | None:
        text = self.calls.get(call_id)
        return None if text is None else Kept("here", text)

    def claimed(self, call_id: str, text: str) -> None:
        self.got.append((call_id, text))
        self.calls[call_id] = text

    def taken(self, call_id: str) -> None:
        self.lost.append(call_id)
        del self.calls[call_id]

    def change(self, call_id: str, text: str | None) -> None:
        self.calls[call_id] = text
        self.checkpoints.changed(call_id)

    def end(self, call_id: str) -> None:
        del self.calls[call_id]
        self.checkpoints.ended(call_id)

    def say(self, after_s: float = SETTLED_S, word: str = "") -> list[Checkpoint | Forget]:
        self.clock.advance(after_s)
        said = self.checkpoints.sayings()
        self.checkpoints.answered([Answer(word, None)] * len(said))
        return said


def test_a_call_is_told_of_once_it_has_settled() -> None:
    node = Node()
    node.change("a", "1")
    assert node.say(SETTLED_S / 2) == []
    node.change("a", "2")
    assert node.say(SETTLED_S / 2) == []
    assert node.say() == [Checkpoint("a", "here", "2")]
    assert node.say(60.0) == []
    node.end("a")
    assert node.say(0.0) == [Forget("a")]
    assert node.say(60.0) == []
    assert node.checkpoints.unknown(["a"]) == ["a"], "nothing is left of it here either"


def test_a_call_that_is_over_soon_costs_nothing() -> None:
    node = Node()
    node.change("a", "1")
    node.end("a")
    node.clock.advance(60.0)
    assert not node.checkpoints.has_more
    assert node.say(0.0) == []


def test_nothing_is_left_of_one_that_ends_while_none_can_be_made_of_it() -> None:
    node = Node()
    node.change("a", None)
    assert node.say() == []
    node.end("a")
    assert node.checkpoints._missed == set()
    assert node.say(AGAIN_S) == []


def test_one_that_can_not_be_told_of_is_looked_at_again() -> None:
    node = Node()
    node.change("a", None)
    node.change("b", "x" * (module.TEXT_MAX + 1))
    node.change("c", "x" * module.TEXT_MAX)
    assert [one.call_id for one in node.say()] == ["c"]
    node.calls["a"] = "1"
    assert node.say(AGAIN_S) == [Checkpoint("a", "here", "1")]
    node.change("a", None)
    assert node.say() == [], "what stood before counts: it is the first time in a row"
    node.end("b")
    assert node.say(60.0) == [Forget("a")]


def test_one_that_is_not_up_any_more_is_not_looked_at_again() -> None:
    node = Node()
    node.change("a", "1")
    del node.calls["a"]
    assert node.say() == []
    node.clock.advance(AGAIN_S)
    assert not node.checkpoints.has_more


def test_what_is_not_true_any_more_is_taken_back() -> None:
    node = Node()
    node.change("a", "1")
    node.say()
    node.change("a", None)
    assert node.say() == [], "it may be a change under way"
    assert node.say(AGAIN_S) == [Forget("a")]
    assert node.say(AGAIN_S) == [], "once"
    node.calls["a"] = "2"
    assert node.say(AGAIN_S) == [Checkpoint("a", "here", "2")]
    node.change("a", None)
    node.say()
    node.change("b", "1")
    assert node.say() == [Checkpoint("b", "here", "1")], "the one does not wait for the other"


def test_it_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "AT_ONCE", 2)
    node = Node()
    for name in "abc":
        node.change(name, name)
    assert [one.call_id for one in node.say()] == ["a", "b"]
    assert node.checkpoints.has_more
    node.end("a")
    node.end("b")
    assert node.say(0.0) == [Checkpoint("c", "here", "c"), Forget("a"), Forget("b")]
    assert not node.checkpoints.has_more


def test_what_did_not_arrive_is_said_again_under_the_next_lease() -> None:
    node = Node()
    node.change("a", "1")
    node.change("b", "1")
    node.say()
    node.end("a")
    node.change("b", "2")
    node.clock.advance(SETTLED_S)
    assert len(node.checkpoints.sayings()) == 2
    node.checkpoints.lost()
    node.checkpoints.joined()
    assert node.say(0.0) == [Checkpoint("b", "here", "2"), Forget("a")]


def test_a_call_that_goes_on_is_not_forgotten_for_an_answer_that_is_lost() -> None:
    node = Node()
    node.change("a", "1")
    node.clock.advance(SETTLED_S)
    assert len(node.checkpoints.sayings()) == 1
    node.checkpoints.lost()
    assert not node.checkpoints.has_more


def test_calls_that_are_another_s_by_now_are_let_go() -> None:
    node = Node()
    node.change("a", "1")
    assert node.say(word="taken") == [Checkpoint("a", "here", "1")]
    assert node.lost == ["a"]
    node.checkpoints.joined()
    assert node.say(60.0) == []


def test_calls_of_dead_nodes_are_this_one_s_from_now_on() -> None:
    node = Node()
    node.checkpoints.claimed([("a", "text")])
    assert node.got == [("a", "text")]
    assert node.checkpoints.unknown(["a", "b"]) == ["b"]
    node.end("a")
    assert node.checkpoints.unknown(["a"]) == []
    assert node.say(0.0) == [Forget("a")]


def test_the_server_is_told_once_more_to_forget_a_call_that_has_ended() -> None:
    node = Node()
    node.checkpoints.forget(["a"])
    assert node.checkpoints.unknown(["a"]) == []
    assert (node.say(0.0), node.got) == ([Forget("a")], [])
    node.checkpoints.forget(["b"])
    node.change("b", "1")
    assert node.say() == [Checkpoint("b", "here", "1")], "it is up after all"
    node.checkpoints.forget(["c"])
    node.checkpoints.claimed([("c", "text")])
    assert node.say() == [], "it is this node's now"


def test_without_a_keeper_nothing_is_said() -> None:
    clock = FakeClock()
    checkpoints = Checkpoints(clock)
    checkpoints.changed("a")
    checkpoints.claimed([("b", "text")])
    checkpoints.ended("b")
    clock.advance(60.0)
    assert checkpoints.sayings() == []
    assert not checkpoints.has_more, "nor remembered"
