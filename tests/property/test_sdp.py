"""Any bytes are a description or one typed error; what we write reads back; time is linear."""

import time
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trunkline.errors import SdpError
from trunkline.sdp.codecs import CODEC_NAMES, Codec, our_codec, our_telephone_event
from trunkline.sdp.description import MAX_BYTES, SessionDescription
from trunkline.sdp.errors import SdpRefusedError, SdpSyntaxError
from trunkline.sdp.local import LocalAudio
from trunkline.sdp.offer_answer import PLAIN_PROFILES, SECURE_PROFILES, Direction, RemoteAudio

LINES = st.sampled_from(
    [
        "v=0",
        "o=- 1 1 IN IP4 192.0.2.1",
        "o=x",
        "s=-",
        "s=",
        "c=IN IP4 192.0.2.1",
        "c=IN IP6 2001:db8::1",
        "c=IN IP4 0.0.0.0",
        "c=IN IP4 224.0.0.1/127",
        "t=0 0",
        "m=audio 4000 RTP/AVP 8 0 97 101",
        "m=audio 4000 RTP/SAVP 18",
        "m=audio 0 RTP/AVP 8",
        "m=video 4002 RTP/AVP 31",
        "m=audio 4000/2 RTP/AVP 300",
        "a=rtpmap:97 iLBC/8000",
        "a=rtpmap:101 telephone-event/8000",
        "a=rtpmap:8 opus/48000/2",
        "a=fmtp:97 mode=20",
        "a=fmtp:101 0-16",
        "a=ptime:20",
        "a=sendonly",
        "a=inactive",
        "a=rtcp:4001",
        "a=rtcp-mux",
        "a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:x",
        "a=",
        "b=AS:64",
        "x=",
        "",
    ]
)
BODIES = st.one_of(
    st.binary(max_size=400),
    st.lists(st.one_of(LINES, st.text(max_size=30)), max_size=30).map(
        lambda lines: "\r\n".join(["v=0", "o=- 1 1 IN IP4 192.0.2.1", *lines]).encode("utf-8", "replace")
    ),
)


@given(BODIES)
def test_reading_raises_nothing_but_its_own_errors(body: bytes) -> None:
    try:
        remote = RemoteAudio.read(body, PLAIN_PROFILES | SECURE_PROFILES)
    except (SdpSyntaxError, SdpRefusedError):
        return
    answer = LocalAudio(1).answer(
        remote,
        remote.codecs,
        "192.0.2.3",
        10000,
        telephone_event=remote.telephone_event_for(remote.codecs[0]),
    )
    ours = SessionDescription.read(answer)
    assert len(ours.media) == len(remote.media)
    assert [section.media for section in ours.media] == [section.media for section in remote.media]
    assert [section.port != 0 for section in ours.media] == [
        index == remote.index for index in range(len(remote.media))
    ]
    assert ours.time == remote.time


NUMBERS = st.permutations(range(96, 120))
CODEC_LISTS = st.tuples(st.permutations(CODEC_NAMES), st.integers(1, 6), NUMBERS).map(
    lambda drawn: [
        codec if codec.payload_type < 35 else codec._replace(payload_type=drawn[2][index])
        for index, codec in enumerate(our_codec(name) for name in drawn[0][: drawn[1]])
    ]
)
EVENTS = st.one_of(
    st.none(), st.builds(lambda n: our_telephone_event(8000)._replace(payload_type=n), st.integers(120, 127))
)


def described(codecs: list[Codec], event: Codec | None, direction: Direction = Direction.SENDRECV) -> bytes:
    return LocalAudio(5).offer(codecs, "192.0.2.1", 4000, direction, telephone_event=event, ptime=20)


@given(CODEC_LISTS, EVENTS, st.sampled_from(Direction))
def test_what_we_write_reads_back(codecs: list[Codec], event: Codec | None, direction: Direction) -> None:
    remote = RemoteAudio.read(described(codecs, event, direction))
    assert list(remote.codecs) == codecs
    assert remote.telephone_events == (() if event is None else (event,))
    assert (remote.direction, remote.ptime, remote.rtp_port) == (direction, 20, 4000)


@given(st.lists(st.tuples(CODEC_LISTS, EVENTS), min_size=1, max_size=5))
def test_a_dynamic_number_means_one_codec_for_the_whole_session(
    offers: list[tuple[list[Codec], Codec | None]],
) -> None:
    local = LocalAudio(1)
    meanings: dict[int, tuple[str, int]] = {}
    version = 0
    for codecs, event in offers:
        local.offer(codecs, "192.0.2.3", 10000, telephone_event=event)
        assert local.version in (version, version + 1)
        version = local.version
        assert [codec.key for codec in local.listed[: len(codecs)]] == [codec.key for codec in codecs]
        for codec in local.listed:
            assert meanings.setdefault(codec.payload_type, codec.key) == codec.key


def seconds(body: bytes) -> float:
    best = 1.0
    for _ in range(5):
        start = time.process_time()
        with suppress(SdpError):
            RemoteAudio.read(body)
        best = min(best, time.process_time() - start)
    return best


BOMBS = {
    "many-attributes": b"a=rtpmap:97 iLBC/8000\r\n",
    "many-media": b"m=audio 0 RTP/AVP 8\r\n",
    "many-formats": b"8 ",
    "one-long-line": b"x",
    "newlines": b"\n",
    "slashes": b"/",
    "carriage-returns": b"\r",
}


@pytest.mark.parametrize("piece", BOMBS.values(), ids=BOMBS)
def test_a_bomb_costs_no_more_than_its_size(piece: bytes) -> None:
    """The worst body within the bound is read, or refused, in the time of a few ordinary ones."""
    head = b"v=0\r\no=- 1 1 IN IP4 192.0.2.1\r\nc=IN IP4 192.0.2.1\r\nm=audio 4000 RTP/AVP 8\r\na="
    body = head + piece * ((MAX_BYTES - len(head)) // len(piece))
    assert seconds(body) < 0.05
    assert seconds(body * 50) < 0.005, "beyond the bound nothing is looked at"
