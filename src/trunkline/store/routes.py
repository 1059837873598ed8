"""Routes at rest: the carriers of each E.164 prefix."""

import time
from collections.abc import Callable, Sequence
from typing import Any

from sqlalchemy.engine import Connection
from sqlalchemy.exc import IntegrityError

from trunkline.store import schema
from trunkline.store.audit import Trail
from trunkline.store.database import Database
from trunkline.store.errors import AlreadyExistsError
from trunkline.store.loading import Listed, check_exists, load_routes, page_of_keys
from trunkline.store.rows import route_carrier_values
from trunkline.trunk.bounds import check_bounds
from trunkline.trunk.directory import Kind
from trunkline.trunk.routes import Route

Guard = Callable[[Route], object]
"""Looks at a route inside the transaction that is about to change it, and raises to stop that."""


class Routes:
    """The routes of `database`."""

    def __init__(
        self, database: Database, wall: Callable[[], float] = time.time, trail: Trail | None = None
    ) -> None:
        self._database = database
        self._wall = wall
        self._trail = trail or Trail(wall=wall)

    def add(self, route: Route) -> None:
        """Raises `AlreadyExistsError` for the prefix, `DirectoryError` beyond the bounds, `NotFoundError`
        when one of its carriers does not exist."""
        check_bounds(route)
        now = self._wall()
        with self._database.write() as connection:
            try:
                connection.execute(
                    schema.route.insert().values(
                        prefix=route.prefix, price_per_minute=route.price_per_minute, created_at=now
                    )
                )
            except IntegrityError:
                raise AlreadyExistsError(
                    "route", route.prefix, "change its carriers, or remove it first"
                ) from None
            _write_carriers(connection, route)
            self._trail.changed(connection, Kind.ROUTE, route.prefix, "add", after=_shown(route))

    def list(self) -> Sequence[Route]:
        """All routes, by prefix."""
        with self._database.read() as connection:
            return load_routes(connection)

    def page(self, *, after: str | None = None, limit: int = 50) -> Listed[Route]:
        """Up to `limit` (1 to 1000) routes behind the prefix `after`; None: from the beginning, where that of
        every number is.
        """
        with self._database.read() as connection:
            found = page_of_keys(connection, Kind.ROUTE, [], after, limit)
            return Listed(load_routes(connection, found.keys), found.more)

    def find(self, digits: str) -> Route | None:
        """The route that calls to an E.164 number take: that of its longest prefix."""
        beginnings = [digits[:length] for length in range(len(digits) + 1)]
        with self._database.read() as connection:
            return max(load_routes(connection, beginnings), key=lambda route: len(route.prefix), default=None)

    def get(self, prefix: str) -> Route:
        """Raises `NotFoundError`."""
        with self._database.read() as connection:
            check_exists(connection, Kind.ROUTE, prefix)
            return load_routes(connection, [prefix])[0]

    def update(self, route: Route, *, guard: Guard | None = None) -> None:
        """Give the prefix of `route` its carriers and price. Raises `NotFoundError` for the prefix and for a
        carrier, `DirectoryError` beyond the bounds, and whatever `guard` does."""
        with self._database.write() as connection:
            check_exists(connection, Kind.ROUTE, route.prefix)
            before = load_routes(connection, [route.prefix])[0]
            if guard is not None:
                guard(before)
            check_bounds(route, before)
            connection.execute(
                schema.route_carrier.delete().where(schema.route_carrier.c.route == route.prefix)
            )
            connection.execute(
                schema.route.update()
                .where(schema.route.c.prefix == route.prefix)
                .values(price_per_minute=route.price_per_minute)
            )
            _write_carriers(connection, route)
            self._trail.changed(
                connection, Kind.ROUTE, route.prefix, "change", before=_shown(before), after=_shown(route)
            )

    def remove(self, prefix: str, *, guard: Guard | None = None) -> None:
        """Raises `NotFoundError`, and whatever `guard` does."""
        with self._database.write() as connection:
            check_exists(connection, Kind.ROUTE, prefix)
            before = load_routes(connection, [prefix])[0]
            if guard is not None:
                guard(before)
            connection.execute(schema.route.delete().where(schema.route.c.prefix == prefix))
            self._trail.changed(connection, Kind.ROUTE, prefix, "remove", before=_shown(before))


def _shown(route: Route) -> dict[str, Any]:
    """For the audit trail."""
    return {
        "price_per_minute": route.price_per_minute,
        "carriers": [
            {"carrier": item.carrier, "priority": item.priority, "weight": item.weight}
            for item in route.carriers
        ],
    }


def _write_carriers(connection: Connection, route: Route) -> None:
    for item in route.carriers:
        check_exists(connection, Kind.CARRIER, item.carrier)
    connection.execute(schema.route_carrier.insert(), route_carrier_values(route))
