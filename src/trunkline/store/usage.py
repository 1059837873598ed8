"""What accounts have used today, read from the records: for a node that starts anew, so that a daily limit
outlives it, and holds for all nodes together.
"""

from collections import defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import sqlalchemy as sa

from trunkline.call.record import Direction
from trunkline.store import schema
from trunkline.store.database import Database

DAY_S = 86400
LONGEST_CALL_S = 7 * DAY_S
"""`outbound.max_duration_s` is at most this: no call that was set up earlier reaches into today."""


@dataclass(slots=True)
class Usage:
    """Of one account in the present UTC day."""

    seconds: float = 0.0
    """Answered time of outbound calls."""
    cost: float = 0.0


def used_today(
    database: Database, now: float, price_per_minute: Callable[[str], float], *, but: str = ""
) -> Mapping[str, Mapping[str, Usage]]:
    """By node and account, without the calls of the run `but`, which counts them itself. `now` is wall-clock
    seconds, `price_per_minute` knows the price of a called number.

    A call that was up when its node died counts up to the last sign of life. Raises `DatabaseError`.
    """
    midnight = now // DAY_S * DAY_S
    call, run = schema.call.c, schema.run.c
    ended_at = sa.func.coalesce(call.ended_at, run.alive_at)
    query = (
        sa.select(call.node, call.account, call.called, call.answered_at, ended_at)
        .select_from(schema.call.outerjoin(schema.run, call.run == run.run))
        .where(
            call.setup_at >= midnight - LONGEST_CALL_S,
            call.direction == Direction.OUTBOUND.value,
            call.answered_at.is_not(None),
            call.run != but,
            ended_at > midnight,
        )
    )
    usages: defaultdict[str, defaultdict[str, Usage]] = defaultdict(lambda: defaultdict(Usage))
    with database.read() as connection:
        for node, account, called, answered_at, end in connection.execute(query):
            seconds = max(0.0, min(end, now) - max(answered_at, midnight))
            usage = usages[node][account]
            usage.seconds += seconds
            usage.cost += seconds / 60 * price_per_minute(called)
    return usages
