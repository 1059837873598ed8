"""Reading the codecs of a peer's session description for people."""

import pytest

from trunkline.sip.message import Message
from trunkline.sip.parse import parse_message
from trunkline.web.dashboard.calls.codecs import MAX_NAMED, codecs_named, names_one_of_ours

HEAD = (
    "INVITE sip:1@h SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.9;branch=z9hG4bK1\r\nFrom: <sip:a@h>;tag=1\r\n"
    "To: <sip:1@h>\r\nCall-ID: c\r\nCSeq: 1 INVITE\r\nMax-Forwards: 70\r\n"
)
SESSION = "v=0\r\no=- 1 1 IN IP4 192.0.2.9\r\ns=-\r\nc=IN IP4 192.0.2.9\r\nt=0 0\r\n"


def message(media: str, content_type: str = "application/sdp", session: str = SESSION) -> Message:
    body = session + media
    head = f"{HEAD}Content-Type: {content_type}\r\nContent-Length: {len(body.encode())}\r\n\r\n"
    return parse_message((head + body).encode())


@pytest.mark.parametrize(
    ("media", "names", "ours"),
    [
        ("m=audio 4000 RTP/AVP 8 0\r\n", ["PCMA", "PCMU"], True),
        ("m=audio 4000 RTP/AVP 2\r\na=rtpmap:2 G726-32/8000\r\n", ["G726-32"], False),
        ("m=audio 4000 RTP/AVP 3 101\r\na=rtpmap:101 telephone-event/8000\r\n", ["GSM"], False),
        (
            "m=audio 4000 RTP/AVP 96 97\r\na=rtpmap:96 opus/48000/2\r\na=rtpmap:97 iLBC/8000\r\n",
            ["opus", "iLBC"],
            True,
        ),
        ("m=audio 4000 RTP/AVP 96\r\n", [], False),
        ("m=video 4000 RTP/AVP 31\r\n", [], False),
        ("", [], False),
    ],
)
def test_the_codecs_of_the_audio(media: str, names: list[str], ours: bool) -> None:
    assert codecs_named(message(media)) == names
    assert names_one_of_ours(message(media)) == ours


def test_what_is_no_description_names_none() -> None:
    assert codecs_named(message("", session="rubbish")) == []
    assert not names_one_of_ours(message("", session="rubbish"))


def test_a_description_in_a_multipart_body() -> None:
    body = f"--x\r\nContent-Type: application/sdp\r\n\r\n{SESSION}m=audio 4000 RTP/AVP 9\r\n--x--\r\n"
    assert codecs_named(message("", 'multipart/mixed;boundary="x"', body)) == ["G722"]


def test_no_more_than_a_person_reads() -> None:
    maps = "".join(f"a=rtpmap:{96 + number} codec{number}/8000\r\n" for number in range(30))
    formats = " ".join(str(96 + number) for number in range(30))
    assert len(codecs_named(message(f"m=audio 4000 RTP/AVP {formats}\r\n{maps}"))) == MAX_NAMED
