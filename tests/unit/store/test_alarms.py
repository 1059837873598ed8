"""Alarms at rest, and habits from the records."""

from dataclasses import replace

import pytest

from tests.unit.store.entities import call_record
from trunkline.call.record import CallRecord, Direction
from trunkline.store import alarms as alarms_module
from trunkline.store import schema
from trunkline.store.alarms import COUNTRY_MEMORY_S, Alarms, dormant_accounts, known_habits
from trunkline.store.database import Database
from trunkline.store.group_commit import Group, GroupWriter
from trunkline.store.record_rows import call_row
from trunkline.store.rows import account_values
from trunkline.trunk.account import Account
from trunkline.trunk.fraud import HOUR_S, MEMORY_HOURS, Alarm, AlarmKind

NOW = 500_000.0 * HOUR_S + 1800
ALARM = Alarm("acme", AlarmKind.SPIKE, 1000.0, "442079460123", "many", blocked=True)


def test_the_newest_come_first(database: Database) -> None:
    alarms = Alarms(database)
    other = replace(ALARM, account="other", kind=AlarmKind.NEW_COUNTRY, blocked=False)
    alarms.add(ALARM)
    alarms.add(other)
    assert alarms.list() == [other, ALARM]
    assert alarms.list(account="acme") == [ALARM]
    assert alarms.list(limit=1) == [other]


def test_they_are_bounded(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(alarms_module, "KEPT", 20)
    alarms = Alarms(database)
    for _ in range(100):
        alarms.add(ALARM)
    assert len(alarms.list(limit=1000)) == 20


def write(database: Database, *records: CallRecord) -> None:
    GroupWriter(database).write([Group({"call": [call_row(record, "old") for record in records]}, {})])


def outbound(call_id: str, called: str, age_s: float, *, attempts: int = 1) -> CallRecord:
    record = call_record(call_id, setup_at=NOW - age_s)
    return replace(record, direction=Direction.OUTBOUND, called=called, attempts=attempts)


def test_habits(database: Database) -> None:
    write(
        database,
        outbound("a", "442079460123", 60),
        outbound("b", "442079460124", 120),
        outbound("c", "37167012345", 40 * 86400),
        outbound("old", "493012345678", COUNTRY_MEMORY_S + 1),
        outbound("refused", "88161234567", 60, attempts=0),
        replace(outbound("in", "33142345678", 60), direction=Direction.INBOUND),
    )
    habits = known_habits(database, NOW)
    assert set(habits) == {"acme"}
    assert habits["acme"].countries == {"44", "371"}
    assert habits["acme"].hours == {500_000: 2}


def test_a_week_of_hours(database: Database) -> None:
    write(
        database,
        outbound("a", "442079460123", MEMORY_HOURS * HOUR_S + 1),
        outbound("b", "442079460123", HOUR_S),
    )
    assert known_habits(database, NOW)["acme"].hours == {499_999: 1}


def test_who_has_called_nobody_for_long(database: Database) -> None:
    with database.write() as connection:
        for key, age_s in (("acme", 1.0), ("idle", 1.0), ("called", 1.0), ("new", -1.0)):
            values = account_values(Account(key)) | {"created_at": NOW - COUNTRY_MEMORY_S - age_s}
            connection.execute(schema.account.insert().values(values))
    write(
        database,
        outbound("a", "442079460123", 60),
        replace(outbound("b", "442079460123", 60, attempts=0), account="idle"),
        replace(outbound("c", "33142345678", 60), account="called", direction=Direction.INBOUND),
    )
    assert dormant_accounts(database, NOW) == set(), "older calls may have been deleted"
    write(database, outbound("old", "442079460123", COUNTRY_MEMORY_S + 1))
    assert dormant_accounts(database, NOW) == {"idle", "called"}
