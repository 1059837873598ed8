"""Closing what a dead run left open."""

import pytest
import sqlalchemy as sa

from tests.unit.store.entities import attempt_record, call_record, ended_attempt, ended_call
from trunkline.call.record import AttemptRecord, CallRecord, Party, RecordState
from trunkline.store import schema
from trunkline.store.calls import CallDetail, Calls
from trunkline.store.database import Database
from trunkline.store.group_commit import Group, GroupWriter
from trunkline.store.record_rows import attempt_row, call_row
from trunkline.store.recovery import close_for, recover
from trunkline.trunk.verdict import Slug, Verdict

CRASHED = Verdict.of(Slug.CRASHED)


def write(
    database: Database,
    *records: CallRecord | AttemptRecord,
    run: str = "old",
    node: str = "n1",
    alive_at: float = 2000.0,
) -> None:
    calls = [call_row(record, run) for record in records if isinstance(record, CallRecord)]
    attempts = [attempt_row(record, run) for record in records if isinstance(record, AttemptRecord)]
    GroupWriter(database).write(
        [Group({"run": [(run, node, 1.0, alive_at)], "call": calls, "attempt": attempts}, {})]
    )


def read(database: Database, call_id: str) -> CallDetail:
    return Calls(database).get(call_id)


def test_an_answered_call_ended_when_the_node_was_last_alive(database: Database) -> None:
    record, attempt = call_record(), attempt_record()
    record.answered_at = attempt.answered_at = 1010.0
    write(database, record, attempt)
    assert recover(database, "n1", "new") == 1
    call, [leg] = read(database, "c1")
    assert (call.state, call.ended_at, call.hung_up_by) == (RecordState.RECOVERED, 2000.0, Party.SERVICE)
    assert call.verdict == leg.verdict == CRASHED
    assert leg.ended_at == 2000.0
    assert call.talk_s == 990.0


@pytest.mark.parametrize("moment", ["ringing_at", "answered_at"])
def test_a_call_does_not_end_before_what_is_known_of_it(database: Database, moment: str) -> None:
    record = call_record()
    setattr(record, moment, 3000.0)
    write(database, record)
    recover(database, "n1", "new")
    assert read(database, "c1").call.ended_at == 3000.0


def test_nor_before_what_is_known_of_its_attempts(database: Database) -> None:
    attempt = attempt_record()
    attempt.started_at = 2500.0
    write(database, call_record(), attempt)
    recover(database, "n1", "new")
    assert read(database, "c1").call.ended_at == 2500.0


def test_what_had_ended_stays_as_it_was(database: Database) -> None:
    write(database, ended_call("over"), ended_attempt("over"), call_record(), ended_attempt("c1", 1))
    write(database, attempt_record("c1", 2))
    assert recover(database, "n1", "new") == 1
    assert read(database, "over") == (ended_call("over"), [ended_attempt("over")])
    first, second = read(database, "c1").attempts
    assert first == ended_attempt("c1", 1)
    assert second.verdict == CRASHED


def test_the_present_run_and_other_nodes_are_left_alone(database: Database) -> None:
    write(database, call_record("mine"), run="new")
    theirs = call_record("theirs")
    theirs.node = "n2"
    write(database, theirs, run="other", node="n2")
    write(database, call_record("old"))
    assert recover(database, "n1", "new") == 1
    assert read(database, "mine").call.state is RecordState.OPEN
    assert read(database, "theirs").call.state is RecordState.OPEN


def test_doing_it_again_does_nothing(database: Database) -> None:
    write(database, call_record())
    write(database, call_record("c2"), run="older", alive_at=1500.0)
    assert recover(database, "n1", "new") == 2
    assert recover(database, "n1", "new") == 0
    assert read(database, "c2").call.ended_at == 1500.0


def test_runs_that_are_over_are_forgotten(database: Database) -> None:
    write(database, run="old")
    write(database, run="new")
    write(database, run="other", node="n2")
    recover(database, "n1", "new")
    with database.read() as connection:
        assert set(connection.execute(sa.select(schema.run.c.run)).scalars()) == {"new", "other"}


def test_a_survivor_closes_what_a_lost_node_had_open_once_and_says_so(database: Database) -> None:
    write(database, call_record(), attempt_record())
    for closed in (1, 0):
        with database.write() as connection:
            assert close_for(connection, "n1", "n2") == closed
    call, [leg] = read(database, "c1")
    assert (call.state, call.ended_at) == (RecordState.RECOVERED, 2000.0)
    assert call.verdict is not None
    assert call.verdict.detail == "node n1 was lost; closed by n2"
    assert leg.ended_at == 2000.0


def test_the_word_of_the_node_that_carried_the_call_replaces_the_survivors(database: Database) -> None:
    write(database, call_record())
    with database.write() as connection:
        close_for(connection, "n1", "n2")
    write(database, ended_call("c1"))
    assert read(database, "c1").call == ended_call("c1")
    with database.write() as connection:
        assert close_for(connection, "n1", "n2") == 0


def test_a_node_that_closes_its_call_meanwhile_has_the_last_word(postgresql_url: str) -> None:
    """It was merely cut off. Of SQLite there is one writer."""
    database, its_own = Database(postgresql_url), Database(postgresql_url)
    write(its_own, call_record(), attempt_record())
    closed: list[str] = []

    @sa.event.listens_for(database.engine, "before_cursor_execute")
    def close_it(_connection: object, _cursor: object, statement: str, *_about: object) -> None:
        if statement.startswith("UPDATE") and not closed:
            closed.append(statement)
            write(its_own, ended_call())

    with database.write() as connection:
        assert close_for(connection, "n1", "n2") == 0
    call, [leg] = read(database, "c1")
    assert (call, leg.ended_at) == (ended_call(), None)
    database.close()
    its_own.close()


def test_what_a_journal_opens_again_is_closed_at_the_next_start(database: Database) -> None:
    write(database, call_record())
    with database.write() as connection:
        close_for(connection, "n1", "n2")
    GroupWriter(database).write([Group({"call": [call_row(call_record(), "old")]}, {})])
    assert recover(database, "n1", "new") == 1
    assert read(database, "c1").call.ended_at == 2000.0
