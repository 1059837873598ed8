"""Why a call ended, in words."""

from dataclasses import replace

import pytest

from tests.unit.store.entities import attempt_record, call_record, ended_attempt, ended_call
from trunkline.call.record import AttemptRecord, CallRecord, Direction
from trunkline.observe.message import LadderMessage
from trunkline.sip.ports import Address, Transport
from trunkline.trunk.verdict import Fault, Slug, Verdict
from trunkline.web.dashboard.calls.ending import Ending, ending

US, PEER = Address("192.0.2.1", 5060), Address("192.0.2.9", 5060)
ROUTING = (
    "Via: SIP/2.0/UDP 192.0.2.9;branch=z9hG4bK1\r\nFrom: <sip:a@h>;tag=1\r\nTo: <sip:1@h>;tag=2\r\n"
    "Call-ID: c\r\nCSeq: 1 INVITE\r\n"
)


def sip(start: str, leg: int, *, sent: bool, media: str = "", more: str = "") -> LadderMessage:
    body = media and f"v=0\r\no=- 1 1 IN IP4 192.0.2.9\r\ns=-\r\nc=IN IP4 192.0.2.9\r\nt=0 0\r\n{media}\r\n"
    kind = "Content-Type: application/sdp\r\n" if media else ""
    text = f"{start}\r\n{ROUTING}{more}{kind}Content-Length: {len(body)}\r\n\r\n{body}"
    return LadderMessage(1.0, leg, sent, Transport.UDP, US, PEER, text.encode())


def invite(leg: int, media: str = "m=audio 4000 RTP/AVP 8 0") -> LadderMessage:
    return sip("INVITE sip:1@h SIP/2.0", leg, sent=leg > 0, media=media, more="Max-Forwards: 70\r\n")


def failed(
    slug: Slug, *attempts: Slug | None, inbound: bool = True, detail: str = "", status: int | None = None
) -> tuple[CallRecord, list[AttemptRecord]]:
    call = call_record()
    call.direction = Direction.INBOUND if inbound else Direction.OUTBOUND
    call.carrier = "upstream"
    call.ended_at = call.setup_at + 5
    call.verdict = Verdict.of(slug, detail=detail, status=status)
    made = []
    for position, reason in enumerate(attempts, 1):
        attempt = ended_attempt(position=position)
        attempt.target = f"sip:1@pbx{position}.example"
        attempt.ended_at = attempt.started_at + 5
        attempt.verdict = None if reason is None else Verdict.of(reason, detail=f"detail {position}")
        made.append(attempt)
    return call, made


def told(call: CallRecord, attempts: list[AttemptRecord], *messages: LadderMessage) -> Ending:
    return ending(call, attempts, messages, pbx="Your PBX")


def test_a_call_that_is_up() -> None:
    assert told(call_record(), [attempt_record()]).happened == ("The call is under way.",)


def test_a_call_as_it_should_be() -> None:
    said = told(ended_call(), [ended_attempt()])
    assert said == Ending(("The call was answered. The called side hung up after 1 min.",))


def test_a_side_that_was_never_heard() -> None:
    call = ended_call()
    call.caller_media = replace(call.caller_media, packets_received=0)
    said = told(call, [])
    assert said.happened[1] == "Your PBX sent no audio."
    assert "external_media_address" in said.change[0]
    call.direction = Direction.INBOUND
    assert told(call, []).happened[1] == "The carrier upstream sent no audio."
    call.callee_media = replace(call.callee_media, packets_received=0)
    assert told(call, []).happened[1] == "No audio came from either side."


def test_a_pbx_that_offers_what_nobody_speaks() -> None:
    call, _ = failed(Slug.CODEC_MISMATCH, inbound=False, detail="no common codec")
    offer = invite(0, "m=audio 4000 RTP/AVP 2\r\na=rtpmap:2 G726-32/8000")
    assert told(call, [], offer) == Ending(
        ("Your PBX offers only G726-32, which Trunkline does not speak.",),
        ("Allow PCMA or PCMU in the trunk of the PBX.",),
    )


def test_a_pbx_that_answers_488() -> None:
    call, attempts = failed(Slug.CODEC_MISMATCH, Slug.CODEC_MISMATCH)
    refusal = sip(
        "SIP/2.0 488 Not Acceptable Here",
        1,
        sent=False,
        media="m=audio 0 RTP/AVP 2\r\na=rtpmap:2 G726-32/8000",
        more='Warning: 305 pbx "Incompatible media format"\r\n',
    )
    said = told(call, attempts, invite(0), invite(1), refusal)
    assert said.happened == (
        "Your PBX answered 488: it offers only G726-32.",
        "It says: “Incompatible media format”.",
        "Trunkline offered PCMA and PCMU.",
    )
    assert said.change == ("Allow PCMA or PCMU in the trunk of the PBX.",)


def test_a_carrier_that_answers_488() -> None:
    call, attempts = failed(Slug.CODEC_MISMATCH, Slug.CODEC_MISMATCH, inbound=False)
    refusal = sip("SIP/2.0 488 Not Acceptable Here", 1, sent=False)
    said = told(call, attempts, invite(1, "m=audio 4000 RTP/AVP 9 18"), refusal)
    assert said.happened[0] == "The carrier upstream answered 488."
    assert said.change == ("Let the carrier have G722 or G729.",)


def test_srtp_that_one_side_lacks() -> None:
    call, attempts = failed(Slug.SRTP_UNAVAILABLE, inbound=False, detail="no key line can be used")
    said = told(call, attempts, invite(0))
    assert said.happened[1:] == ("No key line can be used.", "Your PBX offers PCMA and PCMU.")
    assert "SRTP setting" in said.change[0]


def test_silence() -> None:
    call, attempts = failed(Slug.ALL_SILENT, Slug.UNREACHABLE, Slug.ENDPOINT_SILENT)
    said = told(call, attempts, invite(2), invite(2), invite(2))
    assert said.happened == (
        "No endpoint of the list answered.",
        "Your PBX at sip:1@pbx2.example (UDP 192.0.2.1:5080) said nothing within 5.0 s to 3 INVITEs.",
        "Before that, sip:1@pbx1.example was left: detail 1.",
    )
    assert said.change == ("Check addresses and firewalls.",)


def test_a_far_end_with_words_of_its_own() -> None:
    call, attempts = failed(Slug.REFUSED, Slug.REFUSED)
    refusal = sip(
        "SIP/2.0 403 <b>No</b>",
        1,
        sent=False,
        more='Reason: Q.850;cause=21;text="call\x1b rejected"\r\n'.replace("\x1b", "\u202e"),
    )
    said = told(call, attempts, invite(1), refusal)
    assert said.happened[1] == "Your PBX at sip:1@pbx1.example answered 403 <b>No</b>."
    assert said.happened[2] == "It says: “call\\u{202e} rejected”."


def test_a_refusal_of_our_own_says_its_detail() -> None:
    call, _ = failed(Slug.NO_ROUTE, inbound=False, detail="no route has a prefix of 999")
    said = told(call, [])
    assert said == Ending(
        ("No carrier serves this destination.", "No route has a prefix of 999."),
        ("Add a route for its prefix.",),
    )


def test_audio_that_stopped() -> None:
    call, attempts = failed(Slug.MEDIA_TIMEOUT, None)
    said = told(call, attempts)
    assert said.happened[0] == "No audio arrived for too long. No audio came from either side."
    call.caller_media.packets_received = call.callee_media.packets_received = 9
    assert told(call, attempts).happened[0].endswith("Audio came at first, and then no more.")


def test_messages_that_are_none_are_passed_over() -> None:
    call, attempts = failed(Slug.CODEC_MISMATCH, Slug.CODEC_MISMATCH)
    junk = [LadderMessage(1.0, 1, False, Transport.UDP, US, PEER, b"\xff" * 40)] * 9
    assert told(call, attempts, *junk).happened[0] == "No codec of the offer is supported on the way."


def test_what_peers_say_is_cut() -> None:
    call, attempts = failed(Slug.REFUSED, Slug.REFUSED)
    refusal = sip(f"SIP/2.0 403 {'A' * 5000}", 1, sent=False)
    assert all(len(sentence) < 400 for sentence in told(call, attempts, refusal).happened)


@pytest.mark.parametrize("slug", Slug)
@pytest.mark.parametrize("inbound", [True, False])
def test_every_way_to_end_is_told_with_what_to_change(slug: Slug, inbound: bool) -> None:
    """With messages and without: what happened, and unless nobody is at fault, what to change."""
    refusal = sip("SIP/2.0 488 Not Acceptable Here", 1, sent=False)
    for messages in ((), (invite(0), invite(1), refusal)):
        call, attempts = failed(slug, slug, inbound=inbound)
        said = told(call, attempts, *messages)
        sentences = [*said.happened, *said.change]
        assert said.happened
        assert all(sentence[0].isupper() and sentence.endswith((".", ")")) for sentence in sentences), (
            sentences
        )
        if slug.value.fault is not Fault.NOBODY:
            assert said.change, f"{slug} has no remedy"
