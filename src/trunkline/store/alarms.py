"""Alarms at rest, and the habits that they are raised against, read from the records. What is strange is
`trunkline.trunk.fraud`'s matter.
"""

from collections.abc import Sequence
from typing import Final

import sqlalchemy as sa

from trunkline.call.record import Direction
from trunkline.store import schema
from trunkline.store.database import Database
from trunkline.trunk.fraud import HOUR_S, MEMORY_HOURS, Alarm, AlarmKind, Habits, habits_of

KEPT: Final = 10_000
"""Beyond so many the oldest go."""
COUNTRY_MEMORY_S: Final = 90 * 86400.0
"""A country that was called within this time is no new one."""
MAX_PAGE: Final = 1000


class Alarms:
    """The alarms of `database`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def add(self, alarm: Alarm) -> None:
        """Keep one."""
        table = schema.alarm
        with self._database.write() as connection:
            result = connection.execute(
                table.insert().values(
                    account=alarm.account,
                    kind=alarm.kind.value,
                    raised_at=alarm.raised_at,
                    called=alarm.called,
                    detail=alarm.detail,
                    blocked=alarm.blocked,
                )
            )
            row = result.inserted_primary_key
            if row is not None and row[0] % 100 == 0:
                connection.execute(table.delete().where(table.c.id <= row[0] - KEPT))

    def list(
        self, *, account: str | None = None, since_at: float | None = None, limit: int = 50
    ) -> Sequence[Alarm]:
        """Up to `limit` (1 to 1000), newest first: all, or those about one account, or from one moment on."""
        table = schema.alarm.c
        query = (
            sa.select(table.account, table.kind, table.raised_at, table.called, table.detail, table.blocked)
            .order_by(table.id.desc())
            .limit(max(1, min(limit, MAX_PAGE)))
        )
        if account is not None:
            query = query.where(table.account == account)
        if since_at is not None:
            query = query.where(table.raised_at >= since_at)
        with self._database.read() as connection:
            return [
                Alarm(of, AlarmKind(kind), raised_at, called, detail, blocked)
                for of, kind, raised_at, called, detail, blocked in connection.execute(query)
            ]


_PLACED: Final = (
    schema.call.c.direction == Direction.OUTBOUND.value,
    schema.call.c.attempts > 0,
)
"""They led to a carrier."""


def known_habits(database: Database, now: float) -> dict[str, Habits]:
    """What accounts have called, by the records that lead to a carrier. `now` is wall-clock seconds. Raises
    `DatabaseError`."""
    table = schema.call.c
    digits = sa.func.substr(table.called, 1, 4)
    hour = sa.cast(sa.func.floor(table.setup_at / HOUR_S), sa.Integer)
    placed = (*_PLACED, table.account.is_not(None))
    countries = (
        sa.select(table.account, digits)
        .where(*placed, table.setup_at >= now - COUNTRY_MEMORY_S)
        .group_by(table.account, digits)
    )
    hours = (
        sa.select(table.account, hour, sa.func.count())
        .where(*placed, table.setup_at >= now - MEMORY_HOURS * HOUR_S)
        .group_by(table.account, hour)
    )
    with database.read() as connection:
        return habits_of(
            [(account, prefix) for account, prefix in connection.execute(countries)],
            [(account, at, calls) for account, at, calls in connection.execute(hours)],
        )


def dormant_accounts(database: Database, now: float) -> set[str]:
    """Those that are older than `COUNTRY_MEMORY_S` and have called nobody since; none where no record is so
    old, since calls may have been forgotten then. `now` is wall-clock seconds. Raises `DatabaseError`.
    """
    account, call, long_ago = schema.account.c, schema.call.c, now - COUNTRY_MEMORY_S
    query = sa.select(account.key).where(
        account.created_at < long_ago,
        sa.exists().where(call.setup_at < long_ago),
        ~sa.exists().where(call.account == account.key, call.setup_at >= long_ago, *_PLACED),
    )
    with database.read() as connection:
        return set(connection.execute(query).scalars())
