"""RTP bleed and injection against the real program: all media ports are sprayed from three addresses, with a
stream of its own to each, while ten callers are silent for two seconds and then talk for two. The figures are
in docs/security.md.
"""

import os

import pytest

from tests.faults.spraying import CALLS, PTIME_S, SILENT_S, TALKING_S
from tests.faults.world import within

PACKETS = CALLS * TALKING_S / PTIME_S


@pytest.mark.skipif(os.geteuid() != 0, reason="network namespaces need root")
@pytest.mark.timeout(180)
def test_who_sprays_hears_nothing_and_is_not_heard() -> None:
    assert SILENT_S >= 1.0, "long enough to be mistaken for the peer"
    figures = within("tests.faults", "sprayed")
    for name, found in figures.items():
        assert found["sprayed"] > 20_000, (name, found)
        assert (found["stolen"], found["injected"]) == (0, 0), (name, found)
        assert found["caller_heard"] > 0.9 * PACKETS, (name, found)
        assert found["callee_heard"] > 0.9 * PACKETS, (name, found)
