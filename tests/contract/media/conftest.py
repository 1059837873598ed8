"""The daemon that the tests of this folder share, and the rigs around each engine."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.contract.media.rigs import RIGS, Rig
from tests.contract.media.rtpengine_daemon import RtpengineDaemon
from tests.contract.media.rtpengine_rig import PATIENCE_S, RtpengineRig

RTPENGINE_CANNOT = {
    "test_payload_types_that_were_not_agreed_go_nowhere": "it passes on what it has no handler for",
    "test_what_was_heard_is_rated": "it tells of loss and jitter in the peers' RTCP, not of what it sees",
    "test_digits_need_no_audio_to_travel_with": "it puts digits into the far side's stream, and makes none",
}
"""Tests that rtpengine 10.5 does not pass, each with the reason. docs/operations.md says the same."""
LITTLE_S = 1.0
"""Waited for what rtpengine never does."""
ENOUGH = 16
"""Port pairs of a rig, where a test is not about their number."""


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


@pytest.fixture
def rtpengine_rig(rtpengine: Callable[[], RtpengineDaemon]) -> Iterator[RtpengineRig]:
    """Around the daemon of the run."""
    rig = RtpengineRig(rtpengine(), 4)
    yield rig
    rig.stop()


@pytest.fixture(params=[*RIGS, "rtpengine"])
def make_rig(
    request: pytest.FixtureRequest, rtpengine: Callable[[], RtpengineDaemon], tmp_path: Path
) -> Iterator[Callable[[int], Rig]]:
    reason = None
    if request.param == "rtpengine":
        reason = RTPENGINE_CANNOT.get(request.node.name.replace("rtpengine-", "").removesuffix("[rtpengine]"))
        if reason is not None:
            request.applymarker(pytest.mark.xfail(reason=reason, strict=True))

    with ExitStack() as ends:

        def make(pairs: int) -> Rig:
            if request.param != "rtpengine":
                rig = RIGS[request.param](pairs)
            elif pairs == ENOUGH:
                rig = RtpengineRig(rtpengine(), pairs)
                rig.patience_s = PATIENCE_S if reason is None else LITTLE_S
            else:
                daemon = RtpengineDaemon(tmp_path, pairs=2 * pairs)
                ends.callback(daemon.stop)
                rig = RtpengineRig(daemon, pairs)
            ends.callback(rig.stop)
            return rig

        yield make


@pytest.fixture
def rig(make_rig: Callable[[int], Rig]) -> Rig:
    return make_rig(ENOUGH)
