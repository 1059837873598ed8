"""What webhooks are to be told: one row for each event and webhook, until long after it was delivered.

An event's id is made from what happened, and a webhook has a row for it once: noticing the same thing twice
(after a restart, or by two processes) tells it once. A delivery that is due is claimed before it is sent, for
`LEASE_S`; whoever claims it and dies leaves it to the next, so a receiver may see an id twice.

Bounded: `MAX_WAITING` wait for one webhook, `KEPT` are remembered, and those of the last `NOTICED_S`.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any, Final, NamedTuple

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from trunkline.store import schema
from trunkline.store.database import Database
from trunkline.store.errors import InUseError, NotFoundError
from trunkline.store.upsert import insert_once
from trunkline.store.webhooks import Webhook, load_webhooks

RETRY_FOR_S: Final = 86_400.0
LEASE_S: Final = 60.0
MAX_WAITING: Final = 10_000
"""For one webhook; what happens beyond is dropped and counted."""
KEPT: Final = 10_000
"""Finished deliveries of one webhook."""
NOTICED_S: Final = 1800.0
"""However many are finished, for so long what is noticed again is known to have been told: longer than
`noticing.VERY_LATE_S`.
"""
KEPT_S: Final = 30 * 86_400.0
MAX_PAGE: Final = 1000
MAX_DETAIL: Final = 300
_OFF: Final = "the webhook is off: nothing is sent to it before it is on"


class DeliveryState(StrEnum):
    """Whether a webhook has been told."""

    WAITING = "waiting"
    DELIVERED = "delivered"
    FAILED = "failed"


class NewEvent(NamedTuple):
    """Something that happened to an account."""

    id: str
    type: str
    account: str
    at: float
    body: str
    """The JSON that is sent, the same to every webhook and at every attempt."""


@dataclass(frozen=True, slots=True)
class Delivery:
    """One event for one webhook."""

    id: int
    webhook: str
    event_id: str
    type: str
    body: str
    created_at: float
    state: DeliveryState
    attempts: int
    next_at: float | None
    """When it is tried again; None once it is finished."""
    give_up_at: float
    last_at: float | None
    status: int | None
    """The HTTP status of the last attempt; None: there was no answer."""
    detail: str
    """What went wrong last, in words."""


class Result(NamedTuple):
    """How an attempt at what `claim` gave ended."""

    delivery: Delivery
    state: DeliveryState
    at: float
    status: int | None
    detail: str
    next_at: float | None
    """When to try again; None: never."""


class WebhookQueue:
    """The deliveries in `database`. `now` is wall-clock seconds everywhere."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def put(self, events: Iterable[NewEvent], now: float) -> int:
        """Have every webhook that wants one of `events`, and was there when it happened, told of it; return
        how many deliveries that made."""
        with self._database.write() as connection:
            return put(connection, events, now)

    def tell(self, webhook: Webhook, event: NewEvent, now: float) -> Delivery:
        """Have one webhook told of `event`, whichever it wants. Raises `InUseError` for one that is off, or
        for which too many wait already.
        """
        if not webhook.enabled:
            raise InUseError(_OFF)
        table = schema.webhook_delivery
        with self._database.write() as connection:
            if not _Room(connection).take(webhook.id):
                raise InUseError(f"{MAX_WAITING} events wait for the webhook already")
            _insert(connection, webhook.id, event, now)
            mine = (table.c.webhook == webhook.id, table.c.event_id == event.id)
            return _delivery(connection.execute(sa.select(table).where(*mine)).one())

    def due(self, now: float) -> Mapping[str, int]:
        """How many deliveries wait for each webhook by now."""
        table, hook = schema.webhook_delivery.c, schema.webhook.c
        query = (
            sa.select(table.webhook, sa.func.count())
            .join_from(schema.webhook_delivery, schema.webhook)
            .where(table.state == DeliveryState.WAITING.value, table.next_at <= now, hook.enabled)
            .group_by(table.webhook)
        )
        with self._database.read() as connection:
            return {row[0]: row[1] for row in connection.execute(query)}

    def claim(self, wanted: Mapping[str, int], now: float) -> list[Delivery]:
        """Take up to so many due deliveries of each webhook, oldest first; nobody else gets them for
        `LEASE_S`."""
        table = schema.webhook_delivery
        claimed: list[Delivery] = []
        with self._database.write() as connection:
            for webhook, most in wanted.items():
                rows = connection.execute(
                    sa.select(table)
                    .where(
                        table.c.webhook == webhook,
                        table.c.state == DeliveryState.WAITING.value,
                        table.c.next_at <= now,
                    )
                    .order_by(table.c.id)
                    .limit(most)
                ).all()
                mine = (_claimed(connection, _delivery(row), now) for row in rows)
                claimed += [delivery for delivery in mine if delivery is not None]
        return claimed

    def note(self, results: Iterable[Result]) -> None:
        """Write down how attempts ended, unless somebody took the delivery over meanwhile: by resending it,
        or when its lease ended."""
        table = schema.webhook_delivery
        with self._database.write() as connection:
            for result in results:
                connection.execute(
                    table.update()
                    .where(table.c.id == result.delivery.id, table.c.next_at == result.delivery.next_at)
                    .values(
                        state=result.state.value,
                        attempts=table.c.attempts + 1,
                        last_at=result.at,
                        status=result.status,
                        detail=result.detail[:MAX_DETAIL],
                        next_at=result.next_at,
                    )
                )

    def list(
        self,
        webhook: str,
        *,
        state: DeliveryState | None = None,
        before_id: int | None = None,
        limit: int = 50,
    ) -> Sequence[Delivery]:
        """Up to `limit` (1 to 1000), newest first, older than `before_id`."""
        table = schema.webhook_delivery
        query = (
            sa.select(table)
            .where(table.c.webhook == webhook)
            .order_by(table.c.id.desc())
            .limit(max(1, min(limit, MAX_PAGE)))
        )
        if state is not None:
            query = query.where(table.c.state == state.value)
        if before_id is not None:
            query = query.where(table.c.id < before_id)
        with self._database.read() as connection:
            return [_delivery(row) for row in connection.execute(query)]

    def get(self, webhook: str, id_: int) -> Delivery:
        """Raises `NotFoundError`."""
        table = schema.webhook_delivery
        wanted = sa.select(table).where(table.c.id == id_, table.c.webhook == webhook)
        with self._database.read() as connection:
            row = connection.execute(wanted).first()
        if row is None:
            raise NotFoundError("delivery", str(id_))
        return _delivery(row)

    def resend(self, webhook: str, id_: int, now: float) -> Delivery:
        """Send it again, whatever became of it, with the same id and body. Raises `NotFoundError`, and
        `InUseError` for a webhook that is off."""
        table, hook = schema.webhook_delivery, schema.webhook.c
        mine = (table.c.id == id_, table.c.webhook == webhook)
        enabled = sa.select(hook.enabled).join_from(table, schema.webhook).where(*mine)
        with self._database.write() as connection:
            if connection.execute(enabled).scalar() is False:
                raise InUseError(_OFF)
            connection.execute(
                table.update()
                .where(*mine)
                .values(
                    state=DeliveryState.WAITING.value,
                    attempts=0,
                    next_at=now,
                    give_up_at=now + RETRY_FOR_S,
                )
            )
            row = connection.execute(sa.select(table).where(*mine)).first()
            if row is None:
                raise NotFoundError("delivery", str(id_))
            return _delivery(row)

    def tidy(self, now: float) -> None:
        """Give up what waited too long, and forget what is finished and old."""
        table = schema.webhook_delivery
        waiting = table.c.state == DeliveryState.WAITING.value
        with self._database.write() as connection:
            connection.execute(
                table.update()
                .where(waiting, table.c.give_up_at < now)
                .values(state=DeliveryState.FAILED.value, next_at=None)
            )
            connection.execute(table.delete().where(~waiting, table.c.created_at < now - KEPT_S))
            for webhook in load_webhooks(connection):
                mine = table.c.webhook == webhook.id
                newest = sa.select(table.c.id).where(mine).order_by(table.c.id.desc())
                last = connection.execute(newest.limit(1).offset(KEPT)).scalar()
                if last is not None:
                    old = (table.c.id <= last, table.c.created_at < now - NOTICED_S)
                    connection.execute(table.delete().where(mine, ~waiting, *old))


def put(connection: Connection, events: Iterable[NewEvent], now: float) -> int:
    """`WebhookQueue.put` within a transaction."""
    by_account: dict[str, list[Webhook]] = {}
    for webhook in load_webhooks(connection):
        by_account.setdefault(webhook.account, []).append(webhook)
    room = _Room(connection)
    made = 0
    for event in events:
        for webhook in by_account.get(event.account, ()):
            if webhook.wants(event.type) and event.at >= webhook.created_at:
                made += room.take(webhook.id) and _insert(connection, webhook.id, event, now)
    room.tell()
    return made


class _Room:
    """How many more may wait for each webhook."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._left: dict[str, int] = {}
        self._dropped: dict[str, int] = {}

    def take(self, webhook: str) -> bool:
        """Whether one more fits."""
        left = self._left.get(webhook)
        if left is None:
            table = schema.webhook_delivery
            count = (
                sa.select(sa.func.count())
                .select_from(table)
                .where(table.c.webhook == webhook, table.c.state == DeliveryState.WAITING.value)
            )
            left = MAX_WAITING - self._connection.execute(count).scalar_one()
        self._left[webhook] = left - 1
        if left <= 0:
            self._dropped[webhook] = self._dropped.get(webhook, 0) + 1
        return left > 0

    def tell(self) -> None:
        """Count what did not fit."""
        table = schema.webhook
        for webhook, count in self._dropped.items():
            self._connection.execute(
                table.update().where(table.c.id == webhook).values(dropped=table.c.dropped + count)
            )


def _insert(connection: Connection, webhook: str, event: NewEvent, now: float) -> bool:
    values = {
        "type": event.type,
        "body": event.body,
        "created_at": now,
        "state": DeliveryState.WAITING.value,
        "attempts": 0,
        "next_at": now,
        "give_up_at": now + RETRY_FOR_S,
        "detail": "",
    }
    keys = {"webhook": webhook, "event_id": event.id}
    return insert_once(connection, schema.webhook_delivery, keys, values)


def _claimed(connection: Connection, delivery: Delivery, now: float) -> Delivery | None:
    """The delivery with the end of its lease as `next_at`; None: somebody else was quicker."""
    table = schema.webhook_delivery
    taken = connection.execute(
        table.update()
        .where(table.c.id == delivery.id, table.c.next_at == delivery.next_at)
        .values(next_at=now + LEASE_S)
    )
    return replace(delivery, next_at=now + LEASE_S) if taken.rowcount else None


def _delivery(row: Any) -> Delivery:
    values = dict(row._mapping)  # noqa: SLF001 - SQLAlchemy's public name for it
    values["state"] = DeliveryState(values["state"])
    return Delivery(**values)
