"""The examples of RFC 3264, and its rules for answers and for later offers."""

import pytest

from tests.conformance.sdp_examples import carried_back, examples
from tests.unit.sdp.bodies import audio
from trunkline.sdp.codecs import Codec
from trunkline.sdp.description import SessionDescription
from trunkline.sdp.errors import NoAudioError, NoCommonCodecError
from trunkline.sdp.local import LocalAudio
from trunkline.sdp.offer_answer import Direction, RemoteAudio

EXAMPLES = examples("rfc3264.txt")
PCMU = Codec(0, "PCMU", 8000)


def sections(body: bytes) -> list[tuple[str, bool]]:
    return [(section.media, section.port != 0) for section in SessionDescription.read(body).media]


def test_capabilities_are_no_call() -> None:
    """§9: port 0 everywhere, so that it can't be mistaken for an offer."""
    with pytest.raises(NoAudioError):
        RemoteAudio.read(EXAMPLES["9 capabilities"])


def test_basic_exchange_as_the_answerer() -> None:
    """§10.1: as many m= lines as the offer, in its order, video rejected."""
    offer = RemoteAudio.read(EXAMPLES["10.1 offer"])
    answer = LocalAudio(1).answer(offer, [PCMU], "192.0.2.9", 10000)
    assert sections(answer) == [("audio", True), ("video", False), ("video", False)]


def test_basic_exchange_as_the_offerer() -> None:
    """§10.1: the answer takes PCMU."""
    offer, answer = (RemoteAudio.read(EXAMPLES[part]) for part in ("10.1 offer", "10.1 answer"))
    assert carried_back(offer, answer) == ([PCMU], {0: 0}, {0: 0})


def test_second_offer_of_the_basic_exchange() -> None:
    """§10.1: a moved port and a fourth stream, which is not ours to take."""
    remote = RemoteAudio.read(EXAMPLES["10.1 second-offer"])
    assert remote.rtp_port == 65422
    answer = LocalAudio(1).answer(remote, [PCMU], "192.0.2.9", 10000)
    assert sections(answer) == [("audio", True), ("video", False), ("video", False), ("audio", False)]


def test_one_of_n_codecs() -> None:
    """§10.2: inactive stays inactive in the answer; G.723 is nobody's here."""
    offer = RemoteAudio.read(EXAMPLES["10.2 offer"])
    assert [codec.name for codec in offer.codecs] == ["PCMU", "G729"]
    codecs, *_ = carried_back(offer, RemoteAudio.read(EXAMPLES["10.2 answer"]))
    assert codecs == [PCMU]
    local = LocalAudio(1)
    local.answer(offer, codecs, "192.0.2.9", 10000)
    assert local.direction is Direction.INACTIVE
    for part in ("10.2 second-offer", "10.2 second-answer"):
        with pytest.raises(NoCommonCodecError):
            RemoteAudio.read(EXAMPLES[part])


def test_the_origin_of_an_answer_is_our_own() -> None:
    """§6: "the origin line MUST be different in the answer"."""
    offer = RemoteAudio.read(EXAMPLES["10.1 offer"])
    ours = SessionDescription.read(LocalAudio(1).answer(offer, [PCMU], "192.0.2.9", 10000)).origin
    assert (ours.username, ours.session_id, ours.version) == ("-", "1", "1")


def test_the_timing_of_an_answer_is_the_offers() -> None:
    """§6: "The "t=" line in the answer MUST equal that of the offer"."""
    body = audio("m=audio 4000 RTP/AVP 0").replace(b"t=0 0", b"t=3724394400 0")
    answer = LocalAudio(1).answer(RemoteAudio.read(body), [PCMU], "192.0.2.9", 10000)
    assert b"\r\nt=3724394400 0\r\n" in answer


@pytest.mark.parametrize(
    ("offered", "allowed"),
    [
        ("sendonly", {"recvonly", "inactive"}),
        ("recvonly", {"sendonly", "inactive"}),
        ("sendrecv", {"sendonly", "recvonly", "sendrecv", "inactive"}),
        ("inactive", {"inactive"}),
    ],
)
@pytest.mark.parametrize("wanted", Direction)
def test_directions_of_answers(offered: str, allowed: set[str], wanted: Direction) -> None:
    """§6.1."""
    local = LocalAudio(1)
    local.answer(
        RemoteAudio.read(audio("m=audio 4000 RTP/AVP 0", f"a={offered}")), [PCMU], "192.0.2.9", 1, wanted
    )
    assert local.direction.value in allowed


def test_static_numbers_are_mapped_too() -> None:
    """§6.1: rtpmap for dynamic numbers is a MUST, for static ones a SHOULD."""
    answer = LocalAudio(1).answer(
        RemoteAudio.read(audio("m=audio 4000 RTP/AVP 0")), [PCMU], "192.0.2.9", 10000
    )
    assert b"a=rtpmap:0 PCMU/8000\r\n" in answer


def test_the_same_description_has_the_same_version_and_another_one_the_next() -> None:
    """§8: "the version in the origin field MUST increment by one"."""
    local = LocalAudio(1)
    remote = RemoteAudio.read(audio("m=audio 4000 RTP/AVP 0"))
    first = local.answer(remote, [PCMU], "192.0.2.9", 10000)
    assert local.answer(remote, [PCMU], "192.0.2.9", 10000) == first
    moved = local.offer([PCMU], "192.0.2.9", 10002)
    versions = [int(SessionDescription.read(body).origin.version) for body in (first, moved)]
    assert versions[1] == versions[0] + 1


def test_a_later_offer_has_no_fewer_media_sections() -> None:
    """§8: "the new SDP MUST have a matching media stream for each media stream in the previous SDP"."""
    local = LocalAudio(1)
    local.answer(RemoteAudio.read(EXAMPLES["10.1 offer"]), [PCMU], "192.0.2.9", 10000)
    assert len(SessionDescription.read(local.offer([PCMU], "192.0.2.9", 10000)).media) == 3


def test_the_offerers_version_may_stand_still() -> None:
    """§8: an offer with an unchanged version is "effectively a no-op", and gets a valid answer."""
    remote = RemoteAudio.read(audio("m=audio 4000 RTP/AVP 0"))
    again = RemoteAudio.read(audio("m=audio 4000 RTP/AVP 0"))
    assert again.origin == remote.origin
    local = LocalAudio(1)
    answer = local.answer(remote, [PCMU], "192.0.2.9", 10000)
    assert local.answer(again, [PCMU], "192.0.2.9", 10000) == answer


def test_hold_by_direction_and_by_address() -> None:
    """§8.4."""
    held = RemoteAudio.read(audio("m=audio 4000 RTP/AVP 0", "a=sendonly"))
    assert not held.effective_direction.receives
    old = RemoteAudio.read(audio("m=audio 4000 RTP/AVP 0", connection="c=IN IP4 0.0.0.0"))
    assert not old.effective_direction.receives
    assert old.rtp_port == 4000
