"""The embedded engine against libsrtp, over real sockets: it must read what we send, and we what it sends.

One side of a bridge is a telephone with SRTP by libsrtp, the other one a plain telephone.
"""

import random
from collections.abc import Iterator
from dataclasses import replace

import pytest
from pylibsrtp import Policy, Session

from tests.contract.media.rigs import EmbeddedRig, SocketPeer, Told, rtp
from trunkline.call.ports import RemoteMedia, SrtpKeys
from trunkline.media.embedded import EmbeddedLeg

OURS, THEIRS = bytes(range(30)), bytes(range(100, 130))
REPORT = bytes.fromhex("80c8000600000007e000000000000000000000a0000000010000000a")


def inbound(key: bytes) -> Session:
    return Session(Policy(key=key, ssrc_type=Policy.SSRC_ANY_INBOUND))


def outbound(key: bytes) -> Session:
    return Session(Policy(key=key, ssrc_type=Policy.SSRC_ANY_OUTBOUND))


class Telephone:
    """A peer whose packets libsrtp protects, and the leg that faces it."""

    def __init__(self, leg: EmbeddedLeg, peer: SocketPeer) -> None:
        self.leg = leg
        self.peer = peer
        self.agree(OURS, THEIRS)

    def agree(self, ours: bytes, theirs: bytes) -> None:
        """Offer and answer with these keys."""
        self.sends, self.receives = outbound(theirs), inbound(ours)
        self.leg.set_remote(self.remote(ours, theirs))

    def remote(self, ours: bytes, theirs: bytes) -> RemoteMedia:
        return replace(self.peer.remote, rtcp_port=self.peer.port, srtp=SrtpKeys(ours, theirs))

    def say(self, packet: bytes) -> None:
        self.peer.send_raw(self.leg, self.sends.protect(packet))

    def hear(self) -> bytes:
        return self.receives.unprotect(self.peer.receive())


class Call:
    """A telephone with SRTP and a plain one, bridged."""

    def __init__(self, rig: EmbeddedRig) -> None:
        legs = [rig.engine.open_leg(ipv6=False, events=Told()) for _ in range(2)]
        self.secure = Telephone(legs[0], rig.peer("127.0.0.10"))
        self.plain_leg, self.plain = legs[1], rig.peer("127.0.0.20")
        self.plain_leg.set_remote(replace(self.plain.remote, rtcp_port=self.plain.port))
        rig.engine.bridge(*legs)

    def both_ways(self, sequence: int, octet: int) -> None:
        packet = rtp(8, sequence % 65536, payload=bytes([octet % 256]) * 160)
        self.secure.say(packet)
        assert self.plain.receive() == packet
        self.plain.send_raw(self.plain_leg, packet)
        assert self.secure.hear() == packet


@pytest.fixture
def rig() -> Iterator[EmbeddedRig]:
    rig = EmbeddedRig()
    yield rig
    rig.stop()


@pytest.fixture
def call(rig: EmbeddedRig) -> Call:
    return Call(rig)


def test_audio_both_ways(call: Call) -> None:
    for sequence in range(200):
        call.both_ways(sequence, sequence)
    assert call.secure.leg.figures().packets_lost == 0


def test_no_plain_octet_of_the_payload_is_on_the_secure_side(call: Call) -> None:
    call.both_ways(1, 1)
    call.plain.send_raw(call.plain_leg, rtp(8, 2, payload=b"\x55" * 160))
    packet = call.secure.peer.receive()
    assert len(packet) == 182
    assert b"\x55" * 4 not in packet
    assert call.secure.receives.unprotect(packet)[12:] == b"\x55" * 160


def test_reports_both_ways(call: Call) -> None:
    call.both_ways(1, 1)
    for _ in range(3):
        call.secure.peer.send_raw(call.secure.leg, call.secure.sends.protect_rtcp(REPORT))
        assert call.plain.receive() == REPORT
        call.plain.send_raw(call.plain_leg, REPORT)
        assert call.secure.receives.unprotect_rtcp(call.secure.peer.receive()) == REPORT


def test_sequence_numbers_roll_over_more_than_once(call: Call) -> None:
    for number in range(1000, 200_000, 500):
        call.both_ways(number, number)


def test_a_stream_that_begins_just_below_a_rollover_is_heard_whatever_is_lost(call: Call) -> None:
    call.secure.say(rtp(8, 1))
    call.plain.receive()
    for number in range(20):
        call.plain.send_raw(call.plain_leg, rtp(8, (65_530 + number) % 65536, payload=bytes([number]) * 160))
        packet = call.secure.peer.receive()
        if number >= 10:  # all before the rollover are lost
            assert call.secure.receives.unprotect(packet)[4:] == rtp(8, 65_530 + number - 65_536)[4:12] + (
                bytes([number]) * 160
            )


def test_a_source_that_was_held_for_half_an_hour_is_heard(call: Call) -> None:
    call.both_ways(100, 1)
    call.plain.send_raw(call.plain_leg, rtp(8, 90_100 % 65536))
    for number in range(1, 50):
        call.plain.send_raw(call.plain_leg, rtp(8, (90_100 + number) % 65536, payload=bytes([number]) * 160))
        assert call.secure.hear()[12:] == bytes([number]) * 160


def test_several_sources(call: Call) -> None:
    for number in range(50):
        for ssrc in range(5):
            packet = rtp(8, (number + 9000 * ssrc) % 65536, ssrc)
            call.secure.say(packet)
            assert call.plain.receive() == packet
            call.plain.send_raw(call.plain_leg, packet)
            assert call.secure.hear() == packet


def test_new_keys_and_the_same_keys_in_a_reinvite(call: Call) -> None:
    call.both_ways(60_000, 1)
    call.secure.leg.set_remote(call.secure.remote(OURS, THEIRS))
    call.both_ways(60_001, 2)
    call.secure.agree(THEIRS[::-1], OURS[::-1])
    call.both_ways(60_002, 3)
    assert call.secure.leg.statistics().dropped == {}


def test_new_keys_after_a_rollover(call: Call) -> None:
    for number in range(60_000, 70_000, 500):
        call.both_ways(number, number)
    call.secure.agree(THEIRS[::-1], OURS[::-1])
    for number in range(70_000, 200_000, 500):
        call.both_ways(number, number)
    assert call.secure.leg.statistics().dropped == {}


def test_digits_that_outlast_the_audio_before_a_rollover_and_audio_after_it(call: Call) -> None:
    for number in (60_000, 65_532):
        call.both_ways(number, 1)
    call.secure.leg.send_digits("5")
    call.plain.send_raw(call.plain_leg, rtp(8, 65_533))
    ends = 0
    while ends < 3:
        event = hear_audio(call.secure)
        assert event[1] & 0x7F == 101
        ends += event[13] >> 7
    for number in range(20):
        call.plain.send_raw(call.plain_leg, rtp(8, (65_534 + number) % 65_536, payload=bytes([number]) * 160))
        assert hear_audio(call.secure)[12:] == bytes([number]) * 160
    assert call.secure.leg.statistics().dropped == {}


def hear_audio(secure: Telephone) -> bytes:
    """What comes next that is no report."""
    while 192 <= (packet := secure.peer.receive())[1] <= 223:
        pass
    return secure.receives.unprotect(packet)


def test_audio_goes_on_in_the_midst_of_hostile_packets(call: Call) -> None:
    dice = random.Random(3711)
    forger = outbound(bytes(30))
    secure = call.secure
    recorded = b""
    for sequence in range(200):
        packet = rtp(8, sequence)
        good = secure.sends.protect(packet)
        broken = bytearray(good)
        broken[dice.randrange(len(broken))] ^= 1 << dice.randrange(8)
        hostile = [
            bytes(broken),
            good[: dice.randrange(len(good))],
            good + bytes(dice.randrange(1, 2000)),
            forger.protect(packet),
            forger.protect_rtcp(REPORT),
            packet,
            bytes(dice.randrange(256) for _ in range(dice.randrange(300))),
            recorded,
        ]
        for data in hostile:
            secure.peer.send_raw(secure.leg, data)
            secure.peer.send_raw(secure.leg, data, port_offset=1)
        secure.peer.send_raw(secure.leg, good)
        assert call.plain.receive() == packet
        recorded = good
    statistics = secure.leg.statistics()
    assert (statistics.packets_received, statistics.packets_lost) == (200, 0)
    assert statistics.dropped.keys() <= {"malformed", "srtp_authentication", "srtp_replay"}
    assert statistics.dropped["srtp_replay"] >= 199
    assert call.secure.peer.received() == [], "and nothing was reflected"
