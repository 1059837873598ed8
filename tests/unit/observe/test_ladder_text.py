"""The ladder as a person sees it."""

from trunkline.observe.ladder_text import render_ladder, render_messages
from trunkline.observe.message import LadderMessage
from trunkline.sip.ports import Address, Transport

HERE = Address("192.0.2.1", 5060)
PEERS = (
    Address("192.0.2.9", 5060),
    Address("2001:db8:1111:2222:3333:4444:5555:6666", 5060),
    Address("10.0.0.8", 61),
)
SDP = b"Content-Type: application/sdp\r\n\r\nv=0\r\n"


def message(at: float, leg: int, sent: bool, data: bytes) -> LadderMessage:
    transport = Transport.TLS if leg == 2 else Transport.UDP
    return LadderMessage(1000.0 + at, leg, sent, transport, HERE, PEERS[leg], data)


def request(method: bytes, rest: bytes = b"\r\n") -> bytes:
    return method + b" sip:1@h SIP/2.0\r\nCSeq: 1 " + method + b"\r\n" + rest


def response(status: bytes, method: bytes = b"INVITE", rest: bytes = b"\r\n") -> bytes:
    return b"SIP/2.0 " + status + b"\r\nCSeq: 1 " + method + b"\r\n" + rest


CALL = [
    message(0.0, 0, False, request(b"INVITE", SDP)),
    message(0.0004, 0, True, response(b"100 Trying")),
    message(0.002, 1, True, request(b"INVITE", SDP)),
    message(0.502, 1, True, request(b"INVITE", SDP)),
    message(5.002, 2, True, request(b"INVITE", SDP)),
    message(5.1, 2, False, response(b"180 Ringing")),
    message(9.0, 2, False, response(b"200 OK", rest=SDP)),
    message(9.01, 0, True, response(b"200 OK", rest=SDP)),
    message(12.0, 0, False, request(b"BYE")),
    message(12.0, 0, True, response(b"200 OK", b"BYE")),
]

DRAWN = """\
         caller                       trunkline                     attempt 1                     attempt 2
   UDP 192.0.2.9:5060              192.0.2.1:5060         UDP [2001:db8:1111:2222:333~         TLS 10.0.0.8:61
+0.000      |-------- INVITE +sdp ------->|                             |                             |
+0.000      |<-------- 100 Trying --------|                             |                             |
+0.002      |                             |-------- INVITE +sdp ------->|                             |
+0.502      |                             |----- INVITE +sdp again ---->|                             |
+5.002      |                             |----------------------- INVITE +sdp ---------------------->|
+5.100      |                             |<---------------------- 180 Ringing -----------------------|
+9.000      |                             |<---------------------- 200 OK +sdp -----------------------|
+9.010      |<------- 200 OK +sdp --------|                             |                             |
+12.000     |------------ BYE ----------->|                             |                             |
+12.000     |<------- 200 OK (BYE) -------|                             |                             |
"""


def test_ladder() -> None:
    assert render_ladder(CALL) == DRAWN


def test_one_attempt_is_the_callee() -> None:
    assert "callee" in render_ladder(CALL[:3]).splitlines()[0]


def test_a_refused_call_has_no_callee() -> None:
    drawn = render_ladder(CALL[:2])
    assert drawn.splitlines()[0].split() == ["caller", "trunkline"]


def test_nothing() -> None:
    assert render_ladder([]) == render_messages([]) == "no messages\n"


def test_long_labels_are_cut() -> None:
    drawn = render_ladder([message(0, 0, True, response(b"488 " + b"Not " * 100))])
    assert max(map(len, drawn.splitlines())) < 60


def test_no_control_character_reaches_the_terminal() -> None:
    hostile = b"SIP/2.0 200 \x1b[2J\x9b\x07\r\nX: \x1b]0;title\x07\xff\xe2\x80\xae\r\nY: a\rb\nc\r\n\r\n\x00"
    for text in (
        render_ladder([message(0, 0, True, hostile)]),
        render_messages([message(0, 0, True, hostile)]),
    ):
        assert all(line.isprintable() for line in text.split("\n"))


def test_rubbish_is_drawn_too() -> None:
    for data in (
        b"",
        b" ",
        b"\r\n\r\n",
        b"SIP/2.0",
        b"CSeq:\r\nCSeq: \r\n\r\n",
        b"SIP/2.0 200 OK\r\nCSeq:\r\n\r\n",
    ):
        assert len(render_ladder([message(0, 0, True, data)]).splitlines()) == 3


def test_whole_messages() -> None:
    lines = render_messages(CALL[:3]).splitlines()
    assert lines[0] == "--- +0.000 s from caller, UDP 192.0.2.9:5060 (our side 192.0.2.1:5060), 78 bytes"
    assert lines[1] == "INVITE sip:1@h SIP/2.0"
    assert "v=0" in lines
    assert any(line.startswith("--- +0.002 s to attempt 1, UDP [2001:db8:") for line in lines)
