"""Bans at rest: sources that a node shut out by itself for more than datagrams, and those that an operator
had it shut out.

They are written by `RecordWriter`. What a ban means, and what its evidence is worth, is
`trunkline.net.admission`.
"""

import time
from collections.abc import Callable, Mapping, Sequence
from typing import Final, NamedTuple

import sqlalchemy as sa

from trunkline.store import schema
from trunkline.store.audit import Trail
from trunkline.store.database import Database

MOST: Final = 16_384
"""As many as a node holds."""


class StoredBan(NamedTuple):
    """One source shut out; the columns of `schema.ban`."""

    source: str
    """An IPv4 address, or an IPv6 /64 as `prefix::/64`."""
    reason: str
    """One line for a person."""
    evidence: int
    """The number of an `admission.Evidence`."""
    since_at: float
    until_at: float


class Bans:
    """The bans of `database`."""

    def __init__(
        self, database: Database, wall: Callable[[], float] = time.time, trail: Trail | None = None
    ) -> None:
        self._database = database
        self._wall = wall
        self._trail = trail or Trail(wall=wall)

    def list(self) -> Sequence[StoredBan]:
        """Those that still hold, the newest first; of more than `MOST`, those with the best evidence."""
        table = schema.ban.c
        with self._database.read() as connection:
            rows = connection.execute(
                sa.select(schema.ban)
                .where(table.until_at > self._wall())
                .order_by(table.evidence.desc(), table.since_at.desc(), table.source)
                .limit(MOST)
            )
            return sorted([StoredBan(*row) for row in rows], key=lambda ban: (-ban.since_at, ban.source))

    def told(self, source: str, action: str, after: Mapping[str, object] | None = None) -> None:
        """Write into the audit trail what an operator has had a node do."""
        with self._database.write() as connection:
            self._trail.told(connection, "ban", source, action, after=after)


def prune_bans(database: Database, now: float, limit: int) -> int:
    """Delete up to `limit` of those that hold no more; return how many. Raises `DatabaseError`."""
    table = schema.ban
    over = sa.select(table.c.source).where(table.c.until_at <= now).limit(limit)
    with database.write(alone=False) as connection:
        return connection.execute(table.delete().where(table.c.source.in_(over))).rowcount
