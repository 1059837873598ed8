"""The server that the tests of this folder share a start of."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.contract.live.server import LiveServer


@pytest.fixture
def server(tmp_path: Path) -> Iterator[LiveServer]:
    """A fresh one."""
    running = LiveServer(tmp_path)
    try:
        yield running
    finally:
        running.kill()
