"""Countries of numbers."""

import pytest

from trunkline.trunk.countries import country_of


@pytest.mark.parametrize(
    ("number", "country"),
    [
        ("12125550123", "1"),
        ("18765550123", "1876"),
        ("18095550123", "1809"),
        ("74951234567", "7"),
        ("77172123456", "77"),
        ("442079460123", "44"),
        ("4930123456", "49"),
        ("35312345678", "353"),
        ("3721234567", "372"),
        ("23221234567", "232"),
        ("88161234567", "881"),
        ("5351234567", "53"),
        ("9609876543", "960"),
    ],
)
def test_it(number: str, country: str) -> None:
    assert country_of(number) == country


def test_four_digits_are_enough() -> None:
    for number in ("12125550123", "18765550123", "77172123456", "442079460123", "35312345678"):
        assert country_of(number[:4]) == country_of(number)
