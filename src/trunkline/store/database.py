"""Connections: an SQLite file (the default) or a PostgreSQL server, and what has to be set on each.

One transaction of `write()` at a time, on either: whoever reads first and writes later (buys a number, claims
a request) finds what it read still true. SQLite has one writer anyhow; on PostgreSQL a lock in the database
makes one of all nodes and web processes (record 13). Records, the many writes, and the nodes' signs of life
are not among them: their rows belong to one node (`group_commit`, `nodes`).

SQLite runs in WAL mode with foreign keys on and a busy time-out, so that the command line may write while a
node runs. Write transactions begin with BEGIN IMMEDIATE: a transaction that reads first and writes later
would otherwise fail with "database is locked" without waiting (https://www.sqlite.org/lang_transaction.html
§2.1, SQLITE_BUSY_SNAPSHOT).

A file that is deleted or replaced while it is open goes on as a ghost that nobody will find again. So before
each transaction it is seen whether it is still the one that the connection is to: another is opened instead,
and one that is gone is like a server that is; nothing puts an empty one in its place.

A commit survives a power cut (`synchronous=FULL`), unless the database is opened with `durable=False`: then
it survives the death of the process, and whoever writes many small transactions syncs now and then.
"""

import errno
import json
import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy import event
from sqlalchemy.engine import Connection, Engine
from sqlalchemy.exc import ArgumentError, DBAPIError, NoSuchModuleError, SQLAlchemyError
from sqlalchemy.pool import ConnectionPoolEntry, ManagesConnection

from trunkline.store.errors import DatabaseError

_BUSY_TIMEOUT_MS = 5000
_ANSWER_S = 10.0
_WRITE = "trunkline_write"
_BOUNDED = "set_config('idle_in_transaction_session_timeout', '10000', true)"
_ONE_WRITER = sa.text(f"SELECT pg_advisory_xact_lock(5060), {_BOUNDED}")
"""Freed by the end of the transaction, by that of the connection, and after ten seconds in which the program
that has it does nothing.
"""
_BESIDE_OTHERS = sa.text(f"SELECT {_BOUNDED}")

_LOG_BYTES: Final = 16 * 1024 * 1024
"""What the write-ahead log keeps of the disk once a long reader (a backup) has let it grow."""
_FILE: Final = "file"
"""In the `info` of a connection: which file it is to."""
_CLOCK: Final = {
    "sqlite": "(julianday('now') - 2440587.5) * 86400.0",
    "postgresql": "CAST(extract(epoch FROM clock_timestamp()) AS double precision)",
}


class Database:
    """An engine whose transactions are either `read()` or `write()`. Safe to share between threads."""

    def __init__(
        self,
        url: str,
        *,
        busy_timeout_ms: int = _BUSY_TIMEOUT_MS,
        answer_s: float | None = _ANSWER_S,
        foreign_keys: bool = True,
        durable: bool = True,
    ) -> None:
        """Nothing is opened yet. Raises `DatabaseError` when `url` is malformed or its driver is not
        installed.

        For SQLite only: `busy_timeout_ms` is how long to wait for another writer, `foreign_keys` whether
        they are enforced (a migration replaces tables under them), `durable` whether each commit survives a
        power cut. For PostgreSQL only: `answer_s` is how long a statement may take, the wait for another
        writer included (None: as long as it likes).
        """
        try:
            parsed = sa.make_url(url)
            if parsed.get_backend_name() == "sqlite":
                self.engine = _sqlite(parsed, busy_timeout_ms, foreign_keys, durable)
            else:
                self.engine = _postgresql(parsed, answer_s)
        except (ArgumentError, NoSuchModuleError, ModuleNotFoundError, ValueError) as error:
            raise DatabaseError(f"the database URL can't be used: {one_line(error)}") from None
        self.name = self.engine.url.render_as_string(hide_password=True)

    @property
    def dialect(self) -> str:
        """`sqlite` or `postgresql`."""
        return self.engine.dialect.name

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """A transaction that sees one state of the database throughout. Raises `DatabaseError`."""
        with self._errors_named(), self.engine.connect() as connection:
            if self.dialect == "postgresql":
                connection.execution_options(isolation_level="REPEATABLE READ")
            with connection.begin():
                yield connection

    @contextmanager
    def write(self, *, alone: bool = True) -> Iterator[Connection]:
        """A transaction that commits at the end of the block, or rolls back when it raises. Raises
        `DatabaseError`. Not `alone`: on PostgreSQL beside other writers, for who touches rows that it has
        locked, and nothing else.

        Constraint violations pass through as `sqlalchemy.exc.IntegrityError`: the repositories name them.
        """
        with self._errors_named(), self.engine.connect() as connection:
            connection = connection.execution_options(**{_WRITE: True})
            with connection.begin():
                if self.dialect == "postgresql":
                    connection.execute(_ONE_WRITER if alone else _BESIDE_OTHERS)
                yield connection

    def close(self) -> None:
        """Close every connection that is not in use."""
        self.engine.dispose()

    @contextmanager
    def _errors_named(self) -> Iterator[None]:
        try:
            yield
        except sa.exc.IntegrityError:
            raise
        except SQLAlchemyError as error:
            shut = _shut(self.engine.url) if self.dialect == "sqlite" else None
            raise DatabaseError(f"database {self.name}: {one_line(error)}") from shut or error


def one_line(error: Exception) -> str:
    """What the database says of it, without line breaks."""
    cause = error.orig if isinstance(error, DBAPIError) and error.orig is not None else error
    return " ".join(str(cause).split())


def is_left(connection: ManagesConnection) -> bool:
    """Whether another file, or none, has taken the place of the one that it is to."""
    path, which = connection.info.get(_FILE, (None, None))
    return path is not None and _which(path) != which


def clock_of(dialect: str) -> sa.ColumnElement[float]:
    """The clock of a database that speaks it: wall-clock seconds."""
    return sa.literal_column(_CLOCK[dialect], sa.Float())


def clock_now(connection: Connection) -> float:
    """What the clock of the database says."""
    return float(connection.execute(sa.select(clock_of(connection.dialect.name))).scalar_one())


def _postgresql(url: sa.URL, answer_s: float | None) -> Engine:
    if url.get_backend_name() != "postgresql":
        raise ValueError(f"{url.get_backend_name()} is neither sqlite nor postgresql")
    try:
        from trunkline.store.postgresql import open_engine
    except ImportError as error:
        raise ValueError(
            f"PostgreSQL's driver is missing ({error}); pip install 'psycopg[binary]' brings it"
        ) from error
    return open_engine(url, answer_s, read_json)


def _sqlite(url: sa.URL, busy_timeout_ms: int, foreign_keys: bool, durable: bool) -> Engine:
    engine = sa.create_engine(
        url, connect_args={"timeout": busy_timeout_ms / 1000}, json_deserializer=read_json
    )

    path = url.database or ""
    is_file = not path.startswith((":", "file:"))
    was_there = False

    @event.listens_for(engine, "do_connect")
    def _make_private(*_: object) -> None:
        # It holds the accounts' HA1. The files that SQLite puts beside it get the same mode.
        if is_file and was_there and _which(path) is None:
            raise sqlite3.OperationalError(f"{path} is gone; restore it from a backup")
        if is_file:
            with suppress(OSError):
                os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))

    @event.listens_for(engine, "connect")
    def _set_up(connection: Any, record: ConnectionPoolEntry) -> None:
        nonlocal was_there
        was_there = True
        if is_file:
            record.info[_FILE] = path, _which(path)
        connection.isolation_level = None
        connection.create_function("lower", 1, _lower, deterministic=True)
        cursor = connection.cursor()
        cursor.execute("PRAGMA journal_mode=WAL")
        cursor.execute(f"PRAGMA synchronous={'FULL' if durable else 'NORMAL'}")
        cursor.execute(f"PRAGMA foreign_keys={'ON' if foreign_keys else 'OFF'}")
        cursor.execute(f"PRAGMA journal_size_limit={_LOG_BYTES}")
        cursor.close()

    @event.listens_for(engine, "checkout")
    def _leave_ghosts(_connection: object, record: ConnectionPoolEntry, _proxy: object) -> None:
        if is_left(record):
            raise sa.exc.DisconnectionError

    @event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        write = connection.get_execution_options().get(_WRITE, False)
        connection.exec_driver_sql("BEGIN IMMEDIATE" if write else "BEGIN")

    return engine


def read_json(text: str | bytes) -> Any:
    """What a JSON column holds. Most hold an empty list, a million of them when a node starts."""
    return [] if text in ("[]", b"[]") else json.loads(text)


def _lower(text: str | None) -> str | None:
    """In place of SQLite's own, which knows no letters but those of ASCII."""
    return None if text is None else text.lower()


def _which(path: str) -> tuple[int, int] | None:
    """Tells the file that is there from others; None: there is none."""
    try:
        found = Path(path).stat()
    except OSError:
        return None
    return found.st_dev, found.st_ino


def _shut(url: sa.URL) -> PermissionError | None:
    """The file, or its folder, that this user may not write: SQLite names neither."""
    file = Path(url.database or "")
    for path, wanted in ((file, os.R_OK | os.W_OK), (file.parent, os.W_OK | os.X_OK)):
        if os.access(path, os.F_OK) and not os.access(path, wanted):
            return PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(path))
    return None
