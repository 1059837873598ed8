"""Inserting a row that may be there already, in one statement on either database."""

from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import Connection

from trunkline.store.rows import Values


def insert_once(connection: Connection, table: sa.Table, keys: Values, values: Values) -> bool:
    """Insert a row unless there is one with `keys`, which a constraint makes unique; whether it did."""
    statement = _insert(connection)(table).values(**keys, **values)
    done = connection.execute(
        statement.on_conflict_do_nothing(index_elements=list(keys)),
        execution_options={"preserve_rowcount": True},
    )
    return done.rowcount > 0


def upsert(connection: Connection, table: sa.Table, keys: Values, values: Values) -> None:
    """Give the row with `keys`, which a constraint makes unique, these `values`; it is made if need be."""
    statement = _insert(connection)(table).values(**keys, **values)
    connection.execute(statement.on_conflict_do_update(index_elements=list(keys), set_=values))


def _insert(connection: Connection) -> Any:
    return sqlite.insert if connection.dialect.name == "sqlite" else postgresql.insert
