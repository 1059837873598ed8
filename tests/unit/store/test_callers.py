"""Where customers have called from lately, by the records."""

from dataclasses import replace

import pytest

from tests.unit.store.entities import call_record
from trunkline.call.record import CallRecord, Direction
from trunkline.store import callers
from trunkline.store.callers import Caller, callers_since
from trunkline.store.database import Database
from trunkline.store.group_commit import Group, GroupWriter
from trunkline.store.record_rows import call_row


def call(call_id: str, setup_at: float, host: str = "192.0.2.1", **fields: object) -> CallRecord:
    record = call_record(call_id, setup_at=setup_at)
    record = replace(record, node="n1", direction=Direction.OUTBOUND, source=f"UDP {host}:5060")
    return replace(record, **fields)  # type: ignore[arg-type]


def write(database: Database, *records: CallRecord) -> None:
    GroupWriter(database).write([Group({"call": [call_row(record, "run") for record in records]}, {})])


def test_each_source_with_its_latest_call(database: Database) -> None:
    write(database, call("a", 1000), call("b", 1200), call("c", 1100, "192.0.2.2"))
    assert callers_since(database, "n1", 1000) == [
        Caller("UDP 192.0.2.1:5060", 1200),
        Caller("UDP 192.0.2.2:5060", 1100),
    ]


def test_what_does_not_count(database: Database) -> None:
    write(
        database,
        call("too old", 999),
        call("a carrier's", 1000, direction=Direction.INBOUND),
        call("another node's", 1000, node="n2"),
    )
    assert callers_since(database, "n1", 1000) == []


def test_of_too_many_the_latest(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(callers, "MOST", 2)
    write(database, *(call(str(n), 1000 + n, f"192.0.2.{n}") for n in (2, 3, 1)))
    assert [one.source for one in callers_since(database, "n1", 0)] == [
        "UDP 192.0.2.3:5060",
        "UDP 192.0.2.2:5060",
    ]
