"""Which ICMP errors fail a flow, as Linux reports them in a socket's error queue (IP_RECVERR, ip(7),
ipv6(7)).

RFC 3261 §18.4: host, network, port and protocol unreachable and parameter problems inform the transport's
user; source quench and time exceeded are ignored. "Packet too big" is ignored too: the kernel fragments the
retransmission.

The messages are not believed here: any host can send one about any two addresses and ports. What one quotes
of the datagram that it is about (RFC 1812 §4.3.2.3: as much as fits into 576 bytes; RFC 4443 §3.1: 1280)
goes along, and `trunkline.sip.stack` looks whether that was ours.
"""

import socket
import struct
from typing import Final

from trunkline.sip.failures import FlowFailure, FlowFailureKind

IP_RECVERR: Final = 11
IPV6_RECVERR: Final = 25
ANCILLARY_SIZE: Final = 256
"""Bytes to receive of control messages: a sock_extended_err of 16 and the offender's address of at most 28,
in one header.
"""
QUOTE_SIZE: Final = 1280
"""Bytes of a quotation that are looked at."""

_EXTENDED_ERROR = struct.Struct("=IBBBBII")
_ORIGIN_ICMP = 2
_ORIGIN_ICMP6 = 3

_UNREACHABLE_V4 = {
    0: "network unreachable",
    1: "host unreachable",
    2: "protocol unreachable",
    3: "port unreachable",
    5: "source route failed",
    6: "network unknown",
    7: "host unknown",
    8: "source host isolated",
    9: "network prohibited",
    10: "host prohibited",
    11: "network unreachable for the type of service",
    12: "host unreachable for the type of service",
    13: "prohibited by a filter",
}
_UNREACHABLE_V6 = {
    0: "no route",
    1: "prohibited by a filter",
    2: "beyond the scope of the source",
    3: "address unreachable",
    4: "port unreachable",
    5: "source address prohibited",
    6: "route rejected",
}
_DESTINATION_UNREACHABLE_V4 = 3
_PARAMETER_PROBLEM_V4 = 12
_DESTINATION_UNREACHABLE_V6 = 1
_PARAMETER_PROBLEM_V6 = 4


def failure_of(ancillary: list[tuple[int, int, bytes]], quoted: bytes) -> FlowFailure | None:
    """What one error-queue entry means to the flow it is about: its control messages, and its data. None:
    nothing.
    """
    for level, kind, data in ancillary:
        if (level, kind) not in ((socket.IPPROTO_IP, IP_RECVERR), (socket.IPPROTO_IPV6, IPV6_RECVERR)):
            continue
        if len(data) < _EXTENDED_ERROR.size:
            continue
        _, origin, icmp_type, code, _, _, _ = _EXTENDED_ERROR.unpack_from(data)
        if origin == _ORIGIN_ICMP:
            text = _text_v4(icmp_type, code)
        elif origin == _ORIGIN_ICMP6:
            text = _text_v6(icmp_type, code)
        else:
            text = None
        if text is None:
            return None
        refused = text == "port unreachable"
        return FlowFailure(
            FlowFailureKind.REFUSED if refused else FlowFailureKind.UNREACHABLE, f"ICMP {text}", quoted
        )
    return None


def _text_v4(icmp_type: int, code: int) -> str | None:
    """RFC 792, RFC 1122, RFC 1812. Code 4 of unreachable is "fragmentation needed"."""
    if icmp_type == _DESTINATION_UNREACHABLE_V4:
        return _UNREACHABLE_V4.get(code)
    return "parameter problem" if icmp_type == _PARAMETER_PROBLEM_V4 else None


def _text_v6(icmp_type: int, code: int) -> str | None:
    """RFC 4443."""
    if icmp_type == _DESTINATION_UNREACHABLE_V6:
        return _UNREACHABLE_V6.get(code)
    return "parameter problem" if icmp_type == _PARAMETER_PROBLEM_V6 else None
