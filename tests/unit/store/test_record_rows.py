"""Records to rows and back."""

import pytest
import sqlalchemy as sa

from tests.unit.store.entities import attempt_record, call_record, ended_attempt, ended_call, heard_courses
from trunkline.call.quality import Courses, read_quality
from trunkline.call.record import AttemptRecord, CallRecord
from trunkline.store import schema
from trunkline.store.record_rows import (
    ATTEMPT_COLUMNS,
    CALL_COLUMNS,
    attempt_from,
    attempt_row,
    call_from,
    call_row,
    quality_row,
)
from trunkline.trunk.verdict import Slug, Verdict


@pytest.mark.parametrize("record", [call_record(), ended_call()])
def test_calls_come_back(record: CallRecord) -> None:
    assert call_from(call_row(record, "run")) == record


@pytest.mark.parametrize("record", [attempt_record(), ended_attempt()])
def test_attempts_come_back(record: AttemptRecord) -> None:
    assert attempt_from(attempt_row(record, "run")[:-1]) == record


@pytest.mark.parametrize("slug", Slug)
def test_every_verdict_comes_back(slug: Slug) -> None:
    record = ended_call()
    record.verdict = Verdict.of(slug)
    assert call_from(call_row(record, "run")).verdict == record.verdict


def test_a_verdict_of_another_version_keeps_its_name() -> None:
    row = list(call_row(ended_call(), "run"))
    row[CALL_COLUMNS.index("verdict")] = "eaten-by-a-grue"
    verdict = call_from(tuple(row)).verdict
    assert verdict is not None
    assert (verdict.slug, verdict.status, verdict.detail) == (
        Slug.INTERNAL_ERROR,
        200,
        "eaten-by-a-grue: fine",
    )


def test_a_row_is_what_the_record_said_when_it_was_taken() -> None:
    record = call_record()
    row = call_row(record, "run")
    record.caller_media.packets_received = 5
    record.attempts = 9
    assert call_from(row) == call_record()


def test_rows_are_in_the_order_of_the_tables() -> None:
    assert tuple(schema.call.columns.keys()) == CALL_COLUMNS
    assert tuple(schema.attempt.columns.keys()) == ATTEMPT_COLUMNS
    assert quality_row("c1", Courses()) is None, "it has no course"
    row = quality_row("c1", heard_courses()) or ()
    quality = dict(zip(schema.call_quality.columns.keys(), row, strict=True))
    assert quality["call_id"] == "c1"
    assert [point.received for point in read_quality(quality["course"]).caller] == [250, 2750]
    assert len(call_row(call_record(), "run")) == len(CALL_COLUMNS)
    assert attempt_row(attempt_record(), "run")[len(ATTEMPT_COLUMNS) :] == ("run",)


_VERDICT = "verdict status q850 detail retry_after_s"
_FIGURES = " ".join(
    f"{side}_{name}"
    for side in ("caller", "callee")
    for name in ("codec", "packets_received", "packets_sent", "packets_lost", "jitter_ms", "mos")
)
_CALL = (
    "call_id run node direction account number dialled called caller sip_call_id source setup_at "
    f"ringing_at answered_at ended_at state carrier attempts hung_up_by {_VERDICT} {_FIGURES}"
)
_ATTEMPT = (
    "call_id attempt_id position target carrier started_at sip_call_id resolved ringing_at "
    f"answered_at ended_at {_VERDICT}"
)


@pytest.mark.parametrize(
    ("table", "columns"),
    [
        (schema.call, _CALL),
        (schema.attempt, _ATTEMPT),
        (schema.call_quality, "call_id course"),
        (schema.registration, "node account bindings expires_at"),
        (schema.ban, "source reason evidence since_at until_at"),
        (schema.run, "run node started_at alive_at"),
    ],
)
def test_columns_keep_their_places_and_new_ones_come_last(table: sa.Table, columns: str) -> None:
    """A journal holds rows of earlier versions: what is here is neither moved nor removed."""
    assert f"{' '.join(table.columns.keys())} ".startswith(f"{columns} ")


def test_values_are_plain() -> None:
    """An enum member would cost the driver a conversion, and JSON its type."""
    for value in (*call_row(ended_call(), "run"), *attempt_row(ended_attempt(), "run")):
        assert type(value) in (str, int, float, type(None))
