"""A room of one node goes on at another, at the same daemon."""

import json
from dataclasses import replace

import pytest

from tests.contract.media.rigs import Told
from tests.unit.media.rtpengine.paper_daemon import DELAY_S
from tests.unit.media.rtpengine.prepared import SETTINGS, Owner, Prepared, assert_keys, open_legs
from tests.unit.media.rtpengine.remotes import peer
from trunkline.call.ports import SrtpKeys
from trunkline.errors import MediaError
from trunkline.media.rtpengine.checkpoint import MADE_MEANWHILE, RoomCheckpoint, read, write
from trunkline.media.rtpengine.leg import RtpengineLeg
from trunkline.media.rtpengine.room import Room

KEYS = SrtpKeys(bytes(30), bytes(range(30)))


def talking(srtp: SrtpKeys | None = None) -> tuple[Prepared, RoomCheckpoint]:
    """A call of a node that has died since."""
    one = Prepared()
    caller, callee = one.talk()
    if srtp is not None:
        caller.set_remote(peer("198.51.100.1", srtp=srtp))
        one.settle()
    words = write(one.room, caller.side, callee.side)
    assert words is not None
    one.room.part()
    return one, read(words)


def adopted(one: Prepared, known: RoomCheckpoint) -> tuple[Room, RtpengineLeg, RtpengineLeg]:
    room = Room(known.call_id, one.daemon.exchange, one.clock, Owner(), SETTINGS, ipv6=False)
    known.resume(room)
    assert room.joined is not None
    return (
        room,
        RtpengineLeg(room, room.caller, Told(), open_legs()),
        RtpengineLeg(room, room.joined, Told(), open_legs()),
    )


@pytest.mark.parametrize("srtp", [None, KEYS])
def test_the_ports_and_keys_stay(srtp: SrtpKeys | None) -> None:
    one, known = talking(srtp)
    ports = known.caller.port, known.callee.port
    one.daemon.commands()
    room, caller, callee = adopted(one, known)
    caller.set_remote(peer("198.51.100.1", srtp=srtp))
    callee.set_remote(peer("198.51.100.2"))
    room.bridge(callee.side)
    one.settle()
    assert (caller.port, callee.port) == ports
    assert one.told_about[caller.side.tag] == "198.51.100.1"
    assert one.told_about[callee.side.tag] == "198.51.100.2"
    assert_keys(one, caller)
    assert not room.ended
    assert one.daemon.commands().count("offer") == 1, "who they are; no new key, and no side ahead"
    caller.close()
    callee.close()
    one.clock.advance(20 * DELAY_S)
    assert room.ended


def test_the_side_that_was_ready_is_taken_by_the_next_callee() -> None:
    one, known = talking()
    room, *legs = adopted(one, known)
    one.settle()
    (ready,) = known.spares
    spare = room.take_callee(ipv6=False)
    assert spare is not None
    assert (spare.tag, spare.endpoint) == (ready.tag, (ready.address, ready.port))
    one.settle()
    another = room.take_callee(ipv6=False)
    assert another is not None
    assert int(another.tag.removeprefix("callee-")) > known.made + MADE_MEANWHILE
    assert len({known.callee.port, ready.port, *(another.endpoint or ())}) == 4
    for leg in legs:
        leg.close()


def test_what_was_blocked_is_known_and_ends_when_it_is_to_be_heard() -> None:
    """A side ahead of the other family, with which the caller was described between two attempts."""
    one = Prepared(replace(SETTINGS, families=(False, True)))
    caller, first = one.open(), one.beside()
    caller.set_remote(peer("198.51.100.1"))
    one.settle()
    first.close()
    one.settle()
    second = one.beside()
    second.set_remote(peer("198.51.100.2"))
    one.room.bridge(second.side)
    one.settle()
    (ahead,) = one.daemon.call.blocked & {spare.tag for spare in one.room.spares}
    words = write(one.room, caller.side, second.side)
    assert words is not None
    one.room.part()
    room, near, far = adopted(one, read(words))
    near.set_remote(peer("198.51.100.1"))
    far.set_remote(peer("198.51.100.2"))
    room.bridge(far.side)
    one.settle()
    side = room.take_callee(ipv6=True)
    assert side is not None
    assert side.tag == ahead
    another = RtpengineLeg(room, side, Told(), open_legs())
    another.set_remote(peer("2001:db8::2"))
    room.bridge(side)
    far.close()
    one.settle()
    assert ahead not in one.daemon.call.blocked
    near.close()
    another.close()
    one.settle()
    assert room.ended


def test_words_without_a_ready_side() -> None:
    """Of a node that had none, or named none."""
    one, known = talking()
    room, *legs = adopted(one, known._replace(spares=()))
    legs[0].set_remote(peer("198.51.100.1"))
    one.settle()
    assert room.take_callee(ipv6=False) is not None
    for leg in legs:
        leg.close()


def test_a_room_that_was_parted_with_says_nothing_more() -> None:
    one, _ = talking()
    one.daemon.commands()
    one.room.close_all()
    one.clock.advance(60)
    assert one.daemon.commands() == []
    assert one.owner.ended == [one.room]


def test_only_two_that_are_joined_have_one() -> None:
    one = Prepared()
    caller, callee = one.open(), one.beside()
    assert write(one.room, caller.side, callee.side) is None
    one.settle()
    caller.set_remote(peer("198.51.100.1"))
    callee.set_remote(peer("198.51.100.2"))
    one.room.bridge(callee.side)
    one.settle()
    assert write(one.room, caller.side, callee.side) is not None
    assert write(one.room, callee.side, caller.side) is None
    callee.close()
    assert write(one.room, caller.side, callee.side) is None


@pytest.mark.parametrize(
    "words",
    [
        "",
        "{}",
        "[]",
        json.dumps(["c", 1, ["caller", "192.0.2.1", 30000, ""], []]),
        json.dumps(["c", 1, ["caller", "192.0.2.1", 30000, ""], ["callee-1", "192.0.2.1", "30002", ""]]),
        json.dumps(["c", 1, ["caller", "192.0.2.1", 30000, "no key"], ["callee-1", "192.0.2.1", 30002, ""]]),
        json.dumps(["c", 1, *([["caller", "192.0.2.1", 30000, ""]] * 2), ["callee-2"]]),
        json.dumps(["c", 1, "caller", "callee"]),
    ],
)
def test_words_of_somebody_else(words: str) -> None:
    with pytest.raises(MediaError, match="no room"):
        read(words)
