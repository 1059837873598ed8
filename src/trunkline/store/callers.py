"""Where customers have called from lately, read from the records: every outbound call with one has shown the
right password.
"""

from collections.abc import Sequence
from typing import Final, NamedTuple

import sqlalchemy as sa

from trunkline.call.record import Direction
from trunkline.store import schema
from trunkline.store.database import Database

MOST: Final = 65_536
"""As many as a node's gate remembers by default."""


class Caller(NamedTuple):
    """One source of calls."""

    source: str
    """`transport address:port`."""
    at: float
    """When the latest call came from there; wall-clock seconds."""


def callers_since(database: Database, node: str, since_at: float) -> Sequence[Caller]:
    """Those that `node` had outbound calls from since then (wall-clock seconds); of more than `MOST`, the
    latest. Raises `DatabaseError`.
    """
    call = schema.call.c
    latest_at = sa.func.max(call.setup_at)
    query = (
        sa.select(call.source, latest_at)
        .where(call.setup_at >= since_at, call.node == node, call.direction == Direction.OUTBOUND.value)
        .group_by(call.source)
        .order_by(latest_at.desc())
        .limit(MOST)
    )
    with database.read() as connection:
        return [Caller(*row) for row in connection.execute(query)]
