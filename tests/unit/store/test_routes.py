"""Routes."""

import pytest

from tests.unit.store.entities import ROUTE
from trunkline.errors import DirectoryError
from trunkline.store.errors import AlreadyExistsError, NotFoundError
from trunkline.store.store import Store
from trunkline.trunk.carrier import Carrier
from trunkline.trunk.routes import Route, RouteCarrier

DEFAULT = Route("", (RouteCarrier("second"), RouteCarrier("upstream", 7, 9)))


@pytest.fixture(autouse=True)
def carriers(store: Store) -> None:
    store.carriers.add(Carrier("upstream", ()))
    store.carriers.add(Carrier("second", ()))


def test_routes_come_back_as_they_were(store: Store) -> None:
    store.routes.add(ROUTE)
    store.routes.add(DEFAULT)
    assert store.routes.get("44") == ROUTE
    assert store.routes.list() == [DEFAULT, ROUTE]


def test_a_prefix_has_one_route(store: Store) -> None:
    store.routes.add(ROUTE)
    with pytest.raises(AlreadyExistsError, match="route '44' exists already"):
        store.routes.add(ROUTE)


def test_other_carriers_for_a_prefix(store: Store) -> None:
    store.routes.add(ROUTE)
    other = Route("44", (RouteCarrier("second"),))
    store.routes.update(other)
    assert store.routes.list() == [other]


def test_more_carriers_than_a_route_may_have_are_refused(store: Store) -> None:
    store.routes.add(ROUTE)
    too_many = tuple(RouteCarrier(f"c{at}") for at in range(101))
    for write in (store.routes.add, store.routes.update):
        with pytest.raises(DirectoryError, match="carriers: at most 100"):
            write(Route(ROUTE.prefix, too_many))
    assert store.routes.list() == [ROUTE]


def test_what_does_not_exist(store: Store) -> None:
    for attempt in (
        lambda: store.routes.get("44"),
        lambda: store.routes.update(ROUTE),
        lambda: store.routes.remove("44"),
    ):
        with pytest.raises(NotFoundError, match="route '44' does not exist; trunkline route list shows them"):
            attempt()
    with pytest.raises(NotFoundError, match="carrier 'third' does not exist"):
        store.routes.add(Route("1", (RouteCarrier("third"),)))
    assert store.routes.list() == []


def test_removing(store: Store) -> None:
    store.routes.add(ROUTE)
    store.routes.remove("44")
    assert store.routes.list() == []


def test_pages_begin_with_the_route_of_every_number(store: Store) -> None:
    for prefix in ("", "1", "44", "4420"):
        store.routes.add(Route(prefix, (RouteCarrier("second"),)))
    first = store.routes.page(limit=1)
    assert ([route.prefix for route in first.items], first.more) == ([""], True)
    rest = store.routes.page(after="", limit=2)
    assert ([route.prefix for route in rest.items], rest.more) == (["1", "44"], True)
    last = store.routes.page(after="44")
    assert ([route.prefix for route in last.items], last.more) == (["4420"], False)


@pytest.mark.parametrize(
    ("digits", "prefix"), [("442079460123", "4420"), ("441632960000", "44"), ("15550001", ""), ("", "")]
)
def test_the_longest_prefix_takes_a_number(store: Store, digits: str, prefix: str) -> None:
    for one in ("", "44", "4420", "44207946012399"):
        store.routes.add(Route(one, (RouteCarrier("second"),)))
    found = store.routes.find(digits)
    assert found is not None
    assert found.prefix == prefix
    store.routes.remove("")
    assert store.routes.find("15550001") is None
