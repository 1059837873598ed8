"""What goes nowhere, and the commands for it."""

from dataclasses import replace

from tests.unit.media.rtpengine.remotes import peer
from trunkline.call.ports import MediaFlow, RemoteMedia, Tone
from trunkline.media.rtpengine.exchange import NgError
from trunkline.media.rtpengine.side import DTMF, EVERYTHING, MEDIA, Side
from trunkline.media.rtpengine.silencing import blocks, searches, silenced
from trunkline.media.rtpengine.sounds import playable

NOTHING: frozenset[str] = frozenset()


def side(tag: str, remote: RemoteMedia | None = None) -> Side:
    made = Side(tag, ipv6=False)
    made.remote = remote
    return made


def fails(error: NgError) -> None:
    raise error


def test_between_two_who_are_bridged_what_one_sends_and_the_other_hears_passes() -> None:
    near, far = side("caller", peer()), side("callee-1", peer())
    assert silenced(near, [far], far, far) == {near: NOTHING, far: NOTHING}
    far.remote = replace(peer(), direction=MediaFlow.SEND)
    assert silenced(near, [far], far, far) == {near: NOTHING, far: EVERYTHING}
    far.remote = replace(peer(), direction=MediaFlow.RECEIVE)
    assert silenced(near, [far], far, far) == {near: EVERYTHING, far: NOTHING}


def test_a_sound_and_digits_that_are_told_take_the_place_of_what_is_sent() -> None:
    near, far = side("caller", peer(tells_digits=True)), side("callee-1", peer())
    near.sound = playable(Tone((440.0,)))
    assert silenced(near, [far], far, far) == {near: frozenset({DTMF}), far: EVERYTHING}


def test_nobody_is_heard_who_is_not_bridged() -> None:
    near, spare, described = side("caller"), side("callee-1"), side("callee-2", peer())
    assert silenced(near, [], None, spare) == {}
    near.remote = peer()
    assert silenced(near, [], None, spare) == {spare: EVERYTHING}
    assert silenced(near, [described], None, described) == {described: EVERYTHING}


def test_only_the_difference_is_said_and_remembered_once_it_is_answered() -> None:
    one = side("caller", peer())
    (dtmf, media) = blocks({one: EVERYTHING}, True, fails)
    assert [dtmf.step.command, media.step.command] == ["block DTMF", "block media"]
    assert (dtmf.what, media.what, one.blocked) == (DTMF, MEDIA, NOTHING)
    dtmf.step.done({})
    media.step.done({})
    assert one.blocked == EVERYTHING
    assert list(blocks({one: EVERYTHING}, True, fails)) == []
    (ended,) = blocks({one: frozenset({DTMF})}, False, fails)
    ended.step.done({})
    assert (ended.step.command, one.blocked) == ("unblock media", frozenset({DTMF}))


def test_what_is_blocked_is_what_one_peer_sends() -> None:
    """Without the flag an rtpengine since 12.4 leaves the tag aside, and blocks the whole call."""
    one = side("caller", peer(tells_digits=True, finds_tones=True))
    begun = [each.step for each in blocks({one: EVERYTHING}, True, fails)]
    one.blocked = EVERYTHING
    searched = list(searches([one], fails))
    one.searched = True
    ended = [each.step for each in blocks({one: NOTHING}, False, fails)]
    for step in (*begun, *searched, *ended):
        assert step.keys["from-tag"] == "caller"
        assert step.keys["flags"] == ["directional"]


def test_tones_are_searched_for_once_digits_are_blocked() -> None:
    one = side("caller", peer(tells_digits=True, finds_tones=True))
    assert list(searches([one], fails)) == []
    one.blocked = frozenset({DTMF})
    (search,) = searches([one], fails)
    search.done({})
    assert list(searches([one], fails)) == []
    (ended,) = blocks({one: NOTHING}, False, fails)
    assert ended.step.keys["delay-buffer"] == 0
    ended.step.done({})
    assert not one.searched


def test_between_two_legs_of_ours_nothing_passes() -> None:
    near, far = side("caller", peer()), side("callee-1", peer())
    near.inward = True
    assert silenced(near, [far], far, far) == {near: NOTHING, far: NOTHING}
    far.inward = True
    assert silenced(near, [far], far, far) == {near: EVERYTHING, far: EVERYTHING}
