"""N of M, recovery, and what is skipped while another is up (BEHAVIOUR §3)."""

import pytest

from tests.unit.virtual_clock import FakeClock
from trunkline.trunk.health import HealthBook, HealthPolicy, HealthState, prefer_up


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def book(clock: FakeClock) -> HealthBook:
    return HealthBook(clock, HealthPolicy(failures=3, window=5, successes=2, retry_after_s=60))


def results(book: HealthBook, text: str) -> None:
    for letter in text:
        if letter == "+":
            book.succeeded("a")
        else:
            book.failed("a", "unreachable", "refused")


@pytest.mark.parametrize(
    ("text", "up"),
    [
        ("", True),
        ("-", True),
        ("--", True),
        ("---", False),
        ("-+-+-", False),
        ("--++-", False),
        ("--+++-", True),
        ("++---", False),
        ("---+", False),
        ("---++", True),
        ("---+-+", False),
        ("---++-", True),
        ("---++--", True),
        ("---++---", False),
    ],
)
def test_n_of_m(book: HealthBook, text: str, up: bool) -> None:
    results(book, text)
    assert book.is_up("a") is up


def test_recovery_clears_the_past(clock: FakeClock) -> None:
    book = HealthBook(clock, HealthPolicy(failures=3, window=10, successes=2))
    results(book, "---++--")
    assert book.is_up("a")
    assert book.view("a").results == (True, False, False)


def test_changes_are_told_once(book: HealthBook) -> None:
    assert [book.failed("a", "x") for _ in range(4)] == [False, False, True, False]
    assert [book.succeeded("a") for _ in range(3)] == [False, True, False]


def test_a_down_target_that_nobody_pings_is_tried_again(book: HealthBook, clock: FakeClock) -> None:
    results(book, "---")
    clock.advance(59.9)
    assert not book.is_up("a")
    clock.advance(0.1)
    assert book.is_up("a")
    results(book, "-")
    assert not book.is_up("a"), "it failed again"


def test_view(book: HealthBook, clock: FakeClock) -> None:
    assert book.view("a").state is HealthState.UNKNOWN
    results(book, "+--")
    first = clock.wall()
    clock.advance(5)
    assert book.view("a").state is HealthState.UP
    results(book, "-")
    view = book.view("a")
    assert view.state is HealthState.DOWN
    assert view.results == (True, False, False, False)
    assert (view.since_at, view.last_at) == (first + 5, first + 5)
    assert (view.last_failure, view.last_detail) == ("unreachable", "refused")


def test_retain_forgets_what_is_gone(book: HealthBook) -> None:
    results(book, "---")
    book.succeeded("b")
    assert len(book) == 2
    book.retain(["b", "c"])
    assert len(book) == 1
    assert book.is_up("a")


@pytest.mark.parametrize(
    ("policy", "allowed"),
    [((1, 1, 1), True), ((5, 5, 1), True), ((6, 5, 1), False), ((0, 5, 1), False), ((3, 5, 0), False)],
)
def test_policy_must_be_reachable(policy: tuple[int, int, int], allowed: bool) -> None:
    if allowed:
        HealthPolicy(*policy)
    else:
        with pytest.raises(ValueError, match="failures"):
            HealthPolicy(*policy)


@pytest.mark.parametrize(
    ("down", "order", "put_back"),
    [
        ("", "abc", ""),
        ("a", "bca", "a"),
        ("ab", "cab", "ab"),
        ("c", "abc", "c"),
        ("abc", "abc", ""),
    ],
)
def test_down_ones_are_put_behind_while_another_is_up(down: str, order: str, put_back: str) -> None:
    ordered, behind = prefer_up("abc", lambda letter: letter not in down)
    assert ("".join(ordered), "".join(behind)) == (order, put_back)
