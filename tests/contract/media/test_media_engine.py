"""What every media engine does alike: the contract of `call.ports.MediaEngine`.

Each test runs over the embedded engine (real packets on loopback), over the fake, and over an rtpengine. So
do those of `test_terminals`, `test_srtp` and `test_own_ports`.
"""

import struct
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from itertools import pairwise

import pytest

from tests.contract.media.rigs import RIGS, Rig, Told, figures_of, open_pair, remote_at
from trunkline.call.ports import MediaFlow, MediaLeg, NoPortsError
from trunkline.call.quality import EVERY_S
from trunkline.errors import MediaError

ATTEMPTS = 20
"""At a measurement that a busy machine spoils."""


class Bridged:
    """Two legs with peers, bridged."""

    def __init__(self, rig: Rig) -> None:
        self.told = Told()
        self.caller, self.callee = open_pair(rig, self.told)
        self.caller_peer, self.callee_peer = rig.peer(), rig.peer()
        self.caller.set_remote(self.caller_peer.remote)
        self.callee.set_remote(self.callee_peer.remote)
        rig.engine.bridge(self.caller, self.callee)
        rig.settle()


def test_a_leg_has_an_even_port_of_its_own(rig: Rig) -> None:
    legs = [rig.engine.open_leg(ipv6=False, events=Told()) for _ in range(16)]
    assert all(leg.port % 2 == 0 for leg in legs)
    assert len({leg.port for leg in legs}) == 16
    assert len({leg.address for leg in legs}) == 1


def test_how_the_peers_audio_goes_is_kept(rig: Rig) -> None:
    bridged = Bridged(rig)
    bridged.caller_peer.send(bridged.caller, 8, 10)
    rig.until(lambda: figures_of(bridged.callee)[1] == 10)
    assert bridged.caller.course() is None
    bridged.caller.follow()
    bridged.caller.follow()
    bridged.caller_peer.send(bridged.caller, 8, 20)
    assert kept(bridged.caller) == []
    rig.pass_time(EVERY_S + 1)
    rig.until(lambda: sum(received for received, *_ in kept(bridged.caller)) == 30)
    before = kept(bridged.caller)
    bridged.caller.close()
    assert kept(bridged.caller)[: len(before)] == before
    qualities = [mos for received, _, _, mos in before if received]
    assert all(410 <= mos <= 450 for mos in qualities), "hundredths"
    assert bridged.callee.course() is None


def kept(leg: MediaLeg) -> list[tuple[int, ...]]:
    """The points of its course."""
    course = leg.course()
    assert course is not None
    return list(struct.iter_unpack("<HHHH", course.points))


def test_ports_run_out_and_come_back(make_rig: Callable[[int], Rig]) -> None:
    rig = make_rig(2)
    first, second = (rig.engine.open_leg(ipv6=False, events=Told()) for _ in range(2))
    with pytest.raises(NoPortsError):
        rig.engine.open_leg(ipv6=False, events=Told())
    first.close()
    rig.pass_time(rig.drain_s)
    again: list[MediaLeg] = []

    def opens() -> bool:
        with suppress(NoPortsError):
            again.append(rig.engine.open_leg(ipv6=False, events=Told()))
        return bool(again)

    rig.until(opens)
    assert again[0].port != second.port
    with pytest.raises(NoPortsError):
        rig.engine.open_leg(ipv6=False, events=Told())


@pytest.mark.parametrize("make", RIGS.values(), ids=RIGS)
def test_a_port_of_our_own_rests_before_it_is_used_again(make: Callable[[int], Rig]) -> None:
    """Those of an rtpengine are its own to rest."""
    rig = make(2)
    try:
        first, second = (rig.engine.open_leg(ipv6=False, events=Told()) for _ in range(2))
        first.close()
        with pytest.raises(NoPortsError, match="1 "):
            rig.engine.open_leg(ipv6=False, events=Told())
        rig.pass_time(rig.drain_s)
        again = rig.engine.open_leg(ipv6=False, events=Told())
        assert again.port == first.port != second.port
    finally:
        rig.stop()


def test_closing_twice_says_the_same(rig: Rig) -> None:
    call = Bridged(rig)
    call.caller_peer.send(call.caller, 8, 3)
    rig.until(lambda: figures_of(call.callee) == (0, 3))
    last = call.caller.close()
    assert last.packets_received == 3
    assert call.caller.close() == last == call.caller.figures()


def test_a_bridge_carries_both_ways_in_each_peers_numbers(rig: Rig) -> None:
    call = Bridged(rig)
    call.caller_peer.send(call.caller, 8, 2)
    call.caller_peer.send(call.caller, 101, 1)
    rig.until(lambda: figures_of(call.callee) == (0, 3))
    assert call.callee_peer.received() == [8, 8, rig.far_event]
    call.callee_peer.send(call.callee, 101, 1)
    rig.until(lambda: figures_of(call.caller) == (3, 1))
    assert call.caller_peer.received() == [rig.far_event]


def test_payload_types_that_were_not_agreed_go_nowhere(rig: Rig) -> None:
    call = Bridged(rig)
    call.caller_peer.send(call.caller, 0, 5)
    call.caller_peer.send(call.caller, 8, 1)
    rig.until(lambda: figures_of(call.callee) == (0, 1))
    assert call.callee_peer.received() == [8]
    assert figures_of(call.caller) == (1, 0)


def test_nothing_passes_before_the_bridge_or_before_the_far_peer_is_known(rig: Rig) -> None:
    told = Told()
    caller, callee = open_pair(rig, told)
    peer = rig.peer()
    caller.set_remote(peer.remote)
    rig.settle()
    peer.send(caller, 8)
    rig.until(lambda: figures_of(caller) == (1, 0))
    rig.engine.bridge(caller, callee)
    rig.settle()
    peer.send(caller, 8)
    rig.until(lambda: figures_of(caller) == (2, 0))
    assert figures_of(callee) == (0, 0)


def test_what_comes_before_the_bridge_goes_nowhere(rig: Rig) -> None:
    """Whoever sends to a port of ours that nobody is bridged with is not heard by the other peer."""
    told = Told()
    caller, callee = open_pair(rig, told)
    near, far, stranger = rig.peer(), rig.peer(), rig.peer()
    caller.set_remote(near.remote)
    rig.settle()
    stranger.send(callee, 8)
    callee.set_remote(far.remote)
    rig.settle()
    far.send(callee, 8)
    rig.take_in(callee, 1)
    assert near.received() == []
    rig.engine.bridge(caller, callee)
    rig.settle()
    far.send(callee, 8)
    rig.until(lambda: figures_of(caller)[1] == 1)
    assert near.received() == [8]


@pytest.mark.parametrize(
    ("direction", "to_callee", "to_caller"),
    [
        (MediaFlow.BOTH, [8], [8]),
        (MediaFlow.SEND, [], [8]),
        (MediaFlow.RECEIVE, [8], []),
        (MediaFlow.NONE, [], []),
    ],
)
def test_hold_by_direction(
    rig: Rig, direction: MediaFlow, to_callee: list[int], to_caller: list[int]
) -> None:
    call = Bridged(rig)
    call.caller.set_remote(replace(call.caller_peer.remote, direction=direction))
    rig.settle()
    call.caller_peer.send(call.caller, 8)
    call.callee_peer.send(call.callee, 8)
    rig.until(lambda: figures_of(call.caller)[0] == figures_of(call.callee)[0] == 1)
    assert call.callee_peer.received() == to_callee
    assert call.caller_peer.received() == to_caller


def test_hold_by_address_and_back(rig: Rig) -> None:
    call = Bridged(rig)
    call.caller.set_remote(replace(call.caller_peer.remote, rtp_address="0.0.0.0"))
    rig.settle()
    call.callee_peer.send(call.callee, 8)
    rig.until(lambda: figures_of(call.callee) == (1, 0))
    assert call.caller_peer.received() == []
    call.caller.set_remote(call.caller_peer.remote)
    rig.settle()
    call.callee_peer.send(call.callee, 8)
    rig.until(lambda: figures_of(call.caller) == (0, 1))
    assert call.caller_peer.received() == [8]


def test_a_peer_that_moves_is_followed_once_signalling_says_so(rig: Rig) -> None:
    call = Bridged(rig)
    call.caller_peer.send(call.caller, 8)
    rig.until(lambda: figures_of(call.callee) == (0, 1))
    moved = rig.peer()
    call.caller.set_remote(moved.remote)
    rig.settle()
    call.callee_peer.send(call.callee, 8)
    rig.until(lambda: figures_of(call.caller)[1] == 1)
    assert moved.received() == [8]
    assert call.caller_peer.received() == []


def test_bridging_elsewhere_ends_the_old_bridge(rig: Rig) -> None:
    call = Bridged(rig)
    third, third_peer = rig.engine.open_leg(ipv6=False, events=call.told, beside=call.caller), rig.peer()
    third.set_remote(third_peer.remote)
    rig.engine.bridge(call.caller, third)
    rig.settle()
    call.callee_peer.send(call.callee, 8)
    call.caller_peer.send(call.caller, 8)
    rig.until(lambda: figures_of(third) == (0, 1))
    assert third_peer.received() == [8]
    assert call.caller_peer.received() == call.callee_peer.received() == []


def test_what_is_closed_stays_closed(rig: Rig) -> None:
    call = Bridged(rig)
    call.callee.close()
    call.caller_peer.send(call.caller, 8)
    rig.until(lambda: figures_of(call.caller) == (1, 0))
    with pytest.raises(MediaError):
        call.callee.set_remote(call.callee_peer.remote)
    with pytest.raises(MediaError):
        rig.engine.bridge(call.caller, call.callee)
    with pytest.raises(MediaError):
        rig.engine.bridge(call.caller, call.caller)


def test_the_other_address_family_is_refused(rig: Rig) -> None:
    leg = rig.engine.open_leg(ipv6=False, events=Told())
    with pytest.raises(MediaError, match="family"):
        leg.set_remote(remote_at("2001:db8::7", 4000))


# --- media timeout ---------------------------------------------------------------------------------------


def quiet_so_far(rig: Rig, told: Told, since: float) -> bool:
    """For half of the time-out nothing is told. False: a busy machine took nearly all of it for that."""
    rig.pass_time(rig.timeout_s * 0.5)
    if time.monotonic() - since > rig.timeout_s * 0.9:
        return False
    assert told.timed_out == []
    return True


def test_silence_on_both_sides_is_told_once_of_the_caller(rig: Rig) -> None:
    for _ in range(ATTEMPTS):
        since = time.monotonic()
        call = Bridged(rig)
        if quiet_so_far(rig, call.told, since):
            break
        call.caller.close()
        call.callee.close()
    else:
        pytest.fail("the machine was too busy each time")
    rig.pass_time(rig.timeout_s * 2)
    assert call.told.timed_out == [call.caller]
    call.callee_peer.send(call.callee, 8)
    rig.pass_time(rig.timeout_s * 2)
    assert call.told.timed_out == [call.caller, call.caller], "after sound, silence is news again"


def test_sound_on_one_side_is_enough(rig: Rig) -> None:
    """A busy machine may hold the peer up for longer than is waited: that was silence then."""
    call = Bridged(rig)
    sent_at, held_up = [time.monotonic()], True
    for _ in range(ATTEMPTS):
        call.told.timed_out.clear()
        for _ in range(10):
            call.callee_peer.send(call.callee, 8)
            sent_at.append(time.monotonic())
            rig.pass_time(rig.timeout_s * 0.3)
        held_up = any(later - sooner > rig.timeout_s * 0.7 for sooner, later in pairwise(sent_at))
        if not held_up:
            break
        sent_at = sent_at[-1:]
    assert not held_up
    assert call.told.timed_out == []


@pytest.mark.parametrize("change", [{"direction": MediaFlow.SEND}, {"rtp_address": "0.0.0.0"}])
def test_a_held_call_may_be_silent_until_it_is_resumed(rig: Rig, change: dict[str, str]) -> None:
    call = Bridged(rig)
    held = replace(call.callee_peer.remote, **change)  # type: ignore[arg-type]
    call.callee.set_remote(held)
    rig.pass_time(rig.timeout_s * 3)
    assert call.told.timed_out == []
    for _ in range(ATTEMPTS):
        since = time.monotonic()
        call.callee.set_remote(call.callee_peer.remote)
        if quiet_so_far(rig, call.told, since):
            break
        call.callee.set_remote(held)
        rig.settle()
        call.told.timed_out.clear()
    else:
        pytest.fail("the machine was too busy each time")
    rig.pass_time(rig.timeout_s * 2)
    assert call.told.timed_out == [call.caller]


def test_a_closed_call_is_not_missed(rig: Rig) -> None:
    call = Bridged(rig)
    call.caller.close()
    call.callee.close()
    rig.pass_time(rig.timeout_s * 3)
    assert call.told.timed_out == []
