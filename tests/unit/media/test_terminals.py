"""What terminals say and hear, as values."""

import pytest

from tests.unit.virtual_clock import FakeClock
from trunkline.call.ports import Tone
from trunkline.media.embedded import EmbeddedEngine, EmbeddedTerminal
from trunkline.media.fake import FakeEngine
from trunkline.media.fake_terminal import FakeTerminal
from trunkline.media.terminals import Hearing, Silence, Terminal, TerminalEngine, ToneHeard


def test_hearing_is_asked_by_frequency() -> None:
    hearing = Hearing("12", (ToneHeard(440.0, 200, -10.0), ToneHeard(1000.0, 0, None)))
    assert (hearing.heard_ms(440.0), hearing.heard_ms(1000.0)) == (200, 0)
    with pytest.raises(KeyError):
        hearing.heard_ms(941.0)


def test_sources_are_values() -> None:
    assert Tone((440.0,)) == Tone((440.0,), level_dbm0=-10.0, cadence_ms=None)
    assert Silence() == Silence()
    assert len({Tone((440.0,)), Tone((440.0,)), Tone((425.0,))}) == 2


def test_both_engines_make_terminals() -> None:
    """That they fit the protocols is the type checker's to say; that they do the same, the contract's."""
    makers: list[type[TerminalEngine]] = [EmbeddedEngine, FakeEngine]
    terminals: list[type[Terminal]] = [EmbeddedTerminal, FakeTerminal]
    assert len(makers) == len(terminals)
    made: Terminal = FakeEngine(FakeClock()).open_terminal(Silence())
    assert made.hearing() == Hearing("", ())
