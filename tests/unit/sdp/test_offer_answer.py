"""What is taken from a peer's description, and what two legs can agree on."""

import pytest

from tests.unit.sdp.bodies import ASTERISK, audio
from trunkline.sdp.codecs import TELEPHONE_EVENT, Codec
from trunkline.sdp.crypto import our_line
from trunkline.sdp.errors import (
    NoAudioError,
    NoCommonCodecError,
    SdpRefusedError,
    SdpSyntaxError,
    UnsupportedProfileError,
    UnusableAddressError,
    UnusableCryptoError,
)
from trunkline.sdp.offer_answer import PLAIN_PROFILES, SECURE_PROFILES, Direction, RemoteAudio

PCMA = Codec(8, "PCMA", 8000)
PCMU = Codec(0, "PCMU", 8000)
ILBC = "a=rtpmap:{0} iLBC/8000"


def numbers(codecs: list[Codec] | tuple[Codec, ...]) -> list[int]:
    return [codec.payload_type for codec in codecs]


def test_reads_what_asterisk_offers() -> None:
    remote = RemoteAudio.read(ASTERISK)
    assert (remote.address, remote.rtp_port, remote.rtcp_port) == ("192.0.2.1", 12344, 12345)
    assert (remote.ipv6, remote.unspecified, remote.rtcp_mux) == (False, False, False)
    assert remote.codecs == (
        PCMA,
        PCMU,
        Codec(18, "G729", 8000, "annexb=no"),
        Codec(97, "iLBC", 8000, "mode=20"),
    )
    assert remote.telephone_event_for(remote.codecs[0]) == Codec(101, TELEPHONE_EVENT, 8000, "0-16")
    assert (remote.ptime, remote.profile, remote.direction) == (20, "RTP/AVP", Direction.SENDRECV)
    assert remote.crypto == ()


def test_without_rtpmap_the_static_types_count() -> None:
    assert RemoteAudio.read(audio("m=audio 4000 RTP/AVP 18 3 8 0 9 96")).codecs == (
        Codec(18, "G729", 8000, "annexb=no"),
        PCMA,
        PCMU,
        Codec(9, "G722", 8000),
    )


def test_a_codec_or_number_listed_twice_counts_once() -> None:
    body = audio(
        "m=audio 4000 RTP/AVP 8 8 96 97", "a=rtpmap:96 PCMA/8000", ILBC.format(97), "a=rtpmap:97 PCMU/8000"
    )
    assert RemoteAudio.read(body).codecs == (PCMA, Codec(97, "iLBC", 8000, "mode=30"))


@pytest.mark.parametrize(
    ("lines", "direction"),
    [
        ([], Direction.SENDRECV),
        (["a=sendrecv"], Direction.SENDRECV),
        (["a=sendonly"], Direction.SENDONLY),
        (["a=recvonly"], Direction.RECVONLY),
        (["a=inactive"], Direction.INACTIVE),
        (["a=inactive", "a=sendonly"], Direction.SENDONLY),
    ],
)
def test_direction(lines: list[str], direction: Direction) -> None:
    assert RemoteAudio.read(audio("m=audio 4000 RTP/AVP 8", *lines)).direction is direction


def test_direction_of_the_session_holds_unless_the_stream_has_its_own() -> None:
    assert RemoteAudio.read(audio("a=sendonly", "m=audio 4000 RTP/AVP 8")).direction is Direction.SENDONLY
    body = audio("a=sendonly", "m=audio 4000 RTP/AVP 8", "a=recvonly")
    assert RemoteAudio.read(body).direction is Direction.RECVONLY


@pytest.mark.parametrize(
    ("attribute", "rtcp_port"),
    [
        ("a=rtcp:5000", 5000),
        ("a=rtcp:5000 IN IP4 192.0.2.9", 5000),
        ("a=rtcp:0", 4001),
        ("a=rtcp:99999", 4001),
        ("a=rtcp:x", 4001),
    ],
)
def test_rtcp_port(attribute: str, rtcp_port: int) -> None:
    assert RemoteAudio.read(audio("m=audio 4000 RTP/AVP 8", attribute)).rtcp_port == rtcp_port


def test_rtcp_port_has_no_65536() -> None:
    assert RemoteAudio.read(audio("m=audio 65535 RTP/AVP 8")).rtcp_port == 65535


def test_rtcp_mux_and_crypto() -> None:
    key = our_line(2, bytes(range(30))).removeprefix("crypto:")
    body = audio("m=audio 4000 RTP/SAVP 8", "a=crypto:1 other", f"a=crypto:{key}", "a=rtcp-mux")
    remote = RemoteAudio.read(body, SECURE_PROFILES)
    assert remote.crypto == ("1 other", key)
    assert remote.crypto_line is not None
    assert (remote.crypto_line.tag, remote.crypto_line.key_and_salt) == (2, bytes(range(30)))
    assert remote.rtcp_mux
    assert remote.profile == "RTP/SAVP"


def test_streams_that_differ_in_port_and_keys_only_are_read_once_and_their_keys_not_remembered() -> None:
    keys = [our_line(1, bytes([number] * 30)) for number in range(2)]
    first, second = (
        RemoteAudio.read(audio(f"m=audio {port} RTP/SAVP 8 0", f"a={key}", "a=ptime:30"), SECURE_PROFILES)
        for port, key in zip((4000, 4002), keys, strict=True)
    )
    assert first.codecs is second.codecs
    assert (first.crypto, second.crypto) == tuple((key.removeprefix("crypto:"),) for key in keys)
    assert (first.rtcp_port, second.rtcp_port) == (4001, 4003)


def test_keys_mean_nothing_over_a_plain_profile() -> None:
    line = our_line(1, bytes(30))
    assert RemoteAudio.read(audio("m=audio 4000 RTP/AVP 8", f"a={line}")).crypto_line is None


@pytest.mark.parametrize("line", ["a=sendrecv", "a=crypto:1 AES_CM_128_HMAC_SHA1_32 inline:abc"])
def test_a_secure_stream_without_keys_that_can_be_used_is_passed_over(line: str) -> None:
    body = audio("m=audio 4000 RTP/SAVP 8", line)
    with pytest.raises(UnusableCryptoError):
        RemoteAudio.read(body, SECURE_PROFILES)
    both = audio("m=audio 4000 RTP/SAVP 8", line, "m=audio 4002 RTP/AVP 0")
    assert RemoteAudio.read(both, SECURE_PROFILES | PLAIN_PROFILES).rtp_port == 4002


@pytest.mark.parametrize(
    ("value", "ptime"), [("20", 20), ("20.0", 20), ("0", None), ("201", None), ("x", None), ("9999", None)]
)
def test_ptime(value: str, ptime: int | None) -> None:
    assert RemoteAudio.read(audio("m=audio 4000 RTP/AVP 8", f"a=ptime:{value}")).ptime == ptime


def test_maxptime() -> None:
    assert RemoteAudio.read(audio("m=audio 4000 RTP/AVP 8", "a=maxptime:40")).maxptime == 40
    assert RemoteAudio.read(audio("m=audio 4000 RTP/AVP 8")).maxptime is None


def test_connection_of_the_stream_wins() -> None:
    remote = RemoteAudio.read(audio("m=audio 4000 RTP/AVP 8", "c=IN IP6 2001:db8::1"))
    assert (remote.address, remote.ipv6) == ("2001:db8::1", True)


@pytest.mark.parametrize("connection", ["c=IN IP4 0.0.0.0", "c=IN IP6 ::"])
def test_unspecified_address_is_hold(connection: str) -> None:
    """RFC 3264 §8.4, RFC 6337 §5.4: nothing is sent there; the answer follows the attribute."""
    remote = RemoteAudio.read(audio("m=audio 4000 RTP/AVP 8", connection=connection))
    assert remote.unspecified
    assert remote.direction is Direction.SENDRECV
    assert remote.effective_direction is Direction.SENDONLY


@pytest.mark.parametrize(
    ("direction", "held"), [("sendrecv", False), ("recvonly", False), ("sendonly", True), ("inactive", True)]
)
def test_held(direction: str, held: bool) -> None:
    remote = RemoteAudio.read(audio("m=audio 4000 RTP/AVP 8", f"a={direction}"))
    assert remote.effective_direction is remote.direction
    assert remote.effective_direction.receives is not held


@pytest.mark.parametrize(
    "connection",
    [
        "c=IN IP4 pbx.example.com",
        "c=IN IP4 224.2.1.1/127",
        "c=IN IP4 239.1.1.1",
        "c=IN IP4 192.0.2.1/127",
        "c=IN IP4 255.255.255.255",
        "c=IN IP4 0.1.2.3",
        "c=IN IP4 192.0.2",
        "c=IN IP4 192.0.2.01",
        "c=IN IP4 192.0.2.256",
        "c=IN IP4 2001:db8::1",
        "c=IN IP6 192.0.2.1",
        "c=IN IP6 ff02::1",
        "c=IN IP6 fe80::1%eth0",
        "c=IN IP6 ::ffff:224.0.0.1",
        "c=IN IP6 ::ffff:0.0.0.1",
        "c=IN IP5 192.0.2.1",
        "c=ATM IP4 192.0.2.1",
        "c=IN IP4 " + "1" * 60,
    ],
)
def test_unusable_addresses(connection: str) -> None:
    with pytest.raises(UnusableAddressError):
        RemoteAudio.read(audio("m=audio 4000 RTP/AVP 8", connection=connection))


@pytest.mark.parametrize("address", ["127.0.0.1", "10.0.0.1", "192.0.2.1", "203.0.113.254"])
def test_usable_addresses(address: str) -> None:
    assert (
        RemoteAudio.read(audio("m=audio 4000 RTP/AVP 8", connection=f"c=IN IP4 {address}")).address == address
    )


@pytest.mark.parametrize(
    ("body", "error"),
    [
        (audio(), NoAudioError),
        (audio("m=video 4000 RTP/AVP 31"), NoAudioError),
        (audio("m=audio 0 RTP/AVP 8"), NoAudioError),
        (audio("m=image 4000 udptl t38"), NoAudioError),
        (audio("m=audio 4000 RTP/SAVP 8"), UnsupportedProfileError),
        (audio("m=audio 4000 udp 8"), UnsupportedProfileError),
        (audio("m=audio 4000 RTP/AVP 3"), NoCommonCodecError),
        (audio("m=audio 4000 RTP/AVP 101", "a=rtpmap:101 telephone-event/8000"), NoCommonCodecError),
        (audio("m=audio 4000 RTP/AVP 8", connection=""), SdpSyntaxError),
        (audio("m=audio 4000 RTP/AVP 128"), SdpSyntaxError),
        (audio("m=audio 4000 RTP/AVP pcma"), SdpSyntaxError),
        (audio("m=audio 4000 RTP/AVP \xb2"), SdpSyntaxError),
    ],
)
def test_nothing_usable(body: bytes, error: type[Exception]) -> None:
    with pytest.raises(error):
        RemoteAudio.read(body)


def test_the_first_usable_audio_stream_is_taken() -> None:
    body = audio(
        "m=video 4000 RTP/AVP 31",
        "m=audio 0 RTP/AVP 0",
        "m=audio 4002 RTP/SAVP 0",
        "m=audio 4004 RTP/AVP 8",
        "m=audio 4006 RTP/AVP 0",
    )
    remote = RemoteAudio.read(body)
    assert (remote.index, remote.rtp_port, len(remote.media)) == (3, 4004, 5)


def test_the_first_audio_stream_says_why_none_can_be_used() -> None:
    with pytest.raises(UnsupportedProfileError):
        RemoteAudio.read(audio("m=audio 4002 RTP/SAVP 0", "m=audio 0 RTP/AVP 8"))


@pytest.mark.parametrize(
    ("protocol", "words"),
    [
        ("RTP/SAVP", "RTP/SAVP can't be used here"),
        ("\x1b[2J", "the protocol of the audio stream can't be used here"),
    ],
)
def test_errors_never_repeat_strange_bytes_of_a_peer(protocol: str, words: str) -> None:
    with pytest.raises(UnsupportedProfileError) as caught:
        RemoteAudio.read(audio(f"m=audio 4002 {protocol} 0"))
    assert str(caught.value) == words


def test_telephone_event_follows_the_clock_of_the_codec() -> None:
    body = audio(
        "m=audio 4000 RTP/AVP 8 110 101 102",
        "a=rtpmap:110 speex/16000",
        "a=rtpmap:101 telephone-event/8000",
        "a=rtpmap:102 telephone-event/16000",
    )
    remote = RemoteAudio.read(body)
    found = [remote.telephone_event_for(codec) for codec in remote.codecs]
    assert [event and event.payload_type for event in found] == [101, 102]


def test_telephone_event_at_8000_serves_speex_too() -> None:
    body = audio(
        "m=audio 4000 RTP/AVP 110 101", "a=rtpmap:110 speex/16000", "a=rtpmap:101 telephone-event/8000"
    )
    remote = RemoteAudio.read(body)
    event = remote.telephone_event_for(remote.codecs[0])
    assert event is not None
    assert event.payload_type == 101


def test_telephone_event_at_16000_alone_does_not_serve_8000() -> None:
    body = audio("m=audio 4000 RTP/AVP 8 102", "a=rtpmap:102 telephone-event/16000")
    remote = RemoteAudio.read(body)
    assert remote.telephone_event_for(remote.codecs[0]) is None


def test_repr_names_the_codecs() -> None:
    assert (
        repr(RemoteAudio.read(audio("m=audio 4000 RTP/AVP 8")))
        == "<RemoteAudio 192.0.2.1 4000 sendrecv [8 PCMA]>"
    )


@pytest.mark.parametrize("direction", Direction)
def test_mirrored_twice_is_the_same(direction: Direction) -> None:
    assert direction.mirrored.mirrored is direction
    assert direction.mirrored.sends is direction.receives


@pytest.mark.parametrize("limit", Direction)
@pytest.mark.parametrize("direction", Direction)
def test_narrowed_to(direction: Direction, limit: Direction) -> None:
    narrowed = direction.narrowed_to(limit)
    assert narrowed.sends is (direction.sends and limit.sends)
    assert narrowed.receives is (direction.receives and limit.receives)


def test_refusals_are_sdp_refusals() -> None:
    assert issubclass(NoAudioError, SdpRefusedError)
