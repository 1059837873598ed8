"""What the call path sees: notes, taken by a timer of the loop. The thread is waited for, never for time."""

import sqlite3
import threading
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest

from tests.unit.store.entities import (
    HeardLeg,
    attempt_record,
    call_record,
    ended_attempt,
    ended_call,
    heard_courses,
)
from tests.unit.virtual_clock import FakeClock
from trunkline.call.ports import RecordSink
from trunkline.call.record import RecordState
from trunkline.sip.uri import SipUri
from trunkline.store import record_writer
from trunkline.store.bans import Bans, StoredBan
from trunkline.store.calls import Calls
from trunkline.store.database import Database
from trunkline.store.group_commit import Group
from trunkline.store.record_delivery import Place
from trunkline.store.record_writer import DEFAULT_INTERVAL_S, RecordWriter
from trunkline.store.registrations import load_bindings
from trunkline.trunk.registrations import Binding


@pytest.fixture
def open_writer(url: str, clock: FakeClock, tmp_path: Path) -> Iterator[Callable[[], RecordWriter]]:
    opened: list[RecordWriter] = []

    def open_one() -> RecordWriter:
        journal = tmp_path / "records.journal"
        writer = RecordWriter(url, clock=clock, node="n1", journal=journal, monotonic=clock.now)
        opened.append(writer)
        writer.start()
        return writer

    yield open_one
    for writer in opened:
        assert writer.close()


@pytest.fixture
def writer(open_writer: Callable[[], RecordWriter]) -> RecordWriter:
    return open_writer()


@pytest.fixture
def calls(database: Database) -> Calls:
    return Calls(database)


def test_it_is_what_a_call_asks_for(writer: RecordWriter) -> None:
    sink: RecordSink = writer
    sink.call_changed(call_record())


def test_noting_writes_nothing_by_itself(writer: RecordWriter, calls: Calls, clock: FakeClock) -> None:
    writer.call_changed(call_record())
    writer.attempt_changed(attempt_record())
    clock.advance(DEFAULT_INTERVAL_S * 0.9)
    assert writer._inbox.empty()
    assert len(clock) == 1, "one timer for everything"


@pytest.mark.parametrize(
    "change",
    [
        lambda writer: writer.call_changed(call_record()),
        lambda writer: writer.attempt_changed(attempt_record()),
        lambda writer: writer.bindings_changed("a", ()),
        lambda writer: writer.ban_changed("192.0.2.1", None),
    ],
)
def test_each_change_is_handed_over_when_it_is_the_only_one(
    writer: RecordWriter, clock: FakeClock, change: Callable[[RecordWriter], None]
) -> None:
    for _ in range(2):
        change(writer)
        assert len(clock) == 1
    clock.advance(DEFAULT_INTERVAL_S * 0.9)
    assert writer._handed == 0
    clock.advance(DEFAULT_INTERVAL_S * 0.2)
    assert writer._handed == 1


def test_of_a_call_that_another_node_goes_on_with_nothing_is_written(
    writer: RecordWriter, clock: FakeClock
) -> None:
    writer.call_changed(call_record())
    writer.call_left(call_record())
    clock.advance(DEFAULT_INTERVAL_S)
    assert writer._handed == 0


def test_the_timer_hands_over_within_a_tenth_of_a_second(
    writer: RecordWriter, calls: Calls, clock: FakeClock
) -> None:
    record = call_record()
    writer.call_changed(record)
    clock.advance(0.1)
    record.caller = "changed, but not noted"
    assert writer.flush()
    assert calls.get("c1").call == call_record()
    assert len(clock) == 0, "and nothing is armed while nothing changes"


def test_changes_in_between_cost_one_row(writer: RecordWriter, calls: Calls) -> None:
    record = call_record()
    for number in range(5):
        record.attempts = number
        writer.call_changed(record)
        writer.attempt_changed(attempt_record())
    assert writer.flush()
    assert writer.state.written == 2
    assert calls.get("c1").call.attempts == 4


def test_a_call_from_its_first_moment_to_its_end(
    writer: RecordWriter, calls: Calls, clock: FakeClock
) -> None:
    writer.call_changed(call_record())
    clock.advance(1)
    assert writer.flush()
    assert calls.get("c1").call.state is RecordState.OPEN
    writer.call_changed(ended_call())
    writer.attempt_changed(ended_attempt())
    clock.advance(1)
    assert writer.flush()
    assert calls.get("c1") == (ended_call(), [ended_attempt()])


def test_the_snapshot_is_taken_on_the_loop(writer: RecordWriter, calls: Calls, clock: FakeClock) -> None:
    """The thread may be late: what it writes is what the record said when the timer fired."""
    record = call_record()
    writer.call_changed(record)
    clock.advance(1)
    record.state = RecordState.CLOSED
    assert writer.flush()
    assert calls.get("c1").call.state is RecordState.OPEN


def test_closing_writes_what_was_noted(
    open_writer: Callable[[], RecordWriter], calls: Calls, clock: FakeClock
) -> None:
    writer = open_writer()
    writer.call_changed(ended_call())
    assert writer.close()
    assert calls.get("c1").call == ended_call()
    assert len(clock) == 0, "no timer is left"


def test_the_course_of_a_call_is_written_as_it_is_a_moment_later(writer: RecordWriter, calls: Calls) -> None:
    """An engine elsewhere adds the end of it then."""
    record = ended_call()
    late = HeardLeg(left=0)
    writer.call_changed(record)
    writer.course_ended(record.call_id, heard_courses(late))
    late.left = 2750
    assert writer.flush()
    assert [point.received for point in calls.quality("c1").caller] == [250, 2750]
    assert writer.state.written == 2


def test_a_crashed_run_is_recovered_by_the_next(
    open_writer: Callable[[], RecordWriter], calls: Calls, clock: FakeClock
) -> None:
    first = open_writer()
    first.call_changed(call_record())
    assert first.flush()
    died_at = clock.wall()
    clock.advance(100)
    second = open_writer()
    assert second.flush()
    call = calls.get("c1").call
    assert (call.state, call.ended_at) == (RecordState.RECOVERED, died_at)
    assert second.state.recovered == 1


def test_while_a_call_is_up_the_node_says_that_it_lives(
    open_writer: Callable[[], RecordWriter], calls: Calls, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(record_writer, "_TICK_S", 0.01)
    writer = open_writer()
    writer.call_changed(call_record())
    assert writer.flush()
    lived = threading.Event()
    deliver = writer._delivery.deliver

    def watch(groups: Sequence[Group], places: Sequence[Place | None]) -> None:
        deliver(groups, places)
        lived.set()

    monkeypatch.setattr(writer._delivery, "deliver", watch)
    clock.advance(50)
    assert lived.wait(10)
    alive_at = clock.wall()
    clock.advance(100)
    assert open_writer().flush()
    ended_at = calls.get("c1").call.ended_at
    assert ended_at is not None
    assert ended_at >= alive_at


def test_records_are_safe_while_the_database_is_away(
    writer: RecordWriter, calls: Calls, clock: FakeClock, file: Path
) -> None:
    other = sqlite3.connect(file, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    writer.call_changed(ended_call())
    assert writer.flush()
    assert "database is locked" in (writer.state.away or "")
    assert writer.state.journal_bytes > 100
    other.execute("ROLLBACK")
    other.close()
    clock.advance(1)
    assert writer.flush()
    assert calls.get("c1").call == ended_call()
    assert (writer.state.journal_bytes, writer.state.away, writer.state.dropped) == (0, None, 0)


def test_a_stuck_thread_costs_bounded_memory(
    url: str, clock: FakeClock, tmp_path: Path, calls: Calls, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(record_writer, "MAX_BACKLOG_ROWS", 3)
    writer = RecordWriter(
        url, clock=clock, node="n1", journal=tmp_path / "records.journal", monotonic=clock.now
    )
    for number in range(20):
        writer.call_changed(call_record(f"c{number:02}"))
        if number % 4 == 3:
            clock.advance(1)
    assert writer._inbox.qsize() == 1
    assert writer.state.dropped == 13
    writer.start()
    assert writer.flush()
    clock.advance(1)
    assert writer.close()
    assert sorted(record.call_id for record in calls.list().calls) == [
        "c00",
        "c01",
        "c02",
        "c03",
        "c17",
        "c18",
        "c19",
    ]


def test_a_fault_in_the_writer_costs_no_record(
    writer: RecordWriter,
    calls: Calls,
    clock: FakeClock,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    def fail(*_groups: object) -> int:
        raise RuntimeError("mine")

    monkeypatch.setattr(writer._delivery._writer, "write", fail)
    writer.call_changed(ended_call("before"))
    assert writer.flush()
    assert "a fault in the writer" in caplog.text
    assert writer.state.journal_bytes > 100
    monkeypatch.undo()
    clock.advance(1)
    writer.call_changed(ended_call("after"))
    assert writer.flush()
    assert [calls.get(one).call for one in ("before", "after")] == [ended_call("before"), ended_call("after")]
    assert (writer.state.written, writer.state.journal_bytes) == (2, 0)


def test_a_fault_does_not_end_the_thread(
    writer: RecordWriter, calls: Calls, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    with monkeypatch.context() as broken:
        broken.setattr(writer._delivery, "tick", None)
        assert writer.flush()
    assert "a fault in the writer" in caplog.text
    writer.call_changed(ended_call("c1"))
    assert writer.flush()
    assert calls.get("c1").call == ended_call("c1")


def test_a_record_of_which_no_row_can_be_made_holds_nobody_up(
    writer: RecordWriter, calls: Calls, caplog: pytest.LogCaptureFixture
) -> None:
    odd = ended_call("odd")
    odd.verdict = "busy"  # type: ignore[assignment]
    writer.call_changed(odd)
    writer.call_changed(ended_call("c1"))
    assert writer.flush()
    assert calls.get("c1").call == ended_call("c1")
    [line] = [line.getMessage() for line in caplog.records]
    assert "no row can be made of a record, odd," in line
    assert odd.sip_call_id in line
    assert writer.flush()
    assert len(caplog.records) == 1


def test_bindings_are_kept_and_go(writer: RecordWriter, database: Database, clock: FakeClock) -> None:
    binding = Binding(SipUri.parse("sip:1@198.51.100.1:5062"), 1000, clock.now() + 60, "id", 7, None)
    writer.bindings_changed("acme", [binding])
    writer.bindings_changed("other", [binding])
    assert writer.flush()
    found = load_bindings(database, "n1", now=clock.now(), wall=clock.wall())
    assert set(found) == {"acme", "other"}
    assert found["acme"][0].deadline == pytest.approx(binding.deadline)
    writer.bindings_changed("acme", [])
    assert writer.flush()
    assert set(load_bindings(database, "n1", now=clock.now(), wall=clock.wall())) == {"other"}


def test_bans_are_kept_and_lifted(writer: RecordWriter, database: Database, clock: FakeClock) -> None:
    ban = StoredBan("198.51.100.7", "too many wrong passwords", 1, clock.wall(), clock.wall() + 300)
    bans = Bans(database, clock.wall)
    writer.ban_changed(ban.source, ban)
    assert writer.flush()
    assert bans.list() == [ban]
    writer.ban_changed(ban.source, None)
    assert writer.flush()
    assert bans.list() == []


def test_the_time_to_keep_records_can_be_changed(writer: RecordWriter) -> None:
    assert writer.keep_days is None
    writer.keep_days = 7
    assert writer.keep_days == writer._delivery.keep_days == 7


def test_closing_what_never_began(url: str, clock: FakeClock, tmp_path: Path) -> None:
    assert RecordWriter(url, clock=clock, node="n1", journal=tmp_path / "records.journal").close()


def test_a_call_of_another_node_is_this_one_s_from_now_on(
    open_writer: Callable[[], RecordWriter], url: str, calls: Calls, clock: FakeClock, tmp_path: Path
) -> None:
    theirs = RecordWriter(url, clock=clock, node="n0", journal=tmp_path / "n0", monotonic=clock.now)
    theirs.start()
    theirs.call_changed(call_record())
    assert theirs.flush()
    ours = open_writer()
    ours.call_taken(call_record())
    ours.call_changed(call_record())
    assert ours.flush()
    theirs.call_changed(ended_call())
    theirs.call_left(ended_call())
    assert theirs.close()
    assert calls.get("c1").call.state is RecordState.OPEN
    assert calls.get("c1").call.node == "n1"


def test_a_server_gets_what_is_in_the_journal_already_and_a_file_needs_no_other(
    open_writer: Callable[[], RecordWriter],
    dialect: str,
    calls: Calls,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    writer = open_writer()
    assert writer.flush()
    seen: list[bool] = []
    write = writer._delivery._writer.write

    def look(groups: Sequence[Group], mark: tuple[str, str] | None = None) -> int:
        seen.append((tmp_path / "records.journal").exists())
        return write(groups, mark)

    monkeypatch.setattr(writer._delivery._writer, "write", look)
    writer.call_changed(ended_call())
    assert writer.flush()
    assert seen == [dialect == "postgresql"]
    assert calls.get("c1").call == ended_call()
    assert not (tmp_path / "records.journal").exists()
