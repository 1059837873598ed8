"""The examples of RFC 8866, and its rules for a parser."""

import pytest

from tests.conformance.sdp_examples import examples
from tests.unit.sdp.bodies import audio, sdp
from trunkline.sdp.codecs import Codec
from trunkline.sdp.description import Connection, Origin, SessionDescription
from trunkline.sdp.errors import SdpSyntaxError, UnusableAddressError
from trunkline.sdp.offer_answer import Direction, RemoteAudio

EXAMPLES = examples("rfc8866.txt")
PLENTY = EXAMPLES["line 469"]
DIRECTIONS = EXAMPLES["line 1407"]


def test_the_example_of_section_5() -> None:
    read = SessionDescription.read(PLENTY)
    assert read.origin == Origin("jdoe", "3724394400", "3724394405", "IP4", "198.51.100.1")
    assert read.connection == Connection("IN", "IP4", "198.51.100.1")
    assert [(section.media, section.port) for section in read.media] == [
        ("audio", 49170),
        ("audio", 49180),
        ("video", 51372),
    ]
    assert read.media[2].connection == Connection("IN", "IP6", "2001:db8::2")


def test_its_first_audio_stream_is_used() -> None:
    remote = RemoteAudio.read(PLENTY)
    assert (remote.index, remote.rtp_port, remote.codecs) == (0, 49170, (Codec(0, "PCMU", 8000),))


def test_bare_newlines_end_lines() -> None:
    """§5: "parsers SHOULD be tolerant and also accept lines terminated with a single newline character"."""
    assert RemoteAudio.read(PLENTY.replace(b"\r\n", b"\n")).rtp_port == 49170


def test_the_direction_of_a_stream_overrides_the_sessions() -> None:
    """§6.7: the first stream is sendrecv, the others inactive."""
    assert RemoteAudio.read(DIRECTIONS).direction is Direction.SENDRECV
    others = DIRECTIONS.replace(b"m=audio 49170 ", b"m=audio 0 ")
    assert RemoteAudio.read(others).direction is Direction.INACTIVE


@pytest.mark.parametrize("letter", "xywgjlnq")
def test_an_unknown_type_letter_rejects_the_description(letter: str) -> None:
    with pytest.raises(SdpSyntaxError):
        RemoteAudio.read(audio(f"{letter}=1", "m=audio 4000 RTP/AVP 0"))


@pytest.mark.parametrize("line", ["a =sendonly", " a=sendonly", "a:sendonly"])
def test_no_space_before_the_equals_sign(line: str) -> None:
    """§5: whitespace is not used on either side of "="."""
    with pytest.raises(SdpSyntaxError):
        RemoteAudio.read(audio("m=audio 4000 RTP/AVP 0", line))


def test_an_attribute_that_begins_with_a_space_is_another_one() -> None:
    """§5, the other side of "="."""
    assert RemoteAudio.read(audio("m=audio 4000 RTP/AVP 0", "a= sendonly")).direction is Direction.SENDRECV


@pytest.mark.parametrize(
    "attribute", ["x-own:1", "ice-lite", "silenceSupp:off - - - -", "foo", "label:1", ""]
)
def test_unknown_attributes_are_ignored(attribute: str) -> None:
    """§5.13."""
    assert RemoteAudio.read(audio(f"a={attribute}", "m=audio 4000 RTP/AVP 0", f"a={attribute}")).codecs


def test_attribute_names_are_case_sensitive() -> None:
    """§5.13: "Attribute names … case-sensitive"."""
    assert RemoteAudio.read(audio("m=audio 4000 RTP/AVP 0", "a=SendOnly")).direction is Direction.SENDRECV


def test_any_octets_in_text_fields() -> None:
    """§5: everything but NUL, CR and LF."""
    body = sdp("v=0", "o=- 1 1 IN IP4 192.0.2.1", "s=\xe9\x01\xff", "c=IN IP4 192.0.2.1", "t=0 0")
    assert RemoteAudio.read(body + b"m=audio 4000 RTP/AVP 0\r\n").rtp_port == 4000


def test_a_connection_is_needed_at_one_level() -> None:
    """§5.7."""
    assert RemoteAudio.read(audio("m=audio 4000 RTP/AVP 0", "c=IN IP4 192.0.2.9", connection="")).address
    with pytest.raises(SdpSyntaxError):
        RemoteAudio.read(audio("m=audio 4000 RTP/AVP 0", connection=""))


@pytest.mark.parametrize("address", ["233.252.0.1/127", "233.252.0.1/127/3", "ff00::db8:0:101/3"])
def test_multicast_is_refused(address: str) -> None:
    kind = "IP6" if ":" in address else "IP4"
    with pytest.raises(UnusableAddressError):
        RemoteAudio.read(audio("m=audio 4000 RTP/AVP 0", connection=f"c=IN {kind} {address}"))
