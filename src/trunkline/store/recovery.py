"""What a node that died left open is closed, truthfully: the calls ended when the node was last known to be
alive.

A run of a node (one start to one stop) stamps `run.alive_at` with every group of records, at least once a
second while a call is up. Its open calls end there, or at their own last known moment if that is later, with
verdict CRASHED and state `recovered`: an answered call is not billed for time in which nobody can say that
it was up.

Only runs other than the given one are looked at, so that it may be done at any time; two nodes of one name
on one database would close each other's calls, so don't.
"""

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from trunkline.call.record import Party, RecordState
from trunkline.store import schema
from trunkline.store.database import Database
from trunkline.trunk.verdict import Slug, Verdict


def recover(database: Database, node: str, run: str) -> int:
    """Close what earlier runs of `node` left open; `run` is the present one. Returns how many calls that
    were.

    Raises `DatabaseError`.
    """
    table = schema.run
    with database.write() as connection:
        earlier = connection.execute(
            sa.select(table.c.run, table.c.alive_at).where(table.c.node == node, table.c.run != run)
        ).all()
        closed = sum(_close_calls(connection, name, alive_at) for name, alive_at in earlier)
        if earlier:
            connection.execute(table.delete().where(table.c.node == node, table.c.run != run))
    return closed


def _close_calls(connection: Connection, run: str, alive_at: float) -> int:
    calls, attempts = schema.call.c, schema.attempt.c
    crashed = Verdict.of(Slug.CRASHED)
    verdict = {"verdict": str(crashed.slug), "status": crashed.status, "q850": crashed.q850, "detail": ""}
    still_open = connection.execute(
        sa.select(calls.call_id, calls.setup_at, calls.ringing_at, calls.answered_at).where(
            calls.run == run, calls.state == RecordState.OPEN.value
        )
    ).all()
    for call_id, *moments in still_open:
        started = connection.execute(
            sa.select(
                attempts.started_at, attempts.ringing_at, attempts.answered_at, attempts.ended_at
            ).where(attempts.call_id == call_id)
        ).all()
        known = [moment for row in (moments, *started) for moment in row if moment is not None]
        ended_at = max(alive_at, *known)
        connection.execute(
            schema.call.update()
            .where(calls.call_id == call_id)
            .values(
                state=RecordState.RECOVERED.value,
                ended_at=ended_at,
                hung_up_by=Party.SERVICE.value,
                **verdict,
            )
        )
        connection.execute(
            schema.attempt.update()
            .where(attempts.call_id == call_id, attempts.ended_at.is_(None))
            .values(ended_at=ended_at, **verdict)
        )
    return len(still_open)
