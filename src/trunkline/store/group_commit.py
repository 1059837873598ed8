"""One group of records, written in one transaction: what the writer thread does with the database.

Rows are written with INSERT … ON CONFLICT DO UPDATE, so that writing the same group twice changes nothing.
Columns that never change after a record opened (`_FIXED`) are left out of the update: it spares the
indexes on them.

A row that an earlier version left in a journal has the columns that there were then, and is written without
the others: new ones come last in the schema, and may be NULL or have a default in the database.

Speaks to the driver (DB-API 2) itself: SQLAlchemy would cost more than SQLite does (380 against 120 µs for a
group of one call). The schema and the connection still come from it, and the SQL is that of SQLite and
PostgreSQL alike.
"""

import contextlib
import logging
import os
from collections.abc import Iterator, Sequence
from typing import Any, Final, NamedTuple, Self

import sqlalchemy as sa
from sqlalchemy.engine.interfaces import DBAPICursor, DBAPIModule
from sqlalchemy.pool import PoolProxiedConnection

from trunkline.store import schema
from trunkline.store.database import Database, is_left, one_line
from trunkline.store.record_rows import RecordRow
from trunkline.store.text import storable

_log = logging.getLogger(__name__)
_FIXED: Final = frozenset(
    {
        "run",
        "node",
        "direction",
        "account",
        "number",
        "dialled",
        "sip_call_id",
        "source",
        "setup_at",
        "started_at",
    }
)

_OWN: Final = {
    schema.call.name: f' WHERE "{schema.call.name}"."run" = excluded."run"',
    schema.attempt.name: ' WHERE NOT EXISTS (SELECT 1 FROM "call" AS "c" '
    'WHERE "c"."call_id" = excluded."call_id" AND "c"."run" <> %s)',
}
"""Who writes: a call that another run goes on with is that one's to write, its attempts included."""
_WRITTEN: Final = (
    schema.run,
    schema.call,
    schema.call_quality,
    schema.attempt,
    schema.registration,
    schema.ban,
)


TAKEN: Final = "taken"
"""Run, node and id of a call that is this run's from now on: its row was another's."""
_COLUMNS: Final = {
    TAKEN: ["run", "node", "call_id"],
    **{table.name: [column.name for column in table.columns] for table in _WRITTEN},
}
_MORE: Final = {schema.attempt.name: 1}
"""Values of a row behind its columns: what `_OWN` asks for."""
_Statements = dict[tuple[str, int], str]
"""Table and values of a row -> what writes it."""
_LIMIT_EXCEEDED: Final = "54"
"""A class of SQLSTATE (https://www.postgresql.org/docs/current/errcodes-appendix.html)."""
_NAMES: Final = {"sip_call_id": "Call-ID", "call_id": "call", "account": "account", "source": "source"}
"""By which whom a row is about is known, best first."""


class Group(NamedTuple):
    """What changed since the last group. All of it can be JSON."""

    put: dict[str, list[RecordRow]]
    """Table -> rows to insert or update, all columns in the order of the schema, of attempts the run as well;
    of an earlier version, those that it knew. `TAKEN` -> see there.
    """
    gone: dict[str, list[RecordRow]]
    """Table -> primary keys of rows to delete."""

    @classmethod
    def from_json(cls, entry: Sequence[Any]) -> Self:
        """The group that was put into a journal as the list of its fields."""
        put, gone = entry
        return cls(put, gone)

    @property
    def rows(self) -> int:
        """How many rows it writes or deletes; the sign of life of a run is not counted."""
        put = sum(len(rows) for table, rows in self.put.items() if table != schema.run.name)
        return put + sum(map(len, self.gone.values()))


class AwayError(Exception):
    """The database can't be written now, whatever the rows hold; `str()` is the driver's reason, a line."""


class GroupWriter:
    """Writes groups over one connection, which it opens when it needs it and again after a failure.

    One thread at a time.
    """

    def __init__(self, database: Database) -> None:
        self._engine = database.engine
        dialect = self._engine.dialect
        self._in_file = dialect.name == "sqlite"
        self._begin = "BEGIN IMMEDIATE" if self._in_file else "BEGIN"
        place = "?" if dialect.paramstyle == "qmark" else "%s"
        self._upserts = {
            (table.name, columns + _MORE.get(table.name, 0)): _upsert(table, columns, place)
            for table in _WRITTEN
            for columns in range(_fewest(table), len(table.columns) + 1)
        }
        self._upserts[TAKEN, len(_COLUMNS[TAKEN])] = _take(place)
        self._deletes = {
            (table.name, len(table.primary_key.columns)): _delete(table, place) for table in _WRITTEN
        }
        self._mark = _upsert(schema.meta, len(schema.meta.columns), place)
        self._connection: PoolProxiedConnection | None = None

    def write(self, groups: Sequence[Group], mark: tuple[str, str] | None = None) -> int:
        """Write `groups`, in order, in one transaction; return how many rows had to be left out.

        `mark` is a row of `meta` to set in the same transaction. A row that can't be written for what it
        holds is cleaned (text that isn't UTF-8), or else left out and logged: it must not keep the others
        from being written.

        Raises `AwayError` for the database's troubles; anything else is a fault of ours. Nothing was written
        then, unless the trouble was to hear that it was.
        """
        try:
            return self._write(groups, mark, one_by_one=False)
        except AwayError:
            self.close()
            raise
        except Exception:  # noqa: BLE001 (drivers disagree on which error a bad value is)
            try:
                return self._write(groups, mark, one_by_one=True)
            except self._dbapi.Error as error:
                self.close()
                raise AwayError(one_line(error)) from error
            except Exception:
                self.close()
                raise

    def sync(self) -> None:
        """Make what was written survive a power cut, which its commit alone does not (`Database`, `durable`).

        SQLite finds the commits in its write-ahead log by their checksums, so syncing that file is enough
        (https://www.sqlite.org/fileformat2.html#walformat). No lock is held on it: closing it frees none.
        """
        file = self._engine.url.database if self._in_file else None
        if file:
            try:
                descriptor = os.open(f"{file}-wal", os.O_RDONLY | os.O_CLOEXEC)
            except FileNotFoundError:
                return
            try:
                os.fdatasync(descriptor)
            finally:
                os.close(descriptor)

    def rest(self) -> None:
        """Let go of the connection, which others may have until the next group."""
        connection, self._connection = self._connection, None
        if connection is not None:
            if not self._in_file:
                driver: Any = connection.driver_connection
                with contextlib.suppress(self._dbapi.Error):
                    driver.autocommit = False
            connection.close()

    def close(self) -> None:
        """Close the connection, rolling back what it was doing."""
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.invalidate()

    def _write(self, groups: Sequence[Group], mark: tuple[str, str] | None, *, one_by_one: bool) -> int:
        connection = self._open()
        refused = 0
        try:
            with contextlib.nullcontext() if one_by_one else self._in_one_go(connection):
                cursor = connection.cursor()
                cursor.execute(self._begin)
                for statements, table, rows in self._work(groups):
                    if one_by_one:
                        refused += self._each(cursor, statements, table, rows)
                    elif rows:
                        cursor.executemany(statements[table, len(rows[0])], rows)
                if mark is not None:
                    cursor.execute(self._mark, mark)
                cursor.execute("COMMIT")
        except Exception as error:
            with contextlib.suppress(self._dbapi.Error):
                connection.rollback()
            if _is_away(error, self._dbapi):
                raise AwayError(one_line(error)) from error
            raise
        return refused

    def _work(self, groups: Sequence[Group]) -> Iterator[tuple[_Statements, str, Sequence[RecordRow]]]:
        """In the order in which it is done."""
        for group in groups:
            for table, rows in group.put.items():
                yield self._upserts, table, rows
            for table, rows in group.gone.items():
                yield self._deletes, table, rows

    def _in_one_go(self, connection: PoolProxiedConnection) -> contextlib.AbstractContextManager[object]:
        """What is said to a server in this block is waited for once, at its end: a round trip in all."""
        driver: Any = connection.driver_connection
        return contextlib.nullcontext() if self._in_file else driver.pipeline()

    def _each(
        self, cursor: DBAPICursor, statements: _Statements, table: str, rows: Sequence[RecordRow]
    ) -> int:
        refused = 0
        for row in rows:
            cursor.execute("SAVEPOINT one")
            try:
                cursor.execute(statements[table, len(row)], _clean(row))
            except Exception as error:
                if _is_away(error, self._dbapi):
                    raise
                cursor.execute("ROLLBACK TO SAVEPOINT one")
                refused += 1
                _log.error(
                    "a record can't be written and is left out, %s: %s: %r", whose(table, row), error, row
                )
            cursor.execute("RELEASE SAVEPOINT one")
        return refused

    def _open(self) -> PoolProxiedConnection:
        if self._connection is not None and is_left(self._connection):
            self.close()
        if self._connection is None:
            try:
                connection = self._engine.raw_connection()
                if not self._in_file:
                    driver: Any = connection.driver_connection
                    driver.autocommit = True  # its own BEGIN would be a round trip more
                self._connection = connection
            except (sa.exc.SQLAlchemyError, self._dbapi.Error) as error:
                raise AwayError(one_line(error)) from error
        return self._connection

    @property
    def _dbapi(self) -> DBAPIModule:
        return self._engine.dialect.loaded_dbapi


def whose(table: str, row: RecordRow) -> str:
    """Whom a row of a group is about, for a person: table, then Call-ID and call, or account or source."""
    held = dict(zip(_COLUMNS.get(table, ()), row, strict=False))
    found = [f"{word} {held[name]}" for name, word in _NAMES.items() if name in held]
    return ", ".join([table, *found[:2]])


def _changes(table: sa.Table, name: str) -> bool:
    return name not in table.primary_key.columns and name not in _FIXED


def _fewest(table: sa.Table) -> int:
    """How many columns a row has at least."""
    return next(count for count, name in enumerate(table.columns.keys(), start=1) if _changes(table, name))


def _upsert(table: sa.Table, columns: int, place: str) -> str:
    """For rows that have the first so many."""
    names = table.columns.keys()[:columns]
    keys = table.primary_key.columns.keys()
    changing = [name for name in names if _changes(table, name)]
    quoted = ", ".join(f'"{name}"' for name in names)
    places = ", ".join([place] * len(names))
    conflict = ", ".join(f'"{name}"' for name in keys)
    updates = ", ".join(f'"{name}" = excluded."{name}"' for name in changing)
    return (
        f'INSERT INTO "{table.name}" ({quoted}) VALUES ({places}) '  # noqa: S608 (names from the schema)
        f"ON CONFLICT ({conflict}) DO UPDATE SET {updates}{_OWN.get(table.name, '').replace('%s', place)}"
    )


def _take(place: str) -> str:
    """A call that the node before has closed itself stays closed, and its own."""
    return (
        f'UPDATE "{schema.call.name}" SET "run" = {place}, "node" = {place} '  # noqa: S608 (names from the schema)
        f'WHERE "call_id" = {place} AND "state" <> \'closed\''
    )


def _delete(table: sa.Table, place: str) -> str:
    keys = " AND ".join(f'"{column.name}" = {place}' for column in table.primary_key.columns)
    return f'DELETE FROM "{table.name}" WHERE {keys}'  # noqa: S608 (names from the schema)


def _is_away(error: Exception, dbapi: DBAPIModule) -> bool:
    """Whether `error` says that the database, rather than a row, is at fault (PEP 249, "Exceptions").

    A ProgrammingError is ours with either driver, unless it has a SQLSTATE: then PostgreSQL's server misses a
    table or a right. What is too large for one of its indexes is an OperationalError, and the row's fault.
    """
    if (getattr(error, "sqlstate", None) or "").startswith(_LIMIT_EXCEEDED):
        return False
    if isinstance(error, dbapi.OperationalError | dbapi.InternalError) or type(error) is dbapi.DatabaseError:
        return True
    return isinstance(error, dbapi.ProgrammingError) and getattr(error, "sqlstate", None) is not None


def _clean(row: RecordRow) -> RecordRow:
    """`row` with text that any database takes."""
    return tuple(storable(value) if isinstance(value, str) else value for value in row)
