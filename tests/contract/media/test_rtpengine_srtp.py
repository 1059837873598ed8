"""SRTP through rtpengine where that is more than keys: sounds, transcoding, a key in the place of another."""

import pytest

from tests.contract.media.rigs import Told, between_terminals, figures_of, open_pair, remote_at
from tests.contract.media.rtpengine_rig import NO_EVENTS, OTHERS, PCMA, RtpengineRig, having
from tests.contract.media.test_rtpengine_digits import DTMF_HZ, tones_ms
from tests.contract.media.test_srtp import (
    AT_CALLEE,
    AT_CALLER,
    AT_FAR,
    AT_NEAR,
    EVERYWHERE,
    FAR_KEY,
    NEAR_KEY,
    speakers,
)
from trunkline.call.ports import SrtpKeys, Tone
from trunkline.errors import MediaError
from trunkline.media.rtpengine.leg import RtpengineLeg
from trunkline.media.terminals import Silence


@pytest.fixture
def rig(rtpengine_rig: RtpengineRig) -> RtpengineRig:
    """Around rtpengine only."""
    return rtpengine_rig


def test_a_sound_is_protected_for_a_peer_with_srtp(rig: RtpengineRig) -> None:
    """Also one that began while the peer had plain RTP."""
    near = rig.engine.open_terminal(Silence(), listen_for=(425.0,))
    caller, _ = open_pair(rig, Told())
    both = {8: 8, 101: 101}
    for keys in (None, AT_CALLER):
        at_near = None if keys is None else AT_NEAR
        caller.set_remote(remote_at(near.address, near.port, payload_types=both, speaks=PCMA, srtp=keys))
        near.set_remote(remote_at(caller.address, caller.port, payload_types=both, srtp=at_near))
        if keys is None:
            caller.announce(Tone((425.0,)))
        rig.settle()
        heard_ms, received = near.hearing().heard_ms(425.0), figures_of(near)[0]
        rig.until(lambda: near.hearing().heard_ms(425.0) >= heard_ms + 300)  # noqa: B023
        assert figures_of(near)[0] > received


def test_transcoded_audio_is_protected_for_both(rig: RtpengineRig) -> None:
    """PCMA with SRTP, G.722 with SRTP and RTP and RTCP on one port, PCMA with SRTP."""
    near = rig.engine.open_terminal(Tone((440.0,)), listen_for=(1000.0,))
    far = rig.engine.open_terminal(Tone((1000.0,)), listen_for=(440.0,))
    first, second = open_pair(rig, Told()), open_pair(rig, Told())
    g722, back = OTHERS["G722"], SrtpKeys(AT_CALLEE.receive, AT_CALLEE.send)
    for leg, peer, speaks, keys in (
        (first[0], near, PCMA, AT_CALLER),
        (first[1], second[0], g722, AT_CALLEE),
        (second[0], first[1], g722, back),
        (second[1], far, PCMA, AT_FAR),
    ):
        muxed = {"rtcp_port": peer.port} if speaks is g722 else {}
        leg.set_remote(remote_at(peer.address, peer.port, **having(speaks, srtp=keys, **muxed)))
    both = {8: 8, 101: 101}
    at_second = SrtpKeys(AT_FAR.receive, AT_FAR.send)
    near.set_remote(remote_at(first[0].address, first[0].port, payload_types=both, srtp=AT_NEAR))
    far.set_remote(remote_at(second[1].address, second[1].port, payload_types=both, srtp=at_second))
    rig.engine.bridge(*first)
    rig.engine.bridge(*second)
    rig.until(lambda: far.hearing().heard_ms(440.0) >= 300 and near.hearing().heard_ms(1000.0) >= 300)
    near.send_digits("1#")
    far.send_digits("2*")
    rig.until(lambda: (near.hearing().digits, far.hearing().digits) == ("2*", "1#"))


def test_a_new_key_of_ours_begins_a_new_stream_however_far_the_last_one_had_come(rig: RtpengineRig) -> None:
    """Its roll-over counter is zero again (RFC 4568 §6.4): who has the key only now can't know another."""
    caller, callee = open_pair(rig, Told())
    near, far = rig.peer(), rig.engine.open_terminal(Silence())
    caller.set_remote(near.remote)
    callee.set_remote(remote_at(far.address, far.port, srtp=AT_CALLEE))
    rig.engine.bridge(caller, callee)
    rig.settle()
    far.set_remote(remote_at(callee.address, callee.port, srtp=AT_FAR))
    for near.sequence in (40_000, 65_000, 90_000, 120_000, 140_000, 160_000, 190_000, 200_000):
        near.send(caller, 8)
        rig.pass_time(0.02)  # rtpengine's threads overtake each other
    rig.until(lambda: figures_of(far)[0] == 8)
    far.set_remote(remote_at(callee.address, callee.port))
    callee.set_remote(remote_at(far.address, far.port, srtp=SrtpKeys(NEAR_KEY, FAR_KEY)))
    rig.settle()
    far.set_remote(remote_at(callee.address, callee.port, srtp=SrtpKeys(FAR_KEY, NEAR_KEY)))
    near.send(caller, 8)
    rig.until(lambda: figures_of(far)[0] == 9)


def test_tones_that_stand_for_events_are_protected(rig: RtpengineRig) -> None:
    """The callee has SRTP and no telephone-event."""
    near = rig.engine.open_terminal(Tone((440.0,)))
    far = rig.engine.open_terminal(Silence(), listen_for=(440.0, 697.0, 1209.0))
    caller, callee = open_pair(rig, Told())
    both = {"payload_types": {8: 8}, "hears": (PCMA,), "speaks": PCMA}
    caller.set_remote(remote_at(near.address, near.port, **both))
    callee.set_remote(remote_at(far.address, far.port, srtp=AT_CALLEE, **both, **NO_EVENTS))
    rig.engine.bridge(caller, callee)
    rig.settle()
    near.set_remote(remote_at(caller.address, caller.port, payload_types={8: 8, 101: 101}))
    far.set_remote(remote_at(callee.address, callee.port, payload_types={8: 8}, srtp=AT_FAR))
    rig.until(lambda: far.hearing().heard_ms(440.0) >= 100)
    near.send_digits("1", duration_ms=200)
    rig.until(lambda: min(far.hearing().heard_ms(hz) for hz in (697.0, 1209.0)) >= 160)


def test_digits_by_signalling_are_protected_tones_for_a_peer_with_srtp_and_no_events(
    rig: RtpengineRig,
) -> None:
    """While the far side talks, and while it is silent."""
    near = rig.engine.open_terminal(Tone((440.0,)))
    far = rig.engine.open_terminal(Silence(), listen_for=(440.0, *DTMF_HZ["1"], *DTMF_HZ["9"]))
    caller, callee = open_pair(rig, Told())
    both = {"payload_types": {8: 8}, "hears": (PCMA,), "speaks": PCMA, **NO_EVENTS}
    caller.set_remote(remote_at(near.address, near.port, **both))
    callee.set_remote(remote_at(far.address, far.port, srtp=AT_CALLEE, **both))
    rig.engine.bridge(caller, callee)
    rig.settle()
    near.set_remote(remote_at(caller.address, caller.port, payload_types={8: 8}))
    far.set_remote(remote_at(callee.address, callee.port, payload_types={8: 8}, srtp=AT_FAR))
    rig.until(lambda: far.hearing().heard_ms(440.0) >= 100)
    callee.send_digits("19", duration_ms=200)
    rig.until(lambda: min(tones_ms(far, digit) for digit in "19") >= 160)
    heard_ms = far.hearing().heard_ms(440.0)
    rig.until(lambda: far.hearing().heard_ms(440.0) >= heard_ms + 100)
    near.play(Silence())
    callee.send_digits("1", duration_ms=200)
    rig.until(lambda: tones_ms(far, "1") >= 320)
    assert all(tones_ms(far, digit) <= limit for digit, limit in (("1", 480), ("9", 240))), "once each"


@pytest.mark.parametrize("everywhere", [False, True])
def test_another_node_goes_on_with_the_call_and_no_packet_is_lost(
    rig: RtpengineRig, everywhere: bool
) -> None:
    """With SRTP the same stream goes on: a new one under the old keys would be taken for a replay. Where both
    peers have it, one packet for the callee may be lost: from an offer to its answer, a third of a
    millisecond here, rtpengine protects what the callee is sent with the offer's first key, the caller's own.
    """
    near, far = speakers(rig)
    keys = EVERYWHERE if everywhere else {}
    first = between_terminals(rig, near, far, **keys)
    rig.until(lambda: far.hearing().heard_ms(440.0) >= 300 and near.hearing().heard_ms(1000.0) >= 300)
    engine = rig.engine.real
    handle = engine.handle(*first)
    assert handle is not None
    engine.part_with(first[0])
    media = engine.adopt(handle)
    caller = media.open_leg(ipv6=False, events=Told())
    callee = media.open_leg(ipv6=False, events=Told(), beside=caller)
    assert [(one.address, one.port) for one in (caller, callee)] == [(one.address, one.port) for one in first]
    for old, leg in zip(first, (caller, callee), strict=True):
        assert isinstance(old, RtpengineLeg)
        assert old.side.remote is not None
        leg.set_remote(old.side.remote)
    engine.bridge(caller, callee)
    rig.settle()
    heard = far.hearing().heard_ms(440.0), near.hearing().heard_ms(1000.0)
    rig.until(
        lambda: (
            far.hearing().heard_ms(440.0) >= heard[0] + 500
            and near.hearing().heard_ms(1000.0) >= heard[1] + 500
        )
    )
    assert near.figures().packets_lost == 0
    assert far.figures().packets_lost <= everywhere
    before = caller.figures().packets_received
    rig.until(lambda: caller.figures().packets_received > before)
    with pytest.raises(MediaError, match="already"):
        engine.adopt(handle)
    with pytest.raises(MediaError, match="not an rtpengine of this node"):
        engine.adopt(handle._replace(place="udp:192.0.2.1:1"))
