"""Numbers check themselves."""

from typing import Any

import pytest

from trunkline.errors import DirectoryError
from trunkline.trunk.number import Number


def test_a_number_without_forwarding() -> None:
    number = Number("441632960000", "acme")
    assert not number.forwarding
    assert number.ring_timeout_s is None


@pytest.mark.parametrize(
    "values",
    [
        {"e164": "+441632960000"},
        {"e164": "12"},
        {"account": "a b"},
        {"ring_timeout_s": 0.5},
        {"ring_timeout_s": 601.0},
    ],
)
def test_impossible_numbers(values: dict[str, Any]) -> None:
    with pytest.raises(DirectoryError):
        Number(**{"e164": "441632960000", "account": "acme", **values})
