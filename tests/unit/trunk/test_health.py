"""N of M, recovery, and what is skipped while another is up."""

import pytest

from tests.unit.virtual_clock import FakeClock
from trunkline.trunk import health
from trunkline.trunk.health import HealthBook, HealthKey, HealthPolicy, HealthState, prefer_up

SERVER = "sip:pbx.example"
A = HealthKey("4912345670", "sip:a@pbx.example", SERVER)
B = HealthKey("4912345671", "sip:b@pbx.example", SERVER)
GATEWAY = HealthKey("upstream", "sip:pbx.example")


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def book(clock: FakeClock) -> HealthBook:
    return HealthBook(clock, HealthPolicy(failures=3, window=5, successes=2, retry_after_s=60))


def results(book: HealthBook, text: str) -> None:
    for letter in text:
        if letter == "+":
            book.succeeded(A)
        else:
            book.failed(A, "unreachable", "refused")


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
    assert book.is_up(A) is up


def test_recovery_clears_the_past(clock: FakeClock) -> None:
    book = HealthBook(clock, HealthPolicy(failures=3, window=10, successes=2))
    results(book, "---++--")
    assert book.is_up(A)
    assert book.view(A).results == (True, False, False)


def test_changes_are_told_once(book: HealthBook) -> None:
    assert [book.failed(A, "x") for _ in range(4)] == [False, False, True, False]
    assert [book.succeeded(A) for _ in range(3)] == [False, True, False]


def test_a_down_target_that_nobody_pings_is_tried_again(book: HealthBook, clock: FakeClock) -> None:
    results(book, "---")
    clock.advance(59.9)
    assert not book.is_up(A)
    clock.advance(0.1)
    assert book.is_up(A)
    results(book, "-")
    assert not book.is_up(A), "it failed again"


def test_view(book: HealthBook, clock: FakeClock) -> None:
    assert book.view(A).state is HealthState.UNKNOWN
    results(book, "+--")
    first = clock.wall()
    clock.advance(5)
    assert book.view(A).state is HealthState.UP
    results(book, "-")
    view = book.view(A)
    assert view.state is HealthState.DOWN
    assert view.results == (True, False, False, False)
    assert (view.since_at, view.last_at) == (first + 5, first + 5)
    assert (view.last_failure, view.last_detail) == ("unreachable", "refused")


def test_what_is_gone_is_forgotten(book: HealthBook) -> None:
    results(book, "---")
    book.succeeded(B)
    book.succeeded(GATEWAY)
    book.forget([A, GATEWAY])
    assert book.apart() == [B]
    assert book.is_up(A)
    book.pinged(SERVER, "unreachable")
    book.forget((), [SERVER])
    assert (book.apart(), book.servers()) == ([], [])


def test_a_ping_is_noted_once_whatever_number_of_targets_are_there(book: HealthBook) -> None:
    for _ in range(3):
        book.pinged(SERVER, "unreachable", "OPTIONS: no answer")
    assert not book.is_up(A)
    assert book.view(A) == book.view(B)
    assert book.view(A).last_detail == "OPTIONS: no answer"
    assert book.is_up(GATEWAY), "a customer's PBX has no say in a gateway's health"
    assert (book.apart(), book.servers()) == ([], [SERVER])
    assert book.server_state(SERVER) is HealthState.DOWN


def test_a_target_in_trouble_is_apart_until_it_is_as_its_server_is(book: HealthBook) -> None:
    for _ in range(5):
        book.pinged(SERVER)
    results(book, "---")
    assert (book.is_up(A), book.is_up(B)) == (False, True)
    assert book.apart() == [A]
    for _ in range(5):
        assert book.apart() == [A]
        book.pinged(SERVER)
    assert book.is_up(A)
    book.pinged(SERVER)
    assert not book.apart()
    assert book.view(A) == book.view(B)


def test_a_good_call_to_a_good_server_is_nothing_new(book: HealthBook) -> None:
    for _ in range(5):
        book.pinged(SERVER)
    for _ in range(10):
        assert not book.succeeded(A)
    assert not book.apart()


def test_a_good_call_to_a_server_of_which_little_is_known_is_something_new(book: HealthBook) -> None:
    book.pinged(SERVER)
    book.succeeded(A)
    assert (book.view(A).results, book.view(B).results) == ((True, True), (True,))


def test_results_of_calls_that_say_something_new_are_told(book: HealthBook) -> None:
    told: list[tuple[HealthKey, str, str]] = []
    book.follow(lambda *result: told.append(result))
    book.succeeded(GATEWAY)
    book.failed(GATEWAY, "unreachable", "refused")
    book.succeeded(GATEWAY)
    book.take(GATEWAY, "unreachable", "another node's")
    book.pinged(SERVER, "unreachable")
    assert told == [(GATEWAY, "unreachable", "refused"), (GATEWAY, "", "")]


def test_so_many_are_apart_and_no_more(book: HealthBook, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(health, "MAX_APART", 8)
    keys = [HealthKey(f"4930{number:08}", "sip:a@x", f"sip:{number % 3}.example") for number in range(50)]
    book.failed(GATEWAY, "unreachable")
    for key in keys:
        book.failed(key, "unreachable")
    assert book.apart() == [GATEWAY, *keys[-8:]]
    assert len(book.servers()) == 3
    book.forget(keys)
    assert book.servers() == []


def test_the_last_one_apart_of_a_server_makes_room_for_another_there(
    book: HealthBook, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(health, "MAX_APART", 1)
    book.failed(A, "unreachable")
    book.failed(B, "unreachable")
    assert book.servers() == [SERVER]
    for _ in range(5):
        book.pinged(SERVER)
    assert not book.apart(), "the server's pings are B's too"
    book.failed(A, "unreachable")
    book.failed(B, "unreachable")
    assert book.apart() == [B]


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
