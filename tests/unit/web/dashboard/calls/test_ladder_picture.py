"""The SIP ladder as a picture."""

from xml.etree import ElementTree as ET

from trunkline.observe.message import LadderMessage
from trunkline.sip.ports import Address, Transport
from trunkline.web.dashboard.calls.ladder_picture import (
    MAX_LEGS,
    STEPS_FIRST,
    STEPS_LAST,
    ladder_picture,
    steps,
)

INVITE = b"INVITE sip:1@h SIP/2.0\r\nCSeq: 1 INVITE\r\nContent-Type: application/sdp\r\n\r\nv=0\r\n"
BUSY = b"SIP/2.0 486 Busy Here\r\nCSeq: 1 INVITE\r\n\r\n"
SVG = "{http://www.w3.org/2000/svg}"


def message(data: bytes, leg: int = 0, *, sent: bool = False, at: float = 10.0) -> LadderMessage:
    address = Address("192.0.2.1", 5060)
    return LadderMessage(at, leg, sent, Transport.UDP, address, Address(f"192.0.2.{9 + leg}", 5060), data)


CALL = [
    message(INVITE),
    message(INVITE, 1, sent=True, at=10.25),
    message(INVITE, 1, sent=True, at=10.75),
    message(BUSY, 1, at=11.0),
    message(BUSY, sent=True, at=11.5),
]


def drawn(messages: list[LadderMessage]) -> ET.Element:
    return ET.fromstring(ladder_picture(steps(messages)))


def test_every_message_is_an_arrow_to_its_text() -> None:
    arrows = drawn(CALL).findall(f"{SVG}a")
    assert [arrow.get("href") for arrow in arrows] == [f"#message-{number}" for number in range(1, 6)]
    assert [arrow.get("aria-label") for arrow in arrows] == [
        "+0.000 s, Caller → Trunkline: INVITE +sdp",
        "+0.250 s, Trunkline → Callee: INVITE +sdp",
        "+0.750 s, Trunkline → Callee: INVITE +sdp · again",
        "+1.000 s, Callee → Trunkline: 486 Busy Here",
        "+1.500 s, Trunkline → Caller: 486 Busy Here",
    ]
    assert [arrow.get("class") for arrow in arrows] == [
        "step request",
        "step request",
        "step request again",
        "step failure",
        "step failure",
    ]


def test_arrows_point_where_the_message_went() -> None:
    shafts = [arrow.find(f"{SVG}line") for arrow in drawn(CALL).findall(f"{SVG}a")]
    ways = [float(shaft.get("x2", "")) - float(shaft.get("x1", "")) for shaft in shafts if shaft is not None]
    assert [way > 0 for way in ways] == [True, True, True, False, False]


def test_each_attempt_has_a_column() -> None:
    ladder = steps([*CALL, message(INVITE, 3, sent=True, at=12.0)])
    assert ladder.heads == ["Caller", "Trunkline", "Attempt 1", "Attempt 2", "Attempt 3"]
    heads = [text.text for text in ET.fromstring(ladder_picture(ladder)).iter(f"{SVG}text")]
    assert "UDP 192.0.2.12:5060" in heads


def test_the_rows_hold_the_whole_message() -> None:
    first = steps(CALL).shown[0]
    assert first.text == "INVITE sip:1@h SIP/2.0\nCSeq: 1 INVITE\nContent-Type: application/sdp\n\nv=0\n"
    assert (first.peer, first.way) == ("UDP 192.0.2.9:5060", "Caller → Trunkline")


def test_hostile_text_is_text() -> None:
    evil = b'<script>\x1b[31m\x00</script>\xff sip:x SIP/2.0\r\nFrom: "><img src=x>\r\n\r\n' + b"A" * 70_000
    (step,) = steps([message(evil)]).shown
    assert "<script" not in step.text
    assert "\x1b" not in step.text
    assert len(step.text) < 20_000
    read = drawn([message(evil)])
    assert read.find(f".//{SVG}script") is None


def test_a_long_ladder_shows_its_beginning_and_its_end() -> None:
    many = [message(INVITE, leg=number % 40, at=float(number)) for number in range(2000)]
    ladder = steps(many)
    assert len(ladder.shown) == STEPS_FIRST + STEPS_LAST
    assert ladder.left_out == 2000 - len(ladder.shown)
    assert len(ladder.heads) == MAX_LEGS + 1
    assert ladder.shown[-1].number == 1976
    assert len(ladder_picture(ladder)) < 400_000


def test_no_messages() -> None:
    assert steps([]).shown == []
    assert drawn([]).find(f"{SVG}a") is None
