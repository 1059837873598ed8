"""Letters: each arrives, or its sender is told."""

import pytest

from trunkline.live import post as post_module
from trunkline.live.post import PostOffice
from trunkline.live.words import Answer, Post


class Sender:
    def __init__(self) -> None:
        self.woken = 0
        self.returned: list[str] = []
        self.post = PostOffice(self._wake)

    def _wake(self) -> None:
        self.woken += 1

    def send(self, text: str, node: str = "a") -> None:
        self.post.send(node, ["word", text], lambda: self.returned.append(text))


def test_what_nobody_hears_is_returned() -> None:
    sender = Sender()
    sender.post.joined()
    sender.send("one")
    sender.send("two", "b")
    assert (sender.woken, sender.post.has_more) == (2, True)
    assert sender.post.sayings() == [Post("a", '["word", "one"]'), Post("b", '["word", "two"]')]
    sender.post.answered([Answer("sent", None), Answer("nobody", None)])
    assert sender.returned == ["two"]
    assert not sender.post.has_more


def test_without_the_server_everything_is_returned() -> None:
    sender = Sender()
    sender.send("too early")
    sender.post.joined()
    sender.send("under way")
    sender.post.sayings()
    sender.send("waiting")
    sender.post.lost()
    sender.send("too late")
    assert sender.returned == ["too early", "under way", "waiting", "too late"]
    sender.post.joined()
    assert sender.post.sayings() == []


def test_it_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(post_module, "WAITING_MAX", 2)
    monkeypatch.setattr(post_module, "AT_ONCE", 1)
    sender = Sender()
    sender.post.joined()
    for text in ("1", "2", "3"):
        sender.send(text)
    assert sender.returned == ["3"]
    assert len(sender.post.sayings()) == 1
    assert sender.post.has_more


def test_each_word_has_its_reader() -> None:
    post = Sender().post
    read: list[tuple[str, list[object]]] = []
    post.listen(("a", "b"), lambda letter: read.append(("one", list(letter))))
    post.listen(("c",), lambda letter: read.append(("other", list(letter))))
    for text in ('["a", 1]', '["c"]'):
        post.received(text)
    assert read == [("one", ["a", 1]), ("other", ["c"])]
    for text in ("", "{}", "[]", "[1]", '["d"]', '"a"'):
        with pytest.raises(ValueError, match=r".+"):
            post.received(text)
    assert len(read) == 2
