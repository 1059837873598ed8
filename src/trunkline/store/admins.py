"""Who may sign in to the dashboard. Passwords are kept as Argon2id hashes (RFC 9106)."""

import time
from collections.abc import Callable, Sequence

import sqlalchemy as sa
from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from trunkline.store import schema
from trunkline.store.database import Database
from trunkline.store.errors import NotFoundError, StoreError

MIN_PASSWORD_LENGTH = 10


class Admins:
    """The administrators in `database`."""

    def __init__(self, database: Database, wall: Callable[[], float] = time.time) -> None:
        self._database = database
        self._wall = wall
        self._hasher = PasswordHasher()

    def set_password(self, name: str, password: str) -> None:
        """Add an administrator, or give one another password. Raises `StoreError` for a password that is too
        short.
        """
        if len(password) < MIN_PASSWORD_LENGTH:
            raise StoreError(f"a password needs at least {MIN_PASSWORD_LENGTH} characters")
        values = {"password_hash": self._hasher.hash(password), "created_at": self._wall()}
        with self._database.write() as connection:
            changed = connection.execute(
                schema.admin.update().where(schema.admin.c.name == name).values(**values)
            )
            if changed.rowcount == 0:
                connection.execute(schema.admin.insert().values(name=name, **values))

    def verify(self, name: str, password: str) -> bool:
        """Whether `password` is that of `name`. An unknown name takes as long as a wrong password."""
        with self._database.read() as connection:
            stored = connection.execute(
                sa.select(schema.admin.c.password_hash).where(schema.admin.c.name == name)
            ).scalar()
        if stored is None:
            self._hasher.hash(password)
            return False
        try:
            return self._hasher.verify(stored, password)
        except (VerificationError, InvalidHashError):
            return False

    def list(self) -> Sequence[str]:
        """Their names."""
        with self._database.read() as connection:
            return list(
                connection.execute(sa.select(schema.admin.c.name).order_by(schema.admin.c.name)).scalars()
            )

    def remove(self, name: str) -> None:
        """Raises `NotFoundError`."""
        with self._database.write() as connection:
            result = connection.execute(schema.admin.delete().where(schema.admin.c.name == name))
            if result.rowcount == 0:
                raise NotFoundError("administrator", name)
