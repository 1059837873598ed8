"""Reading call records: a page of them, newest first, or one with its attempts. And deleting the old ones.

Pages are found by key (`setup_at`, `call_id`), not by offset: the hundredth page costs what the first one
does, and calls that arrive meanwhile shift nothing.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import sqlalchemy as sa

from trunkline.call.record import AttemptRecord, CallRecord, Direction, RecordState
from trunkline.store import schema
from trunkline.store.database import Database
from trunkline.store.errors import NotFoundError, StoreError
from trunkline.store.record_rows import attempt_from, call_from
from trunkline.trunk.verdict import Slug

DEFAULT_PAGE = 50
MAX_PAGE = 1000


@dataclass(frozen=True, slots=True)
class CallFilter:
    """Which calls; a field that is None matches all. By account, number and time it is quick; the rest reads
    along.
    """

    account: str | None = None
    number: str | None = None
    carrier: str | None = None
    direction: Direction | None = None
    state: RecordState | None = None
    slug: Slug | None = None
    sip_call_id: str | None = None
    """The SIP Call-ID of the caller's leg."""
    since_at: float | None = None
    """Set up at or after this wall-clock second …"""
    until_at: float | None = None
    """… and before this one."""


class Page(NamedTuple):
    """Some calls, newest first, and the cursor of the page behind; None: that was the last."""

    calls: Sequence[CallRecord]
    next_cursor: str | None


class CallDetail(NamedTuple):
    """A call, and its attempts in the order in which they were made."""

    call: CallRecord
    attempts: Sequence[AttemptRecord]


class Calls:
    """The call records of `database`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def list(
        self, filter_: CallFilter | None = None, *, cursor: str | None = None, limit: int = DEFAULT_PAGE
    ) -> Page:
        """Up to `limit` (1 to 1000) calls, newest first, from `cursor` on. Raises `StoreError` for a bad
        cursor.
        """
        limit = max(1, min(limit, MAX_PAGE))
        table = schema.call.c
        query = sa.select(schema.call).order_by(table.setup_at.desc(), table.call_id.desc()).limit(limit + 1)
        query = query.where(*_conditions(filter_ or CallFilter()))
        if cursor is not None:
            query = query.where(sa.tuple_(table.setup_at, table.call_id) < _key(cursor))
        with self._database.read() as connection:
            found = [call_from(tuple(row)) for row in connection.execute(query)]
        if len(found) <= limit:
            return Page(found, None)
        last = found[limit - 1]
        return Page(found[:limit], f"{last.setup_at!r}/{last.call_id}")

    def get(self, call_id: str) -> CallDetail:
        """Raises `NotFoundError`."""
        call, attempt = schema.call, schema.attempt
        with self._database.read() as connection:
            row = connection.execute(sa.select(call).where(call.c.call_id == call_id)).first()
            if row is None:
                raise NotFoundError("call", call_id, "trunkline calls lists them")
            attempts = connection.execute(
                sa.select(attempt).where(attempt.c.call_id == call_id).order_by(attempt.c.position)
            )
            return CallDetail(call_from(tuple(row)), [attempt_from(tuple(item)) for item in attempts])


def prune_calls(database: Database, before: float, limit: int) -> int:
    """Delete up to `limit` calls that were set up before `before`, oldest first, with their attempts; return
    how many.

    Calls that are still open stay. Raises `DatabaseError`.
    """
    call, attempt = schema.call, schema.attempt
    with database.write() as connection:
        doomed = list(
            connection.execute(
                sa.select(call.c.call_id)
                .where(call.c.setup_at < before, call.c.state != RecordState.OPEN.value)
                .order_by(call.c.setup_at)
                .limit(limit)
            ).scalars()
        )
        if doomed:
            connection.execute(attempt.delete().where(attempt.c.call_id.in_(doomed)))
            connection.execute(call.delete().where(call.c.call_id.in_(doomed)))
    return len(doomed)


def _conditions(filter_: CallFilter) -> list[sa.ColumnElement[bool]]:
    table = schema.call.c
    equal = (
        (table.account, filter_.account),
        (table.number, filter_.number),
        (table.carrier, filter_.carrier),
        (table.direction, filter_.direction),
        (table.state, filter_.state),
        (table.verdict, None if filter_.slug is None else str(filter_.slug)),
        (table.sip_call_id, filter_.sip_call_id),
    )
    conditions = [column == value for column, value in equal if value is not None]
    if filter_.since_at is not None:
        conditions.append(table.setup_at >= filter_.since_at)
    if filter_.until_at is not None:
        conditions.append(table.setup_at < filter_.until_at)
    return conditions


def _key(cursor: str) -> sa.Tuple:
    moment, _, call_id = cursor.partition("/")
    try:
        return sa.tuple_(sa.literal(float(moment)), sa.literal(call_id))
    except ValueError:
        raise StoreError(f"{cursor!r} is not a cursor; leave it out to begin at the newest call") from None
