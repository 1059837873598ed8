"""Routes at rest: the carriers of each E.164 prefix."""

import time
from collections.abc import Callable, Sequence

from sqlalchemy.engine import Connection
from sqlalchemy.exc import IntegrityError

from trunkline.store import schema
from trunkline.store.changes import note
from trunkline.store.database import Database
from trunkline.store.errors import AlreadyExistsError
from trunkline.store.loading import check_exists, load_routes
from trunkline.store.rows import route_carrier_values
from trunkline.trunk.directory import Kind
from trunkline.trunk.routes import Route


class Routes:
    """The routes of `database`."""

    def __init__(self, database: Database, wall: Callable[[], float] = time.time) -> None:
        self._database = database
        self._wall = wall

    def add(self, route: Route) -> None:
        """Raises `AlreadyExistsError` for the prefix, `NotFoundError` when one of its carriers does not
        exist."""
        now = self._wall()
        with self._database.write() as connection:
            try:
                connection.execute(schema.route.insert().values(prefix=route.prefix, created_at=now))
            except IntegrityError:
                raise AlreadyExistsError(
                    "route", route.prefix, "change its carriers, or remove it first"
                ) from None
            _write_carriers(connection, route)
            note(connection, Kind.ROUTE, route.prefix, now)

    def list(self) -> Sequence[Route]:
        """All routes, by prefix."""
        with self._database.read() as connection:
            return load_routes(connection)

    def get(self, prefix: str) -> Route:
        """Raises `NotFoundError`."""
        with self._database.read() as connection:
            check_exists(connection, Kind.ROUTE, prefix)
            return load_routes(connection, [prefix])[0]

    def update(self, route: Route) -> None:
        """Give the prefix of `route` other carriers. Raises `NotFoundError` for the prefix and for a
        carrier."""
        with self._database.write() as connection:
            check_exists(connection, Kind.ROUTE, route.prefix)
            connection.execute(
                schema.route_carrier.delete().where(schema.route_carrier.c.route == route.prefix)
            )
            _write_carriers(connection, route)
            note(connection, Kind.ROUTE, route.prefix, self._wall())

    def remove(self, prefix: str) -> None:
        """Raises `NotFoundError`."""
        with self._database.write() as connection:
            check_exists(connection, Kind.ROUTE, prefix)
            connection.execute(schema.route.delete().where(schema.route.c.prefix == prefix))
            note(connection, Kind.ROUTE, prefix, self._wall())


def _write_carriers(connection: Connection, route: Route) -> None:
    for item in route.carriers:
        check_exists(connection, Kind.CARRIER, item.carrier)
    connection.execute(schema.route_carrier.insert(), route_carrier_values(route))
