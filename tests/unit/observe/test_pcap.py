"""The capture opens in tshark as SIP, whatever the transport."""

import io
import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import dpkt
import pytest

from trunkline.observe.message import LadderMessage
from trunkline.observe.pcap import write_pcap
from trunkline.sip.ports import Address, Transport

V4 = (Address("192.0.2.7", 5060), Address("198.51.100.9", 42000))
V6 = (Address("2001:db8::7", 5060), Address("2001:db8::9", 42000))


def sip(start: str, filler: int = 0) -> bytes:
    body = "x" * filler
    return (
        f"{start}\r\nVia: SIP/2.0/UDP 192.0.2.7;branch=z9hG4bK1\r\nFrom: <sip:a@h>;tag=1\r\nTo: <sip:b@h>\r\n"
        f"Call-ID: call-1\r\nCSeq: 1 INVITE\r\nMax-Forwards: 70\r\nContent-Type: text/plain\r\n"
        f"Content-Length: {len(body)}\r\n\r\n{body}"
    ).encode()


def exchange(transport: Transport, ends: tuple[Address, Address], filler: int = 0) -> list[LadderMessage]:
    local, remote = ends
    port = 5061 if transport is Transport.TLS else 5060
    local = local._replace(port=port)
    return [
        LadderMessage(
            1700000000.999999, 0, False, transport, local, remote, sip("INVITE sip:1@h SIP/2.0", filler)
        ),
        LadderMessage(1700000001.25, 0, True, transport, local, remote, sip("SIP/2.0 180 Ringing")),
        LadderMessage(1700000002.5, 0, True, transport, local, remote, sip("SIP/2.0 200 OK", filler)),
    ]


def dissected(tshark: str, path: Path, *fields: str) -> list[list[str]]:
    command = [tshark, "-n", "-r", str(path), "-Y", "sip", "-T", "json", *(f"-e{field}" for field in fields)]
    run = subprocess.run(command, capture_output=True, check=True, timeout=60)
    packets: list[dict[str, Any]] = json.loads(run.stdout or "[]")
    return [[packet["_source"]["layers"].get(field, [""])[0] for field in fields] for packet in packets]


@pytest.mark.parametrize("transport", Transport)
@pytest.mark.parametrize("ends", [V4, V6], ids=["ipv4", "ipv6"])
@pytest.mark.parametrize("filler", [0, 50_000])
def test_tshark_reads_it(
    transport: Transport,
    ends: tuple[Address, Address],
    filler: int,
    tmp_path: Path,
    require_program: Callable[[str], str],
) -> None:
    tshark = require_program("tshark")
    path = tmp_path / "call.pcap"
    with path.open("wb") as file:
        write_pcap(file, exchange(transport, ends, filler))
    ip = "ip" if ends is V4 else "ipv6"
    layer = "udp" if transport is Transport.UDP else "tcp"
    rows = dissected(
        tshark,
        path,
        "frame.time_epoch",
        f"{ip}.src",
        f"{layer}.srcport",
        "sip.Method",
        "sip.Status-Code",
        "sip.Call-ID",
    )
    here, there = ends[0].host, ends[1].host
    port = "5061" if transport is Transport.TLS else "5060"
    assert [row[1:] for row in rows] == [
        [there, "42000", "INVITE", "", "call-1"],
        [here, port, "", "180", "call-1"],
        [here, port, "", "200", "call-1"],
    ]
    assert rows[1][0].rstrip("0") in ("1700000001.25", "2023-11-14T22:13:21.25")


def test_own_name_becomes_a_documentation_address() -> None:
    file = io.BytesIO()
    messages = [
        message._replace(local=Address("sip.example.net", 5060))
        for message in exchange(Transport.UDP, V4) + exchange(Transport.UDP, V6)
    ]
    assert write_pcap(file, messages) == 6
    file.seek(0)
    frames = [frame for _, frame in dpkt.pcap.Reader(file)]
    assert dpkt.ip.IP(frames[0]).dst == bytes([192, 0, 2, 1])
    assert dpkt.ip6.IP6(frames[3]).dst[:4] == bytes([0x20, 0x01, 0x0D, 0xB8])


def test_stream_positions_follow_the_bytes() -> None:
    file = io.BytesIO()
    messages = exchange(Transport.TCP, V4, 40_000)
    assert write_pcap(file, messages) == 5
    file.seek(0)
    segments = [dpkt.ip.IP(frame).data for _, frame in dpkt.pcap.Reader(file)]
    assert [segment.seq for segment in segments[:2]] == [1, 1 + 32768]
    assert segments[2].ack == 1 + len(messages[0].data)
    assert segments[3].seq == 1 + len(messages[1].data)


def test_empty_ladder_is_an_empty_capture() -> None:
    file = io.BytesIO()
    assert write_pcap(file, []) == 0
    file.seek(0)
    assert list(dpkt.pcap.Reader(file)) == []
