"""Commands and answers: repetition, patience, and an rtpengine that answers badly."""

from collections.abc import Callable

import pytest

from tests.unit.virtual_clock import FakeClock
from trunkline.media.rtpengine import exchange
from trunkline.media.rtpengine.bencode import encode
from trunkline.media.rtpengine.exchange import (
    PATIENCE_S,
    Answer,
    Exchange,
    NgBusyError,
    NgError,
    NgFullError,
    NgRefusedError,
    NgSilentError,
    NgUnreachableError,
)


class Line:
    """A wire that remembers."""

    def __init__(self, *, reliable: bool = False) -> None:
        self.reliable = reliable
        self.sent: list[bytes] = []

    def send(self, message: bytes) -> None:
        self.sent.append(message)


class Asking:
    """An exchange, its wire, and what it told."""

    def __init__(self, *, reliable: bool = False) -> None:
        self.clock = FakeClock()
        self.line = Line(reliable=reliable)
        self.exchange = Exchange(self.clock, "me")
        self.exchange.wire = self.line
        self.told: list[Answer | NgError] = []

    def ask(self, command: str = "ping", **keys: str) -> None:
        self.exchange.ask(command, keys, self.told.append)

    def answer(self, body: bytes, which: int = -1) -> None:
        self.exchange.received(self.line.sent[which].partition(b" ")[0] + b" " + body)


def test_a_command_is_answered_by_its_cookie() -> None:
    one = Asking()
    one.ask("query", **{"call-id": "x"})
    assert one.line.sent == [b"me_1 d7:command5:query7:call-id1:xe"]
    one.ask()
    one.answer(b"d6:result4:ponge", 1)
    one.answer(b"d6:result2:oke", 0)
    assert one.told == [{"result": b"pong"}, {"result": b"ok"}]
    assert len(one.exchange) == 0
    assert one.exchange.latency_s == 0.0


def test_datagrams_are_repeated_until_answered_and_given_up_in_the_end() -> None:
    one = Asking()
    one.ask()
    one.clock.advance(0.75)
    assert one.line.sent == one.line.sent[:1] * 4
    one.clock.advance(PATIENCE_S)
    assert len(one.line.sent) < 10
    assert [type(error) for error in one.told] == [NgSilentError]
    one.answer(b"d6:result4:ponge")
    assert len(one.told) == 1
    assert len(one.clock) == 0


def test_a_reliable_wire_is_asked_once_and_again_after_it_was_made_anew() -> None:
    one = Asking(reliable=True)
    one.ask()
    one.clock.advance(PATIENCE_S * 0.9)
    assert len(one.line.sent) == 1
    one.exchange.connected()
    assert len(one.line.sent) == 2
    one.clock.advance(PATIENCE_S)
    assert [type(error) for error in one.told] == [NgSilentError]


@pytest.mark.parametrize(
    "message",
    [
        b"",
        b"garbage",
        b"me_1",
        b"me_1 ",
        b"me_1 d6:result",
        b"me_1 i5e",
        b"me_1 \xff\xfe",
        b"you_1 d6:result4:ponge",
    ],
)
def test_what_is_no_answer_is_ignored_and_the_question_stays(message: bytes) -> None:
    one = Asking()
    one.ask()
    one.exchange.received(message)
    assert (one.told, len(one.exchange)) == ([], 1)
    one.answer(b"d6:result4:ponge")
    assert len(one.told) == 1


@pytest.mark.parametrize(
    ("answer", "kind", "text"),
    [
        ({"result": "error", "error-reason": "Unknown call-id"}, NgRefusedError, "Unknown call-id"),
        ({"result": "error"}, NgRefusedError, "no reason"),
        ({"result": "error", "error-reason": "Ran out of ports"}, NgFullError, "ports"),
        ({"result": "load limit", "message": "too much"}, NgFullError, "too much"),
        ({"result": "maybe"}, NgRefusedError, "maybe"),
        ({}, NgRefusedError, "None"),
    ],
)
def test_a_no_is_an_error(answer: dict[str, str], kind: type[NgError], text: str) -> None:
    one = Asking()
    one.ask()
    one.answer(encode(answer))
    (error,) = one.told
    assert type(error) is kind
    assert text in str(error)


def test_nobody_there_fails_what_waits() -> None:
    one = Asking()
    one.ask()
    one.ask()
    one.exchange.failed(one.line.sent[0], "cut")
    one.exchange.unreachable("refused")
    assert [str(error) for error in one.told] == ["cut", "refused"]
    assert all(type(error) is NgUnreachableError for error in one.told)


def test_a_fault_in_who_is_told_leaves_nobody_else_waiting() -> None:
    one = Asking()

    def fail(_: object) -> None:
        raise ZeroDivisionError

    one.exchange.ask("ping", {}, fail)
    one.ask()
    one.exchange.unreachable("refused")
    assert [type(told) for told in one.told] == [NgUnreachableError]
    with pytest.raises(ZeroDivisionError):
        one.clock.advance(0)


def test_too_much_is_refused_later_and_not_from_within(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(exchange, "MAX_WAITING", 1)
    one = Asking()
    one.ask()
    one.ask()
    one.ask("offer", sdp="x" * 70_000)
    assert (len(one.line.sent), one.told) == (1, [])
    one.clock.advance(0.0)
    assert [type(error) for error in one.told] == [NgBusyError, NgBusyError]


def test_without_a_wire_it_says_so() -> None:
    lone = Exchange(FakeClock(), "me")
    told: list[object] = []
    ask: Callable[[], None] = lambda: lone.ask("ping", {}, told.append)  # noqa: E731
    with pytest.raises(RuntimeError):
        ask()
