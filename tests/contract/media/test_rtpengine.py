"""What only rtpengine as Debian builds it can show: transports, transcoding, sounds, NAT, a restart.

Audio is proven by tones from end to end.
"""

import struct
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from tests.contract.media.rigs import SocketPeer, Told, figures_of, open_pair, remote_at, rtp
from tests.contract.media.rtpengine_daemon import RtpengineDaemon, free_port_range
from tests.contract.media.rtpengine_rig import RtpengineRig
from tests.contract.media.test_media_engine import AT_CALLEE, AT_CALLER, AT_FAR, AT_NEAR, FAR_KEY, NEAR_KEY
from tests.programs import require_program
from tests.unit.media.rtpengine.test_sounds import wav
from trunkline.call.ports import AudioFormat, MediaFlow, SrtpKeys, TelephoneEvents, Tone, WavFile
from trunkline.errors import MediaError
from trunkline.media.embedded import EmbeddedTerminal
from trunkline.media.rtpengine.wires import Transport
from trunkline.media.terminals import Silence

PCMA, PCMU = AudioFormat(8, "PCMA", 8000), AudioFormat(0, "PCMU", 8000)
OTHERS = {
    "PCMU": PCMU,
    "G722": AudioFormat(9, "G722", 8000),
    "G729": AudioFormat(18, "G729", 8000),
    "speex": AudioFormat(98, "speex", 16000),
}
ILBC = AudioFormat(97, "iLBC", 8000)
SR = struct.pack("!IIIIII", 7, 0x12345678, 0x9ABCDEF0, 1440, 10, 1600)
"""Of SSRC 7: when, of which timestamp, packets and octets."""
RR = struct.pack("!IIIIIII", 9, 7, 64 << 24 | 5, 9, 80, 0x56789ABC, 65536 // 20)
"""Of SSRC 9 on SSRC 7: a quarter lost of late, 5 in all; 10 ms of jitter; 50 ms after it."""


@pytest.fixture
def rig(rtpengine: Callable[[], RtpengineDaemon]) -> Iterator[RtpengineRig]:
    rig = RtpengineRig(rtpengine(), 4)
    yield rig
    rig.stop()


def having(speaks: AudioFormat, **changes: object) -> dict[str, object]:
    """A peer that has this codec and no other, which nobody else has, and telephone-event at its rate."""
    rate = 16000 if speaks.codec == "speex" else 8000
    event = 102 if speaks.codec == "speex" else 101
    return {
        "payload_types": {},
        "clock_rates": {speaks.payload_type: speaks.clock_rate, event: rate},
        "hears": (speaks,),
        "speaks": speaks,
        "dtmf_payload_type": event,
        "takes_events": TelephoneEvents(event, rate),
        **changes,
    }


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
    level = far.hearing().tones[0].level_dbm0
    assert level is not None
    assert level == pytest.approx(-13.0, abs=2.0)
    assert far.hearing().heard_ms(1000.0) == 0
    near.send_digits("1#")
    far.send_digits("2*")
    rig.until(lambda: (near.hearing().digits, far.hearing().digits) == ("2*", "1#"))


DTMF_HZ = {"1": (697.0, 1209.0), "9": (852.0, 1477.0)}
LISTENING = (697.0, 852.0, 1209.0, 1477.0)
NO_EVENTS: dict[str, object] = {"dtmf_payload_type": None, "takes_events": None}


def tones_ms(terminal: EmbeddedTerminal, digit: str) -> int:
    """How long both tones of a digit were heard."""
    return min(terminal.hearing().heard_ms(frequency_hz) for frequency_hz in DTMF_HZ[digit])


def press(rig: RtpengineRig, terminal: EmbeddedTerminal, digits: str) -> None:
    """Say digits as tones, of 150 ms each, between tones of another kind."""
    for digit in digits:
        terminal.play(Tone(DTMF_HZ[digit]))
        rig.pass_time(0.15)
        terminal.play(Tone((440.0,)))
        rig.pass_time(0.15)


@pytest.mark.parametrize("codec", ["PCMA", *OTHERS])
@pytest.mark.parametrize("caller_has_events", [True, False])
def test_events_are_tones_for_a_peer_without_them_and_its_tones_are_events(
    rig: RtpengineRig, codec: str, caller_has_events: bool
) -> None:
    """One peer has PCMA and telephone-event, the other one this codec and nothing else."""
    with_events = rig.engine.open_terminal(Tone((440.0,)), listen_for=(440.0, *LISTENING))
    without = rig.engine.open_terminal(Tone((440.0,)), listen_for=(440.0, *LISTENING))
    pair, beyond = open_pair(rig, Told()), open_pair(rig, Told())
    one, other = pair if caller_has_events else pair[::-1]
    one_peer = remote_at(with_events.address, with_events.port, **having(PCMA))
    if codec == "PCMA":
        both = {"payload_types": {8: 8}, "hears": (PCMA,), "speaks": PCMA}
        one.set_remote(replace(one_peer, payload_types={8: 8}))
        other.set_remote(remote_at(without.address, without.port, **both, **NO_EVENTS))
        at_without = other
    else:
        speaks = OTHERS[codec]
        one.set_remote(one_peer)
        near_end, far_end = beyond
        here = {**having(speaks), **NO_EVENTS}
        other.set_remote(remote_at(near_end.address, near_end.port, **here))
        near_end.set_remote(remote_at(other.address, other.port, **here))
        far_end.set_remote(remote_at(without.address, without.port, **{**having(PCMA), **NO_EVENTS}))
        rig.engine.bridge(*beyond)
        at_without = far_end
    rig.engine.bridge(*pair)
    rig.settle()
    with_events.set_remote(remote_at(one.address, one.port, payload_types={8: 8, 101: 101}))
    without.set_remote(remote_at(at_without.address, at_without.port, payload_types={8: 8}))
    rig.until(lambda: min(end.hearing().heard_ms(440.0) for end in (with_events, without)) >= 100)
    with_events.send_digits("19", duration_ms=100)
    rig.until(lambda: tones_ms(without, "1") >= 60 and tones_ms(without, "9") >= 60)
    press(rig, without, "91")
    rig.until(lambda: with_events.hearing().digits == "91")
    assert without.hearing().digits == ""


def test_digits_by_signalling_are_tones_for_a_peer_without_events(rig: RtpengineRig) -> None:
    near = rig.engine.open_terminal(Tone((440.0,)), listen_for=(440.0, *LISTENING))
    far = rig.engine.open_terminal(Tone((440.0,)), listen_for=(440.0, *LISTENING))
    caller, callee = open_pair(rig, Told())
    both = {"payload_types": {8: 8}, "hears": (PCMA,), "speaks": PCMA, **NO_EVENTS}
    caller.set_remote(remote_at(near.address, near.port, **both))
    callee.set_remote(remote_at(far.address, far.port, **both))
    near.set_remote(remote_at(caller.address, caller.port, payload_types={8: 8}))
    far.set_remote(remote_at(callee.address, callee.port, payload_types={8: 8}))
    rig.engine.bridge(caller, callee)
    rig.until(lambda: min(end.hearing().heard_ms(440.0) for end in (near, far)) >= 100)
    callee.send_digits("19", duration_ms=200)
    rig.until(lambda: tones_ms(far, "1") >= 160 and tones_ms(far, "9") >= 160)
    caller.send_digits("9", duration_ms=200)
    rig.until(lambda: tones_ms(near, "9") >= 160)
    assert tones_ms(near, "1") == 0


@pytest.mark.parametrize("caller_has_events", [True, False])
def test_digits_by_signalling_are_events_though_who_sends_them_has_none(
    rig: RtpengineRig, caller_has_events: bool
) -> None:
    """One peer has its digits sent by INFO, both ways."""
    near = rig.engine.open_terminal(Tone((440.0,)))
    far = rig.engine.open_terminal(Tone((440.0,)), listen_for=(440.0,))
    pair = open_pair(rig, Told())
    one, other = pair if caller_has_events else pair[::-1]
    both = {"payload_types": {8: 8}, "hears": (PCMA,), "speaks": PCMA}
    one.set_remote(remote_at(far.address, far.port, tells_digits=True, **both))
    other.set_remote(remote_at(near.address, near.port, **both, **NO_EVENTS))
    far.set_remote(remote_at(one.address, one.port, payload_types={8: 8, 101: 101}))
    near.set_remote(remote_at(other.address, other.port, payload_types={8: 8}))
    rig.engine.bridge(*pair)
    rig.until(lambda: far.hearing().heard_ms(440.0) >= 100)
    one.send_digits("19")
    rig.until(lambda: far.hearing().digits == "19")


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


@pytest.fixture
def telling(tmp_path: Path) -> Iterator[RtpengineRig]:
    """A rig whose daemon tells of digits."""
    port = free_port_range("127.0.0.1", 2)
    daemon = RtpengineDaemon(tmp_path, f"--dtmf-log-dest=127.0.0.1:{port}")
    rig = RtpengineRig(daemon, 2, digits=("127.0.0.1", port))
    yield rig
    rig.stop()
    daemon.stop()


def test_keys_are_told_to_the_call_and_not_to_the_far_side(telling: RtpengineRig) -> None:
    rig, told = telling, Told()
    near = rig.engine.open_terminal(Tone((440.0,)))
    far = rig.engine.open_terminal(Silence(), listen_for=(440.0,))
    caller, callee = open_pair(rig, told)
    both = {8: 8, 101: 101}
    caller.set_remote(remote_at(near.address, near.port, payload_types=both, tells_digits=True))
    callee.set_remote(remote_at(far.address, far.port, payload_types=both))
    near.set_remote(remote_at(caller.address, caller.port, payload_types=both))
    far.set_remote(remote_at(callee.address, callee.port, payload_types=both))
    rig.engine.bridge(caller, callee)
    rig.until(lambda: far.hearing().heard_ms(440.0) >= 100)
    near.send_digits("5#")
    rig.until(lambda: [(leg, digit) for leg, digit, _ in told.digits] == [(caller, "5"), (caller, "#")])
    assert all(80 <= duration_ms <= 120 for _, _, duration_ms in told.digits)
    rig.pass_time(0.3)
    assert far.hearing().digits == ""


def test_tones_are_told_to_the_call_and_not_heard_at_the_far_side(telling: RtpengineRig) -> None:
    rig, told = telling, Told()
    near = rig.engine.open_terminal(Tone((440.0,)))
    far = rig.engine.open_terminal(Silence(), listen_for=(440.0, *LISTENING))
    caller, callee = open_pair(rig, told)
    both = {"payload_types": {8: 8}, "hears": (PCMA,), "speaks": PCMA, **NO_EVENTS}
    caller.set_remote(remote_at(near.address, near.port, tells_digits=True, finds_tones=True, **both))
    callee.set_remote(remote_at(far.address, far.port, **both))
    rig.engine.bridge(caller, callee)
    rig.settle()
    near.set_remote(remote_at(caller.address, caller.port, payload_types={8: 8}))
    far.set_remote(remote_at(callee.address, callee.port, payload_types={8: 8}))
    rig.until(lambda: far.hearing().heard_ms(440.0) >= 100)
    press(rig, near, "19")
    rig.until(lambda: [(leg, digit) for leg, digit, _ in told.digits] == [(caller, "1"), (caller, "9")])
    heard_ms = far.hearing().heard_ms(440.0)
    rig.until(lambda: far.hearing().heard_ms(440.0) >= heard_ms + 100)
    assert [far.hearing().heard_ms(frequency_hz) for frequency_hz in LISTENING] == [0, 0, 0, 0]
