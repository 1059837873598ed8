import time

import pytest

from trunkline.sip.message import Message
from trunkline.sip.multipart import MAX_PARTS, unwrap
from trunkline.sip.parse import parse_message

SDP = b"v=0\r\no=- 1 1 IN IP4 192.0.2.1\r\ns=-\r\n"
REQUIRED = b"Content-Disposition: signal; handling=required"
ISUP = (b"application/isup;version=itu-t92+", b"\x01\x00\x49\xff")


def part(kind: bytes, content: bytes, *fields: bytes) -> bytes:
    return b"\r\n".join([b"Content-Type: " + kind, *fields, b"", content])


def multipart(*parts: bytes, boundary: bytes = b"b1") -> bytes:
    return (
        b"".join(b"--" + boundary + b"\r\n" + one + b"\r\n" for one in parts) + b"--" + boundary + b"--\r\n"
    )


def message(body: bytes, content_type: str = "multipart/mixed;boundary=b1") -> Message:
    head = (
        "INVITE sip:1@h SIP/2.0\r\nVia: SIP/2.0/UDP h;branch=z9hG4bKa\r\nFrom: <sip:a@h>;tag=1\r\n"
        f"To: <sip:1@h>\r\nCall-ID: c\r\nCSeq: 1 INVITE\r\nContent-Type: {content_type}\r\n\r\n"
    )
    return parse_message(head.encode() + body)


def unwrapped(body: bytes, content_type: str = "multipart/mixed;boundary=b1") -> bytes | None:
    """What is left; None where the message was left as it was."""
    one = message(body, content_type)
    unwrap(one)
    if one.content_type == "application/sdp":
        return one.body
    assert one.body == body
    return None


def test_the_description_beside_isup() -> None:
    body = multipart(
        part(b"application/sdp", SDP), part(*ISUP, b"Content-Disposition: signal;handling=optional")
    )
    assert unwrapped(body) == SDP
    assert unwrapped(multipart(part(*ISUP), part(b"Application/SDP ; charset=x", SDP))) == SDP


@pytest.mark.parametrize(
    "content_type",
    [
        'multipart/mixed; boundary="b1"',
        "Multipart/Mixed ;Boundary=b1",
        "multipart/related;type=x;boundary=b1;start=y",
    ],
)
def test_how_the_boundary_is_written(content_type: str) -> None:
    assert unwrapped(multipart(part(b"application/sdp", SDP)), content_type) == SDP


def test_a_preamble_and_an_epilogue_are_nothing() -> None:
    assert unwrapped(b"hello\r\n" + multipart(part(b"application/sdp", SDP)) + b"bye") == SDP


def test_of_alternatives_the_last_counts_and_of_a_mixture_the_first() -> None:
    body = multipart(part(b"application/sdp", SDP), part(b"application/sdp", SDP + b"t=0 0\r\n"))
    assert unwrapped(body) == SDP
    assert unwrapped(body, "multipart/alternative;boundary=b1") == SDP + b"t=0 0\r\n"


def test_a_multipart_within_a_multipart() -> None:
    inner = multipart(part(b"application/sdp", SDP), boundary=b"b2")
    assert unwrapped(multipart(part(*ISUP), part(b"multipart/alternative;boundary=b2", inner))) == SDP


def test_a_part_without_header_fields_is_text() -> None:
    assert unwrapped(multipart(b"\r\nhello", part(b"application/sdp", SDP))) == SDP


@pytest.mark.parametrize(
    "body",
    [
        multipart(part(*ISUP)),
        multipart(
            part(b"application/sdp", SDP), part(*ISUP, b"Content-Disposition: signal; handling=required")
        ),
        multipart(part(b"application/sdp", SDP, b"Content-Transfer-Encoding: base64")),
        multipart(part(b"application/sdp", SDP))[:-6],
        multipart(part(b"application/sdp", SDP), boundary=b"other"),
        multipart(*[part(b"application/sdp", SDP)] * (MAX_PARTS + 1)),
        multipart(part(b"application/sdp", SDP, b"X: " + b"x" * 3000)),
        b"--b1junk\r\n" + part(b"application/sdp", SDP) + b"\r\n--b1--",
        b"--b1",
        b"",
    ],
)
def test_what_can_not_be_used_is_left_alone(body: bytes) -> None:
    assert unwrapped(body) is None


def test_without_a_boundary_nothing_is_looked_for() -> None:
    assert unwrapped(multipart(part(b"application/sdp", SDP)), "multipart/mixed") is None


def test_depth_is_bounded() -> None:
    body = multipart(part(b"application/sdp", SDP), boundary=b"b9")
    kind = b"multipart/mixed;boundary=b9"
    for depth in range(8, 0, -1):
        boundary = b"b%d" % depth
        body = multipart(part(kind, body), boundary=boundary)
        kind = b"multipart/mixed;boundary=" + boundary
    assert unwrapped(body) is None


def test_other_bodies_are_not_looked_at() -> None:
    one = message(SDP, "application/sdp")
    unwrap(one)
    assert one.body == SDP


@pytest.mark.parametrize(
    "piece", [b"--b1\r\n", b"\r\n", b"--b1", b"Content-Type: multipart/mixed;boundary=b1\r\n"]
)
def test_time_is_linear_in_the_body(piece: bytes) -> None:
    def cost(count: int) -> float:
        body = piece * count
        begun = time.process_time()
        for _ in range(20):
            unwrapped(body)
        return time.process_time() - begun

    cost(100)
    assert cost(4000) < 40 * max(cost(400), 1e-3)
