"""Bans at rest: sources that the node shut out by itself for more than datagrams, and those that an operator
did.

The node's own are written by `RecordWriter`; an operator's are made here, and noted, so that a running node
learns of them. What a ban means, and what its evidence is worth, is `trunkline.net.admission`.
"""

import time
from collections.abc import Callable, Sequence
from typing import Final, NamedTuple

import sqlalchemy as sa

from trunkline.store import schema
from trunkline.store.audit import Trail
from trunkline.store.changes import BAN, note
from trunkline.store.database import Database
from trunkline.store.errors import NotFoundError

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
    until_at: float | None
    """None: until it is lifted."""


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
                .where(sa.or_(table.until_at.is_(None), table.until_at > self._wall()))
                .order_by(table.evidence.desc(), table.since_at.desc(), table.source)
                .limit(MOST)
            )
            return sorted([StoredBan(*row) for row in rows], key=lambda ban: (-ban.since_at, ban.source))

    def add(self, ban: StoredBan) -> None:
        """Shut a source out, replacing an earlier ban of it."""
        with self._database.write() as connection:
            connection.execute(schema.ban.delete().where(schema.ban.c.source == ban.source))
            connection.execute(schema.ban.insert().values(**ban._asdict()))
            note(connection, BAN, ban.source, self._wall())
            after = {"reason": ban.reason, "until_at": ban.until_at}
            self._trail.told(connection, BAN, ban.source, "add", after=after)

    def lift(self, source: str) -> None:
        """Raises `NotFoundError`."""
        with self._database.write() as connection:
            result = connection.execute(schema.ban.delete().where(schema.ban.c.source == source))
            if result.rowcount == 0:
                raise NotFoundError("ban", source, "trunkline ban list shows them")
            note(connection, BAN, source, self._wall())
            self._trail.told(connection, BAN, source, "lift")


def prune_bans(database: Database, now: float, limit: int) -> int:
    """Delete up to `limit` of those that hold no more; return how many. Raises `DatabaseError`."""
    table = schema.ban
    over = sa.select(table.c.source).where(table.c.until_at <= now).limit(limit)
    with database.write(alone=False) as connection:
        return connection.execute(table.delete().where(table.c.source.in_(over))).rowcount
