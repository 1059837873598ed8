"""Which errors of the kernel's queue fail a flow (RFC 3261 §18.4)."""

import socket
import struct

import pytest

from trunkline.net.icmp import IP_RECVERR, IPV6_RECVERR, failure_of
from trunkline.sip.failures import FlowFailureKind

ICMP, ICMP6, LOCAL = 2, 3, 1


def entry(origin: int, icmp_type: int, code: int, *, ipv6: bool = False) -> list[tuple[int, int, bytes]]:
    level, kind = (socket.IPPROTO_IPV6, IPV6_RECVERR) if ipv6 else (socket.IPPROTO_IP, IP_RECVERR)
    error = struct.pack("=IBBBBII", 111, origin, icmp_type, code, 0, 0, 0)
    return [(level, kind, error + bytes(16))]


@pytest.mark.parametrize(
    ("origin", "icmp_type", "code", "kind"),
    [
        (ICMP, 3, 0, FlowFailureKind.UNREACHABLE),
        (ICMP, 3, 1, FlowFailureKind.UNREACHABLE),
        (ICMP, 3, 2, FlowFailureKind.UNREACHABLE),
        (ICMP, 3, 3, FlowFailureKind.REFUSED),
        (ICMP, 3, 4, None),  # fragmentation needed
        (ICMP, 3, 13, FlowFailureKind.UNREACHABLE),
        (ICMP, 3, 99, None),
        (ICMP, 4, 0, None),  # source quench
        (ICMP, 11, 0, None),  # time exceeded
        (ICMP, 12, 0, FlowFailureKind.UNREACHABLE),
        (ICMP6, 1, 0, FlowFailureKind.UNREACHABLE),
        (ICMP6, 1, 3, FlowFailureKind.UNREACHABLE),
        (ICMP6, 1, 4, FlowFailureKind.REFUSED),
        (ICMP6, 2, 0, None),  # packet too big
        (ICMP6, 3, 0, None),
        (ICMP6, 4, 1, FlowFailureKind.UNREACHABLE),
        (LOCAL, 0, 0, None),
    ],
)
def test_errors(origin: int, icmp_type: int, code: int, kind: FlowFailureKind | None) -> None:
    failure = failure_of(entry(origin, icmp_type, code, ipv6=origin == ICMP6), b"INVITE")
    assert (None if failure is None else (failure.kind, failure.quoted)) == (kind and (kind, b"INVITE"))


def test_an_icmpv4_error_on_an_ipv6_socket() -> None:
    failure = failure_of(entry(ICMP, 3, 3, ipv6=True), b"")
    assert failure is not None
    assert str(failure) == "refused: ICMP port unreachable"


def test_what_is_no_error_says_nothing() -> None:
    assert failure_of([], b"") is None
    assert failure_of([(socket.SOL_SOCKET, socket.SO_BROADCAST, bytes(16))], b"") is None
    assert failure_of([(socket.IPPROTO_IP, IP_RECVERR, bytes(4))], b"") is None
