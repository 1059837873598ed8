"""What was answered to requests that came with an Idempotency-Key
(https://datatracker.ietf.org/doc/draft-ietf-httpapi-idempotency-key-header/, §2), so that a program that
heard no answer may ask again without making a thing twice.

A request is claimed before it is served, and its answer kept after. Answers are encrypted: they may hold a
secret that nothing else shows again. Bounded: an answer is kept for `KEPT_S`, and `MAX_KEPT` of one owner.
"""

import time
from collections.abc import Callable, Mapping
from typing import Final, NamedTuple

import sqlalchemy as sa
from sqlalchemy.engine import Connection
from sqlalchemy.exc import IntegrityError

from trunkline.store import schema
from trunkline.store.database import Database
from trunkline.store.errors import StoreError
from trunkline.store.keys import Keyring

KEPT_S: Final = 86_400.0
MAX_KEPT: Final = 1000
"""Of one owner; the oldest make room."""
PATIENCE_S: Final = 60.0
"""A request that is served longer has died with its process: it may be asked again."""


class KeyReusedError(StoreError):
    """The key came with another request before."""


class PendingError(StoreError):
    """The request with this key is being served at this moment."""


class Answer(NamedTuple):
    """A response as it was sent."""

    status: int
    headers: Mapping[str, str]
    body: str


class Answers:
    """The answers in `database`."""

    def __init__(self, database: Database, keyring: Keyring, wall: Callable[[], float] = time.time) -> None:
        self._database = database
        self._keyring = keyring
        self._wall = wall

    def claim(self, owner: str, key: str, fingerprint: str) -> Answer | None:
        """The answer that `owner` got to the request with `key`. None: there is none, and who asked has to
        serve the request, then `keep` its answer or `release` the key.

        Raises `KeyReusedError` when that request had another `fingerprint`, `PendingError`.
        """
        try:
            with self._database.write() as connection:
                return self._claim(connection, owner, key, fingerprint)
        except IntegrityError:
            raise PendingError(_PENDING) from None

    def keep(self, owner: str, key: str, answer: Answer) -> None:
        """What was answered."""
        with self._database.write() as connection:
            connection.execute(
                schema.answer.update()
                .where(*_of(owner, key))
                .values(
                    status=answer.status,
                    headers=dict(answer.headers),
                    body=self._keyring.encrypt(answer.body),
                )
            )

    def release(self, owner: str, key: str) -> None:
        """The request made nothing: the key is as good as new."""
        with self._database.write() as connection:
            connection.execute(schema.answer.delete().where(*_of(owner, key)))

    def _claim(self, connection: Connection, owner: str, key: str, fingerprint: str) -> Answer | None:
        table = schema.answer
        now = self._wall()
        connection.execute(table.delete().where(table.c.made_at <= now - KEPT_S))
        row = connection.execute(sa.select(table).where(*_of(owner, key))).first()
        if row is None:
            connection.execute(
                table.insert().values(
                    owner=owner, key=key, fingerprint=fingerprint, made_at=now, headers=sa.null()
                )
            )
            _make_room(connection, owner)
            return None
        if row.fingerprint != fingerprint:
            raise KeyReusedError("this Idempotency-Key came with another request before; take a new one")
        if row.status is not None:
            body = self._keyring.decrypt(row.body, f"the answer to {key}")
            return Answer(row.status, row.headers, body)
        if now - row.made_at < PATIENCE_S:
            raise PendingError(_PENDING)
        connection.execute(table.update().where(*_of(owner, key)).values(made_at=now))
        return None


_PENDING: Final = "the request with this Idempotency-Key is being served; ask again in a moment"


def owner_of(name: str, *, user: bool) -> str:
    """Whose answers they are: an account's key may be a user's name."""
    return f"{'user' if user else 'account'} {name}"


def forget_answers(connection: Connection, owner: str) -> None:
    """Within the transaction that gives a name to somebody: those of whoever had it before."""
    connection.execute(schema.answer.delete().where(schema.answer.c.owner == owner))


def _of(owner: str, key: str) -> tuple[sa.ColumnElement[bool], ...]:
    return schema.answer.c.owner == owner, schema.answer.c.key == key


def _make_room(connection: Connection, owner: str) -> None:
    table = schema.answer
    surplus = (
        sa.select(table.c.key).where(table.c.owner == owner).order_by(table.c.made_at.desc()).offset(MAX_KEPT)
    )
    doomed = list(connection.execute(surplus).scalars())
    if doomed:
        connection.execute(table.delete().where(table.c.owner == owner, table.c.key.in_(doomed)))
