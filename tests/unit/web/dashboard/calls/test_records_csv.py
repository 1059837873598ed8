"""Call records as CSV."""

import csv
import io
from dataclasses import fields

import pytest

from tests.unit.store.entities import call_record, ended_call
from trunkline.call.record import CallRecord, MediaFigures
from trunkline.web.dashboard.calls.records_csv import COLUMNS, MAX_CELL, cells, csv_lines, text


def read(*records: CallRecord) -> list[dict[str, str]]:
    whole = b"".join(csv_lines([records[:1], records[1:]])).decode()
    return list(csv.DictReader(io.StringIO(whole)))


def test_every_column_of_the_record_is_there() -> None:
    flat = {field.name for field in fields(CallRecord)} - {"caller_media", "callee_media", "wall_minus_now"}
    assert flat <= set(COLUMNS)
    assert {f"callee_{field.name}" for field in fields(MediaFigures)} <= set(COLUMNS)
    assert len(cells(ended_call())) == len(cells(call_record())) == len(COLUMNS)


def test_a_record_in_columns() -> None:
    one, other = read(ended_call(), call_record("c2"))
    assert one["setup_at"] == "1970-01-01T00:16:40.500+00:00"
    assert (one["talk_s"], one["verdict"], one["status"], one["hung_up_by"]) == (
        "60.25",
        "answered",
        "200",
        "callee",
    )
    assert (one["caller_codec"], one["callee_codec"], one["callee_mos"]) == ("PCMA", "G729", "")
    assert (other["call_id"], other["verdict"], other["ended_at"]) == ("c2", "", "")


@pytest.mark.parametrize("evil", ["=1+1", "+49", "-2", "@SUM(A1)", "\t=1", "\r=1", "\n=1", '=HYPERLINK("x")'])
def test_no_cell_is_a_formula(evil: str) -> None:
    call = ended_call()
    call.caller = call.sip_call_id = call.dialled = evil
    (row,) = read(call)
    for column in ("caller", "sip_call_id", "dialled"):
        assert row[column][0] == "'"


def test_hostile_text_is_text_in_its_own_cell() -> None:
    call = ended_call()
    call.caller = 'a","=1\r\n=2\x00\x1b[31m\u202e'
    call.sip_call_id = "A" * 70_000
    (row,) = read(call)
    assert row["caller"] == 'a","=1\u240d\n=2\u2400\u241b[31m\\u{202e}'
    assert MAX_CELL < len(row["sip_call_id"]) < MAX_CELL + 40
    assert row["called"] == "14155550100"


def test_nothing_stays_nothing() -> None:
    assert text(None) is None
    assert text("") == ""
    assert text("493012345678") == "493012345678"
