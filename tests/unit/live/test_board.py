"""Notices: the newest of each key, kept while the server is away, said again when it is back."""

import json
from collections.abc import Set as AbstractSet

import pytest

from trunkline.live import board as board_module
from trunkline.live.board import Board
from trunkline.live.words import Notice, Tell


class Ears:
    def __init__(self) -> None:
        self.woken = 0
        self.heard: list[Notice] = []
        self.board = Board(self._wake)

    def _wake(self) -> None:
        self.woken += 1


def test_the_newest_of_each_key_is_said_once() -> None:
    ears = Ears()
    board = ears.board
    board.joined()
    board.tell(Tell("ban", "a", "first", 10.0))
    board.tell(Tell("ban", "b", "other", 10.0))
    board.tell(Tell("ban", "a", "second", 10.0))
    assert ears.woken == 3
    assert [one.text for one in board.sayings()] == ["other", "second"]
    board.said()
    assert not board.has_more
    board.lost()
    assert not board.has_more


def test_what_may_not_have_arrived_is_said_again() -> None:
    board = Ears().board
    board.joined()
    board.tell(Tell("ban", "a", "old", 10.0))
    board.tell(Tell("health", "x", "down"))
    board.sayings()
    board.tell(Tell("ban", "a", "new", 10.0))
    board.lost()
    board.tell(Tell("health", "x", "up"))
    board.tell(Tell("ban", "b", for_s=0))
    board.joined()
    assert [(one.key, one.text) for one in board.sayings()] == [("a", "new"), ("b", "")]


def test_what_holds_is_stated_again_but_not_over_what_waits() -> None:
    ears = Ears()
    board = ears.board
    asked: list[tuple[set[str], bool]] = []

    def reconcile(kept: AbstractSet[str], fresh: bool) -> list[Tell]:
        asked.append((set(kept), fresh))
        return [Tell("ban", "a", "held", 5.0), Tell("ban", "b", "held", 5.0)]

    board.listen("ban", ears.heard.append, reconcile)
    board.listen("said once", ears.heard.append)
    assert board.kept_kinds == ("ban",)
    board.tell(Tell("ban", "a", for_s=0))
    board.joined()
    board.reconcile("ban", {"c"}, fresh=True)
    assert asked == [({"a", "c"}, True)]
    assert {one.key: one.for_s for one in board.sayings()} == {"a": 0, "b": 5.0}


def test_a_text_that_can_t_be_read_costs_itself() -> None:
    ears = Ears()

    def heard(notice: Notice) -> None:
        json.loads(notice.text)
        ears.heard.append(notice)

    ears.board.listen("ban", heard)
    ears.board.hear([Notice("ban", "a", "{", 1.0), Notice("ban", "b", "{}", 1.0)])
    assert [one.key for one in ears.heard] == ["b"]


def test_who_listens_hears_but_not_what_we_are_about_to_change() -> None:
    ears = Ears()
    board = ears.board
    board.listen("ban", ears.heard.append)
    board.joined()
    board.tell(Tell("ban", "a", for_s=0))
    notices = [Notice("ban", "a", "", 5.0), Notice("ban", "b", "", 5.0), Notice("strange", "c", "", 5.0)]
    board.hear(notices)
    assert [one.key for one in ears.heard] == ["b"]


def test_what_comes_with_the_answer_to_our_own_word_is_older() -> None:
    ears = Ears()
    board = ears.board
    board.listen("ban", ears.heard.append)
    board.joined()
    board.tell(Tell("ban", "ours", "newer", 60.0))
    board.tell(Tell("ban", "of before", "may have changed", 60.0, again=True))
    board.sayings()
    lifted = [Notice("ban", "ours", "", 0.0), Notice("ban", "of before", "", 0.0)]
    board.hear(lifted)
    assert [one.key for one in ears.heard] == ["of before"]
    board.said()
    board.hear(lifted)
    assert [one.key for one in ears.heard] == ["of before", "ours", "of before"]


def test_it_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(board_module, "WAITING_MAX", 3)
    monkeypatch.setattr(board_module, "AT_ONCE", 2)
    board = Ears().board
    for key in "abcde":
        board.tell(Tell("ban", key, for_s=1.0))
    board.joined()
    assert [one.key for one in board.sayings()] == ["c", "d"]
    assert board.has_more
