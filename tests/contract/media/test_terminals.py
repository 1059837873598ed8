"""What every engine's terminals do alike, the contract of `media.terminals.TerminalEngine`, and what passes
between two of them through an engine: tones, and digits.
"""

import pytest

from tests.contract.media.rigs import Rig, Told, between_terminals, figures_of, open_pair, remote_at
from trunkline.call.ports import AudioFormat, Tone
from trunkline.errors import MediaError
from trunkline.media.terminals import Echo, Silence


def test_a_tone_is_heard_through_two_legs_from_end_to_end(rig: Rig) -> None:
    listen_for = (440.0, 1000.0)
    near = rig.engine.open_terminal(Tone((440.0,), level_dbm0=-13.0), listen_for=listen_for)
    far = rig.engine.open_terminal(Tone((1000.0,)), listen_for=listen_for)
    caller, callee = between_terminals(rig, near, far)
    rig.until(lambda: far.hearing().heard_ms(440.0) >= 200 and near.hearing().heard_ms(1000.0) >= 200)
    assert near.hearing().heard_ms(440.0) == far.hearing().heard_ms(1000.0) == 0
    level = far.hearing().tones[0].level_dbm0
    assert level is not None
    assert level == pytest.approx(-13.0, abs=0.5)
    rig.until(lambda: min(*figures_of(caller), *figures_of(callee)) >= 10)
    far.close()
    assert far.hearing().heard_ms(440.0) >= 200, "it remembers after it was closed"


def test_what_was_heard_is_rated(rig: Rig) -> None:
    near = rig.engine.open_terminal(Tone((440.0,)))
    far = rig.engine.open_terminal(Silence(), listen_for=(440.0,))
    caller, _ = between_terminals(rig, near, far)
    rig.until(lambda: far.hearing().heard_ms(440.0) >= 200)
    assert (caller.figures().mos or 0.0) > 4.0


def test_a_sound_goes_on_where_the_peer_has_moved_to(rig: Rig) -> None:
    """In the codec that it takes there."""
    first = rig.engine.open_terminal(Silence(), listen_for=(425.0,))
    second = rig.engine.open_terminal(Silence(), listen_for=(425.0,))
    leg, _ = open_pair(rig, Told())
    pcma, pcmu = AudioFormat(8, "PCMA", 8000), AudioFormat(0, "PCMU", 8000)
    leg.set_remote(remote_at(first.address, first.port, payload_types={}, hears=(pcma,), speaks=pcma))
    for terminal, number in ((first, 8), (second, 0)):
        terminal.set_remote(remote_at(leg.address, leg.port, payload_types={number: number}))
    leg.announce(Tone((425.0,)))
    rig.until(lambda: first.hearing().heard_ms(425.0) >= 100)
    leg.set_remote(remote_at(second.address, second.port, payload_types={}, hears=(pcmu,), speaks=pcmu))
    rig.until(lambda: second.hearing().heard_ms(425.0) >= 100)


def test_digits_arrive_in_order_and_are_told_to_have_been_sent(rig: Rig) -> None:
    ended: list[None] = []
    near = rig.engine.open_terminal(Silence(), source_ended=lambda: ended.append(None))
    far = rig.engine.open_terminal(Silence())
    between_terminals(rig, near, far)
    near.send_digits("0a#", duration_ms=60)
    rig.until(lambda: far.hearing().digits == "0A#" and len(ended) == 1)


def test_digits_that_came_by_signalling_are_sent_to_a_legs_peer(rig: Rig) -> None:
    near = rig.engine.open_terminal(Tone((440.0,)))
    far = rig.engine.open_terminal(Silence(), listen_for=(440.0,))
    caller, callee = between_terminals(rig, near, far)
    rig.until(lambda: far.hearing().heard_ms(440.0) > 0)
    callee.send_digits("1")
    callee.send_digits("2d", duration_ms=60)
    rig.until(lambda: far.hearing().digits == "12D")
    caller.send_digits("9")
    rig.until(lambda: near.hearing().digits == "9")
    heard_ms = far.hearing().heard_ms(440.0)
    rig.until(lambda: far.hearing().heard_ms(440.0) > heard_ms)
    assert callee.figures().packets_lost == far.figures().packets_lost == 0


def test_digits_need_no_audio_to_travel_with(rig: Rig) -> None:
    near, far = rig.engine.open_terminal(Echo()), rig.engine.open_terminal(Echo())
    _, callee = between_terminals(rig, near, far)
    callee.send_digits("77")
    rig.until(lambda: far.hearing().digits == "77")
    assert near.hearing().digits == ""


def test_digits_are_refused_where_they_cannot_be_sent(rig: Rig) -> None:
    leg = rig.engine.open_leg(ipv6=False, events=Told())
    with pytest.raises(MediaError, match="telephone-event"):
        leg.send_digits("1")
    leg.set_remote(remote_at("198.51.100.7", 4000, payload_types={8: 8}, takes_events=None))
    with pytest.raises(MediaError, match="telephone-event"):
        leg.send_digits("1")
    leg.set_remote(remote_at("198.51.100.7", 4000))
    with pytest.raises(MediaError, match="DTMF digit"):
        leg.send_digits("1x")
    leg.close()
    with pytest.raises(MediaError):
        leg.send_digits("1")


def test_an_echo_is_heard_by_who_spoke(rig: Rig) -> None:
    near = rig.engine.open_terminal(Tone((440.0,)), listen_for=(440.0,))
    far = rig.engine.open_terminal(Echo())
    between_terminals(rig, near, far)
    rig.until(lambda: near.hearing().heard_ms(440.0) >= 100)
    near.play(Silence())
    heard_ms = near.hearing().heard_ms(440.0)
    rig.pass_time(0.5)
    assert near.hearing().heard_ms(440.0) <= heard_ms + 200


def test_a_terminal_refuses_what_it_cannot_do(rig: Rig) -> None:
    terminal = rig.engine.open_terminal(Silence())
    with pytest.raises(MediaError, match="telephone-event"):
        terminal.send_digits("1")
    with pytest.raises(MediaError, match=r"format|spoken to"):
        terminal.set_remote(remote_at("198.51.100.7", 4000, payload_types={18: 18}))
    terminal.set_remote(remote_at("198.51.100.7", 4000))
    with pytest.raises(MediaError, match="DTMF digit"):
        terminal.send_digits("12x")
    with pytest.raises(MediaError):
        terminal.play(Tone(()))
    with pytest.raises(MediaError):
        rig.engine.open_terminal(Tone((1.0, 2.0, 3.0)))
    terminal.close()
    with pytest.raises(MediaError):
        terminal.play(Silence())
