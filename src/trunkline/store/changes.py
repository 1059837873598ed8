"""The sequence of changes: how a running node learns what the command line changed in the database.

Every repository notes a change in the same transaction as the change itself; `directory_source` asks for
what is newer than it has seen. A note says what to load again, not what it was changed to, so notes can be
missed without harm: when the oldest ones are gone, everything is loaded again.

Notes become visible in the order of their numbers, since `Database.write` lets one transaction write at a
time: a reader never takes for seen what commits later. On PostgreSQL the commit also wakes whoever listens
(`change_listener`).
"""

from typing import NamedTuple

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from trunkline.store import schema

KEPT = 10_000
"""Notes kept; the older ones are removed."""
CHANNEL = "trunkline_change"
"""On PostgreSQL. What is sent over it means no more than that something may have changed."""

_LATEST = sa.select(sa.func.max(schema.change.c.sequence))


class Note(NamedTuple):
    """The account, number, carrier or route `key` was added, changed or removed."""

    sequence: int
    kind: str
    """A `trunkline.trunk.directory.Kind`."""
    key: str


def note(connection: Connection, kind: str, key: str, made_at: float) -> None:
    """Note a change within the transaction that makes it."""
    if connection.dialect.name == "postgresql":
        connection.execute(sa.text(f"NOTIFY {CHANNEL}"))
    result = connection.execute(schema.change.insert().values(kind=kind, key=key, made_at=made_at))
    key_row = result.inserted_primary_key
    if key_row is not None and key_row[0] % 100 == 0:
        connection.execute(schema.change.delete().where(schema.change.c.sequence <= key_row[0] - KEPT))


def latest(connection: Connection) -> int:
    """The sequence number of the newest change, 0 when there has been none. One look at the end of an
    index."""
    return connection.execute(_LATEST).scalar() or 0


def since(connection: Connection, sequence: int) -> list[Note] | None:
    """The changes after `sequence`, oldest first; None when some of them are no longer known."""
    table = schema.change
    rows = connection.execute(
        sa.select(table.c.sequence, table.c.kind, table.c.key)
        .where(table.c.sequence >= sequence)
        .order_by(table.c.sequence)
    ).all()
    if sequence == 0 and (not rows or rows[0].sequence == 1):
        return [Note(*row) for row in rows]
    if not rows or rows[0].sequence != sequence:
        return None
    return [Note(*row) for row in rows[1:]]
