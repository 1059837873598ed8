"""A whole installation goes to PostgreSQL."""

from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa

from tests.postgres import Cluster
from tests.unit.store.conftest import REALM
from tests.unit.store.entities import ACCOUNT, CARRIER, NUMBER, ROUTE, attempt_record, call_record, ended_call
from trunkline.store import moving, schema
from trunkline.store.database import Database
from trunkline.store.directory_source import DirectorySource
from trunkline.store.errors import AlreadyExistsError, DatabaseError, SchemaError
from trunkline.store.group_commit import Group, GroupWriter
from trunkline.store.keys import Keyring
from trunkline.store.moving import Moved, move
from trunkline.store.record_rows import attempt_row, call_row
from trunkline.store.store import Store
from trunkline.trunk.account import Account


@pytest.fixture
def here(file: Path, keyring: Keyring) -> Iterator[Store]:
    """An installation with something in it."""
    store = Store(Database(f"sqlite:///{file}"), keyring, REALM)
    store.accounts.add(ACCOUNT)
    store.numbers.add(NUMBER)
    store.carriers.add(CARRIER)
    store.routes.add(ROUTE)
    store.webhooks.add("acme", "https://a.example/")
    rude = call_record("c1")
    rude.dialled = "0\0 1"
    writer = GroupWriter(store.database)
    calls = [call_row(rude, "run"), *(call_row(ended_call(f"c{n}"), "run") for n in range(2, 2500))]
    writer.write([Group({"call": calls, "attempt": [attempt_row(attempt_record("c1"), "run")]}, {})])
    writer.close()
    yield store
    store.close()


@pytest.fixture
def empty(cluster: Cluster) -> Iterator[str]:
    """A PostgreSQL database without even a schema."""
    yield cluster.create("moved")
    cluster.drop("moved")


def test_everything_goes(here: Store, file: Path, empty: str, keyring: Keyring, tmp_path: Path) -> None:
    told: list[Moved] = []
    counted = move(f"sqlite:///{file}", empty, told.append)
    assert [item.table for item in counted] == [table.name for table in schema.METADATA.sorted_tables]
    assert Moved("call", 2499, 2499) in counted
    assert [item.rows for item in told if item.table == "call"] == [0, 1000, 2000, 2499]
    there = Store(Database(empty), keyring, REALM)
    directories = [
        DirectorySource(store.database, keyring, tmp_path / "directory").load() for store in (here, there)
    ]
    assert [known.numbers.number(NUMBER.e164) for known in directories] == [NUMBER, NUMBER]
    others = [(known.accounts, known.carriers, known.routes) for known in directories]
    assert others[0] == others[1]
    assert there.audit.list() == here.audit.list()
    assert there.webhooks.list() == here.webhooks.list()
    assert there.calls.get("c2") == here.calls.get("c2")
    assert there.calls.get("c1").call.dialled == "0\ufffd 1"
    assert len(there.calls.get("c1").attempts) == 1
    there.close()


def test_numbers_of_rows_go_on(here: Store, file: Path, empty: str, keyring: Keyring) -> None:
    move(f"sqlite:///{file}", empty, lambda _moved: None)
    there = Store(Database(empty), keyring, REALM)
    newest = there.audit.list(limit=1)[0].id
    there.accounts.add(Account("next"))
    assert there.audit.list(limit=1)[0].id == newest + 1
    with there.database.read() as connection:
        sequences = list(connection.execute(sa.select(schema.change.c.sequence)).scalars())
    assert sequences == [1, 2, 3, 4, 5]
    there.close()


def test_a_target_that_holds_anything_is_refused(
    here: Store, file: Path, postgresql_url: str, keyring: Keyring
) -> None:
    there = Store(Database(postgresql_url), keyring, REALM)
    there.accounts.add(Account("mine"))
    with pytest.raises(AlreadyExistsError, match="move into an empty database"):
        move(f"sqlite:///{file}", postgresql_url, lambda _moved: None)
    assert [account.key for account in there.accounts.list()] == ["mine"]
    there.close()


def test_what_breaks_off_leaves_nothing_and_may_be_begun_again(
    here: Store, file: Path, empty: str, keyring: Keyring
) -> None:
    def break_off(moved: Moved) -> None:
        if moved == Moved("call", 2000, 2499):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        move(f"sqlite:///{file}", empty, break_off)
    there = Database(empty)
    with there.read() as connection:
        for table in schema.METADATA.sorted_tables:
            assert connection.execute(sa.select(table)).first() is None
    there.close()
    assert Moved("call", 2499, 2499) in move(f"sqlite:///{file}", empty, lambda _moved: None)


def test_a_count_that_differs_moves_nothing(
    here: Store, file: Path, empty: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = moving._count

    def one_too_many(connection: sa.Connection, table: sa.Table) -> int:
        return real(connection, table) + (connection.dialect.name == "sqlite")

    monkeypatch.setattr(moving, "_count", one_too_many)
    with pytest.raises(DatabaseError, match="nothing was moved"):
        move(f"sqlite:///{file}", empty, lambda _moved: None)
    there = Database(empty)
    with there.read() as connection:
        assert connection.execute(sa.select(schema.account)).first() is None
    there.close()


def test_only_from_sqlite_to_postgresql(file: Path, postgresql_url: str) -> None:
    for pair in ((f"sqlite:///{file}", f"sqlite:///{file}.new"), (postgresql_url, postgresql_url)):
        with pytest.raises(DatabaseError, match="only SQLite can be moved"):
            move(*pair, lambda _moved: None)


def test_an_old_schema_is_migrated_first(file: Path, empty: str) -> None:
    database = Database(f"sqlite:///{file}")
    with database.write() as connection:
        connection.execute(sa.text("UPDATE alembic_version SET version_num = '0001'"))
    database.close()
    with pytest.raises(SchemaError, match="trunkline migrate upgrades it"):
        move(f"sqlite:///{file}", empty, lambda _moved: None)
