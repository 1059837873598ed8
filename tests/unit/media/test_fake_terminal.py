"""What a terminal without sockets would have heard. That it hears as the real one does, the contract says."""

import pytest

from tests.contract.media.rigs import remote_at
from tests.unit.virtual_clock import FakeClock
from trunkline.call.ports import Tone
from trunkline.errors import MediaError
from trunkline.media.fake import FakeEngine
from trunkline.media.fake_leg import FakeLeg
from trunkline.media.fake_terminal import FakeTerminal
from trunkline.media.terminals import Silence


def test_a_tone_is_heard_for_as_long_as_it_sounded() -> None:
    clock = FakeClock()
    engine = FakeEngine(clock)
    speaks, hears = (
        engine.open_terminal(source, listen_for=(440.0, 1000.0)) for source in (Tone((440.0,)), Silence())
    )
    join(speaks, hears)
    clock.advance(2.0)
    speaks.send_digits("42")
    hearing = hears.hearing()
    assert (hearing.heard_ms(440.0), hearing.heard_ms(1000.0), hearing.digits) == (2000, 0, "42")
    assert speaks.hearing().heard_ms(440.0) == 0


def test_nothing_passes_a_terminal() -> None:
    engine = FakeEngine(FakeClock())
    terminal = engine.open_terminal(Silence())
    with pytest.raises(MediaError):
        terminal.announce(Tone((440.0,)))
    assert not terminal.relays_for(terminal)


def join(one: FakeTerminal, other: FakeTerminal) -> None:
    """Let each be the other's peer."""

    def at(leg: FakeLeg) -> None:
        (other if leg is one else one).set_remote(
            remote_at(leg.address, leg.port, payload_types={8: 8, 101: 101})
        )

    at(one)
    at(other)
