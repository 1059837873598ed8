"""What terminals say and hear, as values. The engines that implement `Terminal` have a contract suite."""

import pytest

from trunkline.media.terminals import Echo, Hearing, Silence, Tone, ToneHeard


def test_what_was_heard_is_found_by_its_frequency() -> None:
    hearing = Hearing("12", (ToneHeard(440.0, 500, -10.0), ToneHeard(1004.0, 0, None)))
    assert [hearing.heard_ms(frequency) for frequency in (440.0, 1004.0)] == [500, 0]


def test_a_frequency_that_was_not_listened_for_is_no_zero() -> None:
    with pytest.raises(StopIteration):
        Hearing("", (ToneHeard(440.0, 500, -10.0),)).heard_ms(441.0)


def test_sources_are_values() -> None:
    assert Tone((440.0,)) == Tone((440.0,), -10.0, None)
    assert len({Silence(), Silence(), Echo(), Echo(), Tone((440.0,))}) == 3
