"""Answers to requests that may come twice."""

from collections.abc import Callable
from pathlib import Path
from threading import Barrier, Thread

import pytest
import sqlalchemy as sa

from tests.unit.virtual_clock import FakeClock
from trunkline.store import answers as module
from trunkline.store import schema
from trunkline.store.answers import KEPT_S, PATIENCE_S, Answer, Answers, KeyReusedError, PendingError
from trunkline.store.database import Database
from trunkline.store.keys import Keyring

ANSWER = Answer(201, {"Location": "/v1/accounts/acme"}, '{"secret":"s3cret-once"}')


@pytest.fixture
def answers(database: Database, keyring: Keyring, clock: FakeClock) -> Answers:
    return Answers(database, keyring, clock.wall)


def test_the_second_request_gets_the_first_ones_answer(answers: Answers) -> None:
    assert answers.claim("acme", "k", "f") is None
    answers.keep("acme", "k", ANSWER)
    assert answers.claim("acme", "k", "f") == ANSWER


def test_everybody_has_keys_of_the_own(answers: Answers) -> None:
    assert answers.claim("acme", "k", "f") is None
    assert answers.claim("other", "k", "g") is None


def test_another_request_needs_another_key(answers: Answers) -> None:
    answers.claim("acme", "k", "f")
    with pytest.raises(KeyReusedError, match="take a new one"):
        answers.claim("acme", "k", "g")


def test_a_request_being_served_is_waited_for_until_its_process_must_have_died(
    answers: Answers, clock: FakeClock
) -> None:
    answers.claim("acme", "k", "f")
    with pytest.raises(PendingError, match="ask again in a moment"):
        answers.claim("acme", "k", "f")
    clock.advance(PATIENCE_S)
    assert answers.claim("acme", "k", "f") is None
    with pytest.raises(PendingError):
        answers.claim("acme", "k", "f")


def test_a_request_that_made_nothing_may_come_again(answers: Answers) -> None:
    answers.claim("acme", "k", "f")
    answers.release("acme", "k")
    assert answers.claim("acme", "k", "another") is None


def test_an_answer_is_forgotten_after_a_day(answers: Answers, clock: FakeClock) -> None:
    answers.claim("acme", "k", "f")
    answers.keep("acme", "k", ANSWER)
    clock.advance(KEPT_S)
    assert answers.claim("acme", "k", "g") is None


def test_the_oldest_of_an_owner_make_room(
    answers: Answers, clock: FakeClock, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "MAX_KEPT", 3)
    answers.claim("other", "k", "f")
    for number in range(5):
        clock.advance(1)
        answers.claim("acme", f"k{number}", "f")
    with database.read() as connection:
        kept = connection.execute(sa.select(schema.answer.c.key).order_by(schema.answer.c.made_at))
        assert list(kept.scalars()) == ["k", "k2", "k3", "k4"]


def test_no_secret_of_an_answer_is_kept_in_plain(answers: Answers, database: Database, file: Path) -> None:
    answers.claim("acme", "k", "f")
    answers.keep("acme", "k", ANSWER)
    database.close()
    assert b"s3cret-once" not in b"".join(path.read_bytes() for path in file.parent.glob("trunkline.db*"))


def in_threads(count: int, act: Callable[[], object]) -> None:
    threads = [Thread(target=act) for _ in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def test_of_requests_at_once_one_is_served(answers: Answers) -> None:
    barrier = Barrier(8)
    outcomes: list[str] = []

    def ask() -> None:
        barrier.wait()
        try:
            outcomes.append("served" if answers.claim("acme", "k", "f") is None else "answered")
        except PendingError:
            outcomes.append("pending")

    in_threads(8, ask)
    assert sorted(outcomes) == ["pending"] * 7 + ["served"]
