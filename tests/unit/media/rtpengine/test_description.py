"""Session descriptions to and from an rtpengine, and what it can't be asked for."""

from dataclasses import replace

import pytest

from tests.unit.media.rtpengine.remotes import G729, ILBC, PCMA, PCMU, SPEEX, peer
from trunkline.call.ports import MediaFlow, SrtpKeys, TelephoneEvents
from trunkline.media.rtpengine.description import (
    IDLE,
    DescriptionError,
    Endpoint,
    Format,
    describe,
    formats,
    nobody,
    read_endpoint,
    refusal,
)

EVENT = Format(101, "telephone-event/8000")


def test_a_peer_is_described_whole() -> None:
    assert describe(peer(), None).split("\r\n") == [
        "v=0",
        "o=- 1 1 IN IP4 198.51.100.7",
        "s=-",
        "c=IN IP4 198.51.100.7",
        "t=0 0",
        "m=audio 4000 RTP/AVP 8 101",
        "a=rtpmap:8 PCMA/8000",
        "a=rtpmap:101 telephone-event/8000",
        "a=sendrecv",
        "a=ptime:20",
        "",
    ]


@pytest.mark.parametrize(
    ("changes", "line"),
    [
        ({"direction": MediaFlow.SEND}, "a=recvonly"),
        ({"direction": MediaFlow.RECEIVE}, "a=sendonly"),
        ({"direction": MediaFlow.NONE}, "a=inactive"),
        ({"rtcp_port": 4000}, "a=rtcp-mux"),
        ({"rtcp_port": 5001}, "a=rtcp:5001"),
        ({"address": "2001:db8::7"}, "c=IN IP6 2001:db8::7"),
        ({"port": 0}, "m=audio 9 RTP/AVP 8 101"),
        ({"speaks": SPEEX}, "a=ptime:40"),
        ({"speaks": ILBC}, "a=fmtp:97 mode=20"),
        ({"hears": (G729,), "payload_types": {18: 18}}, "a=fmtp:18 annexb=no"),
    ],
)
def test_what_a_peer_may_be(changes: dict[str, object], line: str) -> None:
    assert line in describe(peer(**changes), None).split("\r\n")  # type: ignore[arg-type]


def test_what_is_spoken_comes_first_then_what_passes_then_what_is_heard() -> None:
    remote = peer(speaks=PCMU, hears=(PCMA, PCMU, SPEEX))
    assert [entry.encoding for entry in formats(remote, None)] == [
        "PCMU/8000",
        "PCMA/8000",
        "speex/16000",
        "telephone-event/8000",
    ]


def test_formats_without_a_name_are_told_by_their_number() -> None:
    bare = peer(payload_types={9: 9, 99: 99}, clock_rates={9: 8000, 99: 48000}, hears=(), speaks=None)
    assert formats(bare, None) == (Format(9, "G722/8000"), Format(99, "X-99/48000"), EVENT)


def test_an_event_that_the_far_peer_calls_otherwise_is_listed_twice() -> None:
    near = peer(payload_types={8: 8, 101: 96})
    assert [entry.payload_type for entry in formats(near, peer())] == [8, 101, 96]
    assert refusal(near) is None


def test_an_event_that_the_peer_does_not_take_is_listed_only_to_be_told() -> None:
    without = peer(takes_events=None)
    assert EVENT not in formats(without, peer())
    assert EVENT in formats(replace(without, tells_digits=True), peer())


def test_events_of_a_peer_that_tells_its_digits_are_listed_for_the_other_one_too() -> None:
    without = peer(takes_events=None, dtmf_payload_type=None, payload_types={8: 8})
    assert EVENT in formats(without, peer(tells_digits=True))
    assert EVENT not in formats(without, peer())
    slow = peer(takes_events=TelephoneEvents(102, 16000), hears=(SPEEX,), speaks=SPEEX, tells_digits=True)
    assert formats(without, slow)[1:] == (
        Format(102, "telephone-event/16000"),
        Format(127, "telephone-event/8000"),
    )


def test_a_peer_of_nothing_is_idle() -> None:
    assert (
        formats(
            peer(payload_types={}, hears=(), speaks=None, takes_events=None, dtmf_payload_type=None), None
        )
        == IDLE
    )


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({"srtp": SrtpKeys(b"k" * 30, b"k" * 30, bytes(129))}, "SRTP"),
        ({"payload_types": {97: 98}}, "97 on as 97, not as 98"),
        ({"payload_types": {101: 101}, "speaks": ILBC}, "iLBC"),
        ({"payload_types": {101: 101}, "speaks": SPEEX}, "20 ms only, not of 40"),
    ],
)
def test_what_cannot_be_done_is_said(changes: dict[str, object], text: str) -> None:
    reason = refusal(peer(**changes))  # type: ignore[arg-type]
    assert reason is not None
    assert text in reason


def test_speex_of_a_frame_is_transcoded_and_passes_in_any_length() -> None:
    assert refusal(peer(payload_types={}, hears=(SPEEX,), speaks=replace(SPEEX, ptime_ms=20))) is None
    assert refusal(peer(payload_types={98: 98}, hears=(SPEEX,), speaks=SPEEX)) is None


def test_other_codecs_are_transcoded_in_any_length() -> None:
    g722 = replace(SPEEX, codec="G722", payload_type=9, clock_rate=8000, ptime_ms=60)
    assert refusal(peer(payload_types={101: 96}, hears=(g722,), speaks=g722)) is None


def test_ilbc_passes_from_peer_to_peer() -> None:
    assert refusal(peer(payload_types={97: 97}, hears=(ILBC,), speaks=ILBC)) is None


def test_nobody_is_nowhere() -> None:
    """Where the unspecified address stands, an rtpengine 13 keeps its own from the other peer."""
    assert "c=IN IP4 192.0.2.1\r\n" in nobody(ipv6=False)
    assert "c=IN IP6 2001:db8::1\r\n" in nobody(ipv6=True)
    assert "a=inactive" in nobody(ipv6=False)


@pytest.mark.parametrize(
    ("direction", "said"),
    [
        (MediaFlow.BOTH, "sendonly"),
        (MediaFlow.RECEIVE, "sendonly"),
        (MediaFlow.SEND, "inactive"),
        (MediaFlow.NONE, "inactive"),
    ],
)
@pytest.mark.parametrize(("address", "nowhere"), [("0.0.0.0", "IP4 192.0.2.1"), ("::", "IP6 2001:db8::1")])
def test_who_holds_by_address_is_nowhere_and_may_send(
    direction: MediaFlow, said: str, address: str, nowhere: str
) -> None:
    held = describe(replace(peer(), rtp_address=address, direction=direction), None)
    assert f"c=IN {nowhere}\r\n" in held
    assert f"a={said}\r\n" in held


@pytest.mark.parametrize(
    "said", [describe(peer(), None, ["crypto:1 a", "crypto:2 b"]), nobody(ipv6=False, lines=["crypto:1 a"])]
)
def test_lines_for_keys_make_it_one_of_srtp(said: str) -> None:
    assert " RTP/SAVP 8" in said
    assert "\r\na=crypto:1 a\r\n" in said


def test_an_endpoint_is_read() -> None:
    sdp = b"v=0\r\nc=IN IP4 192.0.2.9\r\nm=audio 30000 RTP/AVP 8\r\nc=IN IP6 2001:db8::9\r\n"
    assert read_endpoint(sdp) == Endpoint("2001:db8::9", 30000)
    assert read_endpoint(nobody(ipv6=False).encode()) == Endpoint("192.0.2.1", 9)


@pytest.mark.parametrize(
    "sdp",
    [
        None,
        5,
        b"",
        b"garbage",
        b"c=IN IP4 192.0.2.9\r\n",
        b"m=audio 30000 RTP/AVP 8\r\n",
        b"c=IN IP4 192.0.2.9\r\nm=audio 0 RTP/AVP 8\r\n",
        b"c=IN IP4 192.0.2.9\r\nm=audio 99999 RTP/AVP 8\r\n",
        b"c=IN IP4 not-an-address\r\nm=audio 30000 RTP/AVP 8\r\n",
        b"c=IN IP4 1.2.3\r\nm=audio 30000 RTP/AVP 8\r\n",
    ],
)
def test_what_names_no_endpoint_is_an_error(sdp: object) -> None:
    with pytest.raises(DescriptionError):
        read_endpoint(sdp)


def test_events_under_a_number_of_the_peers_own_are_no_audio() -> None:
    """It was asked to send them as 101."""
    remote = peer(payload_types={8: 8, 101: 101, 96: 101}, other_events=(TelephoneEvents(96, 8000),))
    assert refusal(remote) is None
    assert [one.encoding for one in formats(remote, None)] == ["PCMA/8000", "telephone-event/8000"]
