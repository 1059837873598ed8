"""Reading call records, and deleting old ones."""

import time
from pathlib import Path
from typing import Any

import pytest

from tests.unit.store.entities import call_record, ended_attempt, ended_call, heard_courses, random_text
from tests.unit.store.plans import explained
from trunkline.call.quality import Quality
from trunkline.call.record import CallRecord, Direction, RecordState
from trunkline.errors import StoreError
from trunkline.store.calls import CallFilter, Calls, prune_calls
from trunkline.store.database import Database
from trunkline.store.errors import NotFoundError
from trunkline.store.group_commit import Group, GroupWriter
from trunkline.store.record_rows import attempt_row, call_row, quality_row
from trunkline.trunk.verdict import Slug, Verdict


def write(database: Database, *records: CallRecord) -> None:
    put = {
        "call": [call_row(record, "run") for record in records],
        "attempt": [attempt_row(ended_attempt(record.call_id), "run") for record in records],
    }
    writer = GroupWriter(database)
    writer.write([Group(put, {})])
    writer.close()


def write_course(database: Database, *records: CallRecord) -> None:
    """How their audio went: a first point of 250 packets each way, and the rest."""
    rows = [quality_row(record.call_id, heard_courses()) for record in records]
    writer = GroupWriter(database)
    writer.write([Group({"call_quality": [row for row in rows if row is not None]}, {})])
    writer.close()


@pytest.fixture
def calls(database: Database) -> Calls:
    return Calls(database)


def ids(calls: Calls, **fields: Any) -> list[str]:
    return [record.call_id for record in calls.list(CallFilter(**fields)).calls]


def test_newest_first(database: Database, calls: Calls) -> None:
    write(
        database, ended_call("a", setup_at=1.0), ended_call("c", setup_at=3.0), ended_call("b", setup_at=2.0)
    )
    page = calls.list()
    assert [record.call_id for record in page.calls] == ["c", "b", "a"]
    assert page.next_cursor is None


def test_every_call_is_on_one_page(database: Database, calls: Calls) -> None:
    """Calls set up at the same moment, and new ones that arrive between two pages, included."""
    write(database, *(ended_call(f"c{number:02}", setup_at=float(number // 4) / 3) for number in range(20)))
    seen: list[str] = []
    cursor: str | None = None
    while True:
        page = calls.list(cursor=cursor, limit=3)
        seen += [record.call_id for record in page.calls]
        write(database, ended_call(f"new{len(seen)}", setup_at=1e9))
        cursor = page.next_cursor
        if cursor is None:
            break
    assert seen == [f"c{number:02}" for number in sorted(range(20), key=lambda n: (n // 4, n), reverse=True)]


def test_a_last_page_that_is_full_is_known_to_be_the_last(database: Database, calls: Calls) -> None:
    write(database, ended_call("a"), ended_call("b"))
    assert calls.list(limit=2).next_cursor is None


def test_filters(database: Database, calls: Calls) -> None:
    inbound = call_record("in", setup_at=5.0)
    inbound.direction = Direction.INBOUND
    inbound.number = "15550100"
    inbound.account = "other"
    write(database, ended_call("out", setup_at=4.0), inbound)
    assert ids(calls) == ["in", "out"]
    assert ids(calls, account="acme") == ["out"]
    assert ids(calls, number="15550100") == ["in"]
    assert ids(calls, carrier="upstream") == ["out"]
    assert ids(calls, party="14155550100") == ["in", "out"], "who was called"
    assert ids(calls, party="441632960001", account="acme") == ["out"], "who called"
    assert ids(calls, party="15550100") == []
    assert ids(calls, direction=Direction.INBOUND) == ["in"]
    assert ids(calls, state=RecordState.OPEN) == ["in"]
    assert ids(calls, slug=Slug.ANSWERED) == ["out"]
    assert ids(calls, slug=Slug.BUSY) == []
    assert ids(calls, sip_call_id="in@pbx") == ["in"]
    assert ids(calls, sip_call_id="in-leg-1") == ["in"], "an attempt's"
    assert ids(calls, sip_call_id="nobody's") == []
    assert ids(calls, since_at=5.0) == ["in"]
    assert ids(calls, until_at=5.0) == ["out"]
    assert ids(calls, account="acme", direction=Direction.INBOUND) == []


@pytest.mark.parametrize("cursor", ["", "x", "x/y"])
def test_a_bad_cursor(calls: Calls, cursor: str) -> None:
    with pytest.raises(StoreError, match="is not a cursor"):
        calls.list(cursor=cursor)


def test_a_call_with_its_attempts_in_order(database: Database, calls: Calls) -> None:
    write(database, ended_call("a"), ended_call("b"))
    rows = [attempt_row(ended_attempt("a", position), "run") for position in (3, 2)]
    GroupWriter(database).write([Group({"attempt": rows}, {})])
    detail = calls.get("a")
    assert detail.call == ended_call("a")
    assert [attempt.position for attempt in detail.attempts] == [1, 2, 3]


def test_an_unknown_call(calls: Calls) -> None:
    with pytest.raises(NotFoundError, match="call 'x' does not exist; trunkline calls lists them"):
        calls.get("x")


def test_calls_that_were_not_answered(database: Database, calls: Calls) -> None:
    busy, lost = ended_call("busy", setup_at=2.0), ended_call("lost", setup_at=3.0)
    busy.verdict, lost.verdict = Verdict.of(Slug.BUSY), Verdict.of(Slug.UNREACHABLE)
    lost.number = "15550100"
    write(database, ended_call("ok", setup_at=1.0), call_record("open", setup_at=4.0), busy, lost)
    assert ids(calls, unanswered=True) == ["lost", "busy"]
    assert ids(calls, failed=True) == ["lost"]
    assert ids(calls, slug=Slug.BUSY) == ["busy"]
    assert ids(calls, slug=Slug.UNREACHABLE, number="15550100", account="acme") == ["lost"]
    assert ids(calls, slug=Slug.UNREACHABLE, number="441632960001") == []
    assert ids(calls, number="15550100", account="other") == []


def test_a_search_goes_on_where_one_page_stopped_looking(
    database: Database, calls: Calls, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("trunkline.store.calls.MAX_LOOKED_AT", 4)
    wanted = ended_call("wanted", setup_at=1.0)
    others = [ended_call(f"c{number}", setup_at=number + 2.0) for number in range(8)]
    wanted.direction = others[4].direction = Direction.INBOUND
    write(database, wanted, *others)
    seen = []
    cursor: str | None = None
    while True:
        page = calls.list(CallFilter(direction=Direction.INBOUND), cursor=cursor)
        seen.append([record.call_id for record in page.calls])
        cursor = page.next_cursor
        if cursor is None:
            break
    assert seen == [["c4"], [], ["wanted"]], "the last that was looked at is shown too"


def test_a_call_id_of_any_length_is_recorded_and_found(database: Database, calls: Calls) -> None:
    """A peer may send kilobytes of it; an index of PostgreSQL takes less."""
    long = random_text(9000)
    record = ended_call("a")
    record.sip_call_id = long
    write(database, record, ended_call("b"))
    assert ids(calls, sip_call_id=long) == ["a"]
    assert ids(calls) == ["b", "a"]


def test_one_call_id_of_many_calls_is_bounded(
    database: Database, calls: Calls, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("trunkline.store.calls.MAX_OF_ONE_CALL_ID", 2)
    same = [ended_call(f"c{number}", setup_at=float(number)) for number in range(5)]
    for record in same:
        record.sip_call_id = "again@pbx"
    write(database, *same)
    assert len(ids(calls, sip_call_id="again@pbx")) == 2


LED_BY = pytest.mark.parametrize(
    ("fields", "index"),
    [
        ({}, "ix_call_setup_at"),
        ({"until_at": 9.0}, "ix_call_setup_at (setup_at<?)"),
        ({"account": "a"}, "ix_call_account (account=?)"),
        ({"account": "a", "since_at": 1.0}, "ix_call_account (account=? AND setup_at>?)"),
        ({"number": "1"}, "ix_call_number (number=?)"),
        ({"number": "1", "account": "a"}, "ix_call_number (number=?)"),
        ({"slug": Slug.BUSY}, "ix_call_verdict (verdict=?)"),
        ({"slug": Slug.BUSY, "number": "1"}, "ix_call_verdict (verdict=?)"),
        ({"slug": Slug.BUSY, "account": "a"}, "ix_call_account_verdict (account=? AND verdict=?)"),
        ({"slug": Slug.ANSWERED}, "ix_call_setup_at"),
        ({"direction": Direction.INBOUND}, "ix_call_setup_at"),
        ({"party": "1"}, "ix_call_setup_at"),
        ({"party": "1", "account": "a"}, "ix_call_account (account=?)"),
        ({"unanswered": True, "account": "a"}, "ix_call_account (account=?)"),
        ({"sip_call_id": "x"}, "ix_attempt_sip_call_id (sip_call_id=?)"),
    ],
)


@LED_BY
def test_every_filter_is_led_by_an_index(
    file: Path, database: Database, calls: Calls, fields: dict[str, Any], index: str
) -> None:
    """No page reads more than it shows or may look at, whatever is asked for."""
    plans = explained(database, lambda: calls.list(CallFilter(**fields), limit=5))
    assert index in plans
    steps = [line for line in plans.splitlines() if "call" in line or "attempt" in line]
    assert not [step for step in steps if step.startswith("SCAN call") and "INDEX" not in step], plans
    if "sip_call_id" not in fields:
        assert "TEMP B-TREE" not in plans


@LED_BY
def test_postgresql_takes_the_same_indexes(postgresql_url: str, fields: dict[str, Any], index: str) -> None:
    database = Database(postgresql_url)
    plans = explained(database, lambda: Calls(database).list(CallFilter(**fields), limit=5))
    database.close()
    assert f"using {index.split()[0]} " in plans
    assert "Seq Scan on call" not in plans
    if "sip_call_id" not in fields:
        assert "Sort" not in plans


def test_pruning_takes_the_oldest_with_all_that_is_theirs(database: Database, calls: Calls) -> None:
    old = [ended_call(f"c{number}", setup_at=float(number)) for number in range(10)]
    write(database, *old)
    write_course(database, *old)
    assert prune_calls(database, 9.0, 3.0, 4) == 4
    assert sorted(ids(calls)) == ["c4", "c5", "c6", "c7", "c8", "c9"]
    assert prune_calls(database, 9.0, 3.0, 4) == 2
    assert prune_calls(database, 9.0, 3.0, 4) == 0
    with database.read() as connection:
        for table in ("attempt", "call_quality"):
            assert connection.exec_driver_sql(f"SELECT count(*) FROM {table}").scalar() == 4


def test_pruning_leaves_open_calls(database: Database, calls: Calls) -> None:
    write(database, call_record("open", setup_at=1.0), ended_call("over", setup_at=1.0))
    assert prune_calls(database, 100.0, 50.0, 10) == 1
    assert ids(calls) == ["open"]


def test_a_node_whose_clock_is_years_ahead_of_the_databases_deletes_nothing(
    database: Database, calls: Calls
) -> None:
    write(database, ended_call("new", setup_at=time.time() - 60))
    assert prune_calls(database, time.time() + 1e8, 86400.0, 10) == 0
    assert ids(calls) == ["new"]


def test_how_the_audio_of_a_call_went(database: Database, calls: Calls) -> None:
    write(database, ended_call("c1"))
    write_course(database, ended_call("c1"))
    quality = calls.quality("c1")
    assert [point.until_s for point in quality.caller] == [5.0, 7.5]
    assert quality.caller[0].mos == 4.0
    assert calls.quality("c2") == Quality()


def test_a_course_that_can_not_be_read_is_named(database: Database, calls: Calls) -> None:
    with database.write() as connection:
        connection.exec_driver_sql("INSERT INTO call_quality VALUES ('c1', 'nonsense')")
    with pytest.raises(StoreError, match="call c1: no course"):
        calls.quality("c1")
