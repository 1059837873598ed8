"""The filter of the list of calls."""

import pytest

from trunkline.call.record import Direction
from trunkline.errors import DirectoryError
from trunkline.store.calls import CallFilter
from trunkline.trunk.verdict import Slug
from trunkline.web.dashboard.calls.wanted import RESULTS, unfiltered, wanted_of


def test_nothing_asked_for() -> None:
    wanted = wanted_of({})
    assert wanted.filter == CallFilter()
    assert not wanted.narrowed
    assert wanted.link("/calls") == "/calls"


def test_everything_asked_for() -> None:
    wanted = wanted_of(
        {
            "account": " abcd ",
            "number": "+44 20 7946-0000",
            "party": "+1 (212) 555 0100",
            "direction": "inbound",
            "result": "busy",
            "since": "2026-11-28T09:30",
            "until": "2026-11-28T10:30:30Z",
            "call_id": "a@b",
            "cursor": "1/2",
        }
    )
    assert wanted.filter == CallFilter(
        account="abcd",
        number="442079460000",
        party="12125550100",
        direction=Direction.INBOUND,
        slug=Slug.BUSY,
        sip_call_id="a@b",
        since_at=1795858200.0,
        until_at=1795861830.0,
    )
    assert wanted.narrowed
    assert wanted.link("/calls", cursor="9/x").endswith("&call_id=a%40b&cursor=9%2Fx")


def test_all_that_were_not_answered() -> None:
    assert wanted_of({"result": "unanswered"}).filter == CallFilter(unanswered=True)
    assert wanted_of({"result": "failed"}).filter == CallFilter(failed=True)


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("0044 20 7946-0000", "442079460000"),
        ("+1.212.555.0100", "12125550100"),
        ("anonymous", "anonymous"),
        ("alice2", "alice2"),
        ("100", "100"),
        ("+", "+"),
    ],
)
def test_a_caller_who_is_no_number_is_looked_for_as_typed(typed: str, meant: str) -> None:
    assert wanted_of({"party": typed}).filter == CallFilter(party=meant)


def test_an_own_number_may_have_its_zeros() -> None:
    assert wanted_of({"number": "0044 20 7946 0000"}).filter == CallFilter(number="442079460000")


@pytest.mark.parametrize(
    ("query", "says"),
    [
        ({"since": "yesterday"}, "since is a date"),
        ({"until": "2026-13-01T00:00"}, "until is a date"),
        ({"result": "<b>"}, "no result"),
        ({"direction": "up"}, "inbound or outbound"),
        ({"number": "reception"}, "'reception' is no number"),
    ],
)
def test_what_can_not_be(query: dict[str, str], says: str) -> None:
    with pytest.raises(DirectoryError, match=says):
        wanted_of(query)
    assert unfiltered(query).filter == CallFilter()
    assert unfiltered(query).fields[next(iter(query))] == next(iter(query.values()))


def test_every_result_can_be_chosen() -> None:
    for result, _ in RESULTS:
        wanted_of({"result": result})
