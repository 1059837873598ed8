"""The parameters of a search."""

import pytest

from trunkline.errors import TrunklineError
from trunkline.store.stock import Feature, Match, NumberKind, StockFilter
from trunkline.web.nexmo.parameters import Parameters
from trunkline.web.nexmo.searching import page_of, search_of


def test_nothing_said_is_the_first_page_of_all() -> None:
    assert search_of(Parameters({})) == StockFilter()
    assert page_of(Parameters({})) == (0, 10)


def test_everything_said() -> None:
    given = Parameters(
        {
            "country": "gb",
            "type": "Landline-Toll-Free",
            "features": "voice, MMS",
            "pattern": "800",
            "search_pattern": "2",
        }
    )
    assert search_of(given) == StockFilter(
        "GB", NumberKind.TOLL_FREE, frozenset({Feature.VOICE, Feature.MMS}), "800", Match.END
    )
    assert page_of(Parameters({"index": "3", "size": "100"})) == (200, 100)


@pytest.mark.parametrize(
    "wrong",
    [
        {"search_pattern": "3"},
        {"type": "pager"},
        {"features": "FAX"},
        {"country": "G1"},
        {"pattern": "%"},
    ],
)
def test_what_can_not_be_searched(wrong: dict[str, str]) -> None:
    with pytest.raises(TrunklineError):
        search_of(Parameters(wrong))


@pytest.mark.parametrize("wrong", [{"size": "101"}, {"size": "0"}, {"index": "-1"}, {"index": "1000001"}])
def test_pages_that_are_not_given(wrong: dict[str, str]) -> None:
    with pytest.raises(TrunklineError):
        page_of(Parameters(wrong))
