"""A room whose peers have SRTP: which keys its rtpengine gets, and when."""

from tests.unit.media.rtpengine.prepared import Prepared, assert_keys
from tests.unit.media.rtpengine.remotes import peer
from trunkline.call.ports import MediaFlow, SrtpKeys, Tone


def test_keys_are_given_once_and_again_when_they_are_others() -> None:
    one = Prepared()
    caller, callee = one.talk()
    one.daemon.commands()
    callee.set_remote(peer("198.51.100.2", srtp=SrtpKeys(b"1" * 30, b"2" * 30)))
    one.settle()
    assert one.daemon.commands() == ["offer", "answer"] * 2
    assert_keys(one, callee)
    for direction in (MediaFlow.SEND, MediaFlow.BOTH):
        caller.set_remote(peer("198.51.100.1", direction=direction))
        one.settle()
        assert one.daemon.commands().count("offer") == 1
        assert_keys(one, callee)
    caller.set_remote(peer("198.51.100.1", srtp=SrtpKeys(b"3" * 30, b"4" * 30)))
    callee.set_remote(peer("198.51.100.2", srtp=SrtpKeys(b"5" * 30, b"2" * 30)))
    one.settle()
    assert one.daemon.commands().count("offer") == 3
    assert_keys(one, caller)
    assert_keys(one, callee)
    caller.set_remote(peer("198.51.100.1"))
    one.settle()
    assert_keys(one, caller)
    assert_keys(one, callee)


def test_the_next_attempt_leaves_the_callers_keys_alone() -> None:
    one = Prepared()
    caller, first = one.talk()
    caller.set_remote(peer("198.51.100.1", srtp=SrtpKeys(b"1" * 30, b"2" * 30)))
    first.close()
    second = one.beside()
    one.settle()
    assert_keys(one, caller)
    second.set_remote(peer("198.51.100.9", srtp=SrtpKeys(b"3" * 30, b"4" * 30)))
    one.room.bridge(second.side)
    one.settle()
    assert_keys(one, caller)
    assert_keys(one, second)


def test_a_sound_begins_again_where_it_has_to_be_protected_from_now_on() -> None:
    one = Prepared()
    caller, _ = one.talk()
    caller.announce(Tone((440.0,)))
    one.settle()
    one.daemon.commands()
    caller.set_remote(peer("198.51.100.1", srtp=SrtpKeys(b"1" * 30, b"2" * 30)))
    one.settle()
    assert one.daemon.commands().count("play media") == 1
