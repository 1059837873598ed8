"""A fresh database, key file and store for each test, on a clock that stands still.

A test that asks for a `database` runs on SQLite and on PostgreSQL; one that asks for its `file` on SQLite
alone.
"""

import itertools
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.postgres import Cluster
from tests.unit.store.deliveries import Open
from tests.unit.virtual_clock import FakeClock
from trunkline.store.database import Database
from trunkline.store.keys import Keyring
from trunkline.store.migrate import upgrade
from trunkline.store.record_delivery import RecordDelivery
from trunkline.store.store import Store

REALM = "sip.example.net"
_numbers = itertools.count(1)


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "dialect" in metafunc.fixturenames:
        alone = "file" in metafunc.fixturenames
        metafunc.parametrize("dialect", ["sqlite"] if alone else ["sqlite", "postgresql"])


@pytest.fixture(scope="session")
def template(cluster: Cluster) -> str:
    """The name of a database with the schema and nothing else."""
    upgrade(cluster.create("template"))
    return "template"


@pytest.fixture
def postgresql_url(cluster: Cluster, template: str) -> Iterator[str]:
    """A PostgreSQL database of the test's own."""
    name = f"test{next(_numbers)}"
    yield cluster.create(name, template)
    cluster.drop(name)


@pytest.fixture(scope="session")
def empty_database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file with the schema and nothing else, copied for each test: migrating takes longer."""
    path = tmp_path_factory.mktemp("schema") / "empty.db"
    upgrade(f"sqlite:///{path}")
    return path


@pytest.fixture
def file(tmp_path: Path, empty_database: Path) -> Path:
    """The database file of the test."""
    path = tmp_path / "trunkline.db"
    shutil.copy(empty_database, path)
    return path


@pytest.fixture
def url(dialect: str, request: pytest.FixtureRequest) -> str:
    """Of the test's database."""
    if dialect == "sqlite":
        return f"sqlite:///{request.getfixturevalue('file')}"
    return str(request.getfixturevalue("postgresql_url"))


@pytest.fixture
def database(url: str) -> Iterator[Database]:
    database = Database(url)
    yield database
    database.close()


@pytest.fixture
def keyring(tmp_path: Path) -> Keyring:
    return Keyring.create(tmp_path / "secret.key")


@pytest.fixture
def store(database: Database, keyring: Keyring) -> Store:
    return Store(database, keyring, REALM)


@pytest.fixture
def journal(tmp_path: Path) -> Path:
    return tmp_path / "records.journal"


@pytest.fixture
def open_delivery(url: str, journal: Path) -> Iterator[Open]:
    """Opens deliveries that give up on a lock at once, and closes them."""
    opened: list[tuple[RecordDelivery, Database]] = []

    def open_one(run: str = "run1") -> RecordDelivery:
        database = Database(url, busy_timeout_ms=0)
        delivery = RecordDelivery(database, journal, "n1", run, lambda: 0.0)
        opened.append((delivery, database))
        return delivery

    yield open_one
    for delivery, database in opened:
        delivery.close()
        database.close()


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()
