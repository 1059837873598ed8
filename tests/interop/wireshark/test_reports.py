"""RTCP reports of transcoded legs, as Wireshark reads them (RFC 3550 §6.4)."""

import socket
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import dpkt
import pytest

from tests.contract.media.rigs import PATIENCE_S, EmbeddedRig, SocketPeer, Told, open_pair, rtp
from trunkline.call.ports import AudioFormat

PEER_SSRC = 0x0A0B0C0D
FIELDS = (
    "rtcp.pt",
    "rtcp.sender.packetcount",
    "rtcp.sender.octetcount",
    "rtcp.ssrc.identifier",
    "rtcp.ssrc.fraction",
    "rtcp.ssrc.cum_nr",
    "rtcp.ssrc.high_cycles",
    "rtcp.ssrc.high_seq",
    "rtcp.ssrc.lsr",
    "rtcp.ssrc.dlsr",
    "rtcp.sdes.type",
    "_ws.malformed",
)


@pytest.fixture
def rig() -> Iterator[EmbeddedRig]:
    rig = EmbeddedRig(4, timeout_s=60.0)
    yield rig
    rig.stop()


def speaking(rig: EmbeddedRig, number: int, codec: str) -> SocketPeer:
    """A peer of one codec."""
    audio = AudioFormat(number, codec, 8000)
    return rig.peer(payload_types={}, takes_events=None, hears=(audio,), speaks=audio)


def test_what_a_transcoded_leg_hears_is_reported_to_its_peer(
    rig: EmbeddedRig, tmp_path: Path, require_program: Callable[[str], str]
) -> None:
    tshark = require_program("tshark")
    caller, callee = open_pair(rig, Told())
    near, far = speaking(rig, 0, "PCMU"), speaking(rig, 8, "PCMA")
    caller.set_remote(near.remote)
    callee.set_remote(far.remote)
    rig.engine.bridge(caller, callee)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as reports:
        reports.bind((far.address, far.port + 1))
        reports.settimeout(PATIENCE_S)
        near.send(caller, 0, count=3)
        for sequence in (65_533, 65_534, 65_535, *range(7)):
            if sequence != 2:
                far.send_raw(callee, rtp(8, sequence, PEER_SSRC))
        for _ in range(3):
            assert far.receive()[1] & 0x7F == 8
        sender = bytes((0x80, 200, 0, 6)) + PEER_SSRC.to_bytes(4, "big") + bytes(range(1, 9)) + bytes(12)
        reports.sendto(sender, (callee.address, callee.port + 1))
        report = reports.recv(2048)
    (told,) = read(tshark, report, tmp_path / "report.pcap")
    assert told["rtcp.pt"] == "200,202"
    assert (told["rtcp.sender.packetcount"], told["rtcp.sender.octetcount"]) == ("3", "480")
    assert int(told["rtcp.ssrc.identifier"].split(",")[0], 0) == PEER_SSRC
    assert (told["rtcp.ssrc.fraction"], told["rtcp.ssrc.cum_nr"]) == (str(256 // 10), "1")
    assert (told["rtcp.ssrc.high_cycles"], told["rtcp.ssrc.high_seq"]) == ("1", "6")
    assert int(told["rtcp.ssrc.lsr"]) == 0x03040506
    assert 0 < int(told["rtcp.ssrc.dlsr"]) <= PATIENCE_S * 65_536
    assert told["rtcp.sdes.type"].startswith("1"), "a CNAME"
    assert told["_ws.malformed"] == ""


def read(tshark: str, packet: bytes, path: Path) -> list[dict[str, str]]:
    """What tshark makes of a packet of RTCP."""
    udp = dpkt.udp.UDP(sport=5001, dport=5003, data=packet, ulen=8 + len(packet))
    here, there = socket.inet_aton("192.0.2.1"), socket.inet_aton("192.0.2.2")
    ip = dpkt.ip.IP(src=here, dst=there, p=dpkt.ip.IP_PROTO_UDP, data=udp, len=28 + len(packet))
    frame = dpkt.ethernet.Ethernet(type=dpkt.ethernet.ETH_TYPE_IP, data=ip)
    with path.open("wb") as file:
        dpkt.pcap.Writer(file).writepkt(bytes(frame), ts=1.0)
    fields = [part for field in FIELDS for part in ("-e", field)]
    command = [tshark, "-n", "-r", str(path), "-d", "udp.port==5003,rtcp", "-T", "fields"]
    run = subprocess.run(
        [*command, "-E", "separator=;", *fields], capture_output=True, check=True, timeout=60, text=True
    )
    return [dict(zip(FIELDS, line.split(";"), strict=True)) for line in run.stdout.splitlines()]
