"""What the media engine is told of a peer: formats, digits, keys."""

from base64 import b64encode
from dataclasses import replace

import pytest

from tests.simulation.descriptions import attributes, audio, codecs_of, secure_audio
from tests.unit.call.test_leg import ALICE, BOB, Pair
from trunkline.call.leg import Leg
from trunkline.call.ports import AudioFormat, MediaFlow, RemoteMedia, SrtpKeys, TelephoneEvents
from trunkline.call.remote_media import alone, connect, direct, media_flow
from trunkline.errors import SdpError
from trunkline.sdp.errors import NoCommonCodecError, UnsupportedProfileError, UnusableCryptoError
from trunkline.sdp.offer_answer import Direction
from trunkline.trunk.media_policy import DtmfMode, MediaPolicy, SrtpPolicy

ANY = MediaPolicy()
G729 = AudioFormat(18, "G729", 8000)
PCMA = AudioFormat(8, "PCMA", 8000)


def remote(pair: Pair, leg: Leg) -> RemoteMedia:
    found = pair.media(leg).remote
    assert found is not None
    return found


@pytest.mark.parametrize(
    ("ours", "theirs", "flow"),
    [
        (Direction.SENDRECV, Direction.SENDRECV, MediaFlow.BOTH),
        (Direction.SENDONLY, Direction.SENDRECV, MediaFlow.SEND),
        (Direction.RECVONLY, Direction.SENDRECV, MediaFlow.RECEIVE),
        (Direction.SENDRECV, Direction.SENDONLY, MediaFlow.RECEIVE),
        (Direction.SENDRECV, Direction.RECVONLY, MediaFlow.SEND),
        (Direction.SENDONLY, Direction.SENDONLY, MediaFlow.NONE),
        (Direction.RECVONLY, Direction.RECVONLY, MediaFlow.NONE),
        (Direction.INACTIVE, Direction.SENDRECV, MediaFlow.NONE),
    ],
)
def test_audio_flows_as_far_as_both_sides_say(ours: Direction, theirs: Direction, flow: MediaFlow) -> None:
    """RFC 3264 §6.1, whoever of the two has answered."""
    assert media_flow(ours, theirs) is flow


def test_legs_that_can_not_be_joined_are_left_as_they_were() -> None:
    pair = Pair()
    pair.agree(audio(ALICE), audio(BOB))
    stood = remote(pair, pair.caller)
    pair.caller.take_offer(audio(ALICE, port=4444, version=2))
    pair.callee.take_answer(audio(BOB, version=2).replace(b"c=IN IP4 198.", b"c=IN IP6 2001:db8::198."))
    with pytest.raises(SdpError):
        connect(pair.engine, pair.caller, pair.callee)
    assert remote(pair, pair.caller) == stood


def test_two_peers_without_a_shared_codec_are_transcoded() -> None:
    pair = Pair(ANY, ANY)
    offer, answer = pair.agree(audio(ALICE, codecs=(18,), event=96), audio(BOB, codecs=(8, 9)))
    assert codecs_of(offer)[0] == 18
    assert len(codecs_of(offer)) == 6
    assert codecs_of(answer) == [18]
    caller, callee = remote(pair, pair.caller), remote(pair, pair.callee)
    assert (caller.payload_types, callee.payload_types) == ({}, {})
    assert (caller.speaks, callee.speaks) == (G729, PCMA)
    assert caller.hears == (G729,)
    assert [heard.codec for heard in callee.hears] == ["PCMA", "G722"]
    assert (pair.caller.close().codec, pair.callee.close().codec) == ("G729", "PCMA")


def test_what_is_shared_passes_and_what_may_be_sent_besides_is_heard() -> None:
    pair = Pair(ANY, ANY)
    _, answer = pair.agree(audio(ALICE, codecs=(8, 0)), audio(BOB, codecs=(9, 0)))
    assert codecs_of(answer) == [0]
    callee = remote(pair, pair.callee)
    assert callee.payload_types == {0: 0, 101: 101}
    assert [heard.codec for heard in callee.hears] == ["G722", "PCMU"]
    assert callee.speaks == AudioFormat(0, "PCMU", 8000), "which passes, though it prefers another"


def test_a_number_of_ours_that_the_peer_means_otherwise_has_its_clock() -> None:
    """Twinkle calls our telephone-event of 16000 Hz that of 8000."""
    pair = Pair(ANY, ANY)
    offer, _ = pair.agree(audio(ALICE, codecs=(8, 0)), audio(BOB, codecs=(8,), event=102))
    assert b"a=rtpmap:102 telephone-event/16000" in offer
    callee = remote(pair, pair.callee)
    assert (callee.payload_types[102], callee.dtmf_payload_type, callee.clock_rates[102]) == (101, 102, 8000)


def test_every_number_that_a_peer_may_send_events_with_is_known() -> None:
    """At the rate of each codec (RFC 4733 §2.1); and of those who send with a number of their own."""
    pair = Pair(ANY, ANY)
    lines = ["rtpmap:98 speex/16000", "rtpmap:102 telephone-event/16000"]
    callee = audio(BOB, codecs=(8,), event=96, lines=lines).replace(b"RTP/AVP 8 96", b"RTP/AVP 8 98 96 102")
    pair.agree(audio(ALICE, codecs=(8,)), callee)
    found = remote(pair, pair.callee)
    assert found.dtmf_payload_type == 101
    assert set(found.other_events) == {TelephoneEvents(96, 8000), TelephoneEvents(102, 16000)}
    assert found.payload_types == {8: 8, 101: 101, 96: 101}
    assert [number for number in range(128) if found.is_event(number)] == [96, 101, 102]


@pytest.mark.parametrize(("codec", "ptime"), [(8, "20"), (18, "40")])
def test_an_answer_wishes_for_packets_of_the_far_peer_where_they_pass_else_of_its_own(
    codec: int, ptime: str
) -> None:
    pair = Pair(ANY, ANY)
    _, answer = pair.agree(
        audio(ALICE, codecs=(codec,), lines=("ptime:40",)), audio(BOB, codecs=(8,), lines=("ptime:20",))
    )
    assert attributes(answer, "ptime") == [ptime]


@pytest.mark.parametrize("side", ["caller", "callee"])
def test_where_either_side_forbids_transcoding_nothing_is_transcoded(side: str) -> None:
    forbids = MediaPolicy(transcoding=False)
    pair = Pair(*((forbids, ANY) if side == "caller" else (ANY, forbids)))
    offer, _ = pair.agree(audio(ALICE, codecs=(8, 0)), audio(BOB, codecs=(8,)))
    assert codecs_of(offer) == [8, 0]
    assert remote(pair, pair.caller).hears == (PCMA,)
    pair = Pair(ANY, ANY)
    pair.agree(audio(ALICE, codecs=(18,)), audio(BOB, codecs=(8,)))
    pair.caller.agreed_with(pair.callee)
    leg = pair.caller if side == "caller" else pair.callee
    leg.policy = forbids
    with pytest.raises(NoCommonCodecError):
        pair.caller.agreed_with(pair.callee)


@pytest.mark.parametrize(
    ("lines", "ptime_ms"),
    [
        (["ptime:30"], 30),
        (["ptime:200"], 60),
        (["ptime:5"], 10),
        (["ptime:25"], 20),
        (["maxptime:10"], 10),
        (["ptime:60", "maxptime:40"], 40),
        ([], 20),
    ],
)
def test_each_peer_is_sent_packets_as_it_wants_them(lines: list[str], ptime_ms: int) -> None:
    pair = Pair(ANY, ANY)
    pair.agree(audio(ALICE, codecs=(18,), lines=lines), audio(BOB, codecs=(8,)))
    assert remote(pair, pair.caller).speaks == replace(G729, ptime_ms=ptime_ms)
    assert remote(pair, pair.callee).speaks == PCMA


@pytest.mark.parametrize(
    ("mode", "ptime", "ptime_ms"), [(20, 20, 20), (20, 30, 20), (20, 60, 60), (30, 20, 30), (30, 60, 60)]
)
def test_ilbc_is_sent_in_whole_frames_of_its_mode(mode: int, ptime: int, ptime_ms: int) -> None:
    pair = Pair(ANY, ANY)
    lines = [f"fmtp:97 mode={mode}", f"ptime:{ptime}"]
    _, answer = pair.agree(audio(ALICE, codecs=(97,), lines=lines), audio(BOB, codecs=(8,)))
    assert f"97 mode={mode}" in attributes(answer, "fmtp")
    assert remote(pair, pair.caller).speaks == AudioFormat(97, "iLBC", 8000, ptime_ms, mode)


def test_speex_goes_with_telephone_events_of_its_clock() -> None:
    pair = Pair(ANY, ANY)
    lines = ["rtpmap:100 telephone-event/16000"]
    body = audio(ALICE, codecs=(98,), lines=lines).replace(b"98 101\r\n", b"98 101 100\r\n")
    pair.agree(body, audio(BOB, codecs=(8,)))
    caller, callee = remote(pair, pair.caller), remote(pair, pair.callee)
    assert caller.speaks == AudioFormat(98, "speex", 16000)
    assert (caller.takes_events, caller.dtmf_payload_type) == (TelephoneEvents(100, 16000), 100)
    assert (callee.takes_events, callee.dtmf_payload_type) == (TelephoneEvents(101, 8000), 101)


def test_a_peer_without_telephone_event_is_sent_none() -> None:
    pair = Pair(ANY, ANY)
    _, answer = pair.agree(audio(ALICE, event=96), audio(BOB, event=None))
    assert attributes(answer, "fmtp") == ["96 0-16"], "the caller may send digits all the same"
    caller, callee = remote(pair, pair.caller), remote(pair, pair.callee)
    assert (caller.takes_events, callee.takes_events) == (TelephoneEvents(96, 8000), None)
    assert 96 not in caller.payload_types


# -- digits ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("mode", "event", "offered", "told", "tones"),
    [
        (DtmfMode.AUTO, 101, True, False, False),
        (DtmfMode.AUTO, None, True, False, False),
        (DtmfMode.RFC4733, 101, True, False, False),
        (DtmfMode.RFC4733, None, True, True, False),
        (DtmfMode.INFO, 101, False, True, False),
        (DtmfMode.INBAND, 101, False, False, True),
    ],
)
def test_digits_travel_as_the_policy_of_each_side_says(
    mode: DtmfMode, event: int | None, offered: bool, told: bool, tones: bool
) -> None:
    pair = Pair(ANY, MediaPolicy(dtmf=mode))
    offer, _ = pair.agree(audio(ALICE), audio(BOB, event=event))
    assert (b"telephone-event" in offer) is offered
    caller, callee = remote(pair, pair.caller), remote(pair, pair.callee)
    assert caller.tells_digits is told
    assert callee.finds_tones is tones
    assert (callee.takes_events is not None) is (offered and event is not None)
    assert (101 in caller.payload_types) is (offered and event is not None)


@pytest.mark.parametrize(
    ("far", "event", "found"),
    [
        (DtmfMode.AUTO, 101, True),
        (DtmfMode.INFO, None, True),
        (DtmfMode.AUTO, None, False),
        (DtmfMode.INBAND, 101, False),
    ],
)
def test_tones_are_looked_for_where_they_become_something_else(
    far: DtmfMode, event: int | None, found: bool
) -> None:
    pair = Pair(MediaPolicy(dtmf=DtmfMode.INBAND), MediaPolicy(dtmf=far))
    pair.agree(audio(ALICE), audio(BOB, event=event))
    assert remote(pair, pair.caller).finds_tones is found


# -- keys ------------------------------------------------------------------------------------------

KEY, OTHER_KEY = bytes(range(30)), bytes(range(30, 60))
REQUIRED = MediaPolicy(srtp=SrtpPolicy.REQUIRED)


def own_key(pair: Pair, leg: Leg) -> bytes:
    keys = remote(pair, leg).srtp
    assert keys is not None
    return keys.send


def test_srtp_is_answered_where_it_is_offered_and_the_other_side_stays_plain() -> None:
    pair = Pair(ANY, ANY)
    offer, answer = pair.agree(secure_audio(ALICE, KEY, tag=7), audio(BOB))
    assert b" RTP/AVP " in offer
    assert attributes(offer, "crypto") == []
    assert b" RTP/SAVP " in answer
    (line,) = attributes(answer, "crypto")
    assert line.startswith("7 AES_CM_128_HMAC_SHA1_80 inline:")
    assert remote(pair, pair.caller).srtp == SrtpKeys(own_key(pair, pair.caller), KEY)
    assert remote(pair, pair.callee).srtp is None


def test_srtp_is_offered_where_it_is_required() -> None:
    pair = Pair(ANY, REQUIRED)
    offer, answer = pair.agree(audio(ALICE), secure_audio(BOB, KEY))
    assert b" RTP/SAVP " in offer
    assert len(attributes(offer, "crypto")) == 1
    assert b" RTP/AVP " in answer
    assert remote(pair, pair.callee).srtp == SrtpKeys(own_key(pair, pair.callee), KEY)


@pytest.mark.parametrize(
    "answer", [audio(BOB), secure_audio(BOB, KEY, tag=2), audio(BOB, profile="RTP/SAVP")]
)
def test_an_answer_that_does_not_take_our_srtp_is_no_answer(answer: bytes) -> None:
    pair = Pair(ANY, REQUIRED)
    with pytest.raises((UnsupportedProfileError, UnusableCryptoError)):
        pair.agree(audio(ALICE), answer)


def test_a_plain_offer_is_not_answered_with_srtp() -> None:
    pair = Pair(ANY, ANY)
    with pytest.raises(UnsupportedProfileError):
        pair.agree(audio(ALICE), secure_audio(BOB, KEY))


@pytest.mark.parametrize(
    ("srtp", "body"),
    [(SrtpPolicy.REQUIRED, audio(ALICE)), (SrtpPolicy.FORBIDDEN, secure_audio(ALICE, KEY))],
)
def test_an_offer_against_the_policy_is_refused(srtp: SrtpPolicy, body: bytes) -> None:
    with pytest.raises(UnsupportedProfileError):
        Pair(MediaPolicy(srtp=srtp), ANY).caller.take_offer(body)


def reoffered(pair: Pair, key: bytes, version: int) -> str:
    """Our crypto line in the answer to the caller's re-INVITE with `key`."""
    pair.caller.take_offer(secure_audio(ALICE, key, version=version))
    (line,) = attributes(pair.caller.answer(pair.callee), "crypto")
    connect(pair.engine, pair.caller, pair.callee)
    assert line.endswith(b64encode(own_key(pair, pair.caller)).decode())
    return line


def test_our_key_stays_while_the_peers_does() -> None:
    pair = Pair(ANY, ANY)
    _, answer = pair.agree(secure_audio(ALICE, KEY), audio(BOB))
    assert attributes(answer, "crypto") == [reoffered(pair, KEY, 2)]
    assert attributes(pair.caller.offer_again(), "crypto") == [reoffered(pair, KEY, 3)]


def test_a_peer_that_comes_with_another_key_is_answered_with_another_one() -> None:
    pair = Pair(ANY, ANY)
    pair.agree(secure_audio(ALICE, KEY), audio(BOB))
    before, own = pair.caller.remote, own_key(pair, pair.caller)
    reoffered(pair, OTHER_KEY, 2)
    assert own_key(pair, pair.caller) != own
    assert remote(pair, pair.caller).srtp == SrtpKeys(own_key(pair, pair.caller), OTHER_KEY)
    pair.caller.remote = before  # the change was refused
    assert pair.caller.srtp_keys == SrtpKeys(own, KEY)


def test_a_peer_that_comes_back_to_a_key_is_answered_with_another_one() -> None:
    """RFC 3711 §9.1: the engine counts a key's packets from the first again."""
    pair = Pair(ANY, ANY)
    pair.agree(secure_audio(ALICE, KEY), audio(BOB))
    ours = [own_key(pair, pair.caller)]
    for version, key in enumerate((OTHER_KEY, KEY, OTHER_KEY), 2):
        reoffered(pair, key, version)
        ours.append(own_key(pair, pair.caller))
        before = pair.caller.remote
        pair.caller.take_offer(secure_audio(ALICE, bytes(30), version=9))
        pair.caller.answer(pair.callee)
        pair.caller.remote = before  # that one was refused
        assert pair.caller.srtp_keys == SrtpKeys(ours[-1], key)
    assert len(set(ours)) == 4


def test_a_peer_that_answers_with_another_key_has_the_one_that_we_offered() -> None:
    pair = Pair(ANY, REQUIRED)
    pair.agree(audio(ALICE), secure_audio(BOB, KEY))
    own = own_key(pair, pair.callee)
    pair.callee.offer(pair.caller)
    pair.callee.take_answer(secure_audio(BOB, OTHER_KEY, version=2))
    assert pair.callee.srtp_keys == SrtpKeys(own, OTHER_KEY)


def test_a_secure_leg_is_never_made_plain() -> None:
    pair = Pair(ANY, ANY)
    pair.agree(secure_audio(ALICE, KEY), audio(BOB))
    with pytest.raises(UnsupportedProfileError):
        pair.caller.take_offer(audio(ALICE, version=2))
    assert pair.caller.secure
    assert b" RTP/SAVP " in pair.caller.offer(pair.callee)


# -- alone -----------------------------------------------------------------------------------------


def test_a_peer_that_hears_sounds_of_ours_passes_nothing_on() -> None:
    pair = Pair(ANY, ANY)
    pair.caller.take_offer(audio(ALICE, codecs=(18, 8)))
    pair.callee.offer(pair.caller)
    assert codecs_of(pair.caller.answer_alone(pair.callee)) == [8, 18]
    codec = pair.caller.terms.codecs[0].codec
    direct(pair.caller, alone(pair.caller, codec), codec)
    told = remote(pair, pair.caller)
    assert (told.payload_types, told.speaks) == ({}, PCMA)
    assert {one.codec for one in told.hears} == {"PCMA", "G729"}, "it is learnt from where it sends"
    assert codecs_of(pair.caller.answer_alone()) == [8]
