"""Who signed in from where is known for a day, in bounds; strangers are few at a time."""

from contextlib import ExitStack

import pytest

from tests.unit.virtual_clock import FakeClock
from trunkline.web import visitors
from trunkline.web.errors import TooManyAttemptsError
from trunkline.web.visitors import KNOWN_S, STRANGERS, Visitors


def test_a_name_is_known_where_it_signed_in_and_for_a_day() -> None:
    clock = FakeClock()
    book = Visitors(clock.now)
    book.remember("192.0.2.1", "ann")
    assert book.knows("192.0.2.1", "ann")
    assert not book.knows("192.0.2.1", "bob")
    assert not book.knows("192.0.2.2", "ann")
    clock.advance(KNOWN_S)
    assert not book.knows("192.0.2.1", "ann")


def test_strangers_are_few_at_a_time_and_who_was_there_is_none_of_them() -> None:
    clock = FakeClock()
    book = Visitors(clock.now)
    book.remember("192.0.2.1", "ann")
    with ExitStack() as checks:
        for number in range(STRANGERS):
            checks.enter_context(book.checking(f"198.51.100.{number}"))
        with pytest.raises(TooManyAttemptsError) as caught, book.checking("198.51.100.99"):
            pass
        assert caught.value.retry_after_s == 1
        with book.checking("192.0.2.1"):
            pass
        clock.advance(KNOWN_S)
        with pytest.raises(TooManyAttemptsError), book.checking("192.0.2.1"):
            pass
    with book.checking("198.51.100.99"):
        pass


def test_those_who_came_last_are_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(visitors, "MAX_KNOWN", 2)
    book = Visitors(FakeClock().now)
    for number in (1, 2, 1, 3):
        book.remember(f"192.0.2.{number}", "ann")
    assert [book.knows(f"192.0.2.{number}", "ann") for number in (1, 2, 3)] == [True, False, True]
