"""What is offered onward and answered back, and what the terms of two legs make of each other."""

from dataclasses import dataclass, replace

import pytest

from tests.unit.sdp.bodies import ASTERISK, audio
from trunkline.sdp.agreement import (
    Agreed,
    Terms,
    payload_map,
    select_for_answer,
    select_for_callee,
    select_of_offer,
    select_telephone_events,
    spoken,
)
from trunkline.sdp.codecs import CODEC_NAMES, TELEPHONE_EVENT, Codec
from trunkline.sdp.errors import NoCommonCodecError
from trunkline.sdp.local import LocalAudio
from trunkline.sdp.offer_answer import RemoteAudio

PCMA = Codec(8, "PCMA", 8000)
PCMU = Codec(0, "PCMU", 8000)
G722 = Codec(9, "G722", 8000)
G729 = Codec(18, "G729", 8000, "annexb=no")
EVENT = Codec(101, TELEPHONE_EVENT, 8000, "0-16")
ILBC = "a=rtpmap:{0} iLBC/8000"


def ilbc(number: int, mode: int) -> Codec:
    return Codec(number, "iLBC", 8000, f"mode={mode}")


def numbers(codecs: list[Codec] | tuple[Codec, ...]) -> list[int]:
    return [codec.payload_type for codec in codecs]


OFFER = audio(
    "m=audio 4000 RTP/AVP 8 0 97 101",
    ILBC.format(97),
    "a=fmtp:97 mode=20",
    "a=rtpmap:101 telephone-event/8000",
    "a=fmtp:101 0-16",
)


# -- onward ----------------------------------------------------------------------------------------


def test_codecs_of_ours_whose_numbers_the_caller_uses_get_numbers_apart() -> None:
    caller = RemoteAudio.read(
        audio(
            "m=audio 4000 RTP/AVP 8 97 98",
            "a=rtpmap:97 telephone-event/8000",
            "a=rtpmap:98 telephone-event/16000",
        )
    )
    onward = select_for_callee(caller, ("PCMA", "iLBC", "speex"), transcoding=True)
    assert [codec.name for codec in onward] == ["PCMA", "iLBC", "speex"]
    assert numbers(onward) == [8, 127, 126]


def test_onward_codecs_keep_the_callers_numbers_in_the_order_of_the_policy() -> None:
    caller = RemoteAudio.read(ASTERISK)
    assert numbers(select_for_callee(caller, ("G722", "iLBC", "PCMU", "PCMA"))) == [97, 0, 8]


def test_onward_what_can_be_transcoded_comes_after_what_passes() -> None:
    caller = RemoteAudio.read(audio("m=audio 4000 RTP/AVP 98 8", "a=rtpmap:98 iLBC/8000"))
    onward = select_for_callee(caller, ("G722", "speex", "PCMA", "iLBC"), transcoding=True)
    assert [codec.name for codec in onward] == ["PCMA", "iLBC", "G722", "speex"]
    assert numbers(onward)[:3] == [8, 98, 9]
    assert onward[3].payload_type not in (98, 8, 9), "a number of our own"


def test_a_codec_that_the_callers_policy_forbids_does_not_pass_but_can_be_transcoded() -> None:
    caller = RemoteAudio.read(ASTERISK)
    onward = select_for_callee(caller, ("iLBC", "PCMU"), allowed=("PCMU",), transcoding=True)
    assert [codec.name for codec in onward] == ["PCMU", "iLBC"]
    assert onward[1].payload_type != 97


def test_what_a_caller_may_not_use_keeps_its_static_number_onward() -> None:
    """RFC 3551 §6: 8 is PCMA to everybody, and some know it by nothing else."""
    caller = RemoteAudio.read(audio("m=audio 4000 RTP/AVP 8 0 18"))
    onward = select_for_callee(caller, ("PCMA", "PCMU", "G729"), allowed=("G729",), transcoding=True)
    assert numbers(onward) == [18, 8, 0]


def test_onward_codecs_without_an_offer_are_those_of_both_policies() -> None:
    codecs = select_for_callee(None, CODEC_NAMES)
    assert [codec.name for codec in codecs] == list(CODEC_NAMES)
    assert [codec.clock_rate for codec in select_telephone_events(None, codecs)] == [8000, 16000]
    both = select_for_callee(None, ("G729", "PCMA", "PCMU"), allowed=("PCMU", "G729"))
    assert [codec.name for codec in both] == ["G729", "PCMU"]
    every = select_for_callee(None, ("G729", "PCMA", "PCMU"), allowed=("PCMU",), transcoding=True)
    assert [codec.name for codec in every] == ["PCMU", "G729", "PCMA"]


def test_onward_telephone_event_is_the_callers_or_ours_apart_from_its_numbers() -> None:
    caller = RemoteAudio.read(ASTERISK)
    assert select_telephone_events(caller, [PCMA]) == list(caller.telephone_events)
    without = RemoteAudio.read(audio("m=audio 4000 RTP/AVP 8 101", ILBC.format(101)))
    (event,) = select_telephone_events(without, [PCMA])
    assert (event.name, event.clock_rate) == (TELEPHONE_EVENT, 8000)
    assert event.payload_type != 101


@pytest.mark.parametrize("order", [(), ("G722",)])
def test_no_codec_left_to_offer(order: tuple[str, ...]) -> None:
    with pytest.raises(NoCommonCodecError):
        select_for_callee(RemoteAudio.read(ASTERISK), order)


def test_a_caller_with_no_codec_that_it_may_use_is_not_transcoded() -> None:
    with pytest.raises(NoCommonCodecError):
        select_for_callee(RemoteAudio.read(ASTERISK), CODEC_NAMES, allowed=("G722",), transcoding=True)


# -- back ------------------------------------------------------------------------------------------


@dataclass
class Case:
    answer: tuple[str, ...]
    codecs: list[Codec]
    onward: dict[int, int]
    back: dict[int, int]


@pytest.mark.parametrize(
    "case",
    [
        Case(("m=audio 9 RTP/AVP 8",), [PCMA], {8: 8}, {8: 8}),
        Case(("m=audio 9 RTP/AVP 0 8",), [PCMU, PCMA], {0: 0, 8: 8}, {0: 0, 8: 8}),
        Case(
            ("m=audio 9 RTP/AVP 8 101", "a=rtpmap:101 telephone-event/8000"),
            [PCMA],
            {8: 8, 101: 101},
            {8: 8, 101: 101},
        ),
        Case(
            ("m=audio 9 RTP/AVP 8 96", "a=rtpmap:96 telephone-event/8000"),
            [PCMA],
            {8: 8, 101: 96},
            {8: 8, 101: 101, 96: 101},
        ),
        Case(
            ("m=audio 9 RTP/AVP 99", ILBC.format(99), "a=fmtp:99 mode=20"),
            [ilbc(97, 20)],
            {97: 99},
            {97: 97, 99: 97},
        ),
        Case(("m=audio 9 RTP/AVP 97", ILBC.format(97)), [ilbc(97, 30)], {97: 97}, {97: 97}),
        Case(("m=audio 9 RTP/AVP 9 8",), [PCMA], {8: 8}, {8: 8}),
        Case(
            # The callee gives our 101 to a codec: its own number may not stand for telephone-event as well.
            ("m=audio 9 RTP/AVP 101 97", ILBC.format(101), "a=rtpmap:97 telephone-event/8000"),
            [ilbc(97, 30)],
            {97: 101, 101: 97},
            {97: 97, 101: 101},
        ),
    ],
)
def test_a_shared_codec_is_answered_and_passes(case: Case) -> None:
    caller, callee = RemoteAudio.read(OFFER), RemoteAudio.read(audio(*case.answer))
    far = Terms.of((*caller.codecs, *caller.telephone_events), callee, we_answered=False)
    answer = select_for_answer(caller, far, CODEC_NAMES, transcoding=True)
    assert (answer.codecs, answer.passes) == (case.codecs, True)
    mine = Terms.of((*answer.codecs, EVENT), caller, we_answered=True)
    assert payload_map(mine, far) == case.onward
    assert payload_map(far, mine) == case.back
    assert [codec.name for codec in spoken(mine, far)] == [case.codecs[0].name] * 2


def far_terms(*lines: str) -> Terms:
    """Of a far leg that was offered everything."""
    ours = LocalAudio(2)
    ours.offer(select_for_callee(None, CODEC_NAMES), "192.0.2.3", 10000)
    return Terms.of(ours.listed, RemoteAudio.read(audio(*lines)), we_answered=False)


def test_without_a_shared_codec_the_first_of_the_policy_is_answered_to_be_transcoded() -> None:
    caller = RemoteAudio.read(OFFER)
    far = far_terms("m=audio 9 RTP/AVP 18 9")
    answer = select_for_answer(caller, far, ("iLBC", "PCMU"), transcoding=True)
    assert (answer.codecs, answer.passes) == ([ilbc(97, 20)], False)
    mine = Terms.of(answer.codecs, caller, we_answered=True)
    assert payload_map(mine, far) == {}
    assert spoken(mine, far) == (ilbc(97, 20), G729)
    with pytest.raises(NoCommonCodecError):
        select_for_answer(caller, far, CODEC_NAMES)


def test_a_shared_codec_is_preferred_to_the_one_that_the_far_side_prefers() -> None:
    caller = RemoteAudio.read(OFFER)
    far = far_terms("m=audio 9 RTP/AVP 9 0")
    answer = select_for_answer(caller, far, CODEC_NAMES, transcoding=True)
    assert answer.codecs == [PCMU]
    mine = Terms.of(answer.codecs, caller, we_answered=True)
    assert spoken(mine, far) == (PCMU, PCMU)
    assert payload_map(far, mine) == {0: 0}, "G.722, which it may send all the same, is transcoded"


def test_a_codec_that_the_policy_forbids_is_not_answered_though_it_is_shared() -> None:
    far = far_terms("m=audio 9 RTP/AVP 8")
    answer = select_for_answer(RemoteAudio.read(OFFER), far, ("PCMU",), transcoding=True)
    assert (answer.codecs, answer.passes) == ([PCMU], False)


def test_ilbc_of_two_modes_does_not_pass() -> None:
    """RFC 3952 §5: a peer that offers 30 ms can't be answered 20, one that offers 20 can be answered 30."""
    slow = RemoteAudio.read(audio("m=audio 4000 RTP/AVP 97", ILBC.format(97)))
    fast = RemoteAudio.read(audio("m=audio 9 RTP/AVP 97", ILBC.format(97), "a=fmtp:97 mode=20"))
    far = Terms.of([ilbc(97, 20)], fast, we_answered=True)
    answer = select_for_answer(slow, far, CODEC_NAMES, transcoding=True)
    assert (answer.codecs, answer.passes) == ([ilbc(97, 30)], False)
    mine = Terms.of(answer.codecs, slow, we_answered=True)
    assert payload_map(mine, far) == {}
    assert spoken(mine, far) == (ilbc(97, 30), ilbc(97, 20))
    other = Terms.of([ilbc(97, 30)], slow, we_answered=True)
    assert select_for_answer(fast, other, CODEC_NAMES).codecs == [ilbc(97, 30)]


def test_an_answer_for_sounds_alone_is_all_that_the_policy_has() -> None:
    caller = RemoteAudio.read(OFFER)
    assert select_of_offer(caller, ("G722", "PCMU", "PCMA")) == [PCMU, PCMA]
    with pytest.raises(NoCommonCodecError):
        select_of_offer(caller, ("G722",))


# -- terms -----------------------------------------------------------------------------------------


def test_terms_follow_the_order_of_whoever_answered() -> None:
    callee = RemoteAudio.read(audio("m=audio 9 RTP/AVP 0 8"))
    assert [item.codec for item in Terms.of([PCMA, PCMU], callee, we_answered=False).codecs] == [PCMU, PCMA]
    assert [item.codec for item in Terms.of([PCMA, PCMU], callee, we_answered=True).codecs] == [PCMA, PCMU]


def test_terms_hold_nothing_that_was_not_offered() -> None:
    callee = RemoteAudio.read(audio("m=audio 9 RTP/AVP 9 8 101", "a=rtpmap:101 telephone-event/8000"))
    terms = Terms.of([PCMA], callee, we_answered=False)
    assert terms.codecs == (Agreed(PCMA, 8),)
    assert terms.events == ()
    with pytest.raises(NoCommonCodecError):
        spoken(Terms.of([PCMU], callee, we_answered=False), terms)


@pytest.mark.parametrize("we_answered", [True, False])
def test_terms_hold_what_both_have_named(we_answered: bool) -> None:
    remote = RemoteAudio.read(audio("m=audio 4000 RTP/AVP 9 8"))
    terms = Terms.of((PCMU, PCMA), remote, we_answered=we_answered)
    assert [item.codec for item in terms.codecs] == [PCMA]


def test_a_number_of_the_peers_own_means_nothing_where_it_is_another_codecs_of_ours() -> None:
    remote = RemoteAudio.read(audio("m=audio 4000 RTP/AVP 97", "a=rtpmap:97 speex/16000"))
    listed = (ilbc(97, 30), Codec(98, "speex", 16000))
    assert set(Terms.of(listed, remote, we_answered=False).numbers) == {98}


def test_nothing_is_spoken_where_one_side_has_no_codec() -> None:
    some = Terms.of((PCMA,), RemoteAudio.read(audio("m=audio 4000 RTP/AVP 8")), we_answered=True)
    none = Terms.of((PCMU,), RemoteAudio.read(audio("m=audio 4000 RTP/AVP 8")), we_answered=True)
    for one, other in [(some, none), (none, some)]:
        with pytest.raises(NoCommonCodecError):
            spoken(one, other)


def test_an_offer_is_not_answered_to_be_transcoded_for_a_far_side_without_a_codec() -> None:
    offer = RemoteAudio.read(audio("m=audio 4000 RTP/AVP 8"))
    none = Terms.of((PCMU,), offer, we_answered=True)
    with pytest.raises(NoCommonCodecError):
        select_for_answer(offer, none, CODEC_NAMES, transcoding=True)


def test_telephone_event_of_another_clock_does_not_pass() -> None:
    events = ("a=rtpmap:101 telephone-event/8000", "a=rtpmap:102 telephone-event/16000")
    eight = RemoteAudio.read(audio("m=audio 9 RTP/AVP 8 101", *events))
    sixteen = RemoteAudio.read(audio("m=audio 9 RTP/AVP 8 102", *events))
    ours = [PCMA, EVENT, EVENT._replace(payload_type=102, clock_rate=16000)]
    mine, theirs = (Terms.of(ours, remote, we_answered=False) for remote in (eight, sixteen))
    assert payload_map(mine, theirs) == {8: 8}


def test_the_telephone_event_is_the_one_of_the_codecs_clock() -> None:
    events = (
        "a=rtpmap:101 telephone-event/8000",
        "a=rtpmap:102 telephone-event/16000",
        "a=rtpmap:110 speex/16000",
    )
    remote = RemoteAudio.read(audio("m=audio 9 RTP/AVP 110 8 101 102", *events))
    terms = Terms.of((*remote.codecs, *remote.telephone_events), remote, we_answered=False)
    for codec, number in ((remote.codecs[0], 102), (PCMA, 101)):
        event = terms.event_for(codec)
        assert event is not None
        assert event.sent_as == number
    eight = replace(terms, events=terms.events[:1])
    assert eight.event_for(remote.codecs[0]) == eight.events[0], "better another clock than none"
    assert replace(terms, events=()).event_for(PCMA) is None


def test_a_peer_that_gives_the_number_of_one_telephone_event_to_the_other() -> None:
    """Twinkle answers the number of the last one for 8000 Hz, and sends with it."""
    ours = [PCMA, EVENT, EVENT._replace(payload_type=102, clock_rate=16000)]
    answer = audio("m=audio 9 RTP/AVP 8 102", "a=rtpmap:102 telephone-event/8000")
    mine = Terms.of(ours, RemoteAudio.read(answer), we_answered=False)
    (event,) = mine.events
    assert (event.codec.payload_type, event.codec.clock_rate, event.sent_as) == (102, 8000, 102)
    theirs = Terms.of([PCMA, EVENT], RemoteAudio.read(OFFER), we_answered=True)
    assert payload_map(mine, theirs) == {8: 8, 102: 101}
    assert payload_map(theirs, mine) == {8: 8, 101: 102}


def test_a_peer_that_knows_both_telephone_events_sends_them_by_our_numbers() -> None:
    """Whatever numbers it wants them by itself (RFC 3264 §5.1)."""
    ours = [PCMA, EVENT, EVENT._replace(payload_type=102, clock_rate=16000)]
    events = ("a=rtpmap:102 telephone-event/8000", "a=rtpmap:101 telephone-event/16000")
    answer = RemoteAudio.read(audio("m=audio 9 RTP/AVP 8 102 101", *events))
    terms = Terms.of(ours, answer, we_answered=False)
    found = [(one.codec.payload_type, one.codec.clock_rate, one.sent_as) for one in terms.events]
    assert found == [(102, 8000, 101), (101, 16000, 102)]


def test_payload_map_when_our_offer_had_other_numbers() -> None:
    """An offer that we renumbered: the callee sends with our numbers, the caller knows its own."""
    caller = RemoteAudio.read(OFFER)
    ours = LocalAudio(1)
    ours.offer([Codec(97, "speex", 16000)], "192.0.2.3", 10000)
    ours.offer(list(caller.codecs), "192.0.2.3", 10000, telephone_event=caller.telephone_events[0])
    listed = {codec.name: codec.payload_type for codec in ours.listed}
    assert listed["iLBC"] != 97
    callee = RemoteAudio.read(audio(f"m=audio 9 RTP/AVP {listed['iLBC']}", ILBC.format(listed["iLBC"])))
    far = Terms.of(ours.listed, callee, we_answered=False)
    answer = select_for_answer(caller, far, CODEC_NAMES)
    mine = Terms.of(answer.codecs, caller, we_answered=True)
    assert payload_map(mine, far) == {97: listed["iLBC"]}
    assert payload_map(far, mine) == {listed["iLBC"]: 97}


def test_payload_map_without_an_offer_of_the_caller() -> None:
    """INVITE without SDP: we offer to both, each side answers with numbers of its own."""
    callee = RemoteAudio.read(audio("m=audio 9 RTP/AVP 99", ILBC.format(99)))
    caller = RemoteAudio.read(audio("m=audio 9 RTP/AVP 105", ILBC.format(105)))
    mine, far = (Terms.of([ilbc(97, 30)], remote, we_answered=False) for remote in (caller, callee))
    assert payload_map(mine, far) == {97: 99, 105: 99}
    assert payload_map(far, mine) == {97: 105, 99: 105}
