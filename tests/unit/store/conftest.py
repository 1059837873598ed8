"""A fresh database, key file and store for each test, on a clock that stands still."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.unit.virtual_clock import FakeClock
from trunkline.store.database import Database
from trunkline.store.keys import Keyring
from trunkline.store.migrate import upgrade
from trunkline.store.store import Store

REALM = "sip.example.net"


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
def url(file: Path) -> str:
    return f"sqlite:///{file}"


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
def clock() -> FakeClock:
    return FakeClock()
