"""`trunkline.sip.framing`: messages out of a byte stream, however it is cut."""

import random

import pytest

from trunkline.sip import limits
from trunkline.sip.errors import SipSyntaxError
from trunkline.sip.framing import KeepAlive, StreamFramer
from trunkline.sip.parse import parse_message

PING, PONG = KeepAlive.PING, KeepAlive.PONG


def message(length: str = "Content-Length: 5", body: bytes = b"hello", call_id: str = "x") -> bytes:
    head = (
        "MESSAGE sip:b@b SIP/2.0\r\nVia: SIP/2.0/TCP a;branch=z9hG4bK1\r\n"
        f"From: <sip:a@a>;tag=1\r\nTo: <sip:b@b>\r\nCall-ID: {call_id}\r\nCSeq: 1 MESSAGE\r\n{length}\r\n\r\n"
    )
    return head.encode() + body


STREAM = (
    message(call_id="1")
    + b"\r\n\r\n"
    + message("l:0", b"", "2")
    + message("CONTENT-LENGTH\t : \r\n 5 ", b"\r\n\r\n\0", "3")
    + b"\r\n"
    + message(call_id="4")
)
MESSAGES = [
    message(call_id="1"),
    PING,
    message("l:0", b"", "2"),
    message("CONTENT-LENGTH\t : \r\n 5 ", b"\r\n\r\n\0", "3"),
    message(call_id="4"),
]


def test_whole() -> None:
    assert StreamFramer().feed(STREAM) == MESSAGES


def test_byte_by_byte() -> None:
    framer = StreamFramer()
    complete = []
    for index in range(len(STREAM)):
        complete += framer.feed(STREAM[index : index + 1])
    assert complete == MESSAGES
    assert not framer.mid_message


@pytest.mark.parametrize("seed", range(50))
def test_cut_anywhere(seed: int) -> None:
    rng = random.Random(seed)
    framer = StreamFramer()
    complete = []
    position = 0
    while position < len(STREAM):
        size = rng.randint(0, 97)
        complete += framer.feed(STREAM[position : position + size])
        position += size
    assert complete == MESSAGES


def test_what_it_cuts_out_is_what_the_parser_reads() -> None:
    for item in MESSAGES:
        if isinstance(item, bytes):
            assert len(parse_message(item).body) == len(item) - item.index(b"\r\n\r\n") - 4


def test_mid_message() -> None:
    framer = StreamFramer()
    before = framer.mid_message
    assert framer.feed(STREAM[:30]) == []
    assert (before, framer.mid_message) == (False, True)
    assert framer.feed(b"") == []


def test_keep_alives() -> None:
    framer = StreamFramer()
    assert framer.feed(b"\r\n") == []
    assert framer.feed(b"\r\n") == [PING]
    assert framer.feed(b"\r\n\r\n") == [PING]
    assert framer.feed(b"\r") == []
    assert framer.feed(b"\n\r") == []
    assert framer.feed(b"\n") == [PING]


def test_a_lone_line_end_is_a_pong_only_when_awaited() -> None:
    framer = StreamFramer()
    framer.awaiting_pong = True
    assert framer.feed(b"\r\n\r\n\r\n") == [PONG, PING]
    assert framer.feed(b"\r\n" + message()) == [message()]
    assert framer.feed(b"\r\n") == []
    framer.awaiting_pong = True
    assert framer.feed(b"\r\n") == [PONG]
    assert framer.feed(message() + b"\r\n") == [message()]


def test_a_flood_of_pings_is_one_ping() -> None:
    assert StreamFramer().feed(b"\r\n" * 10_000) == [PING]


@pytest.mark.parametrize(
    ("length", "element"),
    [
        ("X: y", "Content-Length"),
        ("Content-Length: 5\r\nContent-Length: 5", "Content-Length"),
        ("Content-Length: 5\r\nl: 6", "Content-Length"),
        ("Content-Length: -5", "Content-Length"),
        ("Content-Length: +5", "Content-Length"),
        ("Content-Length: 5 5", "Content-Length"),
        ("Content-Length: 5,5", "Content-Length"),
        ("Content-Length:", "Content-Length"),
        ("Content-Length: 0x5", "Content-Length"),
        ("Content-Length: \xb2", "Content-Length"),
        ("Content-Length: 4294967301", "Content-Length"),
        ("Content-Length: 99999999999999999999999", "Content-Length"),
        (f"Content-Length: {limits.BODY_BYTES + 1}", "Content-Length"),
        ("X: y\r\n Content-Length: 5", "Content-Length"),
        ("X-Content-Length: 5", "Content-Length"),
        ("Content-Length\x01: 5", "Content-Length"),
    ],
)
def test_a_length_that_can_not_be_trusted_ends_the_stream(length: str, element: str) -> None:
    framer = StreamFramer()
    with pytest.raises(SipSyntaxError) as caught:
        framer.feed(message(length))
    assert caught.value.element == element
    assert caught.value.message is not None
    assert caught.value.message.call_id == "x"
    with pytest.raises(SipSyntaxError):
        framer.feed(message())
    assert not framer.mid_message


def test_the_largest_body_is_taken() -> None:
    data = message(f"Content-Length: {limits.BODY_BYTES}", b"x" * limits.BODY_BYTES)
    assert StreamFramer().feed(data) == [data]


def test_a_body_is_not_allocated_before_it_comes() -> None:
    framer = StreamFramer()
    framer.feed(message(f"Content-Length: {limits.BODY_BYTES}", b""))
    assert len(framer._buffer) < 400


@pytest.mark.parametrize("end", [b"", b"\r\n\r\n"])
@pytest.mark.parametrize("size", [1, 1000, 10**6])
def test_a_head_without_end_ends_the_stream(end: bytes, size: int) -> None:
    framer = StreamFramer()
    data = message("X: " + "y" * limits.HEAD_BYTES)[:-9] + end
    pieces = [data[start : start + size] for start in range(0, len(data), size)]
    with pytest.raises(SipSyntaxError) as caught:
        [framer.feed(piece) for piece in pieces]
    assert caught.value.status == 513
    assert caught.value.message is not None


@pytest.mark.parametrize("size", [1, 10**6])
def test_the_longest_head_is_taken_however_it_is_cut(size: int) -> None:
    room = limits.HEAD_BYTES - message("l: 0\r\nX: ", b"").index(b"\r\n\r\n")
    data = message("l: 0\r\nX: " + "y" * room, b"")
    assert data.index(b"\r\n\r\n") == limits.HEAD_BYTES
    framer = StreamFramer()
    complete = [framer.feed(data[start : start + size]) for start in range(0, len(data), size)]
    assert complete[-1] == [data]
    assert len(parse_message(data).headers.get("x") or "") == room


@pytest.mark.parametrize("junk", [b"\n", b"\n\n", b"\r\r", b"\rINVITE", b"\r\n\n", b"\r\n\rx"])
def test_bare_line_ends_between_messages_end_the_stream(junk: bytes) -> None:
    framer = StreamFramer()
    with pytest.raises(SipSyntaxError):
        framer.feed(junk)


def test_messages_before_a_fault_are_not_lost() -> None:
    framer = StreamFramer()
    assert framer.feed(message() + b"\r\n\r\n" + message("X: y")) == [message(), PING]
    assert framer.failure is not None
    with pytest.raises(SipSyntaxError):
        framer.feed(b"")
