"""A leg: what it refuses by itself. What it does with a room is tested there."""

import pytest

from tests.contract.media.rigs import Told
from tests.unit.media.rtpengine.prepared import Prepared
from tests.unit.media.rtpengine.remotes import peer
from trunkline.call.ports import SrtpKeys, Tone
from trunkline.errors import MediaError
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
        RtpengineLeg(Prepared().room, Side("callee-9", ipv6=False), Told())
