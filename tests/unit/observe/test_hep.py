"""Packets of HEP, read chunk by chunk as their format says, and a message's two ends in them."""

import struct
from ipaddress import ip_address

import pytest

from trunkline.observe.hep import MAX_BYTES, HepForm
from trunkline.observe.message import UNKNOWN_HOSTS, LadderMessage
from trunkline.sip.ports import Address, Transport

INVITE = b"INVITE sip:1@h SIP/2.0\r\n\r\n"
HERE, THERE = Address("192.0.2.7", 5060), Address("198.51.100.9", 42000)
HERE6, THERE6 = Address("2001:db8::7", 5061), Address("2001:db8::9", 42001)
FORM = HepForm(2001, "sip-us1")


def message(
    *,
    sent: bool = False,
    transport: Transport = Transport.UDP,
    ends: tuple[Address, Address] = (HERE, THERE),
    data: bytes = INVITE,
) -> LadderMessage:
    local, remote = ends
    return LadderMessage(1700000000.25, 3, sent, transport, local, remote, data)


def chunks(packet: bytes) -> dict[int, bytes]:
    name, length = struct.unpack_from(">4sH", packet)
    assert (name, length) == (b"HEP3", len(packet))
    found: dict[int, bytes] = {}
    at = 6
    while at < length:
        vendor, kind, size = struct.unpack_from(">HHH", packet, at)
        assert vendor == 0
        assert kind not in found
        found[kind] = packet[at + 6 : at + size]
        at += size
    assert at == length
    return found


def test_a_message_received() -> None:
    assert chunks(FORM.packet(message(), "call-1")) == {
        1: b"\x02",
        2: b"\x11",
        3: ip_address("198.51.100.9").packed,
        4: ip_address("192.0.2.7").packed,
        7: (42000).to_bytes(2, "big"),
        8: (5060).to_bytes(2, "big"),
        9: (1700000000).to_bytes(4, "big"),
        10: (250_000).to_bytes(4, "big"),
        11: b"\x01",
        12: (2001).to_bytes(4, "big"),
        17: b"call-1",
        19: b"sip-us1",
        15: INVITE,
    }


EXAMPLE = bytes.fromhex(
    "48455033 0071 00000001000702 00000002000711 00000003000ad4ca0001 00000004000a527400d3 0000000700082eea"
    "00000008000813c4 00000009000a4e4982cb 0000000a000a0001d4c0 0000000b000701 0000000c000a000000e4"
    "0000000f0014494e56495445207369703a626f62"
)
"""Of the specification."""


def test_the_example_of_the_specification() -> None:
    ends = Address("82.116.0.211", 5060), Address("212.202.0.1", 12010)
    invite = message(ends=ends, data=b"INVITE sip:bob")._replace(at=1313440459.12)
    packet = HepForm(228, "n").packet(invite, "c")
    assert packet[6:].startswith(EXAMPLE[6:-20])
    assert packet.endswith(EXAMPLE[-20:])
    assert chunks(packet).items() >= chunks(EXAMPLE).items()


def test_a_message_sent_over_ipv6() -> None:
    found = chunks(FORM.packet(message(sent=True, ends=(HERE6, THERE6)), "call-1"))
    assert found[1] == b"\x0a"
    assert (found[5], found[6]) == (ip_address("2001:db8::7").packed, ip_address("2001:db8::9").packed)
    assert (found[7], found[8]) == ((5061).to_bytes(2, "big"), (42001).to_bytes(2, "big"))
    assert not {3, 4} & found.keys()


@pytest.mark.parametrize(("transport", "number"), [(Transport.TCP, 6), (Transport.TLS, 22)])
def test_a_message_over_a_connection(transport: Transport, number: int) -> None:
    assert chunks(FORM.packet(message(transport=transport), "call-1"))[2] == bytes((number,))


@pytest.mark.parametrize(("remote", "version", "kind"), [(THERE, 4, 4), (THERE6, 6, 6)])
def test_a_name_of_ours_has_the_address_that_stands_for_names(
    remote: Address, version: int, kind: int
) -> None:
    named = message(ends=(Address("sip.example.net", 5060), remote))
    assert chunks(FORM.packet(named, "call-1"))[kind] == UNKNOWN_HOSTS[version].packed


def test_the_password_goes_with_it_and_shows_nowhere_else() -> None:
    form = HepForm(1, "n", "pa55w0rd")
    assert chunks(form.packet(message(), "call-1"))[14] == b"pa55w0rd"
    assert "pa55w0rd" not in repr(form)


@pytest.mark.parametrize("data", [b"x" * 60_000, b"\xff\x00"])
def test_any_bytes_pass(data: bytes) -> None:
    assert chunks(FORM.packet(message(data=data), "caf\udce9"))[15] == data


@pytest.mark.parametrize("size", [MAX_BYTES - 20, MAX_BYTES + 1, 1 << 20])
def test_what_no_datagram_holds_is_refused(size: int) -> None:
    with pytest.raises(ValueError, match="no datagram"):
        FORM.packet(message(data=b"x" * size), "call-1")
