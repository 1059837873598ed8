"""Names, static payload types and format parameters of the six codecs."""

import pytest

from trunkline.sdp.codecs import (
    CODEC_NAMES,
    TELEPHONE_EVENT,
    Codec,
    agreed_fmtp,
    canonical_codec_name,
    frame_ms,
    our_codec,
    our_telephone_event,
    packet_ms,
    read_codec,
)


def test_the_six_codecs_of_the_service() -> None:
    assert set(CODEC_NAMES) == {"PCMA", "PCMU", "iLBC", "G729", "G722", "speex"}


@pytest.mark.parametrize(
    ("name", "canonical"),
    [
        ("pcma", "PCMA"),
        ("alaw", "PCMA"),
        ("ULAW", "PCMU"),
        ("ilbc", "iLBC"),
        ("g729", "G729"),
        (" G722 ", "G722"),
        ("Speex16", "speex"),
        ("speex/16000", "speex"),
        ("opus", None),
        ("", None),
    ],
)
def test_canonical_codec_name(name: str, canonical: str | None) -> None:
    assert canonical_codec_name(name) == canonical


@pytest.mark.parametrize(
    ("payload_type", "rtpmap", "fmtp", "expected"),
    [
        (0, None, "", Codec(0, "PCMU", 8000)),
        (8, None, "", Codec(8, "PCMA", 8000)),
        (9, None, "", Codec(9, "G722", 8000)),
        (18, None, "", Codec(18, "G729", 8000, "annexb=no")),
        (3, None, "", None),
        (96, None, "", None),
        (8, "PCMA/8000", "", Codec(8, "PCMA", 8000)),
        (8, "pcma/8000/1", "", Codec(8, "PCMA", 8000)),
        (8, "PCMU/8000", "", None),
        (96, "PCMA/8000", "", Codec(96, "PCMA", 8000)),
        (96, "PCMA/8000/2", "", None),
        (96, "PCMA/16000", "", None),
        (9, "G722/16000", "", None),
        (97, "iLBC/8000", "", Codec(97, "iLBC", 8000, "mode=30")),
        (97, "iLBC/8000", "mode=20", Codec(97, "iLBC", 8000, "mode=20")),
        (97, "iLBC/8000", "MODE=20", Codec(97, "iLBC", 8000, "mode=20")),
        (97, "iLBC/8000", "mode=30", Codec(97, "iLBC", 8000, "mode=30")),
        (97, "iLBC/8000", "x=1; mode=20", Codec(97, "iLBC", 8000, "mode=20")),
        (97, "iLBC/8000", "mode=200", Codec(97, "iLBC", 8000, "mode=30")),
        (18, "G729/8000", "annexb=yes", Codec(18, "G729", 8000, "annexb=no")),
        (18, "G729a/8000", "", Codec(18, "G729", 8000, "annexb=no")),
        (18, "G729A/8000/1", "annexb=yes", Codec(18, "G729", 8000, "annexb=no")),
        (18, "G.729/8000", "", Codec(18, "G729", 8000, "annexb=no")),
        (110, "speex/16000", 'mode="10,any";vbr=on', Codec(110, "speex", 16000, 'mode="10,any";vbr=on')),
        (110, "speex/16000", "vbr=\x01", Codec(110, "speex", 16000)),
        (110, "speex/8000", "", None),
        (110, "speex/32000", "", None),
        (101, "telephone-event/8000", "0-15", Codec(101, TELEPHONE_EVENT, 8000, "0-15")),
        (101, "telephone-event/8000", "0-11,16", Codec(101, TELEPHONE_EVENT, 8000, "0-11,16")),
        (101, "telephone-event/8000", "", Codec(101, TELEPHONE_EVENT, 8000, "0-15")),
        (101, "telephone-event/8000", "bogus", Codec(101, TELEPHONE_EVENT, 8000, "0-15")),
        (102, "telephone-event/16000", "0-16", Codec(102, TELEPHONE_EVENT, 16000, "0-16")),
        (102, "telephone-event/48000", "", None),
        (13, "CN/8000", "", None),
        (111, "opus/48000/2", "", None),
        (96, "PCMA", "", None),
        (96, "", "", None),
        (96, "PCMA/8000" + " " * 100, "", None),
    ],
)
def test_read_codec(payload_type: int, rtpmap: str | None, fmtp: str, expected: Codec | None) -> None:
    assert read_codec(payload_type, rtpmap, fmtp) == expected


def test_overlong_fmtp_counts_as_absent() -> None:
    assert read_codec(97, "iLBC/8000", "mode=20;" + "x" * 300) == Codec(97, "iLBC", 8000, "mode=30")


@pytest.mark.parametrize(
    ("offered", "answered", "agreed"),
    [
        ("mode=20", "mode=20", "mode=20"),
        ("mode=20", "mode=30", "mode=30"),
        ("mode=30", "mode=20", "mode=30"),
        ("mode=30", "mode=30", "mode=30"),
    ],
)
def test_ilbc_uses_the_lower_bandwidth(offered: str, answered: str, agreed: str) -> None:
    """RFC 3952 §5."""
    assert agreed_fmtp(Codec(97, "iLBC", 8000, offered), Codec(98, "iLBC", 8000, answered)) == agreed


def test_other_parameters_are_those_of_the_answer() -> None:
    offered = Codec(101, TELEPHONE_EVENT, 8000, "0-16")
    assert agreed_fmtp(offered, offered._replace(fmtp="0-15")) == "0-15"


def test_our_own_payload_types_are_all_different() -> None:
    ours = [our_codec(name) for name in CODEC_NAMES] + [our_telephone_event(8000), our_telephone_event(16000)]
    assert len({codec.payload_type for codec in ours}) == len(ours)
    assert [codec.name for codec in ours[:6]] == list(CODEC_NAMES)
    assert our_codec("G729").fmtp == "annexb=no"


@pytest.mark.parametrize(
    ("name", "fmtp", "ptime", "maxptime", "packet"),
    [
        ("PCMA", "", None, None, 20),
        ("PCMA", "", 10, None, 10),
        ("PCMA", "", 35, None, 30),
        ("PCMA", "", 200, None, 60),
        ("PCMA", "", None, 10, 10),
        ("PCMA", "", 1, 1, 10),
        ("iLBC", "mode=20", 30, None, 20),
        ("iLBC", "mode=30", 20, None, 30),
        ("iLBC", "mode=30", 60, None, 60),
        ("iLBC", "mode=30", 60, 40, 30),
        ("speex", "", 10, None, 20),
        ("speex", "", 30, None, 20),
    ],
)
def test_packets_hold_whole_frames_as_near_as_can_be_to_what_is_wanted(
    name: str, fmtp: str, ptime: int | None, maxptime: int | None, packet: int
) -> None:
    codec = Codec(96, name, 8000, fmtp)
    assert packet_ms(codec, ptime, maxptime) == packet
    assert packet % frame_ms(codec) == 0
