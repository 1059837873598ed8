"""Sessions of browsers and tokens of programs: who holds one is signed in until it expires or is revoked.

Only the SHA-256 of a token is stored. A token has 256 random bits, so it needs no slow hash.
"""

import hashlib
import secrets
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final, NamedTuple

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from trunkline.store import schema
from trunkline.store.audit import Trail
from trunkline.store.database import Database
from trunkline.store.errors import InUseError, NotFoundError, StoreError
from trunkline.store.loading import MAX_PAGE
from trunkline.store.users import Role

_SEEN_EVERY_S: Final = 60.0
"""`seen_at` is written at most this often: reading a page must not cost a write."""
MAX_SESSIONS: Final = 50
"""Of one user, or of an account's key, and as many tokens; the oldest browser session makes room, a token
doesn't."""


class SessionKind(StrEnum):
    """A browser's cookie, or a token that a program sends."""

    BROWSER = "browser"
    TOKEN = "token"  # noqa: S105 - a kind, not a secret


@dataclass(frozen=True, slots=True)
class Session:
    """One sign-in."""

    id: str
    """The hash of its token: names it, and signs nobody in."""
    kind: SessionKind
    role: Role
    user: str | None
    """Whoever signed in with a password; None: with an account's key and secret."""
    account: str | None
    label: str
    """The browser's User-Agent, or what the token is for."""
    source: str
    created_at: float
    seen_at: float
    expires_at: float | None
    """None, for tokens only: when it is revoked."""

    @property
    def name(self) -> str:
        """Who is signed in: user name or account key."""
        return self.user or self.account or ""


class SessionPage(NamedTuple):
    """Some sessions, newest first, and the cursor of the page behind; None: that was the last."""

    sessions: Sequence[Session]
    next_cursor: str | None


_ORDER: Final = (schema.web_session.c.created_at, schema.web_session.c.token_hash)


class Sessions:
    """The sessions in `database`."""

    def __init__(
        self, database: Database, wall: Callable[[], float] = time.time, trail: Trail | None = None
    ) -> None:
        self._database = database
        self._wall = wall
        self._trail = trail or Trail(wall=wall)

    def open(
        self,
        *,
        role: Role,
        user: str | None,
        account: str | None,
        kind: SessionKind = SessionKind.BROWSER,
        label: str = "",
        source: str = "",
        lifetime_s: float | None,
    ) -> tuple[str, Session]:
        """Begin a session; return its token, which nothing can show again, and the session.

        Raises `InUseError` for one token more than `MAX_SESSIONS`.
        """
        token = secrets.token_urlsafe(32)
        now = self._wall()
        expires_at = None if lifetime_s is None else now + lifetime_s
        session = Session(
            session_id(token), kind, role, user, account, label[:200], source, now, now, expires_at
        )
        table = schema.web_session
        mine = sa.and_(table.c.user == user, table.c.account == account)
        with self._database.write() as connection:
            connection.execute(table.delete().where(table.c.expires_at <= now))
            surplus = (
                sa.select(table.c.token_hash)
                .where(mine, table.c.kind == SessionKind.BROWSER.value)
                .order_by(table.c.created_at.desc())
                .offset(MAX_SESSIONS - 1)
            )
            connection.execute(table.delete().where(table.c.token_hash.in_(surplus)))
            if kind is SessionKind.TOKEN:
                _check_room(connection, mine)
            connection.execute(
                table.insert().values(
                    token_hash=session.id,
                    kind=kind.value,
                    role=role.value,
                    user=user,
                    account=account,
                    label=session.label,
                    source=source,
                    created_at=now,
                    seen_at=now,
                    expires_at=expires_at,
                )
            )
            after = {"kind": kind.value, "label": session.label}
            self._trail.told(connection, "session", session.name, "sign-in", account=account, after=after)
        return token, session

    def find(self, token: str) -> Session | None:
        """The living session of a token; notes that it was seen."""
        now = self._wall()
        table = schema.web_session
        with self._database.read() as connection:
            row = connection.execute(sa.select(table).where(table.c.token_hash == session_id(token))).first()
        if row is None or (row.expires_at is not None and row.expires_at <= now):
            return None
        if now - row.seen_at >= _SEEN_EVERY_S:
            with self._database.write() as connection:
                connection.execute(
                    table.update().where(table.c.token_hash == row.token_hash).values(seen_at=now)
                )
        return _session(row)

    def list(self, *, account: str | None = None) -> Sequence[Session]:
        """Living sessions, newest first: of one account (its users' included), or all."""
        with self._database.read() as connection:
            return [_session(row) for row in connection.execute(self._living(None, account, None))]

    def page(
        self,
        *,
        user: str | None = None,
        account: str | None = None,
        kind: SessionKind | None = None,
        cursor: str | None = None,
        limit: int = 50,
    ) -> SessionPage:
        """Up to `limit` (1 to 1000) living sessions, newest first, from `cursor` on: of one user, of one
        account (its users' included), of one kind, or all. Raises `StoreError` for a bad cursor.
        """
        limit = max(1, min(limit, MAX_PAGE))
        query = self._living(user, account, kind).limit(limit + 1)
        if cursor is not None:
            query = query.where(sa.tuple_(*_ORDER) < sa.tuple_(*_key(cursor)))
        with self._database.read() as connection:
            found = [_session(row) for row in connection.execute(query)]
        last = found[limit - 1] if len(found) > limit else None
        return SessionPage(found[:limit], None if last is None else f"{last.created_at!r}/{last.id}")

    def get(self, id_: str) -> Session:
        """A living one. Raises `NotFoundError`."""
        with self._database.read() as connection:
            query = self._living(None, None, None).where(schema.web_session.c.token_hash == id_)
            row = connection.execute(query).first()
        if row is None:
            raise NotFoundError("session", id_[:12])
        return _session(row)

    def _living(
        self, user: str | None, account: str | None, kind: SessionKind | None
    ) -> sa.Select[tuple[Any, ...]]:
        table = schema.web_session
        wanted = ((table.c.user, user), (table.c.account, account), (table.c.kind, kind))
        return (
            sa.select(table)
            .where(
                sa.or_(table.c.expires_at.is_(None), table.c.expires_at > self._wall()),
                *(column == value for column, value in wanted if value is not None),
            )
            .order_by(*(column.desc() for column in _ORDER))
        )

    def revoke(self, id_: str) -> Session:
        """End a session. Raises `NotFoundError`."""
        table = schema.web_session
        with self._database.write() as connection:
            row = connection.execute(sa.select(table).where(table.c.token_hash == id_)).first()
            if row is None:
                raise NotFoundError("session", id_[:12])
            session = _session(row)
            connection.execute(table.delete().where(table.c.token_hash == id_))
            self._trail.told(connection, "session", session.name, "sign-out", account=session.account)
        return session


def session_id(token: str) -> str:
    """What a token is stored under."""
    return hashlib.sha256(token.encode()).hexdigest()


def _key(cursor: str) -> tuple[sa.ColumnElement[float], sa.ColumnElement[str]]:
    moment, _, id_ = cursor.partition("/")
    try:
        return sa.literal(float(moment)), sa.literal(id_)
    except ValueError:
        raise StoreError(f"{cursor!r} is not a cursor; leave it out to begin at the newest") from None


def _check_room(connection: Connection, mine: sa.ColumnElement[bool]) -> None:
    table = schema.web_session
    tokens = sa.select(sa.func.count()).where(mine, table.c.kind == SessionKind.TOKEN.value)
    if connection.execute(tokens).scalar_one() >= MAX_SESSIONS:
        raise InUseError(f"there are {MAX_SESSIONS} tokens already; revoke one first")


def _session(row: sa.Row[tuple[object, ...]]) -> Session:
    return Session(
        id=row.token_hash,
        kind=SessionKind(row.kind),
        role=Role(row.role),
        user=row.user,
        account=row.account,
        label=row.label,
        source=row.source,
        created_at=row.created_at,
        seen_at=row.seen_at,
        expires_at=row.expires_at,
    )
