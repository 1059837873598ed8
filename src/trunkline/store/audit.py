"""The audit trail: who changed what, when, from where, and what it was before and after.

A row is written in the transaction that makes the change, so there is no change without its row and no row
without its change. Every repository has a `Trail`; whose it is comes from `Store.by`. Secrets are not in it:
a repository hands over what it would show.

Bounded: beyond `KEPT` rows the oldest go, and beyond `KEPT_OF_ONE` of one account's the oldest of those.
"""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final, NamedTuple

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from trunkline.store import schema
from trunkline.store.changes import note
from trunkline.store.database import Database
from trunkline.trunk.directory import Kind

KEPT: Final = 200_000
KEPT_OF_ONE: Final = 20_000
"""A customer who changes things without end pushes out none of the operator's rows, nor of others'."""
_PRUNED_EVERY: Final = 1000
MAX_PAGE: Final = 1000
_FOLLOWED: Final = frozenset(kind.value for kind in Kind)
"""The kinds of things that a running node has in memory."""

Values = Mapping[str, Any]


class Via(StrEnum):
    """Which door a change came through."""

    COMMAND_LINE = "command-line"
    DASHBOARD = "dashboard"
    API = "api"
    NEXMO = "nexmo-api"
    SERVICE = "service"


@dataclass(frozen=True, slots=True)
class Author:
    """Who makes a change."""

    name: str
    """An e-mail address, an account key, or the user of the machine."""
    via: Via
    source: str = ""
    """The address that it came from; empty on the machine itself."""


SERVICE: Final = Author("trunkline", Via.SERVICE)
"""Changes that nobody asked for just now."""


class AuditEntry(NamedTuple):
    """One change; the columns of `schema.audit`."""

    id: int
    made_at: float
    author: str
    via: str
    source: str
    action: str
    """`add`, `change`, `remove`, or a word of its own such as `rotate-secret`."""
    kind: str
    key: str
    account: str | None
    """Whose it is; None: the operator's."""
    before: Values | None
    """The fields that the change touched, as they were."""
    after: Values | None


class Trail:
    """Writes what one author changes."""

    __slots__ = ("_author", "_wall")

    def __init__(self, author: Author = SERVICE, wall: Callable[[], float] = time.time) -> None:
        self._author = author
        self._wall = wall

    def changed(
        self,
        connection: Connection,
        kind: str,
        key: str,
        action: str,
        *,
        account: str | None = None,
        before: Values | None = None,
        after: Values | None = None,
    ) -> None:
        """Note a change within the transaction that makes it, for running nodes and for the trail."""
        made_at = self._wall()
        if kind in _FOLLOWED:
            note(connection, kind, key, made_at)
        self.told(connection, kind, key, action, account=account, before=before, after=after)

    def told(
        self,
        connection: Connection,
        kind: str,
        key: str,
        action: str,
        *,
        account: str | None = None,
        before: Values | None = None,
        after: Values | None = None,
    ) -> None:
        """Write a row of the trail alone: nothing that a node follows has changed. No row, where `before` and
        `after` are the same."""
        if before is not None and after is not None:
            touched = [name for name in after if before.get(name) != after[name]]
            if not touched:
                return
            before = {name: before.get(name) for name in touched}
            after = {name: after[name] for name in touched}
        table = schema.audit
        result = connection.execute(
            table.insert().values(
                made_at=self._wall(),
                author=self._author.name,
                via=self._author.via.value,
                source=self._author.source,
                action=action,
                kind=str(kind),
                key=key,
                account=account,
                before=sa.null() if before is None else dict(before),
                after=sa.null() if after is None else dict(after),
            )
        )
        row = result.inserted_primary_key
        if row is not None and row[0] % _PRUNED_EVERY == 0:
            if account is not None:
                _keep_newest(connection, KEPT_OF_ONE, table.c.account == account)
            _keep_newest(connection, KEPT)


def _keep_newest(connection: Connection, kept: int, *those: sa.ColumnElement[bool]) -> None:
    """Delete the oldest of `those` rows, or of all."""
    table = schema.audit
    beyond = sa.select(table.c.id).where(*those).order_by(table.c.id.desc()).offset(kept).limit(1)
    connection.execute(table.delete().where(table.c.id <= beyond.scalar_subquery(), *those))


class Audit:
    """Reads the trail in `database`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def list(
        self,
        *,
        account: str | None = None,
        kind: str | None = None,
        key: str | None = None,
        before_id: int | None = None,
        since_at: float | None = None,
        limit: int = 50,
    ) -> Sequence[AuditEntry]:
        """Up to `limit` (1 to 1000) entries, newest first, older than `before_id`; of one account, one kind
        of things, one thing; from one moment on."""
        table = schema.audit
        query = sa.select(table).order_by(table.c.id.desc()).limit(max(1, min(limit, MAX_PAGE)))
        for column, value in ((table.c.account, account), (table.c.kind, kind), (table.c.key, key)):
            if value is not None:
                query = query.where(column == value)
        if before_id is not None:
            query = query.where(table.c.id < before_id)
        if since_at is not None:
            query = query.where(table.c.made_at >= since_at)
        with self._database.read() as connection:
            return [AuditEntry(*row) for row in connection.execute(query)]
