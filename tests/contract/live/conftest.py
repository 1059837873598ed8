"""The server that the tests of this folder share a start of."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.contract.live.redis_server import RedisServer


@pytest.fixture
def server(tmp_path: Path) -> Iterator[RedisServer]:
    """A fresh one."""
    running = RedisServer(tmp_path)
    try:
        yield running
    finally:
        running.kill()
