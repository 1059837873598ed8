"""Routes."""

import pytest

from tests.unit.store.entities import ROUTE
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
