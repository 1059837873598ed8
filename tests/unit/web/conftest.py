"""The office of the web process, its database copied for each test."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.unit.web.customers import busy_node, furnish, office_of
from tests.unit.web.paper_node import PaperNode
from trunkline.config import Settings
from trunkline.store.store import Store
from trunkline.web.office import Office


@pytest.fixture(scope="session")
def furnished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data directory with two customers, made once: passwords take long to hash."""
    home = tmp_path_factory.mktemp("furnished")
    settings = Settings(node={"data_dir": home})  # type: ignore[arg-type]
    store = Store.initialise(settings.database_url, settings.key_file, settings.service.domain)
    furnish(store)
    store.close()
    return home


@pytest.fixture
def home(furnished: Path, tmp_path: Path) -> Path:
    """The data directory of the test."""
    path = tmp_path / "home"
    shutil.copytree(furnished, path)
    return path


@pytest.fixture
def node() -> PaperNode:
    return busy_node()


@pytest.fixture
def office(home: Path, node: PaperNode) -> Iterator[Office]:
    office = office_of(home, node)
    yield office
    office.close()
