"""A call's ladder as a packet capture, for Wireshark and its kin.

The capture is made from messages, not from packets: real times, addresses and ports, but UDP messages are
never fragmented, and TCP and TLS connections are faked around their messages, in clear and without
handshake. Addresses that are not known as IP addresses (we advertise a host name) become `UNKNOWN_HOSTS`.
"""

import ipaddress
from collections.abc import Sequence
from typing import BinaryIO

import dpkt

from trunkline.observe.message import LadderMessage
from trunkline.sip.ports import Address, Transport

UNKNOWN_HOSTS = {4: ipaddress.ip_address("192.0.2.1"), 6: ipaddress.ip_address("2001:db8::1")}
"""Stands in for our own address where only a name is known (RFC 5737, RFC 3849: documentation)."""

_SEGMENT = 1 << 15
_LINKTYPE_RAW = 101
_SNAPLEN = 1 << 16

_Packed = tuple[bytes, int]
_Connection = tuple[_Packed, _Packed]


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
    remote = _packed(message.remote, None)
    local = _packed(message.local, len(remote[0]))
    source, target = (local, remote) if message.sent else (remote, local)
    if message.transport is Transport.UDP:
        udp = dpkt.udp.UDP(sport=source[1], dport=target[1], data=message.data)
        udp.ulen = len(udp)
        return [_ip(source, target, dpkt.ip.IP_PROTO_UDP, udp)]
    return _tcp(source, target, message.data, positions)


def _tcp(source: _Packed, target: _Packed, data: bytes, positions: dict[_Connection, int]) -> list[bytes]:
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


def _ip(source: _Packed, target: _Packed, protocol: int, payload: dpkt.Packet) -> bytes:
    if len(source[0]) == 4:
        return bytes(dpkt.ip.IP(src=source[0], dst=target[0], p=protocol, ttl=64, data=payload))
    return bytes(
        dpkt.ip6.IP6(
            src=source[0], dst=target[0], nxt=protocol, p=protocol, hlim=64, plen=len(payload), data=payload
        )
    )


def _packed(address: Address, length: int | None) -> _Packed:
    """`address` as bytes and port; an address that isn't of `length` bytes (None: any) becomes the unknown
    one."""
    try:
        host = ipaddress.ip_address(address.host)
    except ValueError:
        host = UNKNOWN_HOSTS[6 if length == 16 else 4]
    if length is not None and len(host.packed) != length:
        host = UNKNOWN_HOSTS[6 if length == 16 else 4]
    return host.packed, address.port
