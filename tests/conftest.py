"""What every test may ask for. Hypothesis has no time limit per example: a busy machine is no finding."""

from collections.abc import Callable, Iterator

import pytest
from hypothesis import settings

from tests import programs
from tests.interop.addresses import free_port
from tests.postgres import Cluster, running_cluster

settings.register_profile("steady", deadline=None)
settings.load_profile("steady")


@pytest.fixture
def require_program() -> Callable[[str], str]:
    """`require_program("sipp")` is the path of sipp, or skips the test (fails it in CI)."""
    return programs.require_program


@pytest.fixture(scope="session")
def cluster() -> Iterator[Cluster]:
    """A PostgreSQL server for all tests of the run."""
    with running_cluster(free_port()) as cluster:
        yield cluster
