"""Rows of fields to text and back."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trunkline.trunk.forwarding import MAX_ENDPOINTS, ForwardingList
from trunkline.web.dashboard.directory.forwarding_rows import (
    MAX_ROWS,
    Row,
    entry_text,
    judge,
    rows_from,
    rows_of,
    text_of,
)


@pytest.mark.parametrize(
    "text",
    [
        "100@pbx.example",
        "sip:100@pbx.example, sips:100@pbx2.example",
        "100@pbx.example:5070;transport=tcp;timeout=2500",
        "sips:100@[2001:db8::1]:5071;media=srtp",
        "sip:+4420;phone-context=x@pbx.example;odd=1",
        "sip:100:pw@pbx.example;user=phone",
        "sip:pbx.example:5070",
    ],
)
def test_there_and_back(text: str) -> None:
    saved = ForwardingList.parse(text)
    again = ForwardingList.parse(text_of(rows_of(saved)))
    assert [(e.uri, e.timeout_ms, e.media) for e in again.endpoints] == [
        (e.uri, e.timeout_ms, e.media) for e in saved.endpoints
    ]
    assert rows_of(again) == rows_of(saved)


def test_fields_are_taken_out_of_the_uri() -> None:
    [row] = rows_of(ForwardingList.parse("100@pbx.example:5070;transport=TLS;timeout=3000;media=srtp;x=1"))
    assert row == Row("100@pbx.example;x=1", "5070", "tls", "3000", "srtp")


@pytest.mark.parametrize(
    ("row", "text"),
    [
        (Row("100@h"), "100@h"),
        (Row("100@h:5060", "5070"), "100@h:5070"),
        (Row("100@[::1]", "5070"), "100@[::1]:5070"),
        (Row("100@[::1]:5060", "5070"), "100@[::1]:5070"),
        (Row("100@h;transport=udp;x", transport="tcp"), "100@h;x;transport=tcp"),
        (Row("100@h;timeout=2000", timeout="3000", media="srtp"), "100@h;timeout=3000;media=srtp"),
        (Row("a@h, b@h,", port="1"), "a@h, b@h"),
        (Row("nonsense", "5070"), "nonsense:5070"),
    ],
)
def test_a_field_wins_over_the_uri(row: Row, text: str) -> None:
    assert entry_text(row) == text


def test_a_forms_fields() -> None:
    rows = rows_from({"uri": ["a@h", "", "b@h"], "port": ["1", "2"], "media": ["", "", "srtp"]})
    assert rows == [Row("a@h", "1"), Row("", "2"), Row("b@h", media="srtp")]
    assert rows_from({}) == []
    assert len(rows_from({"uri": ["a@h"] * 99})) == MAX_ROWS


def test_every_row_is_judged() -> None:
    said = judge([Row("a@h"), Row("b"), Row(port="x"), Row("c@h", timeout="1")])
    assert said.forwarding is None
    assert set(said.errors) == {1, 3}
    assert "no '@'" in said.errors[1]
    assert said.errors[3] == "timeout is 2000 to 20000 milliseconds"


def test_warnings_find_their_row() -> None:
    said = judge([Row("a@h, b@h"), Row(), Row("A@h;odd"), Row("a@h")])
    assert said.forwarding is not None
    assert dict(said.warnings) == {
        2: "the parameter 'odd' is unknown here and is sent as it is",
        3: "the same address stands in the list already",
    }


def test_a_list_that_is_too_long() -> None:
    said = judge([Row(f"{number}@h") for number in range(MAX_ENDPOINTS + 1)])
    assert said.errors == {-1: f"the list has more than {MAX_ENDPOINTS} entries"}


def test_nothing_is_a_list_too() -> None:
    assert judge([]).forwarding == ForwardingList()


@given(st.lists(st.builds(Row, *[st.text(max_size=30)] * 5), max_size=12))
def test_whatever_is_typed_is_judged(rows: list[Row]) -> None:
    said = judge(rows)
    assert (said.forwarding is None) == bool(said.errors)
