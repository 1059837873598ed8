"""A leg: what it refuses by itself. What it does with a room is tested there."""

from collections import Counter
from dataclasses import replace

import pytest

from tests.contract.media.rigs import Told
from tests.unit.media.rtpengine.prepared import INSIDE, Prepared, open_legs
from tests.unit.media.rtpengine.remotes import peer
from trunkline.call.ports import SrtpKeys, Tone
from trunkline.errors import MediaError
from trunkline.media.rtpengine.description import Endpoint
from trunkline.media.rtpengine.leg import RtpengineLeg
from trunkline.media.rtpengine.side import MAX_DIGITS, Side


def test_it_refuses_what_cannot_be() -> None:
    one = Prepared()
    leg = one.open()
    with pytest.raises(MediaError, match="family"):
        leg.set_remote(peer("2001:db8::7"))
    with pytest.raises(MediaError, match="SRTP needs"):
        leg.set_remote(peer(srtp=SrtpKeys(b"k" * 30, b"k" * 29)))
    with pytest.raises(MediaError, match="telephone-event"):
        leg.send_digits("1")
    with pytest.raises(MediaError, match="no audio"):
        leg.announce(Tone((440.0,)))
    leg.set_remote(peer())
    with pytest.raises(MediaError, match="DTMF digit"):
        leg.send_digits("1x")
    with pytest.raises(MediaError, match="too many"):
        leg.send_digits("1" * (MAX_DIGITS + 1))
    with pytest.raises(MediaError, match="frequencies"):
        leg.announce(Tone(()))


def test_a_closed_leg_does_nothing_any_more() -> None:
    one = Prepared()
    leg = one.open()
    leg.close()
    with pytest.raises(MediaError, match="closed"):
        leg.set_remote(peer())
    with pytest.raises(MediaError, match="closed"):
        leg.send_digits("1")
    with pytest.raises(MediaError, match="closed"):
        leg.announce(None)


def test_there_is_no_leg_without_a_port() -> None:
    with pytest.raises(MediaError):
        RtpengineLeg(Prepared().room, Side("callee-9", ipv6=False), Told(), open_legs())


def test_a_leg_receives_until_it_is_closed() -> None:
    prepared, legs = Prepared(), Counter[Endpoint]()
    prepared.room.watch()
    leg = RtpengineLeg(prepared.room, prepared.room.caller, Told(), legs)
    assert legs == {Endpoint(leg.address, leg.port): 1}
    leg.close()
    leg.close()
    assert not legs


def test_a_peer_that_is_another_leg_of_ours_need_not_speak_first() -> None:
    one = Prepared()
    caller, callee = one.talk()
    named = {"rtp_address": INSIDE.address, "rtp_port": INSIDE.port, "signalled_from": "198.51.100.7"}
    caller.set_remote(replace(peer("198.51.100.1"), **named))  # type: ignore[arg-type]
    one.settle()
    assert caller.side.inward
    assert caller.side.remote is not None
    assert caller.side.remote.signalled_from is None
    assert not callee.side.inward
    assert one.daemon.call.blocked == set()
    callee.set_remote(replace(peer("198.51.100.2"), **named))  # type: ignore[arg-type]
    one.settle()
    assert one.daemon.call.blocked == {caller.side.tag, callee.side.tag}
    caller.set_remote(peer("198.51.100.1"))
    one.settle()
    assert one.daemon.call.blocked == set()
