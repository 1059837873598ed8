"""The daemon that the tests of this folder share."""

from collections.abc import Callable, Iterator

import pytest

from tests.contract.media.rtpengine_daemon import RtpengineDaemon


@pytest.fixture(scope="session")
def rtpengine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[], RtpengineDaemon]]:
    """The one daemon of a run, started when a test first needs it."""
    started: list[RtpengineDaemon] = []

    def get() -> RtpengineDaemon:
        if not started:
            started.append(RtpengineDaemon(tmp_path_factory.mktemp("rtpengine"), pairs=200))
        return started[0]

    yield get
    for daemon in started:
        daemon.stop()
