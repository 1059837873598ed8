"""What only rtpengine as Debian builds it can show: transports, transcoding, sounds, NAT, a restart. Its
digits are in `test_rtpengine_digits`, SRTP in `test_rtpengine_srtp`.

Audio is proven by tones from end to end.
"""

import struct
import subprocess
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from tests.contract.media.rigs import SocketPeer, Told, figures_of, open_pair, remote_at, rtp
from tests.contract.media.rtpengine_daemon import RtpengineDaemon
from tests.contract.media.rtpengine_rig import ILBC, OTHERS, PCMA, RtpengineRig, having
from tests.programs import require_program
from tests.unit.media.rtpengine.test_sounds import wav
from trunkline.call.ports import MediaFlow, Tone, WavFile
from trunkline.errors import MediaError
from trunkline.media.rtpengine.wires import Transport
from trunkline.media.terminals import Silence

SR = struct.pack("!IIIIII", 7, 0x12345678, 0x9ABCDEF0, 1440, 10, 1600)
"""Of SSRC 7: when, of which timestamp, packets and octets."""
RR = struct.pack("!IIIIIII", 9, 7, 64 << 24 | 5, 9, 80, 0x56789ABC, 65536 // 20)
"""Of SSRC 9 on SSRC 7: a quarter lost of late, 5 in all; 10 ms of jitter; 50 ms after it."""


@pytest.fixture
def rig(rtpengine_rig: RtpengineRig) -> RtpengineRig:
    """Around rtpengine only."""
    return rtpengine_rig


def got(peer: SocketPeer, count: int) -> list[int]:
    """The payload types of so many packets, and of what comes right after them."""
    return [peer.receive()[1] & 0x7F for _ in range(count)] + peer.received()


@pytest.mark.parametrize("transport", Transport)
def test_a_call_by_every_transport(rtpengine: Callable[[], RtpengineDaemon], transport: Transport) -> None:
    rig = RtpengineRig(rtpengine(), 2, transport=transport)
    try:
        caller, callee = open_pair(rig, Told())
        near, far = rig.peer(), rig.peer()
        caller.set_remote(near.remote)
        callee.set_remote(far.remote)
        rig.engine.bridge(caller, callee)
        rig.settle()
        near.send(caller, 8, 3)
        assert got(far, 3) == [8, 8, 8]
        figures = caller.close(), callee.close()
        rig.settle()
        assert [(one.packets_received, one.packets_sent) for one in figures] == [(3, 0), (0, 3)]
    finally:
        rig.stop()


@pytest.mark.parametrize("codec", OTHERS)
def test_a_tone_through_another_codec_and_back(rig: RtpengineRig, codec: str) -> None:
    """Two calls in a row: PCMA, the other codec, PCMA."""
    other = OTHERS[codec]
    near = rig.engine.open_terminal(Tone((440.0,), level_dbm0=-13.0), listen_for=(1000.0,))
    far = rig.engine.open_terminal(Tone((1000.0,)), listen_for=(440.0, 1000.0))
    first, second = open_pair(rig, Told()), open_pair(rig, Told())
    for leg, peer, speaks in (
        (first[0], near, PCMA),
        (first[1], second[0], other),
        (second[0], first[1], other),
        (second[1], far, PCMA),
    ):
        leg.set_remote(remote_at(peer.address, peer.port, **having(speaks)))
    both = {8: 8, 101: 101}
    near.set_remote(remote_at(first[0].address, first[0].port, payload_types=both))
    far.set_remote(remote_at(second[1].address, second[1].port, payload_types=both))
    rig.engine.bridge(*first)
    rig.engine.bridge(*second)
    rig.until(lambda: far.hearing().heard_ms(440.0) >= 300 and near.hearing().heard_ms(1000.0) >= 300)
    rig.until(lambda: far.hearing().tones[0].level_dbm0 == pytest.approx(-13.0, abs=2.0))
    assert far.hearing().heard_ms(1000.0) == 0
    near.send_digits("1#")
    far.send_digits("2*")
    rig.until(lambda: (near.hearing().digits, far.hearing().digits) == ("2*", "1#"))


@pytest.mark.parametrize("codec", [name for name in OTHERS if name != "speex"])
def test_long_packets_are_heard_and_answered_with_shorter_ones(rig: RtpengineRig, codec: str) -> None:
    """A peer that sends 60 ms of this codec and asks for as much, and one with PCMA."""
    near = rig.engine.open_terminal(Tone((440.0,)), listen_for=(1000.0,))
    far = rig.engine.open_terminal(Tone((1000.0,)), listen_for=(440.0,))
    caller, callee = open_pair(rig, Told())
    long = replace(OTHERS[codec], ptime_ms=60)
    caller.set_remote(remote_at(near.address, near.port, **having(long)))
    callee.set_remote(remote_at(far.address, far.port, **having(PCMA)))
    near.set_remote(remote_at(caller.address, caller.port, **having(long)))
    far.set_remote(remote_at(callee.address, callee.port, **having(PCMA)))
    rig.engine.bridge(caller, callee)
    rig.until(lambda: far.hearing().heard_ms(440.0) >= 300 and near.hearing().heard_ms(1000.0) >= 300)


def test_ilbc_passes_but_is_not_transcoded(rig: RtpengineRig) -> None:
    """What can't be encoded is no format to transcode from, either."""
    known = subprocess.run([require_program("rtpengine"), "--codecs"], capture_output=True, text=True)
    assert "iLBC: supported for decoding only" in known.stdout + known.stderr
    caller, _ = open_pair(rig, Told())
    with pytest.raises(MediaError, match="iLBC"):
        caller.set_remote(remote_at("127.0.0.9", 4000, **having(ILBC)))
    caller.set_remote(remote_at("127.0.0.9", 4000, **having(ILBC, payload_types={97: 97})))


def test_a_tone_and_a_file_are_heard_in_place_of_the_far_side(rig: RtpengineRig, tmp_path: Path) -> None:
    told = Told()
    near = rig.engine.open_terminal(Silence(), listen_for=(425.0, 1000.0))
    far = rig.engine.open_terminal(Tone((1000.0,)))
    caller, callee = open_pair(rig, told)
    caller.set_remote(remote_at(near.address, near.port, payload_types={8: 8, 101: 101}, speaks=PCMA))
    near.set_remote(remote_at(caller.address, caller.port, payload_types={8: 8, 101: 101}))
    caller.announce(Tone((425.0,)))
    rig.until(lambda: near.hearing().heard_ms(425.0) >= 300)
    callee.set_remote(remote_at(far.address, far.port, payload_types={8: 8, 101: 101}))
    far.set_remote(remote_at(callee.address, callee.port, payload_types={8: 8, 101: 101}))
    rig.engine.bridge(caller, callee)
    rig.pass_time(0.5)
    assert near.hearing().heard_ms(1000.0) == 0
    caller.announce(WavFile(wav(tmp_path / "hello.wav", 1600)))
    rig.until(lambda: told.ended == [caller])
    rig.until(lambda: near.hearing().heard_ms(1000.0) >= 300)


def test_a_peer_elsewhere_than_its_signalling_speaks_first(rig: RtpengineRig) -> None:
    """Nobody is sent a stream who was merely named; who speaks from behind NAT is answered there."""
    caller, callee = open_pair(rig, Told())
    near, far, behind = rig.peer(), rig.peer(), rig.peer()
    caller.set_remote(near.remote)
    callee.set_remote(
        remote_at(far.address, far.port, payload_types={8: 8, 101: 101}, signalled_from=behind.address)
    )
    rig.engine.bridge(caller, callee)
    rig.settle()
    near.send(caller, 8, 5)
    assert (far.received(), behind.received()) == ([], [])
    behind.send(callee, 8, 1)
    assert got(near, 1) == [8]
    near.send(caller, 8, 2)
    assert (got(behind, 2), far.received()) == ([8, 8], [])


def test_rtcp_on_the_port_of_rtp_for_one_side_alone(rig: RtpengineRig) -> None:
    report = bytes.fromhex("80c80006") + bytes(24)
    caller, callee = open_pair(rig, Told())
    near, far = rig.peer(), rig.peer()
    far_rtcp = SocketPeer(far.address)
    try:
        caller.set_remote(
            remote_at(near.address, near.port, rtcp_port=near.port, payload_types={8: 8, 101: 101})
        )
        callee.set_remote(
            remote_at(far.address, far.port, rtcp_port=far_rtcp.port, payload_types={8: 8, 101: 101})
        )
        rig.engine.bridge(caller, callee)
        rig.settle()
        near.send_raw(caller, report)
        assert far_rtcp.receive()[:2] == report[:2]
        far_rtcp.send_raw(callee, report, port_offset=1)
        assert near.receive()[:2] == report[:2]
        assert far.received() == []
    finally:
        far_rtcp.close()


def test_a_peers_audio_is_rated_by_the_rtcp_of_who_hears_it(rig: RtpengineRig) -> None:
    """A sender's report goes to the callee, whose report refers to it (RFC 3550 §6.4.1)."""
    caller, callee = open_pair(rig, Told())
    near, far = rig.peer(), rig.peer()
    near_rtcp, far_rtcp = SocketPeer(near.address), SocketPeer(far.address)
    try:
        caller.set_remote(replace(near.remote, rtcp_port=near_rtcp.port))
        callee.set_remote(replace(far.remote, rtcp_port=far_rtcp.port))
        rig.engine.bridge(caller, callee)
        rig.settle()
        for sequence in range(10):
            near.send_raw(caller, rtp(8, sequence, ssrc=7))
            far.send_raw(callee, rtp(8, sequence, ssrc=9))
        near_rtcp.send_raw(caller, bytes.fromhex("80c80006") + SR, port_offset=1)
        assert far_rtcp.receive()[4:] == SR
        far_rtcp.send_raw(callee, bytes.fromhex("81c90007") + RR, port_offset=1)
        assert near_rtcp.receive()[4:] == RR
        rig.until(lambda: caller.figures().mos is not None)
        figures = caller.figures()
        assert (figures.packets_lost, figures.jitter_ms) == (5, 10.0)
        assert 1.0 <= (figures.mos or 0.0) < 2.0
        assert (callee.figures().packets_lost, callee.figures().mos) == (0, None)
    finally:
        near_rtcp.close()
        far_rtcp.close()


def test_an_older_attempts_peer_is_heard_no_more(rig: RtpengineRig) -> None:
    told = Told()
    caller, first = open_pair(rig, told)
    near, old, new = rig.peer(), rig.peer(), rig.peer()
    caller.set_remote(near.remote)
    first.set_remote(old.remote)
    rig.engine.bridge(caller, first)
    rig.settle()
    old.send(first, 8, 1)
    assert got(near, 1) == [8]
    first.close()
    second = rig.engine.open_leg(ipv6=False, events=told, beside=caller)
    second.set_remote(new.remote)
    rig.engine.bridge(caller, second)
    rig.settle()
    old.send(first, 8, 3)
    assert near.received() == []
    new.send(second, 8, 2)
    near.send(caller, 8, 2)
    assert (got(near, 2), got(new, 2), old.received()) == ([8, 8], [8, 8], [])
    assert told.timed_out == []


def test_hold_at_one_side_and_back_keeps_what_was_learnt(rig: RtpengineRig) -> None:
    caller, callee = open_pair(rig, Told())
    near, far = rig.peer(), rig.peer()
    caller.set_remote(near.remote)
    callee.set_remote(far.remote)
    rig.engine.bridge(caller, callee)
    for direction, heard in ((MediaFlow.SEND, []), (MediaFlow.BOTH, [8])):
        caller.set_remote(
            remote_at(near.address, near.port, payload_types={8: 8, 101: 101}, direction=direction)
        )
        rig.settle()
        near.send(caller, 8, 1)
        far.send(callee, 8, 1)
        assert (got(near, 1), got(far, len(heard))) == ([8], heard)
    rig.until(lambda: figures_of(callee) == (2, 1))


def test_a_restart_ends_the_calls_and_not_the_service(tmp_path: Path) -> None:
    daemon = RtpengineDaemon(tmp_path)
    rig = RtpengineRig(daemon, 2)
    try:
        told = Told()
        caller, callee = open_pair(rig, told)
        rig.settle()  # what is asked again after the restart would begin the call anew
        daemon.stop()
        daemon.start()
        rig.until(lambda: told.timed_out == [caller])
        callee.close()
        caller.close()
        rig.until(lambda: rig.engine.real.occupancy() == (0, 0, 2))
        caller, callee = open_pair(rig, told)
        near, far = rig.peer(), rig.peer()
        caller.set_remote(near.remote)
        callee.set_remote(far.remote)
        rig.engine.bridge(caller, callee)
        rig.settle()
        near.send(caller, 8, 1)
        assert got(far, 1) == [8]
    finally:
        rig.stop()
        daemon.stop()
