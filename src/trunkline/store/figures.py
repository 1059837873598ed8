"""What the call records say of a stretch of time: how many calls, how many failed and why, how they sounded.

Counts come from indexes alone, so that a day costs milliseconds among a million records; the quality is read
from `MAX_HEARD` records at most, the newest.
"""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import sqlalchemy as sa

from trunkline.store import schema
from trunkline.store.database import Database
from trunkline.trunk.verdict import Slug

MAX_HEARD = 10_000
_FAILED = [str(slug) for slug in Slug if slug is not Slug.ANSWERED]
_BY_SLUG = {str(slug): slug for slug in Slug}


class Stretch(NamedTuple):
    """The calls that were set up within one of several equal stretches of time."""

    began_at: float
    calls: int
    """All of them: answered, not answered, and under way."""
    unanswered: Mapping[Slug, int]
    """Those that are over without an answer, by reason."""
    mos: float | None
    """The mean of the worse leg's MOS, 1.0 to 4.5; None: nothing was heard, or too long ago (`MAX_HEARD`)."""


class CallFigures:
    """Figures of the call records of `database`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def over(
        self,
        account: str | None,
        since_at: float,
        stretch_s: float,
        count: int,
        *,
        born_at: float | None = None,
    ) -> Sequence[Stretch]:
        """`count` stretches of `stretch_s` seconds from `since_at` (wall clock) on; `account` None: all.
        What was set up before `born_at` does not count.

        Raises `DatabaseError`.
        """
        table = schema.call.c
        until_at = since_at + stretch_s * count
        window = [table.setup_at >= max(since_at, born_at or since_at), table.setup_at < until_at]
        if account is not None:
            window.append(table.account == account)
        place = _place(table.setup_at, since_at, stretch_s)
        heard = _heard(window, since_at, stretch_s)
        calls = sa.select(place, sa.func.count()).where(*window).group_by(place)
        failed = (
            sa.select(place, table.verdict, sa.func.count())
            .where(table.verdict.in_(_FAILED), sa.text(schema.UNANSWERED), *window)
            .group_by(place, table.verdict)
        )
        with self._database.read() as connection:
            counts = {int(row[0]): int(row[1]) for row in connection.execute(calls)}
            reasons: dict[int, dict[Slug, int]] = {}
            for key, verdict, number in connection.execute(failed):
                reasons.setdefault(int(key), {})[_BY_SLUG[verdict]] = int(number)
            mos = {int(row[0]): float(row[1]) for row in connection.execute(heard)}
        return [
            Stretch(since_at + stretch_s * key, counts.get(key, 0), reasons.get(key, {}), mos.get(key))
            for key in range(count)
        ]


def _place(setup_at: sa.ColumnElement[float], since_at: float, stretch_s: float) -> sa.ColumnElement[int]:
    """Which stretch a call is in; all numbers stand in the query, since PostgreSQL groups by text."""
    offset = sa.literal(since_at, literal_execute=True)
    width = sa.literal(stretch_s, literal_execute=True)
    return sa.cast(sa.func.floor((setup_at - offset) / width), sa.Integer)


def _heard(window: Sequence[sa.ColumnElement[bool]], since_at: float, stretch_s: float) -> sa.Executable:
    table = schema.call.c
    newest = (
        sa.select(table.setup_at, table.caller_mos, table.callee_mos)
        .where(*window)
        .order_by(table.setup_at.desc(), table.call_id.desc())
        .limit(MAX_HEARD)
        .subquery()
    )
    one, other = newest.c.caller_mos, newest.c.callee_mos
    worse = sa.case((other.is_(None), one), (one < other, one), else_=other)
    place = _place(newest.c.setup_at, since_at, stretch_s)
    return sa.select(place, sa.func.avg(worse)).where(worse.is_not(None)).group_by(place)
