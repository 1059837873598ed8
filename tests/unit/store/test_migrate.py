"""Creating and upgrading the schema."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory

from tests.postgres import Cluster
from trunkline.store import migrate, schema
from trunkline.store.database import Database
from trunkline.store.errors import DatabaseError, SchemaError
from trunkline.store.loading import load_accounts
from trunkline.store.migrate import check_schema, schema_state, upgrade
from trunkline.store.schema import METADATA
from trunkline.trunk.media_policy import MediaPolicy


def set_revision(database: Database, revision: str) -> None:
    with database.write() as connection:
        connection.execute(
            sa.text("UPDATE alembic_version SET version_num = :revision"), {"revision": revision}
        )


def test_the_migrations_make_what_the_schema_says(database: Database) -> None:
    with database.read() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, METADATA) == []


def test_the_migrations_make_what_comparing_can_not_see(file: Path, database: Database) -> None:
    with database.read() as connection:
        rows = connection.execute(sa.text("SELECT name, sql FROM sqlite_master WHERE sql IS NOT NULL"))
        made = {row.name: row.sql for row in rows}
    assert "WITHOUT ROWID" in made["attempt"]
    assert "AUTOINCREMENT" in made["change"]
    assert "WHERE state = 'open'" in made["ix_call_open"]
    assert "ON DELETE CASCADE" in made["credential"]


def test_upgrading_twice_changes_nothing(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/a%20b.db"
    first = upgrade(url)
    assert first.current
    assert upgrade(url) == first


def test_what_a_database_of_the_first_schema_holds_gets_the_defaults(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/x.db"
    database = Database(url, foreign_keys=False)
    config = migrate._config()
    with database.write() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "0001")
        connection.execute(
            sa.text(
                "INSERT INTO account (key, name, status, caller_id_policy, allowed_prefixes, "
                "denied_prefixes, codecs, refer_enabled, ringback, created_at) "
                "VALUES ('acme', '', 'active', 'any', '[]', '[]', '[\"PCMA\"]', 0, 'far-end', 1)"
            )
        )
        connection.execute(
            sa.text("INSERT INTO credential VALUES (1, 'acme', 'r', :md5, :sha, 1, NULL)"),
            {"md5": "0" * 32, "sha": "0" * 64},
        )
    assert upgrade(url).current
    with database.read() as connection:
        (account,) = load_accounts(connection)
    assert len(account.credentials) == 1
    assert account.media_policy == MediaPolicy(("PCMA",))
    assert not account.announcements
    database.close()


_ADDED: dict[str, dict[str, object]] = {
    "account": {
        "transcoding": True,
        "srtp": "allowed",
        "dtmf": "auto",
        "announcements": False,
        "cost_per_day": None,
        "max_inbound": None,
        "alarm": "note",
    },
    "carrier": {"transcoding": True, "srtp": "allowed", "dtmf": "auto"},
    "route": {"price_per_minute": 0.0},
}
"""What a row of before the column has in it."""


@pytest.mark.parametrize("backend", ["sqlite", "postgresql"])
@pytest.mark.parametrize("revision", migrate._revisions()[:-1])
def test_every_row_of_every_earlier_schema_is_there_after_the_upgrade(
    tmp_path: Path, cluster: Cluster, backend: str, revision: str
) -> None:
    name = f"of{revision}"
    url = f"sqlite:///{tmp_path}/x.db" if backend == "sqlite" else cluster.create(name)
    database = Database(url, foreign_keys=False)
    config = migrate._config()
    before: dict[str, dict[str, object]] = {}
    with database.engine.begin() as connection:  # not a write: a busy machine may pause for ten seconds
        config.attributes["connection"] = connection
        command.upgrade(config, revision)
        for table in _tables(connection):
            row = {column.name: _value(column) for column in table.columns}
            connection.execute(table.insert().values(row))
            before[table.name] = row
    database.close()
    assert upgrade(url).current
    with database.read() as connection:
        for table in _tables(connection):
            rows = [dict(row) for row in connection.execute(sa.select(table)).mappings()]
            old = before.pop(table.name, None)
            if table.name == "web_user" and old is None and "admin" in before:
                admin = before.pop("admin")
                assert rows == [{**admin, "name": "x", "role": "operator", "account": None}]
            elif old is None:
                assert rows == []
            else:
                added = {
                    column: value for column, value in _ADDED.get(table.name, {}).items() if column not in old
                }
                assert rows == [{**old, **added}], table.name
    assert before == {}
    database.close()
    if backend == "postgresql":
        cluster.drop(name)


def _tables(connection: sa.Connection) -> list[sa.Table]:
    """Those that are there, whoever is referred to first."""
    metadata = sa.MetaData()
    metadata.reflect(connection)
    return [table for table in metadata.sorted_tables if table.name != "alembic_version"]


def _value(column: sa.Column[Any]) -> object:
    """Something in every column; the same text everywhere, so that rows refer to each other."""
    match column.type:
        case sa.Boolean():
            return True
        case sa.Float():
            return 1700000000.25
        case sa.Integer():
            return 7
        case sa.JSON():
            return ["x"]
        case _:
            return "x"


def test_the_files_are_named_as_alembic_names_their_versions() -> None:
    scripts = ScriptDirectory.from_config(migrate._config())
    assert migrate._revisions() == [script.revision for script in scripts.walk_revisions()][::-1]


def test_a_current_schema_passes(database: Database) -> None:
    check_schema(database)
    assert schema_state(database).current


def test_an_empty_database_is_told_apart(tmp_path: Path) -> None:
    database = Database(f"sqlite:///{tmp_path}/x.db")
    with pytest.raises(SchemaError, match="is empty; restore it from a backup"):
        check_schema(database)
    database.close()


def test_a_newer_schema_is_left_alone(database: Database, url: str) -> None:
    set_revision(database, "9999")
    with pytest.raises(SchemaError, match="a newer program made it"):
        check_schema(database)
    with pytest.raises(SchemaError, match="has schema 9999"):
        upgrade(url)


def test_a_migration_that_fails_leaves_nothing_behind(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/x.db"
    database = Database(url)
    with database.write() as connection:
        connection.execute(sa.text("CREATE TABLE route (a TEXT)"))
    with pytest.raises(DatabaseError, match="already exists"):
        upgrade(url)
    with database.read() as connection:
        tables = (
            connection.execute(sa.text("SELECT name FROM sqlite_master WHERE type = 'table'")).scalars().all()
        )
    assert tables == ["route"]
    database.close()


def test_an_unreachable_database(tmp_path: Path) -> None:
    with pytest.raises(DatabaseError, match="unable to open"):
        upgrade(f"sqlite:///{tmp_path}/nowhere/x.db")


def test_administrators_become_operators(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/old.db"
    database = Database(url, foreign_keys=False)
    config = migrate._config()
    with database.write() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "0002")
        connection.execute(sa.text("INSERT INTO admin VALUES ('Admin', 'a hash', 5.0)"))
    database.close()
    upgrade(url)
    upgraded = Database(url)
    with upgraded.read() as connection:
        rows = connection.execute(sa.text("SELECT name, password_hash, role, account FROM web_user")).all()
    upgraded.close()
    assert [tuple(row) for row in rows] == [("admin", "a hash", "operator", None)]


def test_text_compares_by_its_bytes_whatever_the_database_does(cluster: Cluster) -> None:
    """The tests' server compares as Americans do: a < B < c."""
    url = cluster.create("collated")
    upgrade(url)
    database = Database(url)
    with database.write() as connection:
        for name in ("a", "B", "_", "c"):
            connection.execute(schema.meta.insert().values(name=name, value=""))
    with database.read() as connection:
        names = connection.execute(sa.select(schema.meta.c.name).order_by(schema.meta.c.name)).scalars().all()
        others = sa.text(
            "SELECT table_name, column_name FROM information_schema.columns WHERE table_schema = 'public' "
            "AND data_type = 'text' AND collation_name IS DISTINCT FROM 'C'"
        )
        assert connection.execute(others).all() == []
    assert names == ["B", "_", "a", "c"]
    database.close()
    cluster.drop("collated")


def test_a_database_that_can_not_hold_every_text_is_refused(cluster: Cluster) -> None:
    cluster.execute(
        "CREATE DATABASE latin ENCODING 'LATIN1' LOCALE 'C' LOCALE_PROVIDER libc TEMPLATE template0"
    )
    with pytest.raises(SchemaError, match="has the encoding LATIN1"):
        upgrade(cluster.url("latin"))
    cluster.drop("latin")


def test_two_that_upgrade_at_once_do_it_once(cluster: Cluster) -> None:
    url = cluster.create("twice")
    with ThreadPoolExecutor(2) as pool:
        assert all(state.current for state in pool.map(upgrade, [url, url]))
    cluster.drop("twice")
