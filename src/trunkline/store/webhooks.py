"""Webhooks at rest: the URLs at which an account's programs want to be told what happens.

The secret that signs what is sent must be usable again, so it is encrypted with the key file. It is shown
once, when it is made. What is to be sent is in `webhook_queue`.
"""

import base64
import secrets
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final, NamedTuple, TypedDict, Unpack

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from trunkline.store import schema
from trunkline.store.audit import Trail
from trunkline.store.database import Database
from trunkline.store.errors import InUseError, NotFoundError, StoreError
from trunkline.store.keys import Keyring
from trunkline.store.loading import MAX_PAGE, check_exists
from trunkline.trunk.directory import Kind

MAX_WEBHOOKS: Final = 10
"""Of one account."""
SECRET_PREFIX: Final = "whsec_"  # noqa: S105 - what a secret begins with


class EventType(StrEnum):
    """What can be told."""

    CALL_STARTED = "call.started"
    CALL_RINGING = "call.ringing"
    CALL_ANSWERED = "call.answered"
    CALL_COMPLETED = "call.completed"
    """An answered call ended."""
    CALL_FAILED = "call.failed"
    """A call ended that nobody answered."""
    ENDPOINT_DOWN = "endpoint.down"
    ENDPOINT_UP = "endpoint.up"


@dataclass(frozen=True, slots=True)
class Webhook:
    """One URL of an account."""

    id: str
    account: str
    url: str
    events: tuple[EventType, ...]
    """Those that are wanted; empty: all."""
    enabled: bool
    dropped: int
    """Events that were not kept for it, because too many waited."""
    created_at: float

    def wants(self, event: str) -> bool:
        """Whether events of this type are sent to it."""
        return self.enabled and (not self.events or event in self.events)


class WebhookChanges(TypedDict, total=False):
    """The fields that can be changed; those left out stay."""

    url: str
    events: tuple[EventType, ...]
    enabled: bool


Guard = Callable[[Webhook], object]
"""Looks at a webhook inside the transaction that is about to change it, and raises to stop that."""


class WebhookPage(NamedTuple):
    """Some webhooks, oldest first, and the cursor of the page behind; None: that was the last."""

    webhooks: Sequence[Webhook]
    next_cursor: str | None


_ORDER: Final = (schema.webhook.c.created_at, schema.webhook.c.id)


def new_secret() -> str:
    """256 random bits, as Standard Webhooks writes them: `whsec_` and base64."""
    return SECRET_PREFIX + base64.b64encode(secrets.token_bytes(32)).decode("ascii")


class Webhooks:
    """The webhooks of `database`."""

    def __init__(
        self,
        database: Database,
        keyring: Keyring,
        wall: Callable[[], float] = time.time,
        trail: Trail | None = None,
    ) -> None:
        self._database = database
        self._keyring = keyring
        self._wall = wall
        self._trail = trail or Trail(wall=wall)

    def add(self, account: str, url: str, events: Sequence[EventType] = ()) -> tuple[Webhook, str]:
        """A new webhook, and its secret, which nothing shows again. The URL is not looked at.

        Raises `NotFoundError`, and `InUseError` when the account has `MAX_WEBHOOKS` already.
        """
        table = schema.webhook
        secret = new_secret()
        made = Webhook(secrets.token_hex(8), account, url, tuple(events), True, 0, self._wall())
        with self._database.write() as connection:
            check_exists(connection, Kind.ACCOUNT, account)
            count = sa.select(sa.func.count()).select_from(table).where(table.c.account == account)
            if connection.execute(count).scalar_one() >= MAX_WEBHOOKS:
                raise InUseError(f"account {account!r} has {MAX_WEBHOOKS} webhooks already; remove one first")
            connection.execute(table.insert().values(secret=self._keyring.encrypt(secret), **_values(made)))
            self._told(connection, made, "add", after=_shown(made))
        return made, secret

    def list(self, account: str | None = None) -> Sequence[Webhook]:
        """All of them, or those of one account, oldest first."""
        with self._database.read() as connection:
            return load_webhooks(connection, account)

    def page(self, account: str | None = None, *, cursor: str | None = None, limit: int = 50) -> WebhookPage:
        """Up to `limit` (1 to 1000) of them, or of those of one account, oldest first, from `cursor` on.
        Raises `StoreError` for a bad cursor."""
        limit = max(1, min(limit, MAX_PAGE))
        query = _oldest_first(account).limit(limit + 1)
        if cursor is not None:
            query = query.where(sa.tuple_(*_ORDER) > sa.tuple_(*_key(cursor)))
        with self._database.read() as connection:
            found = [_webhook(row) for row in connection.execute(query)]
        last = found[limit - 1] if len(found) > limit else None
        return WebhookPage(found[:limit], None if last is None else f"{last.created_at!r}/{last.id}")

    def get(self, id_: str) -> Webhook:
        """Raises `NotFoundError`."""
        with self._database.read() as connection:
            return _one(connection, id_)

    def secret(self, id_: str) -> str:
        """For signing. Raises `NotFoundError`, and `KeyFileError` when it was made with another key file."""
        table = schema.webhook
        with self._database.read() as connection:
            token = connection.execute(sa.select(table.c.secret).where(table.c.id == id_)).scalar()
        if token is None:
            raise NotFoundError("webhook", id_)
        return self._keyring.decrypt(token, f"webhook {id_}")

    def update(self, id_: str, *, guard: Guard | None = None, **changes: Unpack[WebhookChanges]) -> Webhook:
        """Change some fields and return it as it is now. Raises `NotFoundError`, and whatever `guard`
        does."""
        table = schema.webhook
        with self._database.write() as connection:
            before = self._guarded(connection, id_, guard)
            if changes:
                connection.execute(table.update().where(table.c.id == id_).values(**_plain(changes)))
            after = _one(connection, id_)
            self._told(connection, after, "change", _shown(before), _shown(after))
        return after

    def rotate_secret(self, id_: str, *, guard: Guard | None = None) -> str:
        """Sign with a new secret from now on, and return it. Raises as `update` does."""
        table = schema.webhook
        secret = new_secret()
        with self._database.write() as connection:
            found = self._guarded(connection, id_, guard)
            connection.execute(
                table.update().where(table.c.id == id_).values(secret=self._keyring.encrypt(secret))
            )
            self._told(connection, found, "rotate-secret")
        return secret

    def remove(self, id_: str, *, guard: Guard | None = None) -> None:
        """And what waits for it. Raises as `update` does."""
        table = schema.webhook
        with self._database.write() as connection:
            found = self._guarded(connection, id_, guard)
            connection.execute(table.delete().where(table.c.id == id_))
            self._told(connection, found, "remove", before=_shown(found))

    def _guarded(self, connection: Connection, id_: str, guard: Guard | None) -> Webhook:
        found = _one(connection, id_)
        if guard is not None:
            guard(found)
        return found

    def _told(
        self,
        connection: Connection,
        webhook: Webhook,
        action: str,
        before: dict[str, Any] | None = None,
        after: dict[str, Any] | None = None,
    ) -> None:
        self._trail.told(
            connection,
            "webhook",
            webhook.id,
            action,
            account=webhook.account,
            before=before,
            after=after,
        )


def load_webhooks(connection: Connection, account: str | None = None) -> list[Webhook]:
    """All webhooks, or those of one account, oldest first, within a transaction."""
    return [_webhook(row) for row in connection.execute(_oldest_first(account))]


def _oldest_first(account: str | None) -> sa.Select[tuple[Any, ...]]:
    query = sa.select(schema.webhook).order_by(*_ORDER)
    return query if account is None else query.where(schema.webhook.c.account == account)


def _key(cursor: str) -> tuple[sa.ColumnElement[float], sa.ColumnElement[str]]:
    moment, _, id_ = cursor.partition("/")
    try:
        return sa.literal(float(moment)), sa.literal(id_)
    except ValueError:
        raise StoreError(f"{cursor!r} is not a cursor; leave it out to begin at the oldest") from None


def _one(connection: Connection, id_: str) -> Webhook:
    table = schema.webhook
    row = connection.execute(sa.select(table).where(table.c.id == id_)).first()
    if row is None:
        raise NotFoundError("webhook", id_, "trunkline webhook list shows them")
    return _webhook(row)


def _webhook(row: Any) -> Webhook:
    known = set(EventType)
    events = tuple(EventType(name) for name in row.events if name in known)
    return Webhook(row.id, row.account, row.url, events, row.enabled, row.dropped, row.created_at)


def _values(webhook: Webhook) -> dict[str, Any]:
    return {
        "id": webhook.id,
        "account": webhook.account,
        "url": webhook.url,
        "events": [event.value for event in webhook.events],
        "enabled": webhook.enabled,
        "dropped": webhook.dropped,
        "created_at": webhook.created_at,
    }


def _plain(changes: WebhookChanges) -> dict[str, Any]:
    values: dict[str, Any] = dict(changes)
    if "events" in changes:
        values["events"] = [event.value for event in changes["events"]]
    return values


def _shown(webhook: Webhook) -> dict[str, Any]:
    return {name: value for name, value in _values(webhook).items() if name in ("url", "events", "enabled")}
