"""Reading accounts, numbers, carriers and routes, each with the rows that belong to it, in two queries per
kind.

For the repositories (one, or all) and for `directory_source` (all at the start, then those that changed).
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from typing import Final, Generic, NamedTuple, TypeVar

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from trunkline.store import schema
from trunkline.store.errors import NotFoundError
from trunkline.store.keys import Keyring
from trunkline.store.rows import Row, account_from, carrier_from, number_from, route_from
from trunkline.trunk.account import Account
from trunkline.trunk.carrier import Carrier
from trunkline.trunk.directory import Kind
from trunkline.trunk.number import Number
from trunkline.trunk.routes import Route


class Shape(NamedTuple):
    """A table and the table of the rows that belong to each of its rows."""

    parent: sa.Table
    key: str
    """The column that names a row of `parent`."""
    child: sa.Table
    owner: str
    """The column of `child` that holds the parent's key."""
    order: str
    """The column of `child` that orders the rows of one parent."""


SHAPES: Final = {
    Kind.ACCOUNT: Shape(schema.account, "key", schema.credential, "account", "id"),
    Kind.NUMBER: Shape(schema.number, "e164", schema.endpoint, "number", "position"),
    Kind.CARRIER: Shape(schema.carrier, "name", schema.gateway, "carrier", "position"),
    Kind.ROUTE: Shape(schema.route, "prefix", schema.route_carrier, "route", "position"),
}

ROWS_AT_ONCE: Final = 100

Group = tuple[Row, Sequence[Row]]
"""A row and the rows that belong to it, in order."""


def load_groups(
    connection: Connection,
    kind: Kind,
    keys: Iterable[str] | None = None,
    *,
    pause: Callable[[], None] | None = None,
) -> list[Group]:
    """Everything of one kind by key, or those of `keys` that exist.

    `pause` is called after every `ROWS_AT_ONCE` rows, for a thread that must not keep the event loop from
    running.
    """
    shape = SHAPES[kind]
    key, owner = shape.parent.c[shape.key], shape.child.c[shape.owner]
    parents = sa.select(shape.parent).order_by(key)
    children = sa.select(shape.child).order_by(owner, shape.child.c[shape.order])
    if keys is not None:
        wanted = list(keys)
        parents = parents.where(key.in_(wanted))
        children = children.where(owner.in_(wanted))
    owned: dict[str, list[Row]] = defaultdict(list)
    for row in _fetch(connection, children, pause):
        owned[row[shape.owner]].append(row)
    return [(row, owned[row[shape.key]]) for row in _fetch(connection, parents, pause)]


def load_accounts(connection: Connection, keys: Iterable[str] | None = None) -> list[Account]:
    """All accounts, or those of `keys`. Raises `DirectoryError` for a row that can't be one; so do the
    others."""
    return [account_from(*group) for group in load_groups(connection, Kind.ACCOUNT, keys)]


def load_numbers(connection: Connection, keys: Iterable[str] | None = None) -> list[Number]:
    """All numbers, or those of `keys`."""
    return [number_from(*group) for group in load_groups(connection, Kind.NUMBER, keys)]


def load_carriers(
    connection: Connection, keyring: Keyring, keys: Iterable[str] | None = None
) -> list[Carrier]:
    """All carriers, or those of `keys`. Raises `KeyFileError` when a secret needs another key file."""
    return [carrier_from(*group, keyring) for group in load_groups(connection, Kind.CARRIER, keys)]


def load_routes(connection: Connection, keys: Iterable[str] | None = None) -> list[Route]:
    """All routes, or those of `keys`."""
    return [route_from(*group) for group in load_groups(connection, Kind.ROUTE, keys)]


MAX_PAGE: Final = 1000
_T = TypeVar("_T")


class Listed(NamedTuple, Generic[_T]):
    """Some things in the order of their keys, and whether more follow: then the last one's key is where to go
    on."""

    items: Sequence[_T]
    more: bool


class KeyPage(NamedTuple):
    """Some keys in order, and whether more follow."""

    keys: Sequence[str]
    more: bool


def page_of_keys(
    connection: Connection,
    kind: Kind,
    conditions: Sequence[sa.ColumnElement[bool]],
    after: str | None,
    limit: int,
    *,
    first: str = "",
) -> KeyPage:
    """Up to `limit` (1 to 1000) keys behind `after` (None: from the beginning) and from `first` on, whose
    rows meet `conditions`. The last page costs what the first one does."""
    limit = max(1, min(limit, MAX_PAGE))
    key = SHAPES[kind].parent.c[SHAPES[kind].key]
    # One lower bound alone: SQLite takes any of several for its way into the index, not the highest.
    begin = key > after if after is not None and after >= first else key >= first
    query = sa.select(key).where(begin, *conditions).order_by(key).limit(limit + 1)
    keys = list(connection.execute(query).scalars())
    return KeyPage(keys[:limit], len(keys) > limit)


def check_exists(connection: Connection, kind: Kind, key: str) -> None:
    """Raise `NotFoundError`, with the command that lists what does exist, unless `key` does."""
    column = SHAPES[kind].parent.c[SHAPES[kind].key]
    if connection.execute(sa.select(column).where(column == key)).first() is None:
        raise NotFoundError(kind.value, key, f"trunkline {kind.value} list shows them")


def _fetch(
    connection: Connection, query: sa.Select[tuple[object, ...]], pause: Callable[[], None] | None
) -> list[Row]:
    result = connection.execute(query)
    names = list(result.keys())
    rows: list[Row] = []
    for part in result.partitions(ROWS_AT_ONCE):
        rows += [dict(zip(names, row, strict=True)) for row in part]
        if pause is not None and len(part) == ROWS_AT_ONCE:
            pause()
    return rows
