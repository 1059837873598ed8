"""Longest prefix, and the order of RFC 2782."""

from collections import Counter
from collections.abc import Sequence
from random import Random

import pytest

from trunkline.errors import DirectoryError
from trunkline.trunk.routes import Route, RouteCarrier, RouteTable, in_order


def route(prefix: str) -> Route:
    return Route(prefix, (RouteCarrier("alpha"),))


@pytest.mark.parametrize(
    ("digits", "prefix"),
    [("441632960000", "441632"), ("447700900000", "44"), ("4400000", "44"), ("331908817135", ""), ("4", "")],
)
def test_the_longest_prefix_wins(digits: str, prefix: str) -> None:
    table = RouteTable([route(""), route("44"), route("441632"), route("44163296000099")])
    found = table.find(digits)
    assert found is not None
    assert found.prefix == prefix


def test_no_prefix_matches() -> None:
    assert RouteTable([route("44")]).find("331908817135") is None
    assert RouteTable().find("331908817135") is None


def test_the_table_lists_its_routes() -> None:
    table = RouteTable([route("44"), route("1")])
    assert len(table) == 2
    assert {item.prefix for item in table} == {"44", "1"}


def test_lower_priority_first_whatever_the_weight() -> None:
    items = [RouteCarrier("c", 2, 9), RouteCarrier("a", 0, 1), RouteCarrier("b", 1, 100)]
    assert [item.carrier for item in in_order(items, lambda _: 0)] == ["a", "b", "c"]


def test_equals_are_drawn_each_once() -> None:
    asked: list[list[int]] = []

    def last(weights: Sequence[int]) -> int:
        asked.append(list(weights))
        return len(weights) - 1

    items = [
        RouteCarrier("a", 0, 5),
        RouteCarrier("b", 0, 7),
        RouteCarrier("c", 0, 11),
        RouteCarrier("d", 1, 1),
    ]
    assert [item.carrier for item in in_order(items, last)] == ["c", "b", "a", "d"]
    assert asked == [[5, 7, 11], [5, 7]], "nothing is drawn where there is no choice"


def test_shares_follow_the_weights() -> None:
    random = Random(1)

    def pick(weights: Sequence[int]) -> int:
        return random.choices(range(len(weights)), weights)[0]

    items = [RouteCarrier("a", 0, 3), RouteCarrier("b", 0, 1)]
    firsts = Counter(in_order(items, pick)[0].carrier for _ in range(4000))
    assert 2880 < firsts["a"] < 3120


@pytest.mark.parametrize("few", [[], [RouteCarrier("a")]])
def test_nothing_to_order(few: list[RouteCarrier]) -> None:
    assert in_order(few, lambda _: 1 // 0) == few


@pytest.mark.parametrize("price", [-0.001, 1000.001, float("inf"), float("nan")])
def test_a_price_that_is_none(price: float) -> None:
    carriers = (RouteCarrier("a"),)
    assert [Route("44", carriers, bound).price_per_minute for bound in (0.0, 1000.0)] == [0.0, 1000.0]
    with pytest.raises(DirectoryError, match="the price of a minute is 0 to 1000"):
        Route("44", carriers, price)


def test_impossible_routes() -> None:
    with pytest.raises(DirectoryError, match="at least one"):
        Route("44", ())
    with pytest.raises(DirectoryError, match="twice"):
        Route("44", (RouteCarrier("a"), RouteCarrier("a", 1)))
    with pytest.raises(DirectoryError, match="digits"):
        Route("+44", (RouteCarrier("a"),))
    with pytest.raises(DirectoryError, match="65535"):
        RouteCarrier("a", -1)
    assert RouteCarrier("a", 65535, 65535).priority == 65535
    with pytest.raises(DirectoryError, match="65535"):
        RouteCarrier("a", 65536)
    with pytest.raises(DirectoryError, match="65535"):
        RouteCarrier("a", 0, 65536)
