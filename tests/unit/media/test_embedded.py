"""The embedded engine with real sockets on loopback: whose packets it believes, what only it has."""

import asyncio
import socket
import struct
import wave
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest

from tests.contract.media.rigs import EmbeddedRig, SocketPeer, Told, figures_of, remote_at, rtp
from trunkline.call.ports import MediaFlow, NoFamilyError, NoPortsError, Tone, WavFile
from trunkline.errors import ConfigError, MediaError
from trunkline.media.embedded import EmbeddedEngine, EmbeddedLeg, EngineSettings
from trunkline.media.terminals import Silence

REPORT = bytes((0x80, 201, 0, 1, 1, 2, 3, 4))
PEER = "127.0.0.10"
ATTACKER = "127.0.0.66"


@pytest.fixture
def make_rig() -> Iterator[Callable[..., EmbeddedRig]]:
    made: list[EmbeddedRig] = []

    def make(pairs: int = 16, **settings: object) -> EmbeddedRig:
        made.append(EmbeddedRig(pairs, **{"timeout_s": 60.0} | settings))
        return made[-1]

    yield make
    for rig in made:
        rig.stop()


@pytest.fixture
def rig(make_rig: Callable[..., EmbeddedRig]) -> EmbeddedRig:
    return make_rig()


class Call:
    """Two bridged legs; `caller_remote` changes what signalling says of the caller's peer."""

    def __init__(self, rig: EmbeddedRig, **caller_remote: object) -> None:
        self.told = Told()
        self.caller, self.callee = (rig.engine.open_leg(ipv6=False, events=self.told) for _ in range(2))
        self.caller_peer, self.callee_peer = rig.peer(PEER), rig.peer("127.0.0.20")
        self.caller.set_remote(replace(self.caller_peer.remote, **caller_remote))  # type: ignore[arg-type]
        self.callee.set_remote(self.callee_peer.remote)
        rig.engine.bridge(self.caller, self.callee)


def stream(peer: SocketPeer, leg: EmbeddedLeg, count: int) -> None:
    """A burst that looks like one stream."""
    for sequence in range(count):
        peer.send_raw(leg, rtp(8, sequence, ssrc=0xBAD))


def dropped(leg: EmbeddedLeg, reason: str) -> int:
    return leg.statistics().dropped.get(reason, 0)


# --- stealing media (RTP bleed) and injecting it ---------------------------------------------------------


def test_spraying_a_port_before_the_peer_speaks_steals_nothing(rig: EmbeddedRig) -> None:
    call = Call(rig)
    attacker = rig.peer(ATTACKER)
    for volley in range(1, 6):  # no more at a time than a socket's buffer holds
        stream(attacker, call.caller, 100)
        rig.until(lambda count=100 * volley: dropped(call.caller, "other_source") == count)  # type: ignore[misc]
    for _ in range(20):
        call.callee_peer.send(call.callee, 8)
    rig.until(lambda: figures_of(call.caller)[1] == 20)
    assert call.caller_peer.received() == [8] * 20
    assert attacker.received() == []
    assert call.callee_peer.received() == []


def test_spraying_a_port_in_use_steals_and_injects_nothing(rig: EmbeddedRig) -> None:
    call = Call(rig)
    attacker = rig.peer(ATTACKER)
    call.caller_peer.send(call.caller, 8)
    rig.until(lambda: call.caller.source() == (PEER, call.caller_peer.port))
    stream(attacker, call.caller, 500)
    call.caller_peer.send(call.caller, 8)
    call.callee_peer.send(call.callee, 8, 20)
    rig.until(lambda: figures_of(call.caller) == (2, 20))
    assert attacker.received() == []
    assert call.callee_peer.received() == [8, 8]


def test_another_port_of_the_right_host_gives_way_to_the_signalled_one(rig: EmbeddedRig) -> None:
    call = Call(rig)
    neighbour = rig.peer(PEER)
    stream(neighbour, call.caller, 3)
    rig.until(lambda: call.caller.source() == (PEER, neighbour.port))
    call.caller_peer.send(call.caller, 8)
    rig.until(lambda: call.caller.source() == (PEER, call.caller_peer.port))
    stream(neighbour, call.caller, 100)
    call.callee_peer.send(call.callee, 8, 10)
    rig.until(lambda: figures_of(call.caller)[1] == 10)
    assert neighbour.received() == []


def test_a_peer_behind_nat_is_found_where_its_signalling_comes_from(rig: EmbeddedRig) -> None:
    call = Call(rig, rtp_address="192.168.77.7", signalled_from=PEER)
    call.caller_peer.send(call.caller, 8)
    rig.until(lambda: call.caller.source() == (PEER, call.caller_peer.port))
    call.callee_peer.send(call.callee, 8)
    assert call.caller_peer.receive()[1] == 8


def test_a_new_address_is_followed_and_the_old_one_forgotten(rig: EmbeddedRig) -> None:
    call = Call(rig)
    call.caller_peer.send(call.caller, 8)
    rig.until(lambda: call.caller.source() is not None)
    moved = rig.peer("127.0.0.30")
    call.caller.set_remote(moved.remote)
    assert call.caller.source() is None
    call.caller_peer.send(call.caller, 8)
    moved.send(call.caller, 8)
    rig.until(lambda: call.caller.source() == ("127.0.0.30", moved.port))
    assert call.callee_peer.received() == [8, 8]
    assert dropped(call.caller, "other_source") == 1


@pytest.mark.parametrize(
    "rubbish",
    [
        b"",
        b"\x80",
        b"GET / HTTP/1.1\r\n\r\n",
        rtp(8, 1)[:11],
        b"\x00" + rtp(8, 1)[1:],
        b"\x9f" + rtp(8, 1, payload=b"")[1:],
        b"\xb0" + rtp(8, 1, payload=b"\xff" * 40)[1:],
        rtp(8, 1, payload=bytes(1600)),
        rtp(77, 1),
    ],
)
def test_what_is_not_the_calls_rtp_is_dropped_and_latches_nothing(rig: EmbeddedRig, rubbish: bytes) -> None:
    call = Call(rig)
    call.caller_peer.send_raw(call.caller, rubbish)
    rig.until(lambda: sum(call.caller.statistics().dropped.values()) == 1)
    assert call.caller.source() is None
    assert set(call.caller.statistics().dropped) <= {"malformed", "unknown_payload_type"}
    call.caller_peer.send(call.caller, 8)
    assert call.callee_peer.received() == [8]


@pytest.mark.parametrize("address", ["224.0.0.5", "255.255.255.255", "240.0.0.1", "0.0.0.1"])
def test_audio_is_never_sent_to_such_addresses(rig: EmbeddedRig, address: str) -> None:
    call = Call(rig, rtp_address=address)
    call.callee_peer.send(call.callee, 8)
    rig.until(lambda: dropped(call.caller, "no_destination") == 1)


@pytest.mark.parametrize("other", [0, 1], ids=["its own port", "another leg's for reports"])
def test_audio_is_not_sent_to_a_port_of_ours_that_is_nobodys(rig: EmbeddedRig, other: int) -> None:
    call = Call(rig)
    call.caller.set_remote(remote_at("127.0.0.1", (call.caller.port, call.callee.port + 1)[other]))
    call.callee_peer.send(call.callee, 8)
    rig.until(lambda: dropped(call.caller, "no_destination") == 1)


def test_loopback_is_out_of_reach_unless_allowed(make_rig: Callable[..., EmbeddedRig]) -> None:
    rig = make_rig(allow_loopback=False)
    call = Call(rig)
    call.callee_peer.send(call.callee, 8)
    rig.until(lambda: dropped(call.callee, "other_source") == 1)


# --- RTCP ---------------------------------------------------------------------------------------------- -


def rtcp_socket(peer: SocketPeer) -> SocketPeer:
    """The peer's odd port."""
    other = SocketPeer("127.0.0.1")
    other.close()
    other.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    other.socket.bind((peer.address, peer.port + 1))
    other.socket.settimeout(10)
    return other


def test_reports_pass_between_the_odd_ports(rig: EmbeddedRig) -> None:
    call = Call(rig)
    near, far = rtcp_socket(call.caller_peer), rtcp_socket(call.callee_peer)
    near.send_raw(call.caller, REPORT, port_offset=1)
    assert far.receive() == REPORT
    far.send_raw(call.callee, REPORT + bytes((0x81, 203, 0, 1)) + bytes(4), port_offset=1)
    assert near.receive()[:8] == REPORT
    near.send_raw(call.caller, b"\x81\xcb\x00\x01" + bytes(4), port_offset=1)
    rig.until(lambda: dropped(call.caller, "malformed") == 1)
    stranger = rig.peer(ATTACKER)
    stranger.send_raw(call.caller, REPORT, port_offset=1)
    rig.until(lambda: dropped(call.caller, "other_source") == 1)
    near.close()
    far.close()


def test_multiplexed_reports_meet_separate_ones(rig: EmbeddedRig) -> None:
    call = Call(rig)
    call.caller.set_remote(replace(call.caller_peer.remote, rtcp_port=call.caller_peer.port))
    far = rtcp_socket(call.callee_peer)
    call.caller_peer.send(call.caller, 8)
    call.caller_peer.send_raw(call.caller, REPORT)
    assert far.receive() == REPORT
    far.send_raw(call.callee, REPORT, port_offset=1)
    assert call.caller_peer.receive() == REPORT
    assert call.callee_peer.received() == [8]
    far.close()


def test_reports_go_on_during_hold(rig: EmbeddedRig) -> None:
    call = Call(rig)
    call.callee.set_remote(replace(call.callee_peer.remote, direction=MediaFlow.NONE))
    near, far = rtcp_socket(call.caller_peer), rtcp_socket(call.callee_peer)
    near.send_raw(call.caller, REPORT, port_offset=1)
    assert far.receive() == REPORT
    near.close()
    far.close()


# --- figures ---------------------------------------------------------------------------------------------


def test_order_loss_and_duplicates_are_counted(rig: EmbeddedRig) -> None:
    call = Call(rig)
    for sequence in (1, 2, 4, 3, 3, 7):
        call.caller_peer.send_raw(call.caller, rtp(8, sequence))
    call.caller_peer.send_raw(call.caller, rtp(101, 8, payload=bytes((5, 10, 0, 160))))
    rig.until(lambda: figures_of(call.callee)[1] == 7)
    statistics = call.caller.statistics()
    assert (statistics.packets_received, statistics.octets_received) == (7, 6 * 160 + 4)
    assert (statistics.packets_lost, statistics.out_of_order, statistics.duplicates) == (2, 1, 1)
    assert statistics.dtmf_events == 1
    figures = call.caller.figures()
    assert figures.packets_lost == 2
    assert figures.mos is not None
    assert figures.mos < 3.0
    assert call.callee.figures().mos is None


# --- ports -----------------------------------------------------------------------------------------------


def test_a_closed_port_stays_bound_and_mute_while_it_drains(make_rig: Callable[..., EmbeddedRig]) -> None:
    rig = make_rig(2, drain_s=0.4)
    call = Call(rig)
    call.caller_peer.send(call.caller, 8)
    rig.until(lambda: figures_of(call.callee)[1] == 1)
    call.caller.close()
    call.callee.close()
    probe = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    with pytest.raises(OSError, match="in use"):
        probe.bind(("127.0.0.1", call.caller.port))
    probe.close()
    assert rig.engine.occupancy() == (0, 2, 2)
    for _ in range(5):  # the old peer has not learnt of the end yet
        call.caller_peer.send(call.caller, 8)
        rig.pass_time(0.1)
    leg = rig.engine.open_leg(ipv6=False, events=call.told)
    assert leg.port == call.callee.port, "the quiet one is ready first"
    with pytest.raises(NoPortsError):
        rig.engine.open_leg(ipv6=False, events=call.told)


def test_a_family_that_is_not_bound_is_told_apart_from_ports_that_have_run_out(rig: EmbeddedRig) -> None:
    with pytest.raises(NoFamilyError, match="IPv6"):
        rig.engine.open_leg(ipv6=True, events=Told())


def test_forgotten_legs_are_closed(rig: EmbeddedRig) -> None:
    leg = rig.engine._native.open_leg(False)
    assert rig.engine.occupancy().open == 1
    del leg
    assert rig.engine.occupancy().open == 0


def test_ipv6_legs_bridge_with_ipv4_ones(make_rig: Callable[..., EmbeddedRig]) -> None:
    rig = make_rig(bind_v6="::1", advertised_v4="192.0.2.9")
    six, four = rig.engine.open_leg(ipv6=True, events=Told()), rig.engine.open_leg(ipv6=False, events=Told())
    assert (six.address, four.address) == ("::1", "192.0.2.9")
    six_peer, four_peer = rig.peer("::1"), rig.peer("127.0.0.20")
    six.set_remote(six_peer.remote)
    four.set_remote(four_peer.remote)
    rig.engine.bridge(six, four)
    six_peer.send(six, 8)
    assert four_peer.receive()[1] == 8
    four_peer.socket.sendto(rtp(8, 1), ("127.0.0.1", four.port))
    assert six_peer.receive()[1] == 8


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"bind_v4": "localhost"}, "bind_v4"),
        ({"bind_v4": "::1"}, "bind_v4"),
        ({"bind_v4": None}, "bind_v4"),
        ({"advertised_v6": "10.0.0.1"}, "advertised_v6"),
        ({"port_min": 20_000}, "port_max"),
        ({"timeout_s": 0.0}, "timeout_s"),
        ({"timeout_s": -1.0}, "timeout_s"),
        ({"drain_s": float("nan")}, "drain_s"),
        ({"threads": 0}, "threads"),
    ],
)
def test_settings_that_cannot_be(settings: dict[str, object], words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        EmbeddedEngine(EngineSettings(**settings))  # type: ignore[arg-type]


def test_an_address_of_another_machine_is_refused_at_once() -> None:
    with pytest.raises(MediaError, match=r"192\.0\.2\.1"):
        EmbeddedEngine(EngineSettings(bind_v4="192.0.2.1"))


@pytest.mark.parametrize(
    "change",
    [
        {"rtp_address": "peer.example.net"},
        {"payload_types": {128: 0}},
        {"clock_rates": {8: 0}},
        {"direction": "up"},
    ],
)
def test_remotes_that_cannot_be(rig: EmbeddedRig, change: dict[str, object]) -> None:
    leg = rig.engine.open_leg(ipv6=False, events=Told())
    with pytest.raises(MediaError):
        leg.set_remote(remote_at("198.51.100.1", 4000, **change))


# --- events ----------------------------------------------------------------------------------------------


def test_an_event_loop_tells_the_legs(make_rig: Callable[..., EmbeddedRig]) -> None:
    rig = make_rig(timeout_s=0.1)
    call = Call(rig)

    async def wait() -> None:
        told = asyncio.Event()
        call.told.media_timed_out = lambda _: told.set()  # type: ignore[method-assign,assignment]
        rig.engine.attach(asyncio.get_running_loop())
        await asyncio.wait_for(told.wait(), 10)
        rig.engine.detach()

    asyncio.run(wait())


def test_a_fault_ends_one_stream_and_its_leg_is_told(
    rig: EmbeddedRig, capfd: pytest.CaptureFixture[str]
) -> None:
    hurt, well = Call(rig), Call(rig)
    hurt.caller.inject_fault()
    hurt.caller_peer.send(hurt.caller, 8)
    rig.until(lambda: bool(hurt.told.timed_out))
    assert hurt.told.timed_out == [hurt.caller]
    assert "fault injected" in capfd.readouterr().err
    hurt.caller_peer.send(hurt.caller, 8)
    well.caller_peer.send(well.caller, 8)
    assert well.callee_peer.received() == [8]
    assert hurt.callee_peer.received() == []
    assert well.told.timed_out == []
    assert hurt.caller.close().packets_received == 2


def test_a_call_that_fails_when_it_is_told_leaves_the_others_told(
    rig: EmbeddedRig, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls = [Call(rig) for _ in range(3)]

    def fail(_: object) -> None:
        raise ZeroDivisionError

    calls[0].told.media_timed_out = fail  # type: ignore[method-assign,assignment]
    waiting = [("media_timed_out", call.caller._native.id, None, 0) for call in calls]
    with monkeypatch.context() as patch:
        patch.setattr(rig.engine, "_native", SimpleNamespace(drain_events=lambda: waiting))
        with pytest.raises(ExceptionGroup) as raised:
            rig.engine.tell_events()
    assert [type(fault) for fault in raised.value.exceptions] == [ZeroDivisionError]
    assert [call.told.timed_out for call in calls[1:]] == [[calls[1].caller], [calls[2].caller]]


def test_a_stopped_engine_has_closed_its_legs(rig: EmbeddedRig) -> None:
    call = Call(rig)
    rig.engine.stop()
    rig.engine.stop()
    assert call.caller.close().packets_received == 0
    with pytest.raises(MediaError, match="stopped"):
        rig.engine.open_leg(ipv6=False, events=call.told)
    with pytest.raises(MediaError, match="stopped"):
        rig.engine.occupancy()


def test_a_leg_of_another_engine_is_refused(make_rig: Callable[..., EmbeddedRig]) -> None:
    one, other = make_rig(), make_rig()
    legs = [rig.engine.open_leg(ipv6=False, events=Told()) for rig in (one, other)]
    with pytest.raises(MediaError, match="one engine"):
        one.engine.bridge(*legs)


# --- files -----------------------------------------------------------------------------------------------


def write_wav(path: Path, samples: list[int], rate: int = 8000) -> Path:
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes(struct.pack(f"<{len(samples)}h", *samples))
    return path


def test_a_file_is_played_and_recorded_at_the_other_end(rig: EmbeddedRig, tmp_path: Path) -> None:
    ended: list[None] = []
    source = write_wav(tmp_path / "in.wav", [8000, -8000] * 1600)
    near = rig.engine.open_terminal(Silence(), source_ended=lambda: ended.append(None))
    far = rig.engine.open_terminal(Silence(), record_to=tmp_path / "out.wav")
    far.set_remote(remote_at(near.address, near.port, payload_types={0: 0}))
    near.set_remote(remote_at(far.address, far.port, payload_types={0: 0}))
    near.play(WavFile(str(source)))
    rig.until(lambda: len(ended) == 1)
    sent = figures_of(near)[1]
    rig.until(lambda: figures_of(far)[0] >= sent)
    far.close()
    with wave.open(str(tmp_path / "out.wav")) as file:
        assert (file.getnchannels(), file.getsampwidth(), file.getframerate()) == (1, 2, 8000)
        frames = file.readframes(file.getnframes())
    heard = struct.unpack(f"<{len(frames) // 2}h", frames)
    loud = [sample for sample in heard if abs(sample) > 7000]
    assert len(loud) == 3200
    assert all(abs(abs(sample) - 8000) < 300 for sample in loud)


def test_unusable_files_are_refused_with_their_reason(rig: EmbeddedRig, tmp_path: Path) -> None:
    terminal = rig.engine.open_terminal(Silence(), record_to=tmp_path / "no such folder" / "out.wav")
    with pytest.raises(MediaError, match="44100 Hz"):
        terminal.play(WavFile(str(write_wav(tmp_path / "fast.wav", [0], 44100))))
    with pytest.raises(MediaError, match=r"missing\.wav"):
        terminal.play(WavFile(str(tmp_path / "missing.wav")))
    with pytest.raises(MediaError, match="no such folder"):
        terminal.close()
    assert rig.engine.occupancy().open == 0


def test_terminal_refuses_too_many_frequencies_and_leaves_no_port_open(rig: EmbeddedRig) -> None:
    with pytest.raises(MediaError, match="16"):
        rig.engine.open_terminal(Tone((440.0,)), listen_for=[440.0] * 17)
    assert rig.engine.occupancy().open == 0
