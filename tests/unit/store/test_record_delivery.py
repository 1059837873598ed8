"""Groups get into the database, whatever happens to it."""

import os
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa

from tests.unit.store.deliveries import Keeping, Open, break_writer, group, ids
from tests.unit.store.entities import attempt_record, call_record, ended_attempt, ended_call
from trunkline.call.record import RecordState
from trunkline.store import journal as journal_module
from trunkline.store import record_delivery, schema
from trunkline.store.calls import Calls
from trunkline.store.database import Database
from trunkline.store.group_commit import TAKEN, AwayError, Group, GroupWriter
from trunkline.store.journal import Journal


@pytest.fixture
def lock(file: Path) -> Iterator["Lock"]:
    lock = Lock(file)
    yield lock
    lock.connection.close()


class Lock:
    """Another process that writes and doesn't come to an end."""

    def __init__(self, file: Path) -> None:
        self.connection = sqlite3.connect(file, isolation_level=None)

    def take(self) -> None:
        self.connection.execute("BEGIN IMMEDIATE")

    def release(self) -> None:
        self.connection.execute("ROLLBACK")


def test_a_group_goes_straight_into_the_database(
    open_delivery: Open, database: Database, journal: Path
) -> None:
    delivery = open_delivery()
    delivery.tick(0.0, 2000.0)
    delivery.deliver([group(ended_call("a")), group(ended_call("b"), ended_attempt("b"))])
    assert ids(database) == ["a", "b"]
    assert (delivery.written, delivery.waiting, delivery.away) == (3, False, None)
    assert not journal.exists()


def test_while_the_database_is_locked_records_are_on_disk_and_then_delivered_once(
    open_delivery: Open, database: Database, lock: Lock, journal: Path, caplog: pytest.LogCaptureFixture
) -> None:
    delivery = open_delivery()
    delivery.tick(0.0, 2000.0)
    lock.take()
    delivery.deliver([group(call_record("a"))])
    delivery.deliver([group(ended_call("a")), group(ended_call("b"))])
    assert "database is locked" in (delivery.away or "")
    assert b'"closed"' in journal.read_bytes()
    assert delivery.written == 0
    delivery.tick(1.0, 2000.0)
    lock.release()
    delivery.deliver([group(ended_call("c"))])
    assert ids(database) == [], "later groups wait for their turn"
    delivery.tick(2.0, 2000.0)
    assert ids(database) == ["a", "b", "c"]
    assert Calls(database).get("a").call == ended_call("a")
    assert (delivery.written, delivery.waiting, delivery.away) == (4, False, None)
    assert not journal.exists()
    assert [record.levelname for record in caplog.records] == ["WARNING", "WARNING"]


def test_a_database_that_stays_away_is_an_error_once_each_time(
    open_delivery: Open, lock: Lock, caplog: pytest.LogCaptureFixture
) -> None:
    delivery = open_delivery()
    delivery.tick(0.0, 2000.0)
    for began in (0.0, 20.0):
        lock.take()
        delivery.deliver([group(call_record("a"))])
        for later_s in (1.0, 2.5, 3.0, 4.0, 9.0):
            delivery.tick(began + later_s, 2000.0)
        lock.release()
        delivery.tick(began + 10.0, 2000.0)
        levels = [record.levelname for record in caplog.records]
        assert levels == ["WARNING", "ERROR", "WARNING"]
        caplog.clear()


def test_it_does_not_try_again_all_the_time(open_delivery: Open, database: Database, lock: Lock) -> None:
    delivery = open_delivery()
    lock.take()
    delivery.tick(10.0, 2000.0)
    delivery.deliver([group(ended_call())])
    lock.release()
    delivery.tick(10.4, 2000.0)
    assert ids(database) == []
    delivery.tick(10.5, 2000.0)
    assert ids(database) == ["c1"]


def test_what_is_to_be_written_while_it_is_away_waits_for_the_next_try(
    open_delivery: Open, database: Database, lock: Lock
) -> None:
    """Each try of a server that hangs takes seconds."""
    delivery = open_delivery()
    lock.take()
    delivery.tick(10.0, 2000.0)
    lock.release()
    delivery.deliver([group(ended_call())])
    assert ids(database) == []
    delivery.tick(10.5, 2000.0)
    assert ids(database) == ["c1"]


def test_the_next_process_delivers_what_this_one_could_not(
    open_delivery: Open, database: Database, lock: Lock
) -> None:
    delivery = open_delivery()
    delivery.tick(0.0, 2000.0)
    lock.take()
    delivery.deliver([group(ended_call("a")), group(call_record("b"), attempt_record("b"), taken_at=2500.0)])
    delivery.close()
    lock.release()
    later = open_delivery("run2")
    later.tick(0.0, 9000.0)
    assert Calls(database).get("a").call == ended_call("a")
    call, [attempt] = Calls(database).get("b")
    assert (call.state, call.ended_at, attempt.ended_at) == (RecordState.RECOVERED, 2500.0, 2500.0)
    assert later.recovered == 1


def test_closing_delivers_what_it_can(
    open_delivery: Open, database: Database, lock: Lock, journal: Path
) -> None:
    delivery = open_delivery()
    lock.take()
    delivery.deliver([group(ended_call())])
    lock.release()
    delivery.close()
    assert ids(database) == ["c1"]
    assert not journal.exists()


def test_what_was_delivered_before_a_crash_is_not_delivered_again(
    open_delivery: Open, database: Database, lock: Lock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The process dies between the commit and the removal of the journal; the record then changes
    elsewhere.
    """
    delivery = open_delivery()
    lock.take()
    delivery.deliver([group(call_record("a")), group(ended_call("b"))])
    lock.release()
    monkeypatch.setattr(Journal, "forget", lambda _journal, _place: None)
    delivery.tick(1.0, 2000.0)
    monkeypatch.undo()
    assert ids(database) == ["a", "b"]
    with database.write() as connection:
        connection.exec_driver_sql("DELETE FROM call WHERE call_id = 'b'")
    later = open_delivery("run2")
    later.tick(0.0, 9000.0)
    assert ids(database) == ["a"]
    assert not later.waiting


def test_a_long_journal_is_delivered_in_parts_and_goes_on_where_it_stopped(
    open_delivery: Open, database: Database, lock: Lock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(record_delivery, "_ENTRIES_PER_TRANSACTION", 2)
    delivery = open_delivery()
    lock.take()
    delivery.deliver([group(ended_call(f"c{number}")) for number in range(5)])
    lock.release()
    real = delivery._writer.write
    tries: list[int] = []

    def fail_later(groups: list[Group], mark: tuple[str, str] | None) -> int:
        tries.append(len(groups))
        if len(tries) == 2:
            raise AwayError("gone again")
        return real(groups, mark)

    monkeypatch.setattr(delivery._writer, "write", fail_later)
    delivery.tick(1.0, 2000.0)
    assert ids(database) == ["c0", "c1"]
    assert delivery.away == "gone again"
    delivery.tick(2.0, 2000.0)
    assert ids(database) == ["c0", "c1", "c2", "c3", "c4"]
    assert tries == [2, 2, 2, 1]
    assert delivery.written == 5


def test_without_room_on_the_disk_groups_wait_in_memory(
    open_delivery: Open, database: Database, lock: Lock, monkeypatch: pytest.MonkeyPatch
) -> None:
    delivery = open_delivery()
    lock.take()
    delivery.deliver([group(call_record("a"))])
    monkeypatch.setattr(os, "pwrite", lambda _fd, _data, _offset: 0)
    delivery.deliver([group(call_record("b"))])
    monkeypatch.undo()
    delivery.deliver([group(ended_call("b"))])
    lock.release()
    delivery.tick(1.0, 2000.0)
    assert ids(database) == ["a", "b"]
    assert Calls(database).get("b").call == ended_call("b"), "in the order in which they changed"
    assert (delivery.written, delivery.waiting, delivery.dropped) == (3, False, 0)


def test_memory_is_bounded_and_losses_are_counted(
    open_delivery: Open, database: Database, lock: Lock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(record_delivery, "MAX_HELD_ROWS", 3)
    monkeypatch.setattr(os, "pwrite", lambda _fd, _data, _offset: 0)
    delivery = open_delivery()
    lock.take()
    for number in range(5):
        delivery.deliver([group(ended_call(f"c{number}"))])
    lock.release()
    delivery.tick(1.0, 2000.0)
    assert ids(database) == ["c2", "c3", "c4"]
    assert delivery.dropped == 2


def test_calls_that_a_dead_run_left_open_are_closed_at_the_start(
    open_delivery: Open, database: Database, caplog: pytest.LogCaptureFixture
) -> None:
    open_delivery("old").deliver([group(call_record("a"), run="old")])
    delivery = open_delivery("new")
    delivery.tick(0.0, 3000.0)
    assert Calls(database).get("a").call.state is RecordState.RECOVERED
    assert delivery.recovered == 1
    assert "closed 1 calls" in caplog.text
    delivery.deliver([group(call_record("b"), run="new")])
    delivery.tick(60.0, 3000.0)
    assert Calls(database).get("b").call.state is RecordState.OPEN


def test_recovery_waits_for_the_database(open_delivery: Open, database: Database, lock: Lock) -> None:
    open_delivery("old").deliver([group(call_record("a"), run="old")])
    lock.take()
    delivery = open_delivery("new")
    delivery.tick(0.0, 3000.0)
    delivery.deliver([group(call_record("b"), run="new")])
    lock.release()
    delivery.tick(1.0, 3000.0)
    assert Calls(database).get("a").call.state is RecordState.RECOVERED
    assert Calls(database).get("b").call.state is RecordState.OPEN


def test_old_records_are_deleted_a_few_at_a_time(
    open_delivery: Open, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(record_delivery, "_PRUNED_AT_ONCE", 2)
    day = 86400.0
    delivery = open_delivery()
    delivery.deliver([group(*(ended_call(f"c{number}", setup_at=number * day) for number in range(6)))])
    delivery.tick(-day, 8.9 * day)
    delivery.tick(0.0, 9.9 * day)
    assert len(ids(database)) == 6, "kept unless told otherwise"
    delivery.keep_days = 6
    delivery.tick(1.0, 9.9 * day + 1)
    assert ids(database) == ["c2", "c3", "c4", "c5"]
    delivery.tick(2.0, 9.9 * day + 2)
    assert ids(database) == ["c4", "c5"]
    delivery.tick(3.0, 9.9 * day + 3)
    delivery.deliver([group(ended_call("c0", setup_at=0.0))])
    delivery.tick(60.0, 9.9 * day + 60)
    assert ids(database) == ["c0", "c4", "c5"], "then it rests for a minute"
    delivery.tick(63.0, 9.9 * day + 63)
    assert ids(database) == ["c4", "c5"]


def test_a_clock_that_is_wrong_after_a_start_or_leaps_has_six_hours_to_be_set(
    open_delivery: Open, database: Database
) -> None:
    """The battery of the machine's clock was empty, or somebody mistyped the year."""
    day, year = 86400.0, 365 * 86400.0
    delivery = open_delivery()
    delivery.keep_days = 6
    delivery.deliver([group(ended_call("new", setup_at=9 * day), ended_call("old", setup_at=day))])
    delivery.tick(0.0, year)
    delivery.tick(3 * 3600.0, year)
    assert ids(database) == ["new", "old"]
    delivery.tick(3 * 3600.0 + 1, 10 * day)
    delivery.tick(9 * 3600.0, 10 * day + 6 * 3600.0)
    assert ids(database) == ["new", "old"], "it was set just now"
    delivery.tick(9 * 3600.0 + 1, 10 * day + 6 * 3600.0 - 30)
    assert ids(database) == ["new"], "and not by half a minute"
    delivery.tick(10 * 3600.0, year)
    delivery.tick(16 * 3600.0 - 1, year + 6 * 3600.0)
    assert ids(database) == ["new"]
    delivery.tick(16 * 3600.0, year + 6 * 3600.0)
    assert ids(database) == [], "nobody can know for ever"


def test_bans_that_are_over_are_deleted_a_few_at_a_time(
    open_delivery: Open, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each forged datagram can leave one."""
    monkeypatch.setattr(record_delivery, "_BANS_PRUNED_AT_ONCE", 2)
    delivery = open_delivery()
    bans = [(f"192.0.2.{number}", "a scanner", 1, 0.0, 100.0 + number) for number in range(6)]
    delivery.deliver([Group({"ban": [*bans, ("192.0.2.9", "rude", 3, 0.0, None)]}, {})])

    def left() -> list[str]:
        with database.read() as connection:
            return sorted(connection.execute(sa.select(schema.ban.c.source)).scalars())

    delivery.tick(0.0, 104.0)
    assert len(left()) == 5
    delivery.tick(1.0, 104.0)
    delivery.tick(2.0, 104.0)
    assert left() == ["192.0.2.5", "192.0.2.9"]
    delivery.tick(61.0, 200.0)
    assert len(left()) == 2, "then it rests for a minute"
    delivery.tick(62.0, 200.0)
    assert left() == ["192.0.2.9"]


def test_what_is_deleted_is_so_over_the_connection_that_groups_are_written_over(
    open_delivery: Open, database: Database
) -> None:
    delivery = open_delivery()
    delivery.keep_days = 1
    delivery.tick(-86400.0, -86400.0)
    for now in (0.0, 61.0, 122.0):
        delivery.tick(now, now)
        delivery.deliver([group(ended_call(f"c{now:.0f}", setup_at=now))])
    pool = delivery._database.engine.pool
    assert isinstance(pool, sa.QueuePool)
    assert pool.checkedin() + pool.checkedout() == 1
    assert ids(database) == ["c0", "c122", "c61"]


def test_what_was_written_is_synced_once_a_second(
    file: Path, open_delivery: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    synced: list[int] = []
    monkeypatch.setattr(os, "fdatasync", synced.append)
    delivery = open_delivery()
    delivery.tick(10.0, 2000.0)
    assert synced == []
    delivery.deliver([group(ended_call("a"))])
    delivery.tick(10.1, 2000.0)
    delivery.deliver([group(ended_call("b"))])
    delivery.tick(11.0, 2000.0)
    assert len(synced) == 1
    delivery.tick(11.1, 2000.0)
    delivery.tick(20.0, 2000.0)
    assert len(synced) == 2


def test_what_was_refused_is_not_counted_as_written(open_delivery: Open) -> None:
    impossible = ended_call("b")
    impossible.attempts = 2**70
    delivery = open_delivery()
    delivery.deliver([group(ended_call("a"), impossible)])
    assert (delivery.written, delivery.refused) == (1, 1)


def test_a_server_that_hangs_is_tried_again_seldom(
    open_delivery: Open, database: Database, lock: Lock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Five seconds of waiting for it, each time, in which nothing gets into the journal."""
    delivery = open_delivery()
    lock.take()
    moments = iter([100.0, 105.0, 200.0, 202.0, 300.0, 300.1])
    monkeypatch.setattr(delivery, "_monotonic", lambda: next(moments))
    delivery.tick(10.0, 2000.0)
    delivery.deliver([group(ended_call())])
    lock.release()
    delivery.tick(24.9, 2000.0)
    assert ids(database) == []
    delivery.tick(25.0, 2000.0)
    assert ids(database) == ["c1"]


def test_what_was_kept_leaves_the_journal_when_it_is_delivered(
    open_delivery: Open, database: Database, journal: Path
) -> None:
    keeping = Keeping(open_delivery())
    keeping.delivery.tick(0.0, 2000.0)
    keeping.keep(group(call_record("a")), group(ended_call("a")), group(ended_call("b")))
    assert (ids(database), journal.exists()) == ([], True)
    assert keeping.delivery.journal_bytes > 900
    keeping.deliver(1)
    assert Calls(database).get("a").call == call_record("a")
    assert journal.exists()
    keeping.deliver()
    assert Calls(database).get("a").call == ended_call("a")
    assert ids(database) == ["a", "b"]
    assert (keeping.delivery.written, keeping.delivery.journal_bytes, journal.exists()) == (3, 0, False)


@pytest.mark.parametrize("delivered", [0, 1, 2])
def test_the_next_process_delivers_what_was_kept_once(
    open_delivery: Open, database: Database, journal: Path, delivered: int
) -> None:
    """Those that were delivered are not delivered again: their records may have changed since."""
    keeping = Keeping(open_delivery())
    keeping.delivery.tick(0.0, 2000.0)
    keeping.keep(group(ended_call("a")), group(ended_call("b")), group(call_record("c"), taken_at=2500.0))
    keeping.deliver(delivered)
    with database.write() as connection:
        connection.exec_driver_sql("DELETE FROM call")
    later = Keeping(open_delivery("run2"))
    later.keep(group(call_record("d"), run="run2"))
    later.deliver()
    later.delivery.tick(0.0, 9000.0)
    assert ids(database) == ["a", "b", "c", "d"][delivered:]
    call = Calls(database).get("c").call
    assert (call.state, call.ended_at) == (RecordState.RECOVERED, 2500.0)
    assert Calls(database).get("d").call.state is RecordState.OPEN
    assert (later.delivery.recovered, journal.exists()) == (1, False)


@pytest.mark.parametrize("shorter", [0, 400, 800])
def test_after_a_power_cut_the_journal_may_be_shorter_than_the_database_knows(
    open_delivery: Open, database: Database, journal: Path, shorter: int
) -> None:
    """What comes then is not what was there before: it was lost where it waited for the database."""
    keeping = Keeping(open_delivery())
    keeping.delivery.tick(0.0, 2000.0)
    keeping.keep(*(group(ended_call(one)) for one in "abcd"))
    keeping.deliver(3)
    os.truncate(journal, journal.stat().st_size - shorter)
    with database.write() as connection:
        connection.exec_driver_sql("DELETE FROM call")
    later = Keeping(open_delivery("run2"))
    left = ["d"] if shorter == 0 else []
    later.keep(*(group(ended_call(one), run="run2") for one in "efgh"))
    later.deliver(1)
    assert ids(database) == []
    later.delivery.tick(0.0, 9000.0)
    assert ids(database) == [*left, "e", "f", "g", "h"]
    later.deliver()
    assert (ids(database), journal.exists()) == ([*left, "e", "f", "g", "h"], False)


def test_a_database_of_before_what_the_journal_has_forgotten_gets_the_rest(
    open_delivery: Open, database: Database, journal: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It was restored from a backup."""
    monkeypatch.setattr(journal_module, "_FORGOTTEN_BYTES", 1)
    keeping = Keeping(open_delivery())
    keeping.delivery.tick(0.0, 2000.0)
    keeping.keep(*(group(ended_call(one)) for one in "abc"))
    keeping.deliver(2)
    name, _ = keeping.kept[0][1] or ("", 0)
    with database.write() as connection:
        connection.exec_driver_sql("DELETE FROM call")
        connection.execute(schema.meta.update().values(value=f"{name} 50"))
    later = open_delivery("run2")
    later.tick(0.0, 9000.0)
    assert (ids(database), later.away, journal.exists()) == (["c"], None, False)


@pytest.mark.parametrize("after", [False, True])
def test_what_was_kept_is_delivered_from_the_journal_once_the_database_is_back(
    open_delivery: Open, database: Database, journal: Path, monkeypatch: pytest.MonkeyPatch, after: bool
) -> None:
    """Also when it was away only for the word that the commit was done."""
    keeping = Keeping(open_delivery())
    delivery = keeping.delivery
    delivery.tick(0.0, 2000.0)
    keeping.keep(group(call_record("a")), group(call_record("b")))
    break_writer(monkeypatch, delivery, after=after)
    keeping.deliver(1)
    assert delivery.away == "gone"
    assert delivery.journal_bytes > 500
    monkeypatch.undo()
    keeping.keep(group(ended_call("a")))
    delivery.tick(1.0, 2000.0)
    assert not delivery.waiting
    assert not journal.exists()
    assert Calls(database).get("a").call == ended_call("a")
    keeping.keep(group(ended_call("b")), group(ended_call("c")))
    keeping.deliver()
    assert Calls(database).get("a").call == ended_call("a"), "what comes late is older"
    assert (ids(database), delivery.waiting, journal.exists()) == (["a", "b", "c"], False, False)
    assert delivery.written == (4 if after else 5)


def test_what_the_journal_would_not_take_keeps_its_order(
    open_delivery: Open, database: Database, journal: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    keeping = Keeping(open_delivery())
    delivery = keeping.delivery
    delivery.tick(0.0, 2000.0)
    keeping.keep(group(call_record("a")))
    with monkeypatch.context() as disk:
        disk.setattr(os, "pwrite", lambda _fd, _data, _offset: 0)
        keeping.keep(group(ended_call("a")))
    keeping.keep(group(call_record("b")))
    assert [place is None for _, place in keeping.kept] == [False, True, True]
    break_writer(monkeypatch, delivery)
    keeping.deliver()
    keeping.keep(group(ended_call("b")))
    assert keeping.kept[0][1] is not None, "once nothing is in memory alone"
    keeping.deliver()
    monkeypatch.undo()
    delivery.tick(1.0, 2000.0)
    assert [Calls(database).get(one).call for one in "ab"] == [ended_call("a"), ended_call("b")]
    assert (delivery.waiting, delivery.dropped, journal.exists()) == (False, 0, False)


def test_a_journal_that_never_runs_empty_does_not_grow(
    open_delivery: Open, database: Database, journal: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A server that is far away is always behind."""
    monkeypatch.setattr(journal_module, "_FORGOTTEN_BYTES", 4000)
    keeping = Keeping(open_delivery())
    keeping.delivery.tick(0.0, 2000.0)
    keeping.keep(group(ended_call("first")))
    for number in range(40):
        keeping.keep(group(ended_call(f"c{number:02}")))
        (_, before), *_, (_, last) = keeping.kept
        keeping.deliver(1)
        assert 300 < journal.stat().st_size < 8000
        assert before is not None
        assert last is not None
        assert keeping.delivery.journal_bytes == last.end - before.end
    later = open_delivery("run2")
    later.tick(0.0, 9000.0)
    assert len(ids(database)) == 41
    assert not journal.exists()


def test_a_call_that_a_survivor_goes_on_with_is_not_touched_by_what_comes_late(
    open_delivery: Open, database: Database
) -> None:
    """Its end there, and that of its attempt, are the ones that hold; what nobody had written is added."""
    keeping = Keeping(open_delivery("dead"))
    keeping.delivery.tick(0.0, 2000.0)
    keeping.keep(group(call_record("a"), attempt_record("a"), run="dead"))
    keeping.deliver()
    keeping.keep(group(call_record("a"), attempt_record("a"), ended_attempt("a", 2), run="dead"))
    GroupWriter(database).write(
        [
            Group({TAKEN: [("alive", "n2", "a")]}, {}),
            group(ended_call("a"), ended_attempt("a"), run="alive"),
        ]
    )
    open_delivery("next").tick(0.0, 9000.0)
    call, attempts = Calls(database).get("a")
    assert (call.node, call.state, call.ended_at) == ("n2", RecordState.CLOSED, ended_call("a").ended_at)
    assert [one.ended_at for one in attempts] == [ended_attempt("a").ended_at, ended_attempt("a", 2).ended_at]
