"""What is found by asking an rtpengine again and again: silence, worn keys, a call that is lost."""

from itertools import pairwise
from struct import iter_unpack

import pytest

from tests.unit.media.rtpengine.prepared import Prepared
from tests.unit.media.rtpengine.remotes import peer
from trunkline.call.ports import KEY_RESERVE, MediaFlow, SrtpKeys
from trunkline.media.rtpengine.exchange import NgRefusedError, NgSilentError
from trunkline.media.rtpengine.room import RoomSettings


def test_silence_is_told_once_until_something_is_heard() -> None:
    one = Prepared()
    caller, _ = one.talk()
    one.clock.advance(9.0)
    assert one.told.timed_out == []
    one.clock.advance(30.0)
    assert one.told.timed_out == [caller]
    one.daemon.call.packets["callee-1"] = 1
    one.clock.advance(5.0)
    one.clock.advance(15.0)
    assert one.told.timed_out == [caller, caller]


def test_one_side_that_speaks_is_enough_and_hold_may_be_silent() -> None:
    one = Prepared()
    _, callee = one.talk()
    for count in range(1, 30):
        one.daemon.call.packets["callee-1"] = count
        one.clock.advance(1.0)
    callee.set_remote(peer(direction=MediaFlow.SEND))
    one.clock.advance(60.0)
    assert one.told.timed_out == []
    callee.set_remote(peer())
    one.clock.advance(12.0)
    assert len(one.told.timed_out) == 1


def test_a_call_that_the_rtpengine_has_lost_is_told_as_silence() -> None:
    one = Prepared()
    caller, callee = one.talk()
    one.daemon.calls.clear()
    one.clock.advance(2.0)
    assert one.told.timed_out == [caller]
    assert [type(error) for error in one.owner.lost] == [NgRefusedError]
    assert caller.close().packets_received == 0
    callee.close()
    one.clock.run_out()


def test_an_rtpengine_that_is_silent_for_a_while_is_put_up_with() -> None:
    one = Prepared()
    caller, _ = one.talk()
    one.daemon.call.packets["caller"] = 5
    one.daemon.silent = True
    one.clock.advance(8.0)
    one.daemon.silent = False
    one.clock.advance(2.0)
    assert (one.told.timed_out, caller.figures().packets_received) == ([], 5)
    one.daemon.silent = True
    one.clock.advance(20.0)
    assert one.told.timed_out == [caller]
    assert [type(error) for error in one.owner.lost] == [NgSilentError]


@pytest.mark.parametrize(
    ("came", "told"),
    [(300, []), (400, [False]), (800, [False]), (900, [False, True]), (2000, [False, True])],
)
def test_a_key_of_a_peer_serves_for_its_lifetime(came: int, told: list[bool]) -> None:
    """It is told of when it is worn, and before more can come than it serves: a hundred at a time."""
    one = Prepared()
    caller, _ = one.talk()
    keys = SrtpKeys(b"o" * 30, b"p" * 30, receive_lifetime=1000)
    caller.set_remote(peer("198.51.100.1", srtp=keys))
    one.settle()
    for count in range(100, came + 1, 100):
        one.daemon.call.packets["caller"] = count
        one.clock.advance(1.0)
    assert one.told.worn == [(caller, spent) for spent in told]


def test_another_key_has_a_lifetime_of_its_own() -> None:
    one = Prepared()
    caller, _ = one.talk()
    for number in range(1, 4):
        keys = SrtpKeys(b"o" * 30, bytes([number]) * 30, receive_lifetime=1000)
        caller.set_remote(peer("198.51.100.1", srtp=keys))
        one.settle()
        for _ in range(3):
            one.daemon.call.packets["caller"] = one.daemon.call.packets.get("caller", 0) + 100
            one.clock.advance(1.0)
    assert one.told.worn == []


USUAL = RoomSettings(timeout_s=60.0, poll_s=5.0)
RATE = 50
"""Packets a second of a peer that speaks."""


def pass_time(one: Prepared, seconds: int, *speaking: str) -> list[int]:
    """The seconds at which the rtpengine was asked for figures, while packets come from the sides named."""
    asked = []
    one.daemon.commands()
    for second in range(1, seconds + 1):
        for tag in speaking:
            one.daemon.call.packets[tag] = one.daemon.call.packets.get(tag, 0) + RATE
        one.clock.advance(1.0)
        asked += [second] * one.daemon.commands().count("query")
    return asked


def test_a_calm_call_is_asked_about_ever_less_often_until_something_changes() -> None:
    one = Prepared(USUAL)
    _, callee = one.talk()
    asked = pass_time(one, 600, "caller", "callee-1")
    waits = [after - before for before, after in pairwise(asked)]
    assert waits[:3] == [5, 5, 5]
    assert waits == sorted(waits)
    assert waits[-10:] == [20] * 10
    assert len(asked) == 36, "and not 120"
    callee.set_remote(peer("198.51.100.3"))
    one.settle()
    assert pass_time(one, 21, "caller", "callee-1") == [5, 10, 15, 20]


@pytest.mark.parametrize(("timeout_s", "poll_s"), [(60.0, 5.0), (8.0, 1.0), (3600.0, 5.0)])
def test_silence_in_an_old_call_is_told_within_four_thirds_of_the_timeout(
    timeout_s: float, poll_s: float
) -> None:
    """Whenever between two questions it begins: a second before this stops counting."""
    for phase in range(25):
        one = Prepared(RoomSettings(timeout_s=timeout_s, poll_s=poll_s))
        caller, _ = one.talk()
        pass_time(one, 60 + phase, "caller", "callee-1")
        one.clock.advance(timeout_s - 1.1)
        assert one.told.timed_out == [], phase
        one.clock.advance(timeout_s / 3 + 0.2)
        assert one.told.timed_out == [caller], phase


def test_an_old_call_at_an_rtpengine_that_is_silent_is_asked_about_as_at_first() -> None:
    for phase in range(20):
        one = Prepared(USUAL)
        caller, _ = one.talk()
        pass_time(one, 300, "caller", "callee-1")
        one.daemon.silent = True
        pass_time(one, 30 + phase, "caller", "callee-1")
        one.daemon.silent = False
        assert pass_time(one, 20, "caller", "callee-1")[0] <= 6, phase
        one.daemon.silent = True
        one.clock.advance(90.0)
        assert one.told.timed_out == [caller]


@pytest.mark.parametrize("lifetime", range(3 * KEY_RESERVE, 3 * KEY_RESERVE + 20 * RATE, 5 * RATE))
def test_a_key_that_is_nearly_worn_is_watched_as_closely_as_at_first(lifetime: int) -> None:
    """The end of a key that nobody replaces is told in time, and as early as two questions are apart."""
    one = Prepared(USUAL)
    caller, _ = one.talk()
    keys = SrtpKeys(b"o" * 30, b"p" * 30, receive_lifetime=lifetime)
    caller.set_remote(peer("198.51.100.1", srtp=keys))
    one.settle()
    left: list[int] = []
    while len(left) < 2:
        pass_time(one, 1, "caller", "callee-1")
        if len(one.told.worn) > len(left):
            left.append(lifetime - one.daemon.call.packets["caller"])
    assert one.told.worn == [(caller, False), (caller, True)]
    assert KEY_RESERVE < left[0] <= KEY_RESERVE + 40 * RATE
    assert 0 < left[1] <= 5 * RATE


def test_points_of_a_course_stay_five_seconds_apart() -> None:
    """What came between two questions is spread over the points that they are apart."""
    one = Prepared(USUAL)
    caller, callee = one.talk()
    caller.follow()
    callee.follow()
    pass_time(one, 400, "caller", "callee-1")
    caller.close()
    callee.close()
    one.settle()
    for leg in (caller, callee):
        course = leg.course()
        assert course is not None
        received = [came for came, _, _, _ in iter_unpack("<HHHH", course.points)]
        assert course.every_s == 5
        assert (len(received), sum(received)) == (80, 400 * RATE)
        assert all(4 * RATE <= came <= 6 * RATE for came in received), received
