"""What a node that died left open is closed, truthfully: the calls ended when the node was last known to be
alive.

A run of a node (one start to one stop) stamps `run.alive_at` with every group of records, at least once a
second while a call is up. Its open calls end there, or at their own last known moment if that is later, with
verdict CRASHED and state `recovered`: an answered call is not billed for time in which nobody can say that
it was up.

Two may do it: the node itself at its next start (`recover`), and another one that sees it lost
(`close_for`, within the transaction that declares it lost: `nodes`). A record is closed only while it is
open, so it is closed once. The word of the node that carried the call is the better one: what it writes
later, from its journal or because it was merely cut off, replaces what a survivor guessed. There is one row
for a call whoever writes it, so nothing is counted twice. The rows of `run` stay until the node's own next
start: its journal may open records again that belong to them.
"""

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from trunkline.call.record import Party, RecordState
from trunkline.store import schema
from trunkline.store.database import Database
from trunkline.trunk.verdict import Slug, Verdict

_IS_OPEN = sa.text("state = 'open'")
"""Word for word that of the index."""


def recover(database: Database, node: str, run: str) -> int:
    """Close what earlier runs of `node` left open; `run` is the present one. Returns how many calls that
    were.

    Raises `DatabaseError`.
    """
    table = schema.run
    with database.write() as connection:
        closed = _close_calls(connection, node, schema.call.c.run != run, "")
        connection.execute(table.delete().where(table.c.node == node, table.c.run != run))
    return closed


def close_for(connection: Connection, node: str, by: str) -> int:
    """Close what the lost `node` left open, in the name of the node `by`. Returns how many calls that
    were.
    """
    return _close_calls(connection, node, sa.true(), f"node {node} was lost; closed by {by}")


def _close_calls(connection: Connection, node: str, which: sa.ColumnElement[bool], detail: str) -> int:
    calls, attempts = schema.call.c, schema.attempt.c
    crashed = Verdict.of(Slug.CRASHED)
    verdict = {"verdict": str(crashed.slug), "status": crashed.status, "q850": crashed.q850, "detail": detail}
    runs = schema.run.c
    alive = {
        row.run: row.alive_at
        for row in connection.execute(sa.select(runs.run, runs.alive_at).where(runs.node == node))
    }
    still_open = connection.execute(
        sa.select(calls.call_id, calls.run, calls.setup_at, calls.ringing_at, calls.answered_at).where(
            _IS_OPEN, calls.node == node, which
        )
    ).all()
    closed = 0
    for call_id, run, *moments in still_open:
        started = connection.execute(
            sa.select(
                attempts.started_at, attempts.ringing_at, attempts.answered_at, attempts.ended_at
            ).where(attempts.call_id == call_id)
        ).all()
        known = [moment for row in (moments, *started) for moment in row if moment is not None]
        ended_at = max(alive.get(run, 0.0), *known)
        closing = connection.execute(
            schema.call.update()
            .where(calls.call_id == call_id, _IS_OPEN)
            .values(
                state=RecordState.RECOVERED.value,
                ended_at=ended_at,
                hung_up_by=Party.SERVICE.value,
                **verdict,
            )
        )
        if closing.rowcount:
            closed += 1
            connection.execute(
                schema.attempt.update()
                .where(attempts.call_id == call_id, attempts.ended_at.is_(None))
                .values(ended_at=ended_at, **verdict)
            )
    return closed
