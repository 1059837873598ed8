"""A chunk gives back what was put in, and refuses everything else."""

import pytest

from trunkline.observe.message import LadderMessage, pack, unpack
from trunkline.sip.ports import Address, Transport

MESSAGES = [
    LadderMessage(
        1000.25, 0, False, Transport.UDP, Address("192.0.2.1", 5060), Address("192.0.2.9", 40000), b"INVITE x"
    ),
    LadderMessage(
        1000.5,
        3,
        True,
        Transport.TLS,
        Address("sip.example", 5061),
        Address("2001:db8::1", 1),
        bytes(range(256)),
    ),
    LadderMessage(1001.0, 1, True, Transport.TCP, Address("", 0), Address("::1", 65535), b""),
]


def test_round_trip() -> None:
    assert unpack(pack(MESSAGES)) == MESSAGES


def test_empty() -> None:
    assert unpack(pack([])) == []


def test_cut_short() -> None:
    chunk = pack(MESSAGES[:2])
    first = len(pack(MESSAGES[:1]))
    for length in set(range(1, len(chunk))) - {first}:
        with pytest.raises(ValueError, match=r"cut short|not a chunk"):
            unpack(chunk[:length])
    assert unpack(chunk[:first]) == MESSAGES[:1]


def test_unknown_transport() -> None:
    chunk = bytearray(pack(MESSAGES[:1]))
    chunk[11] = 9
    with pytest.raises(ValueError, match="not a chunk"):
        unpack(bytes(chunk))


def test_masked_hides_secrets() -> None:
    message = MESSAGES[0]._replace(data=b"Authorization: Basic c2VjcmV0\r\n")
    assert message.masked().data == b"Authorization: ***\r\n"
    assert message.masked()._replace(data=message.data) == message


def test_a_message_of_the_callers_leg_without_the_caller() -> None:
    first = MESSAGES[0]
    named = first._replace(data=b"INVITE sip:1@h SIP/2.0\r\nFrom: <sip:2@h>\r\n\r\n")
    assert named.without_caller().data == b"INVITE sip:1@h SIP/2.0\r\nFrom: ***\r\n\r\n"
    assert named._replace(sent=True).without_caller().data.startswith(b"INVITE *** SIP/2.0")
