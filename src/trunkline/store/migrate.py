"""Bring a database to this program's schema, and tell whether it is there.

The migrations are part of the package (`trunkline.store.migrations`), so an installed wheel needs no files
besides. A new one is a module `versions/v0002_….py` with the Alembic names `revision` ("0002", as in its own
name), `down_revision` and `upgrade`; SQLite can't alter columns in place, so write those with
`op.batch_alter_table`. A column more for what the journal holds comes last in the schema as well, and is
optional or has a `server_default` (`group_commit`).

On PostgreSQL every text column is made to compare by its bytes, as SQLite's do, whatever the database's own
collation: pages by key and searches by prefix need it, and an upgrade of the system's locales can't disorder
an index.

Alembic (10 MB of memory) is loaded to migrate only: a node that finds its schema current never needs it.
"""

from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import sqlalchemy as sa

from trunkline.store.database import Database
from trunkline.store.errors import SchemaError

if TYPE_CHECKING:
    from alembic.config import Config

_SCRIPTS = Path(__file__).parent / "migrations"
_VERSION = sa.table("alembic_version", sa.column("version_num"))


class SchemaState(NamedTuple):
    """Revisions: what the database has (None: it is empty), and what this program needs."""

    present: str | None
    needed: str

    @property
    def current(self) -> bool:
        return self.present == self.needed


def upgrade(url: str) -> SchemaState:
    """Create or upgrade the schema of the database at `url`, all or nothing; harmless when it is current.

    Raises `SchemaError` when the database was made by a newer program or can't hold every text,
    `DatabaseError` when it can't be reached.
    """
    database = Database(url, answer_s=None, foreign_keys=False)
    try:
        _check_encoding(database)
        before = schema_state(database)
        if before.present is not None and not _known(before.present):
            raise SchemaError(_newer(database, before))
        if not before.current:
            with database.write() as connection:
                _migrate(connection)
                _compare_by_bytes(connection)
        return schema_state(database)
    finally:
        database.close()


def schema_state(database: Database) -> SchemaState:
    """Compare the schema of `database` with this program's. Raises `DatabaseError` when it can't be
    reached."""
    needed = needed_revision()
    with database.read() as connection:
        versioned = sa.inspect(connection).has_table(_VERSION.name)
        present = connection.execute(sa.select(_VERSION)).scalar() if versioned else None
        return SchemaState(present, needed)


def needed_revision() -> str:
    """The schema that this program needs."""
    revisions = _revisions()
    if not revisions:
        raise SchemaError("this installation has no migrations; install it again")
    return revisions[-1]


def check_schema(database: Database) -> None:
    """Raise `SchemaError`, with what to do, unless the schema of `database` is this program's."""
    state = schema_state(database)
    if state.current:
        return
    if state.present is None:
        raise SchemaError(
            f"database {database.name} is empty; restore it from a backup, or begin anew: "
            "trunkline migrate, trunkline user add"
        )
    if not _known(state.present):
        raise SchemaError(_newer(database, state))
    raise SchemaError(
        f"database {database.name} has schema {state.present}, this program needs {state.needed}; "
        "trunkline migrate upgrades it"
    )


def _check_encoding(database: Database) -> None:
    if database.dialect != "postgresql":
        return
    with database.read() as connection:
        encoding = connection.execute(sa.text("SHOW server_encoding")).scalar_one()
    if encoding != "UTF8":
        raise SchemaError(
            f"database {database.name} has the encoding {encoding}, which can't hold what peers send; "
            "make one with CREATE DATABASE … ENCODING 'UTF8' TEMPLATE template0"
        )


def _compare_by_bytes(connection: sa.Connection) -> None:
    if connection.dialect.name != "postgresql":
        return
    columns = sa.text(
        "SELECT table_name, column_name FROM information_schema.columns "
        "WHERE table_schema = current_schema() AND data_type = 'text' AND collation_name IS DISTINCT FROM 'C'"
    )
    for table, column in connection.execute(columns).all():
        connection.execute(sa.text(f'ALTER TABLE "{table}" ALTER COLUMN "{column}" TYPE text COLLATE "C"'))


def _newer(database: Database, state: SchemaState) -> str:
    return (
        f"database {database.name} has schema {state.present}, which this program (schema {state.needed}) "
        "does not know; a newer program made it: install that one"
    )


def _known(revision: str) -> bool:
    return revision in _revisions()


def _revisions() -> list[str]:
    """Those of this program, oldest first: each version's file is named after its own."""
    return sorted(path.stem[1:].partition("_")[0] for path in (_SCRIPTS / "versions").glob("v*.py"))


def _migrate(connection: sa.Connection) -> None:
    from alembic import command

    config = _config()
    config.attributes["connection"] = connection
    command.upgrade(config, "head")


def _config() -> "Config":
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(_SCRIPTS).replace("%", "%%"))
    return config
