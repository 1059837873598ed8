"""Digits through rtpengine: telephone-events (RFC 4733), tones (ITU-T Q.23), and what came by signalling."""

import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from tests.contract.media.rigs import Told, open_pair, remote_at
from tests.contract.media.rtpengine_daemon import RtpengineDaemon, free_port_range
from tests.contract.media.rtpengine_rig import NO_EVENTS, OTHERS, PCMA, RtpengineRig, having
from trunkline.call.ports import Tone
from trunkline.media.embedded import EmbeddedTerminal
from trunkline.media.terminals import Silence

DTMF_HZ = {"1": (697.0, 1209.0), "9": (852.0, 1477.0)}
LISTENING = (697.0, 852.0, 1209.0, 1477.0)
AGAIN_S = 1.5
"""After which a key is pressed once more: on a busy machine rtpengine loses one now and then."""


@pytest.fixture
def rig(rtpengine_rig: RtpengineRig) -> RtpengineRig:
    """Around rtpengine only."""
    return rtpengine_rig


def tones_ms(terminal: EmbeddedTerminal, digit: str) -> int:
    """How long both tones of a digit were heard."""
    return min(terminal.hearing().heard_ms(frequency_hz) for frequency_hz in DTMF_HZ[digit])


def press(rig: RtpengineRig, terminal: EmbeddedTerminal, digits: str) -> None:
    """Say digits as tones, of 150 ms each, between tones of another kind."""
    for digit in digits:
        terminal.play(Tone(DTMF_HZ[digit]))
        rig.pass_time(0.15)
        terminal.play(Tone((440.0,)))
        rig.pass_time(0.15)


def until_heard(rig: RtpengineRig, press_key: Callable[[], None], heard: Callable[[], bool]) -> None:
    """Press a key, and again until it is heard."""
    pressed_at = -AGAIN_S

    def pressed() -> bool:
        nonlocal pressed_at
        if not heard() and time.monotonic() >= pressed_at + AGAIN_S:
            pressed_at = time.monotonic()
            press_key()
        return heard()

    rig.until(pressed)


@pytest.mark.parametrize("codec", ["PCMA", *OTHERS])
@pytest.mark.parametrize("caller_has_events", [True, False])
def test_events_are_tones_for_a_peer_without_them_and_its_tones_are_events(
    rig: RtpengineRig, codec: str, caller_has_events: bool
) -> None:
    """One peer has PCMA and telephone-event, the other one this codec and nothing else."""
    with_events = rig.engine.open_terminal(Tone((440.0,)), listen_for=(440.0, *LISTENING))
    without = rig.engine.open_terminal(Tone((440.0,)), listen_for=(440.0, *LISTENING))
    pair, beyond = open_pair(rig, Told()), open_pair(rig, Told())
    one, other = pair if caller_has_events else pair[::-1]
    one_peer = remote_at(with_events.address, with_events.port, **having(PCMA))
    if codec == "PCMA":
        both = {"payload_types": {8: 8}, "hears": (PCMA,), "speaks": PCMA}
        one.set_remote(replace(one_peer, payload_types={8: 8}))
        other.set_remote(remote_at(without.address, without.port, **both, **NO_EVENTS))
        at_without = other
    else:
        speaks = OTHERS[codec]
        one.set_remote(one_peer)
        near_end, far_end = beyond
        here = {**having(speaks), **NO_EVENTS}
        other.set_remote(remote_at(near_end.address, near_end.port, **here))
        near_end.set_remote(remote_at(other.address, other.port, **here))
        far_end.set_remote(remote_at(without.address, without.port, **{**having(PCMA), **NO_EVENTS}))
        rig.engine.bridge(*beyond)
        at_without = far_end
    rig.engine.bridge(*pair)
    rig.settle()
    with_events.set_remote(remote_at(one.address, one.port, payload_types={8: 8, 101: 101}))
    without.set_remote(remote_at(at_without.address, at_without.port, payload_types={8: 8}))
    rig.until(lambda: min(end.hearing().heard_ms(440.0) for end in (with_events, without)) >= 100)
    for digit in "19":
        until_heard(
            rig,
            lambda: with_events.send_digits(digit, duration_ms=200),  # noqa: B023
            lambda: tones_ms(without, digit) >= 160,  # noqa: B023
        )
    for digit in "91":
        until_heard(
            rig,
            lambda: press(rig, without, digit),  # noqa: B023
            lambda: with_events.hearing().digits.endswith(digit),  # noqa: B023
        )
    assert without.hearing().digits == ""


def test_digits_by_signalling_are_tones_for_a_peer_without_events(rig: RtpengineRig) -> None:
    near = rig.engine.open_terminal(Tone((440.0,)), listen_for=(440.0, *LISTENING))
    far = rig.engine.open_terminal(Tone((440.0,)), listen_for=(440.0, *LISTENING))
    caller, callee = open_pair(rig, Told())
    both = {"payload_types": {8: 8}, "hears": (PCMA,), "speaks": PCMA, **NO_EVENTS}
    caller.set_remote(remote_at(near.address, near.port, **both))
    callee.set_remote(remote_at(far.address, far.port, **both))
    near.set_remote(remote_at(caller.address, caller.port, payload_types={8: 8}))
    far.set_remote(remote_at(callee.address, callee.port, payload_types={8: 8}))
    rig.engine.bridge(caller, callee)
    rig.until(lambda: min(end.hearing().heard_ms(440.0) for end in (near, far)) >= 100)
    callee.send_digits("19", duration_ms=200)
    rig.until(lambda: tones_ms(far, "1") >= 160 and tones_ms(far, "9") >= 160)
    caller.send_digits("9", duration_ms=200)
    rig.until(lambda: tones_ms(near, "9") >= 160)
    assert tones_ms(near, "1") == 0


@pytest.mark.parametrize("codec", ["PCMA", "speex"])
@pytest.mark.parametrize("caller_has_events", [True, False])
def test_digits_by_signalling_are_events_though_who_sends_them_has_none(
    rig: RtpengineRig, codec: str, caller_has_events: bool
) -> None:
    """One peer has PCMA, and its digits sent by INFO both ways; the other one this codec, and telephone-event
    at its rate: itself, or a second call on the way to it.
    """
    near = rig.engine.open_terminal(Tone((440.0,)))
    far = rig.engine.open_terminal(Tone((440.0,)), listen_for=(440.0,))
    pair, beyond = open_pair(rig, Told()), open_pair(rig, Told())
    one, other = pair if caller_has_events else pair[::-1]
    passing = {8: 8} if codec == "PCMA" else {}
    there = having(PCMA, payload_types=passing)
    other.set_remote(remote_at(near.address, near.port, **{**there, **NO_EVENTS}))
    near.set_remote(remote_at(other.address, other.port, payload_types={8: 8}))
    if codec == "PCMA":
        one.set_remote(remote_at(far.address, far.port, **there, tells_digits=True))
        at_far = one
    else:
        speaks = OTHERS[codec]
        near_end, at_far = beyond
        one.set_remote(remote_at(near_end.address, near_end.port, **having(speaks, tells_digits=True)))
        near_end.set_remote(remote_at(one.address, one.port, **having(speaks)))
        at_far.set_remote(remote_at(far.address, far.port, **having(PCMA)))
        rig.engine.bridge(*beyond)
    far.set_remote(remote_at(at_far.address, at_far.port, payload_types={8: 8, 101: 101}))
    rig.engine.bridge(*pair)
    rig.until(lambda: far.hearing().heard_ms(440.0) >= 100)
    one.send_digits("19")
    rig.until(lambda: far.hearing().digits == "19")


@pytest.fixture
def telling(tmp_path: Path) -> Iterator[RtpengineRig]:
    """A rig whose daemon tells of digits."""
    port = free_port_range("127.0.0.1", 2)
    daemon = RtpengineDaemon(tmp_path, f"--dtmf-log-dest=127.0.0.1:{port}")
    rig = RtpengineRig(daemon, 2, digits=("127.0.0.1", port))
    yield rig
    rig.stop()
    daemon.stop()


def test_keys_are_told_to_the_call_and_not_to_the_far_side(telling: RtpengineRig) -> None:
    rig, told = telling, Told()
    near = rig.engine.open_terminal(Tone((440.0,)))
    far = rig.engine.open_terminal(Silence(), listen_for=(440.0,))
    caller, callee = open_pair(rig, told)
    both = {8: 8, 101: 101}
    caller.set_remote(remote_at(near.address, near.port, payload_types=both, tells_digits=True))
    callee.set_remote(remote_at(far.address, far.port, payload_types=both))
    near.set_remote(remote_at(caller.address, caller.port, payload_types=both))
    far.set_remote(remote_at(callee.address, callee.port, payload_types=both))
    rig.engine.bridge(caller, callee)
    rig.until(lambda: far.hearing().heard_ms(440.0) >= 100)
    near.send_digits("5#")
    rig.until(lambda: [(leg, digit) for leg, digit, _ in told.digits] == [(caller, "5"), (caller, "#")])
    assert all(80 <= duration_ms <= 120 for _, _, duration_ms in told.digits)
    rig.pass_time(0.3)
    assert far.hearing().digits == ""


def test_tones_are_told_to_the_call_and_not_heard_at_the_far_side(telling: RtpengineRig) -> None:
    rig, told = telling, Told()
    near = rig.engine.open_terminal(Tone((440.0,)))
    far = rig.engine.open_terminal(Silence(), listen_for=(440.0, *LISTENING))
    caller, callee = open_pair(rig, told)
    both = {"payload_types": {8: 8}, "hears": (PCMA,), "speaks": PCMA, **NO_EVENTS}
    caller.set_remote(remote_at(near.address, near.port, tells_digits=True, finds_tones=True, **both))
    callee.set_remote(remote_at(far.address, far.port, **both))
    rig.engine.bridge(caller, callee)
    rig.settle()
    near.set_remote(remote_at(caller.address, caller.port, payload_types={8: 8}))
    far.set_remote(remote_at(callee.address, callee.port, payload_types={8: 8}))
    rig.until(lambda: far.hearing().heard_ms(440.0) >= 100)
    press(rig, near, "19")
    rig.until(lambda: [(leg, digit) for leg, digit, _ in told.digits] == [(caller, "1"), (caller, "9")])
    heard_ms = far.hearing().heard_ms(440.0)
    rig.until(lambda: far.hearing().heard_ms(440.0) >= heard_ms + 100)
    assert [far.hearing().heard_ms(frequency_hz) for frequency_hz in LISTENING] == [0, 0, 0, 0]
