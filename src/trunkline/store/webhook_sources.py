"""Where webhooks' events come from: call records that began lately or are still followed, and endpoints that
were told to be down.

What was told is written in the transaction that queues it, so a process that dies in between tells it again,
and nothing is left out: a call is followed from its start to its end, however long that takes and however
often the process is started again.
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import Final, NamedTuple

import sqlalchemy as sa

from trunkline.call.record import CallRecord
from trunkline.store import schema
from trunkline.store.database import Database
from trunkline.store.record_rows import call_from
from trunkline.store.upsert import upsert
from trunkline.store.webhook_queue import NewEvent, put

_TOLD_UNTIL: Final = "webhooks told until"
_AT_ONCE: Final = 500


class Followed(NamedTuple):
    """A call whose start was told."""

    call: CallRecord
    stage: int


class DownEndpoint(NamedTuple):
    """What was told of an endpoint."""

    number: str
    uri: str


class WebhookSources:
    """Over `database`. `now` is wall-clock seconds everywhere."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def accounts(self) -> frozenset[str]:
        """Those that want to be told anything."""
        table = schema.webhook.c
        with self._database.read() as connection:
            return frozenset(
                connection.execute(sa.select(table.account).where(table.enabled).distinct()).scalars()
            )

    def told_until(self) -> float | None:
        """When calls were last looked for; None: never."""
        table = schema.meta
        with self._database.read() as connection:
            found = connection.execute(sa.select(table.c.value).where(table.c.name == _TOLD_UNTIL)).scalar()
        return None if found is None else float(found)

    def calls_since(self, since_at: float) -> Iterator[CallRecord]:
        """Calls that were set up at or after `since_at`, oldest first; each page in a transaction of its
        own."""
        table = schema.call
        order = (table.c.setup_at, table.c.call_id)
        after = (since_at, "")
        while True:
            behind = sa.tuple_(*order) > sa.tuple_(*map(sa.literal, after))
            query = sa.select(table).where(behind).order_by(*order)
            with self._database.read() as connection:
                page = [call_from(tuple(row)) for row in connection.execute(query.limit(_AT_ONCE))]
            yield from page
            if len(page) < _AT_ONCE:
                return
            after = (page[-1].setup_at, page[-1].call_id)

    def followed(self) -> list[Followed]:
        """Every call whose start was told and whose end was not, as its record is now."""
        call, told = schema.call, schema.webhook_call
        query = sa.select(told.c.stage, call).join_from(told, call, call.c.call_id == told.c.call_id)
        with self._database.read() as connection:
            rows = connection.execute(query).all()
        return [Followed(call_from(tuple(row[1:])), row[0]) for row in rows]

    def tell_calls(
        self,
        events: Iterable[NewEvent],
        stages: Mapping[str, int | None],
        now: float,
        told_until: float,
    ) -> int:
        """Queue events of calls, and note by call how far it was told (None: to its end), and until when
        calls were looked for. Returns how many deliveries that made."""
        table = schema.webhook_call
        with self._database.write() as connection:
            made = put(connection, events, now)
            for call_id, stage in stages.items():
                if stage is None:
                    connection.execute(table.delete().where(table.c.call_id == call_id))
                else:
                    upsert(connection, table, {"call_id": call_id}, {"stage": stage})
            # A record that was deleted can't end any more.
            known = sa.exists().where(schema.call.c.call_id == table.c.call_id)
            connection.execute(table.delete().where(~known))
            upsert(connection, schema.meta, {"name": _TOLD_UNTIL}, {"value": repr(told_until)})
        return made

    def down(self, node: str) -> set[DownEndpoint]:
        """The endpoints that were told to be down as `node` sees them."""
        table = schema.webhook_endpoint.c
        query = sa.select(table.number, table.uri).where(table.node == node)
        with self._database.read() as connection:
            return {DownEndpoint(*row) for row in connection.execute(query)}

    def tell_endpoints(
        self,
        node: str,
        events: Iterable[NewEvent],
        states: Mapping[DownEndpoint, float | None],
        now: float,
    ) -> int:
        """Queue events of endpoints, and note since when each is told to be down (None: it is up again).
        Endpoints that no number has any more are forgotten. Returns how many deliveries that made.
        """
        table, endpoint = schema.webhook_endpoint, schema.endpoint.c
        with self._database.write() as connection:
            made = put(connection, events, now)
            for (number, uri), since_at in states.items():
                this = {"node": node, "number": number, "uri": uri}
                if since_at is None:
                    connection.execute(table.delete().filter_by(**this))
                else:
                    upsert(connection, table, this, {"since_at": since_at})
            known = sa.exists().where(endpoint.number == table.c.number, endpoint.uri == table.c.uri)
            connection.execute(table.delete().where(~known))
        return made
