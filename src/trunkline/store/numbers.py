"""Numbers at rest, and where each is forwarded to."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple, TypedDict, Unpack

import sqlalchemy as sa
from sqlalchemy.engine import Connection
from sqlalchemy.exc import IntegrityError

from trunkline.store import schema
from trunkline.store.audit import Trail
from trunkline.store.database import Database
from trunkline.store.errors import AlreadyExistsError
from trunkline.store.loading import check_exists, load_numbers, page_of_keys
from trunkline.store.rows import Values, endpoint_values, number_values
from trunkline.trunk.directory import Kind
from trunkline.trunk.forwarding import ForwardingList
from trunkline.trunk.number import Number


class NumberChanges(TypedDict, total=False):
    """The fields of `Number` that can be changed; those left out stay."""

    account: str
    forwarding: ForwardingList
    ring_timeout_s: float | None


Guard = Callable[[Number], object]
"""Looks at a number inside the transaction that is about to change it, and raises to stop that."""


@dataclass(frozen=True, slots=True)
class NumberFilter:
    """Which numbers; a field left out matches all. By account and first digits it is quick, the rest reads
    along."""

    account: str | None = None
    starts_with: str = ""
    """Digits."""
    contains: str = ""
    """Digits."""
    ends_with: str = ""
    """Digits."""
    forwarded: bool | None = None
    """Whether its calls go anywhere."""


class NumberPage(NamedTuple):
    """Some numbers in order, and whether more follow: then the last one's digits are where to go on."""

    numbers: Sequence[Number]
    more: bool


class Numbers:
    """The numbers of `database`."""

    def __init__(
        self, database: Database, wall: Callable[[], float] = time.time, trail: Trail | None = None
    ) -> None:
        self._database = database
        self._wall = wall
        self._trail = trail or Trail(wall=wall)

    def add(self, number: Number) -> None:
        """Raises `AlreadyExistsError`, and `NotFoundError` when its account does not exist."""
        now = self._wall()
        with self._database.write() as connection:
            check_exists(connection, Kind.ACCOUNT, number.account)
            try:
                insert_number(connection, number, now)
            except IntegrityError:
                raise AlreadyExistsError(
                    "number", number.e164, "trunkline number list shows whose it is"
                ) from None
            number_changed(self._trail, connection, number, "add", after=number_values(number))

    def list(self, account: str | None = None) -> Sequence[Number]:
        """All numbers, or those of `account`, in order. Raises `NotFoundError` when there is no such
        account."""
        with self._database.read() as connection:
            if account is None:
                return load_numbers(connection)
            check_exists(connection, Kind.ACCOUNT, account)
            owned = sa.select(schema.number.c.e164).where(schema.number.c.account == account)
            return load_numbers(connection, connection.execute(owned).scalars())

    def page(self, wanted: NumberFilter, *, after: str = "", limit: int = 50) -> NumberPage:
        """Up to `limit` (1 to 1000) numbers behind `after`. Raises `NotFoundError` when there is no such
        account."""
        with self._database.read() as connection:
            if wanted.account is not None:
                check_exists(connection, Kind.ACCOUNT, wanted.account)
            found = page_of_keys(
                connection, Kind.NUMBER, _conditions(wanted), after, limit, first=wanted.starts_with
            )
            return NumberPage(load_numbers(connection, found.keys), found.more)

    def get(self, e164: str) -> Number:
        """Raises `NotFoundError`."""
        with self._database.read() as connection:
            check_exists(connection, Kind.NUMBER, e164)
            return load_numbers(connection, [e164])[0]

    def forward(self, e164: str, forwarding: ForwardingList) -> Number:
        """Set where calls to the number go; an empty list: nowhere. Raises `NotFoundError`."""
        return self.update(e164, forwarding=forwarding)

    def update(self, e164: str, *, guard: Guard | None = None, **changes: Unpack[NumberChanges]) -> Number:
        """Change some fields and return the number as it is now. Raises `NotFoundError`, `DirectoryError`,
        and whatever `guard` does."""
        with self._database.write() as connection:
            check_exists(connection, Kind.NUMBER, e164)
            before = load_numbers(connection, [e164])[0]
            if guard is not None:
                guard(before)
            number = replace(before, **changes)
            check_exists(connection, Kind.ACCOUNT, number.account)
            connection.execute(
                schema.number.update().where(schema.number.c.e164 == e164).values(**number_values(number))
            )
            connection.execute(schema.endpoint.delete().where(schema.endpoint.c.number == e164))
            _write_endpoints(connection, number)
            values = number_values(before), number_values(number)
            if number.account == before.account:
                number_changed(self._trail, connection, number, "change", *values)
            else:  # each account reads its own trail, and there nothing of the other
                told = (Kind.NUMBER, e164, "remove")
                self._trail.told(connection, *told, account=before.account, before=values[0])
                number_changed(self._trail, connection, number, "add", after=values[1])
        return number

    def remove(self, e164: str, *, guard: Guard | None = None) -> None:
        """Raises `NotFoundError`, and whatever `guard` does."""
        with self._database.write() as connection:
            check_exists(connection, Kind.NUMBER, e164)
            before = load_numbers(connection, [e164])[0]
            if guard is not None:
                guard(before)
            connection.execute(schema.number.delete().where(schema.number.c.e164 == e164))
            number_changed(self._trail, connection, before, "remove", before=number_values(before))


def insert_number(connection: Connection, number: Number, now: float) -> None:
    """Within a transaction. Raises `sqlalchemy.exc.IntegrityError` when somebody has it."""
    connection.execute(schema.number.insert().values(created_at=now, **number_values(number)))
    _write_endpoints(connection, number)


def number_changed(
    trail: Trail,
    connection: Connection,
    number: Number,
    action: str,
    before: Values | None = None,
    after: Values | None = None,
) -> None:
    """Tell the nodes and the audit trail, within the transaction."""
    key, account = number.e164, number.account
    trail.changed(connection, Kind.NUMBER, key, action, account=account, before=before, after=after)


def _write_endpoints(connection: Connection, number: Number) -> None:
    values = endpoint_values(number)
    if values:
        connection.execute(schema.endpoint.insert(), values)


def _conditions(wanted: NumberFilter) -> list[sa.ColumnElement[bool]]:
    """All but where it begins."""
    table = schema.number.c
    conditions: list[sa.ColumnElement[bool]] = []
    if wanted.account is not None:
        conditions.append(table.account == wanted.account)
    if wanted.starts_with.strip("9"):
        behind = str(int(wanted.starts_with) + 1).rjust(len(wanted.starts_with), "0")
        conditions.append(table.e164 < behind)
    if wanted.contains:
        conditions.append(table.e164.contains(wanted.contains, autoescape=True))
    if wanted.ends_with:
        conditions.append(table.e164.endswith(wanted.ends_with, autoescape=True))
    if wanted.forwarded is not None:
        conditions.append(table.forwarding != "" if wanted.forwarded else table.forwarding == "")
    return conditions
