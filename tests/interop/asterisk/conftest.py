"""A node, a real PBX configured by `trunkline pbx`, and a name server between them; SIPp is its phones, the
carrier, and whoever the PBX forwards or transfers a call to.
"""

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from tests.interop.asterisk.connected import connected
from tests.interop.asterisk.long_calls import LongCall, long_calls
from tests.interop.asterisk.program import EACH_PBX, RESOLVER, Asterisk, Pbx, require_root
from tests.interop.asterisk.stage import Stage
from tests.interop.asterisk.trunk import SETTINGS, furnish
from tests.interop.casebook import Cell, cells
from tests.interop.cases import applies
from tests.interop.conftest import Speak, Start
from tests.interop.names import name_server
from tests.interop.node import DOMAIN, HOST, Node, running_node

_HERE = Path(__file__).parent


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What doesn't apply to one of the PBXs here is not tried with it."""
    items[:] = [item for item in items if not item.path.is_relative_to(_HERE) or _applies(cells(item))]


def _applies(about: list[Cell]) -> bool:
    return not about or any(applies(*cell) for cell in about)


@pytest.fixture(scope="package")
def names() -> Iterator[None]:
    """Whoever asks for the service's name learns where it is."""
    with name_server({(f"{DOMAIN}.", "A"): HOST}, (RESOLVER, 53)):
        yield


@pytest.fixture(scope="package")
def node(names: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Node]:
    with running_node(tmp_path_factory.mktemp("asterisk") / "node", SETTINGS) as node:
        furnish(node)
        yield node


@pytest.fixture(scope="package", params=EACH_PBX)
def which(request: pytest.FixtureRequest) -> Pbx:
    """All tests with one before any with the next: its long calls need their time."""
    found: Pbx = request.param
    require_root(found)
    return found


@pytest.fixture(scope="package")
def pbx(which: Pbx, node: Node, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Asterisk]:
    """A PBX that has registered; the numbers are forwarded to it."""
    with connected(node, which, tmp_path_factory.mktemp("written")) as asterisk:
        yield asterisk


@pytest.fixture(scope="package")
def long(
    node: Node, pbx: Asterisk, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[dict[str, LongCall]]:
    """Calls that are up while others come and go."""
    with long_calls(node, pbx, tmp_path_factory.mktemp("long")) as calls:
        yield calls


@pytest.fixture
def stage(node: Node, pbx: Asterisk, long: dict[str, LongCall], sipp: Start, voice: Speak) -> Iterator[Stage]:
    """Ready for calls."""
    del long  # they are to begin before the others
    with closing(Stage(node, pbx, sipp, voice)) as stage:
        yield stage
