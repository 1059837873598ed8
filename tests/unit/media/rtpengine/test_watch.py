"""What is found by asking an rtpengine again and again: silence, worn keys, a call that is lost."""

import pytest

from tests.unit.media.rtpengine.prepared import Prepared
from tests.unit.media.rtpengine.remotes import peer
from trunkline.call.ports import MediaFlow, SrtpKeys
from trunkline.media.rtpengine.exchange import NgRefusedError, NgSilentError


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
