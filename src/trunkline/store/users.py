"""Who may sign in with a password: operators, and people of a customer. Passwords are kept as Argon2id
hashes (RFC 9106).

An account's key and secret sign in too; they are `Accounts.verify`'s matter.
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from threading import BoundedSemaphore
from typing import Any, Final

import sqlalchemy as sa
from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from sqlalchemy.engine import Connection
from sqlalchemy.exc import IntegrityError

from trunkline.store import schema
from trunkline.store.answers import forget_answers, owner_of
from trunkline.store.audit import Trail
from trunkline.store.database import Database
from trunkline.store.errors import AlreadyExistsError, NotFoundError, StoreError
from trunkline.store.loading import MAX_PAGE, Listed, check_exists
from trunkline.trunk.directory import Kind

MIN_PASSWORD_LENGTH: Final = 10
MAX_PASSWORD_LENGTH: Final = 1024
MAX_NAME_LENGTH: Final = 254
"""The longest e-mail address (RFC 5321 §4.5.3.1.3, without its brackets)."""
_HASHER: Final = PasswordHasher()
_CHECKING: Final = BoundedSemaphore(2)
"""Passwords checked at a time: each takes 64 MB and a core."""


class Role(StrEnum):
    """What a signed-in person may do: everything, or what concerns one account."""

    OPERATOR = "operator"
    CUSTOMER = "customer"


@dataclass(frozen=True, slots=True)
class User:
    """One person. Raises `StoreError` when made with values that can't be."""

    name: str
    """An e-mail address in lower case, or a plain name such as `admin`."""
    role: Role
    account: str | None = None
    """Key of a customer's account; None for an operator."""
    created_at: float = 0.0

    def __post_init__(self) -> None:
        name = self.name
        if not 1 <= len(name) <= MAX_NAME_LENGTH or not name.isprintable() or " " in name or ":" in name:
            raise StoreError(f"{name[:80]!r} is not a name to sign in with: an e-mail address, or one word")
        if (self.role is Role.CUSTOMER) != (self.account is not None):
            raise StoreError(f"user {name}: a customer's person needs an account, an operator has none")


class Users:
    """The users in `database`."""

    def __init__(
        self, database: Database, wall: Callable[[], float] = time.time, trail: Trail | None = None
    ) -> None:
        self._database = database
        self._wall = wall
        self._trail = trail or Trail(wall=wall)

    def add(self, user: User, password: str) -> User:
        """Raises `AlreadyExistsError`, `NotFoundError` when the account does not exist, `StoreError` for a
        name that no path of the API can end in, and a password that is too short or too long."""
        if "/" in user.name or user.name in (".", ".."):
            raise StoreError(f"{user.name[:80]!r} can't be part of an address; take a name without a slash")
        hashed = self._hash(password)
        now = self._wall()
        added = User(user.name.lower(), user.role, user.account, now)
        with self._database.write() as connection:
            if added.account is not None:
                check_exists(connection, Kind.ACCOUNT, added.account)
            try:
                connection.execute(
                    schema.web_user.insert().values(
                        name=added.name,
                        password_hash=hashed,
                        role=added.role.value,
                        account=added.account,
                        created_at=now,
                    )
                )
            except IntegrityError:
                raise AlreadyExistsError("user", added.name) from None
            forget_answers(connection, owner_of(added.name, user=True))
            self._changed(connection, added, "add")
        return added

    def set_password(self, name: str, password: str) -> None:
        """Give a user another password and end his sessions. Raises `NotFoundError`, `StoreError`."""
        hashed = self._hash(password)
        table, sessions = schema.web_user, schema.web_session
        with self._database.write() as connection:
            user = _load(connection, name)
            connection.execute(table.update().where(table.c.name == user.name).values(password_hash=hashed))
            connection.execute(sessions.delete().where(sessions.c.user == user.name))
            self._changed(connection, user, "set-password")

    def verify(self, name: str, password: str) -> User | None:
        """The user whose name and password these are. An unknown name takes as long as a wrong password."""
        table = schema.web_user
        if len(password) > MAX_PASSWORD_LENGTH or len(name) > MAX_NAME_LENGTH:
            return None
        with self._database.read() as connection:
            row = connection.execute(sa.select(table).where(table.c.name == name.lower())).first()
        with _CHECKING:
            if row is None:
                _HASHER.hash(password)
                return None
            try:
                _HASHER.verify(row.password_hash, password)
            except (VerificationError, InvalidHashError):
                return None
        return _user(row)

    def get(self, name: str) -> User:
        """Raises `NotFoundError`."""
        with self._database.read() as connection:
            return _load(connection, name)

    def list(self, account: str | None = None) -> Sequence[User]:
        """All users by name, or those of `account`."""
        with self._database.read() as connection:
            return [_user(row) for row in connection.execute(_by_name(account))]

    def page(self, account: str | None = None, *, after: str = "", limit: int = 50) -> Listed[User]:
        """Up to `limit` (1 to 1000) users behind the name `after`: all, or those of `account`."""
        limit = max(1, min(limit, MAX_PAGE))
        query = _by_name(account).where(schema.web_user.c.name > after).limit(limit + 1)
        with self._database.read() as connection:
            found = [_user(row) for row in connection.execute(query)]
        return Listed(found[:limit], len(found) > limit)

    def remove(self, name: str) -> None:
        """Raises `NotFoundError`, and `StoreError` for the last operator."""
        table = schema.web_user
        with self._database.write() as connection:
            user = _load(connection, name)
            others = sa.select(table.c.name).where(
                table.c.role == Role.OPERATOR.value, table.c.name != user.name
            )
            if user.role is Role.OPERATOR and connection.execute(others).first() is None:
                raise StoreError(f"{user.name} is the only operator; add another one first")
            connection.execute(table.delete().where(table.c.name == user.name))
            self._changed(connection, user, "remove")

    def _hash(self, password: str) -> str:
        if not MIN_PASSWORD_LENGTH <= len(password) <= MAX_PASSWORD_LENGTH:
            raise StoreError(
                f"a password needs at least {MIN_PASSWORD_LENGTH} characters, at most {MAX_PASSWORD_LENGTH}"
            )
        with _CHECKING:
            return _HASHER.hash(password)

    def _changed(self, connection: Connection, user: User, action: str) -> None:
        values = {"role": user.role.value, "account": user.account}
        self._trail.told(connection, "user", user.name, action, account=user.account, after=values)


def _by_name(account: str | None) -> sa.Select[tuple[Any, ...]]:
    """Everybody, or the people of `account`."""
    table = schema.web_user
    query = sa.select(table).order_by(table.c.name)
    return query if account is None else query.where(table.c.account == account)


def _user(row: Any) -> User:
    return User(row.name, Role(row.role), row.account, row.created_at)


def _load(connection: Connection, name: str) -> User:
    table = schema.web_user
    row = connection.execute(sa.select(table).where(table.c.name == name.lower())).first()
    if row is None:
        raise NotFoundError("user", name, "trunkline user list shows them")
    return _user(row)
