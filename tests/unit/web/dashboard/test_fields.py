"""What is typed into fields."""

import pytest
from starlette.datastructures import FormData

from trunkline.errors import DirectoryError
from trunkline.trunk.account import Ringback
from trunkline.web.dashboard import fields


def form(value: str) -> FormData:
    return FormData([("f", value)])


def test_numbers() -> None:
    assert fields.whole(form(" 12 "), "f", "it") == 12
    assert fields.whole(form("0"), "f", "it") == 0
    assert fields.whole(form(""), "f", "it") is None
    assert fields.decimal(form("2.5"), "f", "it") == 2.5
    assert fields.decimal(form(""), "f", "it") is None
    with pytest.raises(DirectoryError, match="it is at most 1000000"):
        fields.decimal(form("1000000.5"), "f", "it", 1_000_000.0)


@pytest.mark.parametrize("typed", ["-1", "1.5", "x", "²", "9" * 11, "1000000001"])
def test_no_whole_numbers(typed: str) -> None:
    with pytest.raises(DirectoryError, match="it is a whole number"):
        fields.whole(form(typed), "f", "it")


@pytest.mark.parametrize("typed", ["x", "nan", "inf", "1e999", "1,5"])
def test_no_numbers(typed: str) -> None:
    with pytest.raises(DirectoryError, match="it is a number"):
        fields.decimal(form(typed), "f", "it")


def test_boxes_and_choices() -> None:
    assert fields.checked(form("yes"), "f")
    assert not fields.checked(FormData(), "f")
    assert fields.chosen(form("at-once"), "f", Ringback) is Ringback.AT_ONCE
    with pytest.raises(DirectoryError, match="can't be chosen"):
        fields.chosen(form("never"), "f", Ringback)


def test_lists() -> None:
    assert fields.several(form(" a, b;c\nd  "), "f") == ("a", "b", "c", "d")
    assert fields.several(form(""), "f") == ()
    assert fields.prefixes(form("+44 49,1"), "f") == ("44", "49", "1")
    with pytest.raises(DirectoryError):
        fields.prefixes(form("44x"), "f")
