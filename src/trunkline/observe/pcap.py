"""A call's ladder as a packet capture, for Wireshark and its kin.

The capture is made from messages, not from packets: real times, addresses and ports, but UDP messages are
never fragmented, and TCP and TLS connections are faked around their messages, in clear and without
handshake.
"""

from collections.abc import Sequence
from typing import BinaryIO

import dpkt

from trunkline.observe.message import LadderMessage, PackedEnd
from trunkline.sip.ports import Transport

_SEGMENT = 1 << 15
_LINKTYPE_RAW = 101
_SNAPLEN = 1 << 16

_Connection = tuple[PackedEnd, PackedEnd]


def write_pcap(file: BinaryIO, messages: Sequence[LadderMessage]) -> int:
    """Write `messages` to `file` as pcap with raw IP packets; return how many packets that took."""
    writer = dpkt.pcap.Writer(file, snaplen=_SNAPLEN, linktype=_LINKTYPE_RAW)
    positions: dict[_Connection, int] = {}
    packets = 0
    for message in messages:
        at = int(message.at * 1e6) / 1e6
        for packet in _packets(message, positions):
            writer.writepkt_time(packet, at)
            packets += 1
    return packets


def _packets(message: LadderMessage, positions: dict[_Connection, int]) -> list[bytes]:
    source, target = message.ends
    if message.transport is Transport.UDP:
        udp = dpkt.udp.UDP(sport=source[1], dport=target[1], data=message.data)
        udp.ulen = len(udp)
        return [_ip(source, target, dpkt.ip.IP_PROTO_UDP, udp)]
    return _tcp(source, target, message.data, positions)


def _tcp(source: PackedEnd, target: PackedEnd, data: bytes, positions: dict[_Connection, int]) -> list[bytes]:
    """The segments of one message; `positions` keeps how far each direction of a connection has come."""
    packets: list[bytes] = []
    for start in range(0, len(data), _SEGMENT):
        part = data[start : start + _SEGMENT]
        sequence = positions.get((source, target), 1)
        tcp = dpkt.tcp.TCP(
            sport=source[1],
            dport=target[1],
            seq=sequence & 0xFFFFFFFF,
            ack=positions.get((target, source), 1) & 0xFFFFFFFF,
            flags=dpkt.tcp.TH_PUSH | dpkt.tcp.TH_ACK,
            win=65535,
            data=part,
        )
        positions[source, target] = sequence + len(part)
        packets.append(_ip(source, target, dpkt.ip.IP_PROTO_TCP, tcp))
    return packets


def _ip(source: PackedEnd, target: PackedEnd, protocol: int, payload: dpkt.Packet) -> bytes:
    if len(source[0]) == 4:
        return bytes(dpkt.ip.IP(src=source[0], dst=target[0], p=protocol, ttl=64, data=payload))
    return bytes(
        dpkt.ip6.IP6(
            src=source[0], dst=target[0], nxt=protocol, p=protocol, hlim=64, plen=len(payload), data=payload
        )
    )
