"""Counting calls."""

from pathlib import Path

import pytest

from tests.unit.store.entities import call_record, ended_call
from tests.unit.store.plans import explained
from trunkline.call.record import CallRecord
from trunkline.store.database import Database
from trunkline.store.figures import CallFigures
from trunkline.store.group_commit import Group, GroupWriter
from trunkline.store.record_rows import call_row
from trunkline.trunk.verdict import Slug, Verdict


def write(database: Database, *records: CallRecord) -> None:
    writer = GroupWriter(database)
    writer.write([Group({"call": [call_row(record, "run") for record in records]}, {})])
    writer.close()


def failed(call_id: str, slug: Slug, setup_at: float, account: str = "acme") -> CallRecord:
    record = call_record(call_id, setup_at=setup_at, account=account)
    record.ended_at = setup_at + 1
    record.verdict = Verdict.of(slug)
    return record


@pytest.fixture
def figures(database: Database) -> CallFigures:
    write(
        database,
        ended_call("a", setup_at=99.9),
        ended_call("b", setup_at=100.0),
        failed("c", Slug.BUSY, 105.0),
        failed("d", Slug.BUSY, 119.0, "other"),
        failed("e", Slug.UNREACHABLE, 110.0, "other"),
        call_record("f", setup_at=111.0),
        ended_call("g", setup_at=130.0),
    )
    return CallFigures(database)


def test_calls_are_counted_where_they_began(figures: CallFigures) -> None:
    found = figures.over(None, 100.0, 10.0, 3)
    assert [(one.began_at, one.calls, dict(one.unanswered)) for one in found] == [
        (100.0, 2, {Slug.BUSY: 1}),
        (110.0, 3, {Slug.BUSY: 1, Slug.UNREACHABLE: 1}),
        (120.0, 0, {}),
    ]


def test_an_accounts_own(figures: CallFigures) -> None:
    found = figures.over("acme", 100.0, 10.0, 2)
    assert [(one.calls, dict(one.unanswered)) for one in found] == [(2, {Slug.BUSY: 1}), (1, {})]


def test_the_quality_is_the_worse_legs(database: Database) -> None:
    good, bad, silent = (ended_call(name, setup_at=5.0) for name in ("x", "y", "z"))
    good.caller_media.mos, good.callee_media.mos = 4.0, 4.4
    bad.caller_media.mos, bad.callee_media.mos = 3.0, None
    silent.caller_media.mos = silent.callee_media.mos = None
    write(database, good, bad, silent)
    (one,) = CallFigures(database).over(None, 0.0, 10.0, 1)
    assert one.mos == 3.5


def test_the_quality_is_that_of_the_newest(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("trunkline.store.figures.MAX_HEARD", 2)
    write(database, *(ended_call(f"c{number}", setup_at=float(number)) for number in range(6)))
    heard = [one.mos is not None for one in CallFigures(database).over(None, 0.0, 2.0, 3)]
    assert heard == [False, False, True]


@pytest.mark.parametrize("account", [None, "acme"])
def test_counting_needs_no_record(
    file: Path, figures: CallFigures, database: Database, account: str | None
) -> None:
    plans = explained(database, lambda: figures.over(account, 100.0, 10.0, 3))
    wanted = (
        ("ix_call_setup_at", "ix_call_verdict")
        if account is None
        else ("ix_call_account", "ix_call_account_verdict")
    )
    for index in wanted:
        assert f"COVERING INDEX {index} " in plans, plans
    assert "SCAN call\n" not in f"{plans}\n"
