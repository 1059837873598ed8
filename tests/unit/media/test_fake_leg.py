"""What a leg without sockets counts: peers that talk without packets, on a clock of the test's choosing."""

import pytest

from tests.contract.media.rigs import Told, remote_at
from tests.unit.virtual_clock import FakeClock
from trunkline.call.ports import MediaFlow
from trunkline.media.fake import FakeEngine
from trunkline.media.fake_leg import FakeLeg


def bridged(engine: FakeEngine, told: Told) -> tuple[FakeLeg, FakeLeg]:
    caller, callee = (engine.open_leg(ipv6=False, events=told) for _ in range(2))
    caller.set_remote(remote_at("198.51.100.1", 4000))
    callee.set_remote(remote_at("198.51.100.2", 4000))
    engine.bridge(caller, callee)
    return caller, callee


def test_peers_that_talk_keep_a_call_alive_and_fill_its_figures() -> None:
    clock, told = FakeClock(), Told()
    caller, callee = bridged(FakeEngine(clock), told)
    clock.advance(3600.0)
    assert told.timed_out == []
    figures = caller.figures()
    assert (figures.packets_received, figures.packets_sent) == (180_000, 180_000)
    assert figures.mos == pytest.approx(4.4)
    callee.talk(False)
    clock.advance(10.0)
    assert (caller.figures().packets_received, callee.figures().packets_received) == (180_500, 180_000)
    caller.talk(False)
    clock.advance(59.0)
    assert told.timed_out == []
    clock.advance(1.1)
    assert told.timed_out == [caller]


def test_hold_stops_the_audio_that_it_should() -> None:
    clock = FakeClock()
    caller, callee = bridged(FakeEngine(clock), Told())
    callee.set_remote(remote_at("198.51.100.2", 4000, direction=MediaFlow.RECEIVE))
    clock.advance(2.0)
    assert (caller.figures().packets_sent, callee.figures().packets_sent) == (100, 0)
