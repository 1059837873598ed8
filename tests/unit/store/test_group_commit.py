"""One group, one transaction."""

import json
import os
import shutil
import sqlite3
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import sqlalchemy as sa

from tests.postgres import Cluster
from tests.slow_line import slow_line
from tests.unit.store.entities import attempt_record, call_record, ended_attempt, ended_call, random_text
from trunkline.call.record import AttemptRecord, CallRecord, RecordState
from trunkline.store import schema
from trunkline.store.calls import Calls
from trunkline.store.database import Database
from trunkline.store.group_commit import TAKEN, AwayError, Group, GroupWriter
from trunkline.store.record_rows import attempt_row, call_row
from trunkline.trunk.verdict import Slug, Verdict


def group(*records: CallRecord | AttemptRecord, taken_at: float = 5.0) -> Group:
    calls = [call_row(record, "run1") for record in records if isinstance(record, CallRecord)]
    attempts = [attempt_row(record, "run1") for record in records if isinstance(record, AttemptRecord)]
    return Group({"run": [("run1", "n1", 1.0, taken_at)], "call": calls, "attempt": attempts}, {})


@pytest.fixture
def writer(database: Database) -> Iterator[GroupWriter]:
    writer = GroupWriter(database)
    yield writer
    writer.close()


@pytest.fixture
def calls(database: Database) -> Calls:
    return Calls(database)


def test_records_are_written(writer: GroupWriter, calls: Calls) -> None:
    assert writer.write([group(ended_call(), ended_attempt("c1", 1), ended_attempt("c1", 2))]) == 0
    assert calls.get("c1") == (ended_call(), [ended_attempt("c1", 1), ended_attempt("c1", 2)])


def test_a_later_state_replaces_an_earlier_one(writer: GroupWriter, calls: Calls) -> None:
    writer.write([group(call_record(), attempt_record()), group(ended_call(), ended_attempt())])
    assert calls.get("c1") == (ended_call(), [ended_attempt()])
    writer.write([group(ended_call(), ended_attempt())])
    assert calls.get("c1") == (ended_call(), [ended_attempt()])


def test_a_group_says_when_its_run_was_alive(writer: GroupWriter, database: Database) -> None:
    writer.write([group(taken_at=5.0), group(taken_at=6.5)])
    with database.read() as connection:
        assert [tuple(row) for row in connection.execute(sa.select(schema.run))] == [("run1", "n1", 1.0, 6.5)]


def test_what_goes_counts_as_well_as_what_comes() -> None:
    assert Group({"ban": [(1,)], "run": [(2,)]}, {"ban": [(3,), (4,)], "registration": [(5, 6)]}).rows == 4


def test_rows_go(writer: GroupWriter, database: Database) -> None:
    rows = [("n1", "a", "[]", 9.0), ("n1", "b", "[]", 9.0)]
    writer.write([Group({"registration": list(rows)}, {})])
    writer.write([Group({}, {"registration": [("n1", "a"), ("n1", "x")]})])
    with database.read() as connection:
        assert [tuple(row) for row in connection.execute(sa.select(schema.registration))] == [rows[1]]


def test_a_group_survives_json(writer: GroupWriter, calls: Calls) -> None:
    original = group(ended_call(), ended_attempt())
    assert original.rows == 2
    writer.write([Group.from_json(json.loads(json.dumps(original)))])
    assert calls.get("c1") == (ended_call(), [ended_attempt()])


def test_a_row_of_a_version_that_knew_fewer_columns_is_written_without_the_others(
    writer: GroupWriter, calls: Calls
) -> None:
    call, attempt = ended_call(), ended_attempt()
    call.caller_media.mos, call.callee_media.mos, attempt.verdict = 4.1, 4.2, Verdict.of(Slug.DRAINING)
    rows = {"call": [call_row(call, "run1")], "attempt": [attempt_row(attempt, "run1")]}
    (*shorter, _), (*columns, _, run) = rows["call"][0], rows["attempt"][0]
    earlier = Group({"call": [tuple(shorter)], "attempt": [(*columns, run)], "taken": [], "ban": []}, {})
    assert writer.write([Group.from_json(json.loads(json.dumps(earlier)))]) == 0
    call.callee_media.mos, attempt.verdict = None, replace(attempt.verdict, retry_after_s=None)
    assert calls.get("c1") == (call, [attempt])
    assert writer.write([Group(rows, {}), earlier]) == 0
    call.callee_media.mos, attempt.verdict = 4.2, Verdict.of(Slug.DRAINING)
    assert calls.get("c1") == (call, [attempt]), "what it doesn't know stays"


@pytest.mark.parametrize("columns", [0, 1, 2, 99])
def test_a_row_that_is_too_short_or_too_long_is_left_out_alone(
    writer: GroupWriter, calls: Calls, columns: int
) -> None:
    odd = Group({"call": [(None,) * columns, call_row(ended_call("good"), "run1")]}, {})
    assert writer.write([odd]) == 1
    assert [record.call_id for record in calls.list().calls] == ["good"]


def test_a_file_that_was_deleted_or_replaced_is_not_written_to(
    tmp_path: Path, file: Path, writer: GroupWriter, calls: Calls
) -> None:
    shutil.copy(file, tmp_path / "other.db")
    writer.write([group(ended_call("a"))])
    for name in ("trunkline.db", "trunkline.db-wal", "trunkline.db-shm"):
        (tmp_path / name).unlink()
    with pytest.raises(AwayError, match=r"trunkline\.db is gone"):
        writer.write([group(ended_call("b"))])
    (tmp_path / "other.db").replace(file)
    writer.write([group(ended_call("c"))])
    assert [record.call_id for record in calls.list().calls] == ["c"]


def test_who_gets_the_connection_next_has_transactions(writer: GroupWriter, database: Database) -> None:
    """The writer says BEGIN itself."""
    writer.write([group(ended_call())])
    writer.rest()

    def fail() -> None:
        with database.write() as connection:
            connection.execute(schema.meta.insert().values(name="a", value="v"))
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail()
    with database.read() as connection:
        assert connection.execute(sa.select(schema.meta)).all() == []


def test_syncing_leaves_no_file_open(file: Path, writer: GroupWriter) -> None:
    writer.write([group(ended_call())])
    before = len(list(Path("/proc/self/fd").iterdir()))
    writer.sync()
    assert len(list(Path("/proc/self/fd").iterdir())) == before


def test_a_connection_that_was_cut_is_made_anew(cluster: Cluster, postgresql_url: str) -> None:
    database = Database(postgresql_url)
    writer, name = GroupWriter(database), sa.make_url(postgresql_url).database
    writer.write([group(ended_call("a"))])
    cluster.execute(f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name}'")
    with pytest.raises(AwayError):
        writer.write([group(ended_call("b"))])
    assert writer.write([group(ended_call("b"))]) == 0
    writer.close()
    assert len(Calls(database).list().calls) == 2
    database.close()


@pytest.mark.parametrize("url", ["postgresql+psycopg://x@127.0.0.1:1/x", "sqlite:////nowhere/x.db"])
def test_a_database_that_can_not_be_connected_to_is_tried_once_and_says_why_in_one_line(
    url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each try of a server that hangs takes seconds."""
    database = Database(url)
    connect, tries = database.engine.raw_connection, []

    def count() -> sa.PoolProxiedConnection:
        tries.append(url)
        return connect()

    monkeypatch.setattr(database.engine, "raw_connection", count)
    with pytest.raises(AwayError, match=r"(?i)^[^\n]*(unable to open|refused)[^\n]*$"):
        GroupWriter(database).write([group(ended_call())])
    assert tries == [url]
    database.close()


def test_text_that_is_no_text_is_cleaned(writer: GroupWriter, calls: Calls) -> None:
    bad = ended_call("bad")
    bad.dialled = "0\udcff1\0 2"
    assert writer.write([group(ended_call("good"), bad, ended_attempt("good"))]) == 0
    assert calls.get("bad").call.dialled == "0\ufffd1\ufffd 2"
    assert calls.get("good") == (ended_call("good"), [ended_attempt("good")])


def test_a_row_that_can_not_be_is_left_out_alone(
    writer: GroupWriter, calls: Calls, caplog: pytest.LogCaptureFixture
) -> None:
    bad, worse = ended_call("bad"), ended_call("worse")
    bad.attempts = 2**70
    worse.dialled = None  # type: ignore[assignment]
    assert writer.write([group(bad, ended_call("good"), worse, ended_attempt("good"))]) == 2
    assert [record.call_id for record in calls.list().calls] == ["good"]
    assert len(calls.get("good").attempts) == 1
    assert caplog.text.count("a record can't be written") == 2
    assert f"left out, call, Call-ID {bad.sip_call_id}, call bad: " in caplog.text


def test_a_row_too_large_for_an_index_is_left_out_alone(
    cluster: Cluster, postgresql_url: str, caplog: pytest.LogCaptureFixture
) -> None:
    """PostgreSQL's server says so with an OperationalError, as if it were at fault."""
    database = Database(postgresql_url)
    writer = GroupWriter(database)
    large = ended_call("large")
    large.account = random_text(9000)
    assert writer.write([group(large, ended_call("good"))]) == 1
    writer.close()
    assert [record.call_id for record in Calls(database).list().calls] == ["good"]
    assert "index row" in caplog.text
    database.close()


def test_a_key_that_can_not_be_and_a_table_that_is_none_are_left_out_alone(
    writer: GroupWriter, calls: Calls
) -> None:
    odd = Group({"no table": [(1,)], "call": [call_row(ended_call("good"), "run1")]}, {"ban": [(object(),)]})
    assert writer.write([odd]) == 2
    assert [record.call_id for record in calls.list().calls] == ["good"]


def test_a_fault_of_ours_is_not_the_databases(
    writer: GroupWriter, calls: Calls, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And what was begun is rolled back."""
    with monkeypatch.context() as broken:
        broken.setattr(writer, "_mark", None)
        with pytest.raises(TypeError):
            writer.write([group(ended_call())], ("journal n1", "x 10"))
    assert calls.list().calls == []
    assert writer.write([group(ended_call())]) == 0
    assert calls.get("c1").call == ended_call()


def test_a_mark_is_part_of_the_transaction(writer: GroupWriter, database: Database) -> None:
    writer.write([group(ended_call())], ("journal n1", "x 10"))
    writer.write([group()], ("journal n1", "x 20"))
    with database.read() as connection:
        assert [tuple(row) for row in connection.execute(sa.select(schema.meta))] == [("journal n1", "x 20")]


def test_a_locked_database_is_away_and_nothing_is_written(url: str, file: Path, calls: Calls) -> None:
    writer = GroupWriter(Database(url, busy_timeout_ms=0))
    other = sqlite3.connect(file, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(AwayError, match="database is locked"):
        writer.write([group(ended_call())])
    other.execute("ROLLBACK")
    assert calls.list().calls == []
    writer.write([group(ended_call())])
    assert len(calls.list().calls) == 1
    writer.close()
    other.close()


def test_a_missing_database_is_away(tmp_path: Path) -> None:
    writer = GroupWriter(Database(f"sqlite:///{tmp_path}/nowhere/x.db"))
    for _ in range(2):
        with pytest.raises(AwayError, match="unable to open database file"):
            writer.write([group(ended_call())])


def test_a_missing_table_is_away(tmp_path: Path) -> None:
    writer = GroupWriter(Database(f"sqlite:///{tmp_path}/x.db"))
    with pytest.raises(AwayError, match="no such table"):
        writer.write([group(ended_call())])
    writer.close()


def test_it_goes_on_after_being_closed(writer: GroupWriter, calls: Calls) -> None:
    writer.write([group(ended_call("a"))])
    writer.close()
    writer.close()
    writer.write([group(ended_call("b"))])
    assert len(calls.list().calls) == 2


def test_syncing_reaches_the_log_of_sqlite(
    writer: GroupWriter, file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    synced: list[str] = []
    monkeypatch.setattr(
        os, "fdatasync", lambda fd: synced.append(str(Path(f"/proc/self/fd/{fd}").readlink()))
    )
    writer.write([group(ended_call())])
    writer.sync()
    assert synced == [f"{file}-wal"]
    GroupWriter(Database(f"sqlite:///{tmp_path}/nowhere/x.db")).sync()
    GroupWriter(Database("sqlite://")).sync()


@pytest.mark.parametrize(
    ("fault", "said"),
    [
        ("ALTER TABLE call RENAME TO elsewhere", "does not exist"),
        ("REVOKE ALL ON call FROM writer", "permission denied"),
        ("ALTER ROLE writer SET default_transaction_read_only = on", "read-only transaction"),
    ],
)
def test_what_postgresql_refuses_whatever_a_row_holds_is_away(
    cluster: Cluster, postgresql_url: str, fault: str, said: str
) -> None:
    """A row at fault would be left out."""
    name = str(sa.make_url(postgresql_url).database)
    for statement in (
        "DROP ROLE IF EXISTS writer",
        "CREATE ROLE writer LOGIN",
        "GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO writer",
        fault,
    ):
        cluster.execute(statement, name)
    database = Database(postgresql_url.replace("trunkline@", "writer@"))
    writer = GroupWriter(database)
    with pytest.raises(AwayError, match=said):
        writer.write([group(ended_call())])
    writer.close()
    database.close()
    cluster.execute("DROP OWNED BY writer", name)
    cluster.execute("DROP ROLE writer")


def test_a_server_that_dies_is_away_and_what_follows_is_written(
    cluster: Cluster, postgresql_url: str
) -> None:
    database = Database(postgresql_url)
    writer = GroupWriter(database)
    writer.write([group(ended_call("a"))])
    cluster.kill()
    for _ in range(2):
        with pytest.raises(AwayError):
            writer.write([group(ended_call("b"))])
    cluster.start()
    writer.write([group(ended_call("b"))])
    with database.read() as connection:
        found = connection.execute(sa.select(schema.call.c.call_id).order_by(schema.call.c.call_id)).scalars()
        assert list(found) == ["a", "b"]
    writer.close()
    database.close()


def of_run(record: CallRecord, run: str) -> Group:
    return Group({"call": [call_row(record, run)]}, {})


def taken(run: str, node: str, call_id: str = "c1") -> Group:
    return Group({TAKEN: [(run, node, call_id)]}, {})


def test_a_call_that_another_node_goes_on_with_is_that_one_s_to_write(
    writer: GroupWriter, calls: Calls
) -> None:
    writer.write([of_run(call_record(), "run1")])
    writer.write([taken("run2", "n2"), of_run(call_record(), "run2")])
    writer.write([of_run(ended_call(), "run1")])
    found = calls.get("c1")
    assert found is not None
    assert (found[0].state, found[0].node) == (RecordState.OPEN, "n2")
    writer.write([of_run(ended_call(), "run2")])
    writer.write([of_run(call_record(), "run1")])
    found = calls.get("c1")
    assert found is not None
    assert (found[0].state, found[0].node) == (RecordState.CLOSED, "n2")


def test_a_call_that_its_own_node_has_closed_stays_closed(writer: GroupWriter, calls: Calls) -> None:
    writer.write([of_run(ended_call(), "run1")])
    writer.write([taken("run2", "n2"), of_run(call_record(), "run2")])
    assert calls.get("c1") == (ended_call(), [])


def test_a_call_that_a_survivor_had_closed_goes_on(writer: GroupWriter, calls: Calls) -> None:
    recovered = replace(ended_call(), state=RecordState.RECOVERED)
    writer.write([of_run(recovered, "run1")])
    writer.write([taken("run2", "n2"), of_run(call_record(), "run2")])
    found = calls.get("c1")
    assert found is not None
    assert (found[0].state, found[0].node, found[0].ended_at) == (RecordState.OPEN, "n2", None)


def test_a_group_costs_one_round_trip_to_a_server(cluster: Cluster, postgresql_url: str) -> None:
    name = sa.make_url(postgresql_url).database or ""
    with slow_line(cluster.host, cluster.port, 0.01) as line:
        address = sa.make_url(cluster.url(name, tcp=True)).set(port=line.port)
        database = Database(address.render_as_string(hide_password=False))
        writer = GroupWriter(database)
        writer.write([group(call_record("first"))])
        before = line.turns
        for number in range(3):
            one = group(call_record(f"c{number}"), ended_call(f"d{number}"), attempt_record(f"c{number}"))
            gone = Group({}, {"ban": [("192.0.2.1",)]})
            assert writer.write([one, gone], ("mark", str(number))) == 0
        turns = line.turns - before
        writer.close()
        database.close()
    assert turns == 3
