"""Wrong passwords, counted for each source."""

import pytest

from tests.unit.net.wire import OPTIONS
from tests.unit.virtual_clock import FakeClock
from trunkline.net import guessing as guessing_module
from trunkline.net.admission import Evidence, Gate
from trunkline.net.guessing import Guessing

STRANGER = "192.0.2.7"


class Guard:
    """Three wrong passwords within a minute are a ban of five minutes."""

    def __init__(self) -> None:
        self.clock = FakeClock()
        self.gate = Gate(self.clock)
        self.guessing = Guessing(self.gate, self.clock, failures=3, window_s=60, ban_s=300)

    def wrong(self, times: int, host: str = STRANGER) -> list[bool]:
        return [self.guessing.wrong(host) for _ in range(times)]


def test_too_many_ban_the_source_on_every_transport() -> None:
    guard = Guard()
    assert guard.wrong(3) == [False, False, True]
    (ban,) = guard.gate.bans()
    assert (ban.source, ban.reason, ban.evidence) == (STRANGER, "wrong passwords", Evidence.PROVEN)
    assert ban.deadline == guard.clock.now() + 300
    assert not guard.gate.admits(STRANGER, OPTIONS, proven=False)
    assert not guard.gate.admits(STRANGER, OPTIONS, proven=True)


def test_after_a_ban_the_count_begins_anew() -> None:
    guard = Guard()
    guard.wrong(3)
    assert guard.wrong(3) == [False, False, True]


def test_slow_ones_are_forgotten() -> None:
    guard = Guard()
    for _ in range(10):
        assert guard.wrong(2) == [False, False]
        guard.clock.advance(60.1)
    assert guard.gate.bans() == []


def test_sources_are_counted_apart_and_an_ipv6_network_as_one() -> None:
    guard = Guard()
    guard.wrong(2)
    assert guard.wrong(2, "198.51.100.1") == [False, False]
    assert [guard.guessing.wrong(f"2001:db8::{n}") for n in (1, 2, 3)] == [False, False, True]


def test_so_many_sources_are_remembered_and_the_oldest_gives_way(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(guessing_module, "MAX_SOURCES", 2)
    guard = Guard()
    for host in (STRANGER, STRANGER, "198.51.100.1", "198.51.100.2"):
        guard.guessing.wrong(host)
    assert guard.wrong(2) == [False, False]
    assert len(guard.guessing._counts) == 2
