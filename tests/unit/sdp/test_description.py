"""Reading a session description: strictness, the named leniencies, and the bounds."""

import pytest

from tests.unit.sdp.bodies import ASTERISK, audio, sdp
from trunkline.sdp import description
from trunkline.sdp.description import Connection, Origin, SessionDescription
from trunkline.sdp.errors import SdpSyntaxError

HEAD = ("v=0", "o=- 1 1 IN IP4 192.0.2.1", "s=-", "c=IN IP4 192.0.2.1", "t=0 0")


def test_reads_session_and_media() -> None:
    read = SessionDescription.read(ASTERISK)
    assert read.origin == Origin("alice", "42", "1", "IP4", "192.0.2.1")
    assert read.connection == Connection("IN", "IP4", "192.0.2.1")
    assert read.time == "0 0"
    [section] = read.media
    assert (section.media, section.port, section.protocol) == ("audio", 12344, "RTP/AVP")
    assert section.formats == ["8", "0", "18", "97", "101"]
    assert section.attributes[0] == "rtpmap:8 PCMA/8000"
    assert len(section.attributes) == 11


def test_attributes_belong_to_their_section() -> None:
    read = SessionDescription.read(
        sdp(
            *HEAD,
            "a=tool:x",
            "m=audio 1 RTP/AVP 0",
            "a=sendonly",
            "m=video 2/3 RTP/AVP 31",
            "c=IN IP6 2001:db8::1",
        )
    )
    assert read.attributes == ["tool:x"]
    assert [section.attributes for section in read.media] == [["sendonly"], []]
    assert [section.connection for section in read.media] == [None, Connection("IN", "IP6", "2001:db8::1")]
    assert read.media[1].port == 2


@pytest.mark.parametrize(
    "body",
    [
        sdp(*HEAD, "m=audio 1 RTP/AVP 0", end="\n"),
        sdp(*HEAD, "m=audio 1 RTP/AVP 0").rstrip(),
        sdp(*HEAD, "m=audio 1 RTP/AVP 0", "", ""),
        sdp("v=0", "o=- 1 1 IN IP4 192.0.2.1", "s=", "c=IN IP4 192.0.2.1", "t=0 0", "m=audio 1 RTP/AVP 0"),
        sdp("v=0", "o=- 1 1 IN IP4 192.0.2.1", "c=IN IP4 192.0.2.1", "m=audio 1 RTP/AVP 0"),
        sdp("v=0", "s=-", "t=0 0", "c=IN IP4 192.0.2.1", "o=- 1 1 IN IP4 192.0.2.1", "m=audio 1 RTP/AVP 0"),
        sdp("v=0", "o=John Smith 1 1 IN IP4 192.0.2.1", *HEAD[2:], "m=audio 1 RTP/AVP 0"),
        sdp(*HEAD, "m=audio  1 RTP/AVP  0"),
        sdp("v=0", "o=- 1 1 IN IP4 pbx.example.com", *HEAD[2:], "m=audio 1 RTP/AVP 0"),
        sdp(
            *HEAD,
            "i=about",
            "u=http://x",
            "e=a@b",
            "p=+1",
            "b=AS:64",
            "k=prompt",
            "r=7d 1h 0",
            "m=audio 1 RTP/AVP 0",
        ),
    ],
    ids=[
        "lf",
        "unended",
        "blank-end",
        "empty-s",
        "no-s-t",
        "order",
        "spaced-name",
        "spaces",
        "name",
        "all-letters",
    ],
)
def test_leniencies(body: bytes) -> None:
    assert SessionDescription.read(body).media[0].port == 1


@pytest.mark.parametrize(
    ("body", "line", "detail"),
    [
        (b"", 1, "v=0"),
        (sdp("v=1", *HEAD[1:]), 1, "v=0"),
        (sdp(*HEAD[1:]), 1, "v=0"),
        (sdp("v=0", "s=-"), 0, "no o="),
        (sdp("v=0", "o=- 1 1 IN IP4"), 2, "six fields"),
        (sdp("v=0", "o=- x 1 IN IP4 192.0.2.1"), 2, "numbers"),
        (sdp("v=0", "o=- 1 \xb2 IN IP4 192.0.2.1"), 2, "numbers"),
        (sdp("v=0", "o=- 1 -1 IN IP4 192.0.2.1"), 2, "numbers"),
        (sdp("v=0", "o=- 1 " + "1" * 21 + " IN IP4 192.0.2.1"), 2, "numbers"),
        (sdp("v=0", "o= 1 1 IN IP4 192.0.2.1"), 2, "empty"),
        (sdp("v=0", "o=- 1 1 IN IP4 "), 2, "empty"),
        (sdp(*HEAD, "o=- 1 1 IN IP4 192.0.2.1"), 6, "second o="),
        (sdp(*HEAD, "v=0"), 6, "second v="),
        (sdp(*HEAD, "s=again"), 6, "second s="),
        (sdp(*HEAD, "c=IN IP4 192.0.2.2"), 6, "second c="),
        (sdp(*HEAD, "m=audio 1 RTP/AVP 0", "c=IN IP4 192.0.2.2", "c=IN IP4 192.0.2.3"), 8, "second c="),
        (sdp(*HEAD, "m=audio 1 RTP/AVP 0", "t=0 0"), 7, "within a media"),
        (sdp("v=0", "s=-", "m=audio 1 RTP/AVP 0", "o=- 1 1 IN IP4 192.0.2.1"), 4, "within a media"),
        (sdp(*HEAD, "c=IN IP4"), 6, "second c="),
        (sdp("v=0", HEAD[1], "c=IN IP4"), 3, "three fields"),
        (sdp("v=0", HEAD[1], "c=IN  192.0.2.1"), 3, "three fields"),
        (sdp("v=0", HEAD[1], "t=0"), 3, "two numbers"),
        (sdp("v=0", HEAD[1], "t=now later"), 3, "two numbers"),
        (sdp("v=0", HEAD[1], "t=now 0"), 3, "two numbers"),
        (sdp("v=0", HEAD[1], "t=0 later"), 3, "two numbers"),
        (sdp(*HEAD, "m=audio 1 RTP/AVP"), 6, "m= needs"),
        (sdp(*HEAD, "m=audio -1 RTP/AVP 0"), 6, "port"),
        (sdp(*HEAD, "m=audio 65536 RTP/AVP 0"), 6, "port"),
        (sdp(*HEAD, "m=audio 1/x RTP/AVP 0"), 6, "port"),
        (sdp(*HEAD, "m=audio 999999999999 RTP/AVP 0"), 6, "port"),
        (sdp(*HEAD, "x=1"), 6, "not a line"),
        (sdp(*HEAD, "A=1"), 6, "not a line"),
        (sdp(*HEAD, "m =audio 1 RTP/AVP 0"), 6, "not a line"),
        (sdp(*HEAD, "nonsense"), 6, "not a line"),
        (sdp(*HEAD, "", "m=audio 1 RTP/AVP 0"), 6, "not a line"),
        (sdp(*HEAD, "a"), 6, "not a line"),
        (sdp(*HEAD, "a=x\0y"), 0, "NUL"),
        (sdp(*HEAD, "a=x\ry"), 0, "CR"),
        (b"GIF89a", 1, "v=0"),
    ],
)
def test_refused(body: bytes, line: int, detail: str) -> None:
    with pytest.raises(SdpSyntaxError, match=detail) as caught:
        SessionDescription.read(body)
    assert caught.value.line == line


def test_bounds() -> None:
    section = "m=video 1 RTP/AVP 31"
    at_most = sdp(*HEAD, *([section] * description.MAX_MEDIA))
    assert len(SessionDescription.read(at_most).media) == description.MAX_MEDIA
    with pytest.raises(SdpSyntaxError, match="media sections"):
        SessionDescription.read(at_most + sdp(section))
    lines = sdp(*HEAD, *(["a=x"] * (description.MAX_LINES - len(HEAD))))
    assert len(SessionDescription.read(lines).attributes) == description.MAX_LINES - len(HEAD)
    with pytest.raises(SdpSyntaxError, match="lines"):
        SessionDescription.read(lines + sdp("a=x"))
    formats = " ".join(["0"] * description.MAX_FORMATS)
    assert SessionDescription.read(sdp(*HEAD, f"m=audio 1 RTP/AVP {formats}")).media
    with pytest.raises(SdpSyntaxError, match="formats"):
        SessionDescription.read(sdp(*HEAD, f"m=audio 1 RTP/AVP {formats} 0"))
    padding = b"a=" + b"x" * description.MAX_BYTES
    with pytest.raises(SdpSyntaxError, match="bytes"):
        SessionDescription.read(audio() + padding)


def test_first_timing_is_kept() -> None:
    assert SessionDescription.read(sdp("v=0", HEAD[1], "t=1 2", "t=3 4")).time == "1 2"


def test_without_timing_a_session_is_without_bounds() -> None:
    """RFC 8866 §5.9: `t=0 0`, which an answer says again."""
    assert SessionDescription.read(sdp("v=0", HEAD[1])).time == "0 0"
