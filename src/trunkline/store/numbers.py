"""Numbers at rest, and where each is forwarded to."""

import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TypedDict, Unpack

import sqlalchemy as sa
from sqlalchemy.engine import Connection
from sqlalchemy.exc import IntegrityError

from trunkline.store import schema
from trunkline.store.changes import note
from trunkline.store.database import Database
from trunkline.store.errors import AlreadyExistsError
from trunkline.store.loading import check_exists, load_numbers
from trunkline.store.rows import endpoint_values, number_values
from trunkline.trunk.directory import Kind
from trunkline.trunk.forwarding import ForwardingList
from trunkline.trunk.number import Number


class NumberChanges(TypedDict, total=False):
    """The fields of `Number` that can be changed; those left out stay."""

    account: str
    forwarding: ForwardingList
    ring_timeout_s: float | None


class Numbers:
    """The numbers of `database`."""

    def __init__(self, database: Database, wall: Callable[[], float] = time.time) -> None:
        self._database = database
        self._wall = wall

    def add(self, number: Number) -> None:
        """Raises `AlreadyExistsError`, and `NotFoundError` when its account does not exist."""
        now = self._wall()
        with self._database.write() as connection:
            check_exists(connection, Kind.ACCOUNT, number.account)
            try:
                connection.execute(schema.number.insert().values(created_at=now, **number_values(number)))
            except IntegrityError:
                raise AlreadyExistsError(
                    "number", number.e164, "trunkline number list shows whose it is"
                ) from None
            _write_endpoints(connection, number)
            note(connection, Kind.NUMBER, number.e164, now)

    def list(self, account: str | None = None) -> Sequence[Number]:
        """All numbers, or those of `account`, in order. Raises `NotFoundError` when there is no such
        account."""
        with self._database.read() as connection:
            if account is None:
                return load_numbers(connection)
            check_exists(connection, Kind.ACCOUNT, account)
            owned = sa.select(schema.number.c.e164).where(schema.number.c.account == account)
            return load_numbers(connection, connection.execute(owned).scalars())

    def get(self, e164: str) -> Number:
        """Raises `NotFoundError`."""
        with self._database.read() as connection:
            check_exists(connection, Kind.NUMBER, e164)
            return load_numbers(connection, [e164])[0]

    def forward(self, e164: str, forwarding: ForwardingList) -> Number:
        """Set where calls to the number go; an empty list: nowhere. Raises `NotFoundError`."""
        return self.update(e164, forwarding=forwarding)

    def update(self, e164: str, **changes: Unpack[NumberChanges]) -> Number:
        """Change some fields and return the number as it is now. Raises `NotFoundError`, `DirectoryError`."""
        with self._database.write() as connection:
            check_exists(connection, Kind.NUMBER, e164)
            number = replace(load_numbers(connection, [e164])[0], **changes)
            check_exists(connection, Kind.ACCOUNT, number.account)
            connection.execute(
                schema.number.update().where(schema.number.c.e164 == e164).values(**number_values(number))
            )
            connection.execute(schema.endpoint.delete().where(schema.endpoint.c.number == e164))
            _write_endpoints(connection, number)
            note(connection, Kind.NUMBER, e164, self._wall())
        return number

    def remove(self, e164: str) -> None:
        """Raises `NotFoundError`."""
        with self._database.write() as connection:
            check_exists(connection, Kind.NUMBER, e164)
            connection.execute(schema.number.delete().where(schema.number.c.e164 == e164))
            note(connection, Kind.NUMBER, e164, self._wall())


def _write_endpoints(connection: Connection, number: Number) -> None:
    values = endpoint_values(number)
    if values:
        connection.execute(schema.endpoint.insert(), values)
