"""How often somebody may try."""

from concurrent.futures import ThreadPoolExecutor
from threading import Event

import pytest

from tests.unit.virtual_clock import FakeClock
from trunkline.web.attempts import MAX_KEYS, Attempts
from trunkline.web.errors import TooManyAttemptsError


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def attempts(clock: FakeClock) -> Attempts:
    return Attempts(3, 60.0, "too many tries", clock.now)


def test_as_many_as_allowed_then_none_until_the_window_is_over(attempts: Attempts, clock: FakeClock) -> None:
    for _ in range(3):
        attempts.spend("a")
        clock.advance(10.0)
    with pytest.raises(TooManyAttemptsError, match="too many tries; try again in 30 s") as caught:
        attempts.spend("a")
    assert caught.value.retry_after_s == 30
    attempts.spend("b")
    clock.advance(30.0)
    attempts.spend("a")


def test_what_is_left_is_never_told_as_nothing(attempts: Attempts, clock: FakeClock) -> None:
    for _ in range(3):
        attempts.note("a")
    clock.advance(59.99)
    with pytest.raises(TooManyAttemptsError) as caught:
        attempts.check("a")
    assert caught.value.retry_after_s == 1


def test_a_refused_try_does_not_count(attempts: Attempts, clock: FakeClock) -> None:
    for _ in range(3):
        attempts.spend("a")
    clock.advance(59.0)
    with pytest.raises(TooManyAttemptsError):
        attempts.spend("a")
    clock.advance(1.0)
    attempts.spend("a")


def test_keys_are_bounded(attempts: Attempts) -> None:
    for number in range(MAX_KEYS + 1):
        for _ in range(3 if number == 0 else 1):
            attempts.note(str(number))
    attempts.check("0")
    assert len(attempts._counts) == MAX_KEYS


def waiting(attempts: Attempts, many: int, monkeypatch: pytest.MonkeyPatch) -> Event:
    """Set once so many tries have waited for others that are under way."""
    there = Event()
    waits: list[int] = []
    wait = attempts._lock.wait

    def noted(timeout: float | None = None) -> bool:
        waits.append(1)
        if len(waits) >= many:
            there.set()
        return wait(timeout)

    monkeypatch.setattr(attempts._lock, "wait", noted)
    return there


def test_tries_under_way_leave_no_room_for_more_than_are_left(
    attempts: Attempts, monkeypatch: pytest.MonkeyPatch
) -> None:
    attempts.note("a")
    others_wait = waiting(attempts, 4, monkeypatch)
    begun: list[int] = []

    def fail(number: int) -> None:
        with attempts.trying("a"):
            begun.append(number)
            others_wait.wait(5)
            attempts.note("a")

    with ThreadPoolExecutor(6) as pool:
        done = [pool.submit(fail, number) for number in range(6)]
    assert sum(isinstance(one.exception(), TooManyAttemptsError) for one in done) == 4
    assert len(begun) == 2
    assert not attempts._open


def test_a_try_that_waits_goes_on_when_another_was_right(
    attempts: Attempts, monkeypatch: pytest.MonkeyPatch
) -> None:
    others_wait = waiting(attempts, 3, monkeypatch)
    for _ in range(2):
        attempts.note("a")

    def succeed(_: int) -> None:
        with attempts.trying("a"):
            others_wait.wait(5)

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(succeed, range(4)))
    attempts.spend("a")
