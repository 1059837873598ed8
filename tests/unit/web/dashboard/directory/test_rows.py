"""Rows of fields."""

import pytest
from starlette.datastructures import FormData

from trunkline.errors import DirectoryError
from trunkline.web.dashboard.directory.rows import MAX_ROWS, columns, order


def test_columns() -> None:
    form = FormData([("a", "1"), ("a", "2"), ("b", "x")])
    assert columns(form, ("a", "b")) == [("1", "x"), ("2", "")]
    assert columns(FormData(), ("a", "b")) == []
    assert len(columns(FormData([("a", "")] * 99), ("a",))) == MAX_ROWS


def test_order() -> None:
    assert (order("", 3), order("0", 3), order("65535", 3)) == (3, 0, 65535)
    for typed in ("-1", "x", "1.5", "100000"):
        with pytest.raises(DirectoryError):
            order(typed, 0)
