"""What accounts have used today, by the records."""

from collections.abc import Mapping
from dataclasses import replace

import pytest

from tests.unit.store.entities import call_record
from trunkline.call.record import CallRecord, Direction
from trunkline.store.database import Database
from trunkline.store.group_commit import Group, GroupWriter
from trunkline.store.record_rows import call_row
from trunkline.store.usage import DAY_S, Usage, used_today

MIDNIGHT = 20_000.0 * DAY_S
NOW = MIDNIGHT + 3600


def outbound(call_id: str, answered_at: float | None, ended_at: float | None, **fields: object) -> CallRecord:
    record = call_record(call_id, setup_at=(answered_at or NOW) - 5)
    record = replace(record, direction=Direction.OUTBOUND, called="442079460123")
    record.answered_at, record.ended_at = answered_at, ended_at
    return replace(record, **fields)  # type: ignore[arg-type]


def write(database: Database, *records: CallRecord, alive_at: float = NOW - 60) -> None:
    rows = [call_row(record, "old") for record in records]
    GroupWriter(database).write([Group({"run": [("old", "n1", 1.0, alive_at)], "call": rows}, {})])


def price(called: str) -> float:
    return 0.6 if called.startswith("44") else 0.0


def used_here(database: Database) -> Mapping[str, Usage]:
    """Of the only node."""
    (usages,) = used_today(database, NOW, price).values()
    return usages


def test_the_sum_of_the_day_by_node_and_account(database: Database) -> None:
    write(
        database,
        outbound("a", MIDNIGHT + 10, MIDNIGHT + 70),
        outbound("b", MIDNIGHT + 100, MIDNIGHT + 130, called="493012345678"),
        outbound("c", MIDNIGHT + 100, MIDNIGHT + 110, account="other"),
    )
    node = outbound("a", None, 0).node
    write(database, replace(outbound("d", MIDNIGHT + 100, MIDNIGHT + 140), node="n2"))
    found = used_today(database, NOW, price)
    assert set(found) == {node, "n2"}
    assert found["n2"]["acme"].seconds == pytest.approx(40)
    usages = found[node]
    assert set(usages) == {"acme", "other"}
    assert usages["acme"].seconds == pytest.approx(90)
    assert usages["acme"].cost == pytest.approx(0.6)
    assert usages["other"].cost == pytest.approx(0.1)


def test_what_does_not_count(database: Database) -> None:
    write(
        database,
        outbound("ringing", None, MIDNIGHT + 70),
        outbound("inbound", MIDNIGHT + 10, MIDNIGHT + 70, direction=Direction.INBOUND),
        outbound("yesterday", MIDNIGHT - 100, MIDNIGHT - 10),
    )
    assert not used_today(database, NOW, price)


def test_only_the_part_after_midnight(database: Database) -> None:
    write(database, outbound("a", MIDNIGHT - 1000, MIDNIGHT + 20))
    assert used_here(database)["acme"].seconds == pytest.approx(20)


def test_a_call_of_a_node_that_died_counts_while_it_lived(database: Database) -> None:
    write(database, outbound("a", NOW - 600, None), alive_at=NOW - 60)
    assert used_here(database)["acme"].seconds == pytest.approx(540)


def test_less_than_a_second_counts_as_it_was_and_the_future_for_nothing(
    database: Database,
) -> None:
    write(database, outbound("a", MIDNIGHT + 10, MIDNIGHT + 10.25))
    assert used_here(database)["acme"].seconds == pytest.approx(0.25)
    write(database, outbound("b", NOW + 100, NOW + 160))
    assert used_here(database)["acme"].seconds == pytest.approx(0.25)


def test_a_run_counts_its_own_calls_itself(database: Database) -> None:
    write(database, outbound("a", MIDNIGHT + 10, MIDNIGHT + 70))
    assert used_today(database, NOW, price, but="another run")
    assert not used_today(database, NOW, price, but="old")
