"""Taking a whole installation from SQLite to PostgreSQL: every row of every table, or none.

All of it is one transaction there, counted against one state of the file here: what breaks off leaves an
empty schema behind, and may be begun again. Text that PostgreSQL can't hold is cleaned on the way
(`postgresql`). Numbers that the database gives to rows (of the audit trail, of changes) go on where they
stood.
"""

import json
from collections.abc import Callable, Sequence
from typing import Any, Final, NamedTuple

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from trunkline.store.database import Database
from trunkline.store.errors import AlreadyExistsError, DatabaseError
from trunkline.store.migrate import check_schema, upgrade
from trunkline.store.schema import METADATA

_AT_ONCE: Final = 1000


class Moved(NamedTuple):
    """How many rows of one table were written so far, and how many there are."""

    table: str
    rows: int
    of: int


def move(source_url: str, target_url: str, told: Callable[[Moved], object]) -> Sequence[Moved]:
    """Copy everything from the SQLite database to an empty PostgreSQL one, whose schema is made; return what
    was counted there, table by table. `told` hears of every table, and of each thousand rows.

    Raises `DatabaseError` for databases that are no such pair or can't be reached, `SchemaError` when the
    source's schema is not this program's, `AlreadyExistsError` when the target holds anything.
    """
    source, target = Database(source_url), Database(target_url, answer_s=None)
    try:
        if (source.dialect, target.dialect) != ("sqlite", "postgresql"):
            raise DatabaseError(
                f"only SQLite can be moved, and only to PostgreSQL: {source.name} to {target.name}"
            )
        check_schema(source)
        upgrade(target_url)
        with source.read() as here, target.write() as there:
            # However long it takes to count here.
            there.exec_driver_sql("SET LOCAL idle_in_transaction_session_timeout = 0")
            _check_empty(there, target.name)
            return [_move_table(here, there, table, told) for table in METADATA.sorted_tables]
    finally:
        source.close()
        target.close()


def _check_empty(there: Connection, name: str) -> None:
    for table in METADATA.sorted_tables:
        if there.execute(sa.select(sa.literal(1)).select_from(table).limit(1)).first() is not None:
            raise AlreadyExistsError(
                f"a row of {table.name} in", name, "move into an empty database: CREATE DATABASE makes one"
            )


def _move_table(
    here: Connection, there: Connection, table: sa.Table, told: Callable[[Moved], object]
) -> Moved:
    total = _count(here, table)
    moved = 0
    told(Moved(table.name, moved, total))
    columns = ", ".join(f'"{column.name}"' for column in table.columns)
    json_at = [place for place, column in enumerate(table.columns) if isinstance(column.type, sa.JSON)]
    driver: Any = there.connection.driver_connection
    with driver.cursor().copy(f'COPY "{table.name}" ({columns}) FROM STDIN') as copy:
        for part in here.execute(sa.select(table)).partitions(_AT_ONCE):
            for row in part:
                copy.write_row(_as_text(row, json_at))
            moved += len(part)
            told(Moved(table.name, moved, total))
    _go_on_counting(there, table)
    found = _count(there, table)
    if found != total:
        raise DatabaseError(f"{table.name} has {total} rows here and {found} there: nothing was moved")
    return Moved(table.name, found, total)


def _as_text(row: sa.Row[Any], json_at: Sequence[int]) -> Sequence[Any]:
    """`row` as COPY takes it: JSON as its text, and NULL for none."""
    values = list(row)
    for place in json_at:
        if values[place] is not None:
            values[place] = json.dumps(values[place])
    return values


def _go_on_counting(there: Connection, table: sa.Table) -> None:
    """Behind the highest number that a row of `table` was given, if rows are given any."""
    column = table.autoincrement_column
    if column is None:
        return
    sequence = sa.func.pg_get_serial_sequence(sa.literal(f'"{table.name}"'), sa.literal(column.name))
    highest = sa.select(sa.func.max(column)).scalar_subquery()
    there.execute(sa.select(sa.func.setval(sequence, sa.func.coalesce(highest, 1), highest.is_not(None))))


def _count(connection: Connection, table: sa.Table) -> int:
    return connection.execute(sa.select(sa.func.count()).select_from(table)).scalar_one()
