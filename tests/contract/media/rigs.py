"""An engine with what a test needs around it: peers that send and receive, and a way to let time pass."""

import select
import socket
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Protocol

from tests.unit.virtual_clock import FakeClock
from trunkline.call.ports import MediaFlow, MediaLeg, RemoteMedia, SrtpKeys, TelephoneEvents
from trunkline.call.record import MediaFigures
from trunkline.media.embedded import EmbeddedEngine, EngineSettings
from trunkline.media.fake import FakeEngine

if TYPE_CHECKING:
    from tests.contract.media.rtpengine_rig import WithTerminals

PATIENCE_S = 30.0
"""Waited for what must come; never used up by a test that passes."""


@dataclass
class Told:
    """A `MediaEvents` that remembers."""

    timed_out: list[MediaLeg] = field(default_factory=list)
    digits: list[tuple[MediaLeg, str, int]] = field(default_factory=list)
    ended: list[MediaLeg] = field(default_factory=list)
    worn: list[tuple[MediaLeg, bool]] = field(default_factory=list)

    def media_timed_out(self, leg: MediaLeg) -> None:
        self.timed_out.append(leg)

    def digit_received(self, leg: MediaLeg, digit: str, duration_ms: int) -> None:
        self.digits.append((leg, digit, duration_ms))

    def sound_ended(self, leg: MediaLeg) -> None:
        self.ended.append(leg)

    def key_worn(self, leg: MediaLeg, *, spent: bool) -> None:
        self.worn.append((leg, spent))


def remote_at(address: str, port: int, **changes: object) -> RemoteMedia:
    """A peer with PCMA, and telephone-event which it calls 101 and the other side 96."""
    remote = RemoteMedia(
        rtp_address=address,
        rtp_port=port,
        rtcp_port=port + 1,
        direction=MediaFlow.BOTH,
        payload_types={8: 8, 101: 96},
        clock_rates={8: 8000, 101: 8000},
        dtmf_payload_type=101,
        signalled_from=None,
        takes_events=TelephoneEvents(101, 8000),
    )
    return replace(remote, **changes)  # type: ignore[arg-type]


class Peer(Protocol):
    """Somebody outside."""

    @property
    def remote(self) -> RemoteMedia:
        """Where it is."""

    def send(self, leg: MediaLeg, payload_type: int, count: int = 1) -> None:
        """Send packets to a leg that has it as its peer."""

    def received(self) -> list[int]:
        """Payload types of everything that came since the last call."""


class Rig(Protocol):
    """One engine of two port pairs a leg, and its surroundings."""

    timeout_s: float
    drain_s: float
    far_event: int
    """telephone-event as a far peer has it, when the near one calls it 101."""

    @property
    def engine(self) -> "EmbeddedEngine | FakeEngine | WithTerminals": ...

    def peer(self) -> Peer: ...

    def pass_time(self, seconds: float) -> None:
        """Let time pass, and events be told."""

    def until(self, what: Callable[[], bool]) -> None:
        """Wait for what takes real time in a real engine."""

    def settle(self) -> None:
        """Let what has been set take effect, where that takes time."""

    def take_in(self, leg: MediaLeg, packets: int) -> None:
        """Let a leg without a far end have so many packets of its peer."""

    def stop(self) -> None: ...


def open_pair(rig: Rig, told: Told) -> tuple[MediaLeg, MediaLeg]:
    """A caller's leg and a callee's."""
    caller = rig.engine.open_leg(ipv6=False, events=told)
    return caller, rig.engine.open_leg(ipv6=False, events=told, beside=caller)


def rtp(payload_type: int, sequence: int, ssrc: int = 7, payload: bytes = bytes(160)) -> bytes:
    """An RTP packet of a steady 20 ms stream."""
    head = bytes((0x80, payload_type)) + (sequence & 0xFFFF).to_bytes(2, "big")
    head += (160 * sequence).to_bytes(4, "big")
    return head + ssrc.to_bytes(4, "big") + payload


class SocketPeer:
    """A UDP socket on an address of its own."""

    def __init__(self, address: str, **changes: object) -> None:
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        self.socket = socket.socket(family, socket.SOCK_DGRAM)
        self.socket.bind((address, 0))
        self.socket.settimeout(PATIENCE_S)
        self.address: str = address
        self.port: int = self.socket.getsockname()[1]
        self.remote = remote_at(address, self.port, **changes)
        self.sequence = 0

    def send_raw(self, leg: MediaLeg, data: bytes, *, port_offset: int = 0) -> None:
        self.socket.sendto(data, (leg.address, leg.port + port_offset))

    def send(self, leg: MediaLeg, payload_type: int, count: int = 1) -> None:
        for _ in range(count):
            self.send_raw(leg, rtp(payload_type, self.sequence))
            self.sequence += 1

    def receive(self) -> bytes:
        """The next datagram; raises `TimeoutError` when none comes."""
        return self.socket.recv(2048)

    def received(self, quiet_s: float = 0.05) -> list[int]:
        found = []
        while select.select([self.socket], [], [], quiet_s)[0]:
            found.append(self.receive()[1] & 0x7F)
        return found

    def close(self) -> None:
        self.socket.close()


class EmbeddedRig:
    """The embedded engine on loopback. Its time is real, so its settings are short."""

    timeout_s = 0.2
    drain_s = 0.2
    far_event = 96

    def __init__(self, pairs: int = 16, **settings: object) -> None:
        first = _free_range(pairs)
        chosen = {
            "port_min": first,
            "port_max": first + 2 * pairs - 1,
            "bind_v4": "127.0.0.1",
            "allow_loopback": True,
            "timeout_s": self.timeout_s,
            "drain_s": self.drain_s,
        } | settings
        self.engine = EmbeddedEngine(EngineSettings(**chosen))  # type: ignore[arg-type]
        self._peers: list[SocketPeer] = []

    def peer(self, address: str | None = None, **changes: object) -> SocketPeer:
        peer = SocketPeer(address or f"127.0.0.{10 + len(self._peers)}", **changes)
        self._peers.append(peer)
        return peer

    def pass_time(self, seconds: float) -> None:
        deadline = time.monotonic() + seconds
        while (left := deadline - time.monotonic()) > 0:
            select.select([self.engine.event_fd], [], [], left)
            self.engine.tell_events()

    def until(self, what: Callable[[], bool]) -> None:
        deadline = time.monotonic() + PATIENCE_S
        while not what():
            assert time.monotonic() < deadline, "it never happened"
            self.pass_time(0.005)

    def settle(self) -> None:
        """It takes no time."""

    def take_in(self, leg: MediaLeg, packets: int) -> None:
        self.until(lambda: figures_of(leg)[0] == packets)

    def stop(self) -> None:
        self.engine.stop()
        for peer in self._peers:
            peer.close()


def _free_range(pairs: int) -> int:
    """An even port with as many pairs above it that nobody has, below those that the system hands out."""
    for first in range(22_000, 32_000, 2 * pairs):
        probes = [socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in range(2 * pairs)]
        try:
            for offset, probe in enumerate(probes):
                probe.bind(("127.0.0.1", first + offset))
        except OSError:
            continue
        else:
            return first
        finally:
            for probe in probes:
                probe.close()
    raise AssertionError("no free ports")


class FakePeer:
    """Somebody outside the fake network."""

    def __init__(self, rig: "FakeRig", address: str, port: int) -> None:
        self._rig = rig
        self.remote = remote_at(address, port)

    def send(self, leg: MediaLeg, payload_type: int, count: int = 1) -> None:
        self._rig.engine.network.legs[leg.address, leg.port].deliver(payload_type, count)

    def received(self) -> list[int]:
        return self._rig.engine.network.sent_outside.pop((self.remote.rtp_address, self.remote.rtp_port), [])


class FakeRig:
    """The fake engine on a clock that stands still until told."""

    timeout_s = 60.0
    drain_s = 2.0
    far_event = 96

    def __init__(self, pairs: int = 16) -> None:
        self.clock = FakeClock()
        self.engine = FakeEngine(
            self.clock,
            port_min=43_000,
            port_max=43_000 + 2 * pairs - 1,
            timeout_s=self.timeout_s,
            drain_s=self.drain_s,
            peers_talk=False,
        )
        self._peers = 0

    def peer(self) -> FakePeer:
        self._peers += 1
        return FakePeer(self, "198.51.100.1", 30_000 + 2 * self._peers)

    def pass_time(self, seconds: float) -> None:
        self.clock.advance(seconds)

    def until(self, what: Callable[[], bool]) -> None:
        self.clock.advance(1.0)
        assert what(), "it never happened"

    def settle(self) -> None:
        """It takes no time."""

    def take_in(self, leg: MediaLeg, packets: int) -> None:
        self.until(lambda: figures_of(leg)[0] == packets)

    def stop(self) -> None:
        """It holds nothing."""


def figures_of(leg: MediaLeg) -> tuple[int, int]:
    """Packets received and sent."""
    figures: MediaFigures = leg.figures()
    return figures.packets_received, figures.packets_sent


RIGS: dict[str, Callable[[int], Rig]] = {"embedded": EmbeddedRig, "fake": FakeRig}


def between_terminals(
    rig: Rig,
    near: MediaLeg,
    far: MediaLeg,
    *,
    near_srtp: SrtpKeys | None = None,
    caller_srtp: SrtpKeys | None = None,
    callee_srtp: SrtpKeys | None = None,
    far_srtp: SrtpKeys | None = None,
) -> tuple[MediaLeg, MediaLeg]:
    """Two bridged legs, each with a terminal as its peer. Telephone-event is 101 near."""
    caller, callee = open_pair(rig, Told())
    event = rig.far_event
    at_far = {
        "payload_types": {8: 8, event: 101},
        "dtmf_payload_type": event,
        "takes_events": TelephoneEvents(event, 8000),
    }
    caller.set_remote(remote_at(near.address, near.port, payload_types={8: 8, 101: event}, srtp=caller_srtp))
    callee.set_remote(remote_at(far.address, far.port, **at_far, srtp=callee_srtp))
    rig.engine.bridge(caller, callee)
    rig.settle()
    near.set_remote(remote_at(caller.address, caller.port, payload_types={8: 8, 101: 101}, srtp=near_srtp))
    far.set_remote(
        remote_at(
            callee.address,
            callee.port,
            payload_types={8: 8, event: event},
            dtmf_payload_type=event,
            srtp=far_srtp,
        )
    )
    return caller, callee
