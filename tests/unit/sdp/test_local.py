"""Our own descriptions: exact text, versions, rejected streams, payload types that keep their meaning."""

import pytest

from tests.unit.sdp.bodies import ASTERISK, audio, sdp
from trunkline.sdp.agreement import select_for_callee
from trunkline.sdp.codecs import Codec, our_codec, our_telephone_event
from trunkline.sdp.crypto import our_line
from trunkline.sdp.errors import NoCommonCodecError
from trunkline.sdp.local import LocalAudio
from trunkline.sdp.offer_answer import SECURE_PROFILES, Direction, RemoteAudio

PCMA = Codec(8, "PCMA", 8000)
ILBC = Codec(97, "iLBC", 8000, "mode=20")
EVENT = Codec(101, "telephone-event", 8000, "0-16")


def test_an_offer_to_the_letter() -> None:
    offer = LocalAudio(7).offer([PCMA, ILBC], "192.0.2.3", 10000, telephone_event=EVENT, ptime=20)
    assert offer == sdp(
        "v=0",
        "o=- 7 1 IN IP4 192.0.2.3",
        "s=-",
        "c=IN IP4 192.0.2.3",
        "t=0 0",
        "m=audio 10000 RTP/AVP 8 97 101",
        "a=rtpmap:8 PCMA/8000",
        "a=rtpmap:97 iLBC/8000",
        "a=fmtp:97 mode=20",
        "a=rtpmap:101 telephone-event/8000",
        "a=fmtp:101 0-16",
        "a=ptime:20",
        "a=sendrecv",
    )


def test_ipv6_profile_and_further_attributes() -> None:
    line = our_line(1, bytes(30))
    offer = LocalAudio(7).offer(
        [PCMA],
        "2001:db8::3",
        10000,
        Direction.SENDONLY,
        profile="RTP/SAVP",
        attributes=(line,),
    )
    assert b"o=- 7 1 IN IP6 2001:db8::3\r\n" in offer
    assert b"c=IN IP6 2001:db8::3\r\n" in offer
    assert b"m=audio 10000 RTP/SAVP 8\r\n" in offer
    assert f"a={line}\r\na=sendonly\r\n".encode() in offer
    assert RemoteAudio.read(offer, SECURE_PROFILES).crypto == (line.removeprefix("crypto:"),)


def test_an_answer_to_the_letter() -> None:
    remote = RemoteAudio.read(
        sdp(
            "v=0",
            "o=alice 42 1 IN IP4 192.0.2.1",
            "s=call",
            "c=IN IP4 192.0.2.1",
            "t=2873397496 2873404696",
            "m=video 4002 RTP/AVP 31 34",
            "m=audio 4000 RTP/AVP 8 101",
            "a=rtpmap:101 telephone-event/8000",
            "m=application 4004 TCP/BFCP *",
        )
    )
    answer = LocalAudio(9).answer(remote, [PCMA], "192.0.2.3", 10002, telephone_event=EVENT)
    assert answer == sdp(
        "v=0",
        "o=- 9 1 IN IP4 192.0.2.3",
        "s=-",
        "c=IN IP4 192.0.2.3",
        "t=2873397496 2873404696",
        "m=video 0 RTP/AVP 31",
        "m=audio 10002 RTP/AVP 8 101",
        "a=rtpmap:8 PCMA/8000",
        "a=rtpmap:101 telephone-event/8000",
        "a=fmtp:101 0-16",
        "a=sendrecv",
        "m=application 0 TCP/BFCP *",
    )


@pytest.mark.parametrize(
    ("offered", "wanted", "answered"),
    [
        ("sendrecv", Direction.SENDRECV, "sendrecv"),
        ("sendrecv", Direction.SENDONLY, "sendonly"),
        ("sendrecv", Direction.INACTIVE, "inactive"),
        ("sendonly", Direction.SENDRECV, "recvonly"),
        ("sendonly", Direction.SENDONLY, "inactive"),
        ("sendonly", Direction.RECVONLY, "recvonly"),
        ("recvonly", Direction.SENDRECV, "sendonly"),
        ("recvonly", Direction.RECVONLY, "inactive"),
        ("inactive", Direction.SENDRECV, "inactive"),
    ],
)
def test_direction_of_an_answer(offered: str, wanted: Direction, answered: str) -> None:
    """RFC 3264 §6.1."""
    remote = RemoteAudio.read(audio("m=audio 4000 RTP/AVP 8", f"a={offered}"))
    local = LocalAudio(1)
    assert local.answer(remote, [PCMA], "192.0.2.3", 10000, wanted).endswith(f"a={answered}\r\n".encode())
    assert local.direction.value == answered


def test_rtcp_mux_is_accepted_only_when_offered() -> None:
    plain = RemoteAudio.read(audio("m=audio 4000 RTP/AVP 8"))
    muxed = RemoteAudio.read(audio("m=audio 4000 RTP/AVP 8", "a=rtcp-mux"))
    assert b"rtcp-mux" not in LocalAudio(1).answer(plain, [PCMA], "192.0.2.3", 10000, rtcp_mux=True)
    assert b"rtcp-mux" not in LocalAudio(1).answer(muxed, [PCMA], "192.0.2.3", 10000)
    assert b"a=rtcp-mux\r\n" in LocalAudio(1).answer(muxed, [PCMA], "192.0.2.3", 10000, rtcp_mux=True)


def test_the_answer_uses_the_profile_of_the_offer() -> None:
    remote = RemoteAudio.read(audio("m=audio 4000 RTP/AVPF 8"))
    assert b"RTP/AVPF 8\r\n" in LocalAudio(1).answer(remote, [PCMA], "192.0.2.3", 10000)


def test_version_counts_changes_only() -> None:
    local = LocalAudio(7)
    first = local.offer([PCMA], "192.0.2.3", 10000)
    assert local.offer([PCMA], "192.0.2.3", 10000) == first
    assert local.version == 1
    held = local.offer([PCMA], "192.0.2.3", 10000, Direction.SENDONLY)
    assert b"o=- 7 2 IN IP4" in held
    assert b"o=- 7 3 IN IP4" in local.offer([PCMA], "192.0.2.3", 10000)


def test_one_that_is_resumed_goes_on_as_the_one_before_would() -> None:
    line = our_line(1, bytes(30))
    offer = audio("m=video 4002 RTP/AVP 31", "m=audio 4000 RTP/SAVP 97", "a=rtpmap:97 iLBC/8000", f"a={line}")
    remote = RemoteAudio.read(offer.replace(b"t=0 0", b"t=0 1"), SECURE_PROFILES)
    local = LocalAudio(7)
    answer = local.answer(remote, list(remote.codecs), "192.0.2.3", 10000, Direction.RECVONLY, ptime=30)
    resumed = LocalAudio.resumed(local.checkpoint())
    assert resumed.checkpoint() == local.checkpoint()
    assert resumed.packets == (30, None)
    again = resumed.answer(remote, list(remote.codecs), "192.0.2.3", 10000, Direction.RECVONLY, ptime=30)
    assert again == answer
    offered = LocalAudio.resumed(local.checkpoint()).offer([PCMA], "192.0.2.3", 10000)
    assert offered == local.offer([PCMA], "192.0.2.3", 10000)
    assert b"t=0 1\r\n" in offered
    assert b"m=audio 10000 RTP/SAVP 8\r\n" in offered
    resumed.offer([PCMA], "192.0.2.3", 10000)
    assert resumed.version == 2


def test_the_origin_stays_when_the_address_moves() -> None:
    """RFC 3264 §8: the o= line is identical but for the version."""
    local = LocalAudio(7)
    local.offer([PCMA], "192.0.2.3", 10000)
    moved = local.offer([PCMA], "192.0.2.4", 10000)
    assert b"o=- 7 2 IN IP4 192.0.2.3\r\n" in moved
    assert b"c=IN IP4 192.0.2.4\r\n" in moved


def test_an_offer_after_an_answer_keeps_the_media_sections() -> None:
    remote = RemoteAudio.read(audio("m=video 4002 RTP/AVP 31", "m=audio 4000 RTP/AVP 8"))
    local = LocalAudio(7)
    local.answer(remote, [PCMA], "192.0.2.3", 10000)
    offer = local.offer([PCMA], "192.0.2.3", 10000, Direction.SENDONLY)
    assert [line[:9] for line in offer.split(b"\r\n") if line.startswith(b"m=")] == [
        b"m=video 0",
        b"m=audio 1",
    ]


def test_a_dynamic_number_keeps_its_meaning() -> None:
    """RFC 3264 §8.3.2: 97 is iLBC for good; a codec that comes back gets the number it had."""
    local = LocalAudio(7)
    local.offer([ILBC], "192.0.2.3", 10000, telephone_event=EVENT)
    local.offer([Codec(97, "speex", 16000)], "192.0.2.3", 10000, telephone_event=Codec(97, *EVENT[1:]))
    assert [(codec.payload_type, codec.name) for codec in local.listed] == [
        (96, "speex"),
        (101, "telephone-event"),
    ]
    local.offer([Codec(105, "iLBC", 8000, "mode=30")], "192.0.2.3", 10000)
    assert local.listed[0].payload_type == 105, "a free number may come in for a known codec"
    local.offer([Codec(96, "iLBC", 8000, "mode=30")], "192.0.2.3", 10000)
    assert local.listed[0].payload_type == 97


def test_numbers_of_answers_are_remembered() -> None:
    remote = RemoteAudio.read(audio("m=audio 4000 RTP/AVP 97", "a=rtpmap:97 iLBC/8000"))
    local = LocalAudio(7)
    local.answer(remote, list(remote.codecs), "192.0.2.3", 10000)
    local.offer([Codec(97, "speex", 16000)], "192.0.2.3", 10000)
    assert local.listed[0].payload_type == 96


@pytest.mark.parametrize("theirs", ["speex/16000", "opus/48000/2", "telephone-event/48000"])
def test_a_number_of_the_peers_offer_keeps_its_meaning_though_we_did_not_take_it(theirs: str) -> None:
    """RFC 3264 §8.3.2: "from that point forward in any offers or answers"."""
    remote = RemoteAudio.read(audio("m=audio 4000 RTP/AVP 97 8", f"a=rtpmap:97 {theirs}"))
    local = LocalAudio(7)
    local.answer(remote, [PCMA], "192.0.2.3", 10000)
    local.offer([PCMA, ILBC], "192.0.2.3", 10000)
    assert [codec.payload_type for codec in local.listed] == [8, 96]


def test_a_peer_that_takes_all_dynamic_numbers_leaves_others() -> None:
    """RFC 3551 §3 has those that are not assigned; RFC 5761 §4 leaves 35 to 63 of them."""
    numbers = " ".join(str(number) for number in range(96, 128))
    remote = RemoteAudio.read(audio(f"m=audio 4000 RTP/AVP 8 {numbers}"))
    local = LocalAudio(7)
    local.answer(remote, [PCMA], "192.0.2.3", 10000)
    local.offer([PCMA, ILBC], "192.0.2.3", 10000)
    assert [codec.payload_type for codec in local.listed] == [8, 35]


def test_what_an_answer_says_of_a_number_counts_more_than_an_offer_that_was_refused() -> None:
    local = LocalAudio(7)
    local.offer([PCMA], "192.0.2.3", 10000, telephone_event=EVENT)
    remote = RemoteAudio.read(audio("m=audio 4000 RTP/AVP 101", "a=rtpmap:101 speex/16000"))
    local.answer(remote, list(remote.codecs), "192.0.2.3", 10000)
    local.offer([PCMA], "192.0.2.3", 10000, telephone_event=EVENT)
    assert [codec.payload_type for codec in local.listed] == [8, 96]


def test_two_codecs_with_one_number_are_told_apart() -> None:
    local = LocalAudio(7)
    local.offer(
        [ILBC._replace(payload_type=101)], "192.0.2.3", 10000, telephone_event=our_telephone_event(8000)
    )
    assert len({codec.payload_type for codec in local.listed}) == 2


def test_a_peer_that_uses_up_every_number() -> None:
    local = LocalAudio(7)
    for number in (*range(35, 64), *range(96, 128)):
        body = audio(f"m=audio 4000 RTP/AVP {number}", f"a=rtpmap:{number} iLBC/8000")
        remote = RemoteAudio.read(body)
        local.answer(remote, list(remote.codecs), "192.0.2.3", 10000)
    with pytest.raises(NoCommonCodecError):
        local.offer([our_codec("speex")], "192.0.2.3", 10000)
    assert local.offer([our_codec("iLBC")], "192.0.2.3", 10000)


def test_our_offer_can_be_read_back() -> None:
    caller = RemoteAudio.read(ASTERISK)
    codecs = select_for_callee(caller, ("PCMU", "PCMA", "iLBC"))
    offer = LocalAudio(7).offer(
        codecs, "192.0.2.3", 10000, telephone_event=caller.telephone_events[0], ptime=30
    )
    read = RemoteAudio.read(offer)
    assert list(read.codecs) == codecs
    assert read.telephone_events == caller.telephone_events
    assert (read.address, read.rtp_port, read.ptime) == ("192.0.2.3", 10000, 30)


def test_strange_tokens_of_a_peer_come_back_byte_exact() -> None:
    remote = RemoteAudio.read(audio("m=audio 4000 RTP/AVP 8", "m=vid\xe9o 1 X\xff/Y 1"))
    assert b"m=vid\xe9o 0 X\xff/Y 1\r\n" in LocalAudio(1).answer(remote, [PCMA], "192.0.2.3", 10000)
