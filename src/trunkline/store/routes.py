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
from trunkline.store.loading import check_exists, load_routes
from trunkline.store.rows import route_carrier_values
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
        """Raises `AlreadyExistsError` for the prefix, `NotFoundError` when one of its carriers does not
        exist."""
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

    def get(self, prefix: str) -> Route:
        """Raises `NotFoundError`."""
        with self._database.read() as connection:
            check_exists(connection, Kind.ROUTE, prefix)
            return load_routes(connection, [prefix])[0]

    def update(self, route: Route, *, guard: Guard | None = None) -> None:
        """Give the prefix of `route` its carriers and price. Raises `NotFoundError` for the prefix and for a
        carrier, and whatever `guard` does."""
        with self._database.write() as connection:
            check_exists(connection, Kind.ROUTE, route.prefix)
            before = load_routes(connection, [route.prefix])[0]
            if guard is not None:
                guard(before)
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
