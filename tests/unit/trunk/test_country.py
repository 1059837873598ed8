"""Countries of numbers."""

import pytest

from trunkline.trunk.country import _COUNTRIES, _LONGEST, country_of


@pytest.mark.parametrize(
    ("e164", "country"),
    [
        ("442079460123", "GB"),
        ("441534500000", "JE"),
        ("493012345678", "DE"),
        ("14155550100", "US"),
        ("14165550100", "CA"),
        ("18765550100", "JM"),
        ("79161234567", "RU"),
        ("77012345678", "KZ"),
        ("390669812345", "VA"),
        ("390612345678", "IT"),
        ("6561234567", "SG"),
    ],
)
def test_the_longest_prefix_decides(e164: str, country: str) -> None:
    assert country_of(e164) == country


@pytest.mark.parametrize("e164", ["80012345678", "88213312345", "9991000", "2101234567"])
def test_numbers_of_no_country(e164: str) -> None:
    assert country_of(e164) is None


def test_every_entry_can_be_found() -> None:
    assert all(prefix.isdigit() and 1 <= len(prefix) <= _LONGEST for prefix in _COUNTRIES)
    assert all(len(country) == 2 and country.isupper() for country in _COUNTRIES.values())
    assert len(set(_COUNTRIES.values())) > 230
