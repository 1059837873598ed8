"""Carriers and routes: the operator's alone."""

from collections.abc import Sequence
from typing import Unpack

from trunkline.store.carriers import CarrierChanges, Guard
from trunkline.store.errors import NotFoundError
from trunkline.store.loading import Listed
from trunkline.store.routes import Guard as RouteGuard
from trunkline.trunk.carrier import Carrier
from trunkline.trunk.routes import Route
from trunkline.web.desk.counter import Counter
from trunkline.web.views import PingAnswer


class CarrierDesk:
    """The upstream peers."""

    def __init__(self, counter: Counter) -> None:
        self._counter = counter

    def list(self) -> Sequence[Carrier]:
        """All of them by name."""
        self._counter.check_operator()
        return self._counter.store.carriers.list()

    def page(self, *, after: str = "", limit: int = 50) -> Listed[Carrier]:
        """Up to `limit` of them behind the name `after`."""
        self._counter.check_operator()
        return self._counter.store.carriers.page(after=after, limit=limit)

    def get(self, name: str) -> Carrier:
        self._counter.check_operator()
        return self._counter.store.carriers.get(name)

    def add(self, carrier: Carrier) -> Carrier:
        self._counter.check_operator()
        self._counter.store.carriers.add(carrier)
        self._counter.node.changed()
        return carrier

    def update(self, name: str, *, guard: Guard | None = None, **changes: Unpack[CarrierChanges]) -> Carrier:
        self._counter.check_operator()
        carrier = self._counter.store.carriers.update(name, guard=guard, **changes)
        self._counter.node.changed()
        return carrier

    def ping(self, name: str, position: int) -> PingAnswer:
        """Send OPTIONS to one of its gateways, counted from 1, now."""
        carrier = self.get(name)
        if not 1 <= position <= len(carrier.gateways):
            raise NotFoundError("gateway", f"{name} {position}")
        with self._counter.slow_line() as client:
            return client.ping(str(carrier.uri_of(carrier.gateways[position - 1])))

    def remove(self, name: str, *, guard: Guard | None = None) -> None:
        self._counter.check_operator()
        self._counter.store.carriers.remove(name, guard=guard)
        self._counter.node.changed()


class RouteDesk:
    """Which carrier takes which numbers."""

    def __init__(self, counter: Counter) -> None:
        self._counter = counter

    def page(self, *, after: str | None = None, limit: int = 50) -> Listed[Route]:
        """Up to `limit` of them behind the prefix `after`; None: from the beginning."""
        self._counter.check_operator()
        return self._counter.store.routes.page(after=after, limit=limit)

    def get(self, prefix: str) -> Route:
        self._counter.check_operator()
        return self._counter.store.routes.get(prefix)

    def add(self, route: Route) -> Route:
        self._counter.check_operator()
        self._counter.store.routes.add(route)
        self._counter.node.changed()
        return route

    def update(self, route: Route, *, guard: RouteGuard | None = None) -> Route:
        """Give its prefix these carriers."""
        self._counter.check_operator()
        self._counter.store.routes.update(route, guard=guard)
        self._counter.node.changed()
        return route

    def remove(self, prefix: str, *, guard: RouteGuard | None = None) -> None:
        self._counter.check_operator()
        self._counter.store.routes.remove(prefix, guard=guard)
        self._counter.node.changed()

    def find(self, digits: str) -> Route | None:
        """The route that calls to an E.164 number take; None: there is none."""
        self._counter.check_operator()
        return self._counter.store.routes.find(digits)
