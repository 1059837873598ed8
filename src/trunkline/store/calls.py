"""Reading call records: a page of them, newest first, or one with its attempts. And deleting the old ones.

Pages are found by key (`setup_at`, `call_id`), not by offset: the hundredth page costs what the first one
does, and calls that arrive meanwhile shift nothing. An index leads to the calls of an account or a number, or
to those that ended for a reason; what else a filter says is read along, in `MAX_LOOKED_AT` records at most
for one page. A page may therefore hold fewer calls than asked for, none even, and still have one behind it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import sqlalchemy as sa

from trunkline.call.quality import Quality, read_quality
from trunkline.call.record import AttemptRecord, CallRecord, Direction, RecordState
from trunkline.store import schema
from trunkline.store.database import Database, clock_now
from trunkline.store.errors import NotFoundError, StoreError
from trunkline.store.record_rows import MAX_CALL_ID, attempt_from, call_from
from trunkline.trunk.verdict import Fault, Slug

DEFAULT_PAGE = 50
MAX_PAGE = 1000
MAX_LOOKED_AT = 20_000
MAX_OF_ONE_CALL_ID = 1000
"""Calls, and attempts, with one SIP Call-ID: peers make them up, and may repeat themselves."""


@dataclass(frozen=True, slots=True)
class CallFilter:
    """Which calls; a field that is None matches all."""

    account: str | None = None
    number: str | None = None
    """A number of the account, which was called or shown."""
    party: str | None = None
    """Any caller's or called number, its digits only; or the name of a caller who has none."""
    carrier: str | None = None
    direction: Direction | None = None
    state: RecordState | None = None
    slug: Slug | None = None
    unanswered: bool = False
    """Those alone that are over and were not answered, whatever the reason."""
    failed: bool = False
    """Of those, the ones that somebody or something is at fault for: nobody was busy, or hung up."""
    sip_call_id: str | None = None
    """The SIP Call-ID of the caller's leg or of an attempt."""
    since_at: float | None = None
    """Set up at or after this wall-clock second …"""
    until_at: float | None = None
    """… and before this one."""


_NO_FAILURES = [str(slug) for slug in Slug if slug.value.fault is Fault.NOBODY]
_Conditions = list[sa.ColumnElement[bool] | sa.TextClause]


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
        narrow, rest = _conditions(filter_ or CallFilter())
        key = sa.tuple_(table.setup_at, table.call_id)
        if cursor is not None:
            narrow.append(key < _key(cursor))
        newest = (table.setup_at.desc(), table.call_id.desc())
        query = sa.select(schema.call).where(*narrow, *rest).order_by(*newest).limit(limit + 1)
        looked = sa.select(table.setup_at, table.call_id).where(*narrow).order_by(*newest)
        with self._database.read() as connection:
            end = connection.execute(looked.offset(MAX_LOOKED_AT - 1).limit(1)).first() if rest else None
            if end is not None:
                query = query.where(key >= sa.tuple_(*map(sa.literal, end)))
            found = [call_from(tuple(row)) for row in connection.execute(query)]
        if len(found) > limit:
            last = found[limit - 1]
            return Page(found[:limit], _cursor(last.setup_at, last.call_id))
        return Page(found, None if end is None else _cursor(*end))

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

    def quality(self, call_id: str) -> Quality:
        """How the audio of a call went; no points when it is up, was short, or is unknown. Raises
        `StoreError` for what can't be read.
        """
        table = schema.call_quality
        with self._database.read() as connection:
            course = connection.execute(sa.select(table.c.course).where(table.c.call_id == call_id)).scalar()
        try:
            return Quality() if course is None else read_quality(course)
        except ValueError as error:
            raise StoreError(f"call {call_id}: {error}") from None


def prune_calls(database: Database, wall: float, keep_s: float, limit: int) -> int:
    """Delete up to `limit` calls that were set up more than `keep_s` ago, oldest first, with their attempts;
    return how many.

    `wall` is what this machine takes for the time; if the database takes it for earlier, it is. Calls that
    are still open stay. Raises `DatabaseError`.
    """
    call = schema.call
    with database.write() as connection:
        before = min(wall, clock_now(connection)) - keep_s
        doomed = list(
            connection.execute(
                sa.select(call.c.call_id)
                .where(call.c.setup_at < before, call.c.state != RecordState.OPEN.value)
                .order_by(call.c.setup_at)
                .limit(limit)
            ).scalars()
        )
        if doomed:
            for table in (schema.call_quality, schema.attempt, call):
                connection.execute(table.delete().where(table.c.call_id.in_(doomed)))
    return len(doomed)


def _conditions(filter_: CallFilter) -> tuple[_Conditions, _Conditions]:
    """What the index of `filter_` is searched for, and what is read along."""
    table = schema.call.c
    account, number = filter_.account, filter_.number
    slug = filter_.slug if filter_.slug is not Slug.ANSWERED else None
    narrow: _Conditions = []
    if slug is not None:
        # The indexes of reasons leave answered calls out; SQLite wants to be told in their own words.
        narrow += [table.verdict == str(slug), sa.text(schema.UNANSWERED)]
    elif number is not None:
        narrow.append(table.number == number)
    if account is not None and (slug is not None or number is None):
        narrow.append(table.account == account)
    if filter_.since_at is not None:
        narrow.append(table.setup_at >= filter_.since_at)
    if filter_.until_at is not None:
        narrow.append(table.setup_at < filter_.until_at)
    if filter_.sip_call_id is not None:
        narrow.append(table.call_id.in_(_with_call_id(filter_.sip_call_id)))
    equal = (
        (table.number, number if slug is not None else None),
        (table.account, account if slug is None and number is not None else None),
        (table.carrier, filter_.carrier),
        (table.direction, filter_.direction),
        (table.state, filter_.state),
        (table.verdict, str(Slug.ANSWERED) if filter_.slug is Slug.ANSWERED else None),
    )
    rest: _Conditions = [column == value for column, value in equal if value is not None]
    if filter_.party is not None:
        rest.append(sa.or_(table.caller == filter_.party, table.called == filter_.party))
    if filter_.unanswered:
        rest.append(table.verdict != str(Slug.ANSWERED))
    if filter_.failed:
        rest.append(table.verdict.not_in(_NO_FAILURES))
    return narrow, rest


def _with_call_id(sip_call_id: str) -> sa.Select[tuple[str]]:
    """The calls of which a leg has it."""
    parts = [
        sa.select(
            sa.select(table.c.call_id)
            .where(table.c.sip_call_id == sip_call_id[:MAX_CALL_ID])
            .limit(MAX_OF_ONE_CALL_ID)
            .subquery()
            .c.call_id
        )
        for table in (schema.call, schema.attempt)
    ]
    return sa.select(sa.union(*parts).subquery().c.call_id)


def _cursor(setup_at: float, call_id: str) -> str:
    return f"{setup_at!r}/{call_id}"


def _key(cursor: str) -> sa.Tuple:
    moment, _, call_id = cursor.partition("/")
    try:
        return sa.tuple_(sa.literal(float(moment)), sa.literal(call_id))
    except ValueError:
        raise StoreError(f"{cursor!r} is not a cursor; leave it out to begin at the newest call") from None
