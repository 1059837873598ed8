"""What all bodies have in common."""

from typing import Any

import pytest
from pydantic import Field, TypeAdapter, ValidationError

from trunkline.web.api.models.base import (
    Body,
    Key,
    Line,
    Moment,
    Number,
    Prefix,
    Real,
    Whole,
    without_defaults,
)


class Thing(Body):
    line: Line = ""
    key: Key = "k"
    number: Number = "441632960001"
    prefix: Prefix = ""
    ratio: Real = 0.0
    count: Whole | None = Field(None, ge=0, le=2**31 - 1)


@pytest.mark.parametrize(
    "fields",
    [
        {"other": 1},
        {"line": "a\nb"},
        {"line": "a\x00"},
        {"line": "\x85"},
        {"line": "x" * 201},
        {"line": "\ud800"},
        {"key": ""},
        {"key": "-a"},
        {"key": "a\n"},
        {"key": "x" * 65},
        {"number": "12"},
        {"number": "0441632960001"},
        {"number": "+44 1632"},
        {"prefix": "4x"},
        {"prefix": "1" * 16},
        {"ratio": float("nan")},
        {"ratio": float("inf")},
        {"count": 6.5},
        {"count": 1e300},
        {"count": float("nan")},
        {"count": "6"},
        {"count": True},
    ],
)
def test_hostile_fields_are_refused(fields: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        Thing.model_validate(fields)


@pytest.mark.parametrize(
    "fields",
    [
        {"line": "Zoë & Søn <b>"},
        {"key": "a.b-c_9"},
        {"number": "+441632960001"},
        {"number": "00441632960001"},
        {"prefix": "44"},
    ],
)
def test_harmless_ones_are_not(fields: dict[str, Any]) -> None:
    Thing.model_validate(fields)


def test_a_whole_number_may_be_written_with_a_point() -> None:
    thing = Thing.model_validate({"count": 6.0, "ratio": 6.0})
    assert (thing.count, type(thing.count)) == (6, int)
    assert (thing.ratio, type(thing.ratio)) == (6.0, float)


def test_what_was_sent_does_not_stand_in_the_error() -> None:
    with pytest.raises(ValidationError) as caught:
        Thing.model_validate({"key": "a secret!"})
    assert "a secret" not in str(caught.value)


def test_a_change_has_no_defaults() -> None:
    schema = Thing.model_json_schema()
    without_defaults(schema)
    assert all("default" not in field for field in schema["properties"].values())


@pytest.mark.parametrize(
    ("text", "at"),
    [
        ("1970-01-01T00:00:00Z", 0.0),
        ("1970-01-01T01:00:00.5+01:00", 0.5),
        ("0", None),
        ("1970-01-01", None),
        ("1970-01-01T00:00:00", None),
        ("1970-13-01T00:00:00Z", None),
        ("yesterday", None),
    ],
)
def test_moments(text: str, at: float | None) -> None:
    moment: TypeAdapter[Any] = TypeAdapter(Moment)
    if at is not None:
        assert moment.validate_python(text).timestamp() == at
        return
    with pytest.raises(ValidationError):
        moment.validate_python(text)
