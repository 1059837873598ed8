"""One leg: what it offers and answers on behalf of the other, and the media port that goes with it."""

from collections.abc import Callable, Sequence
from types import SimpleNamespace
from typing import cast

import pytest

from tests.simulation.descriptions import audio, direction, line
from tests.simulation.phone import key_source
from tests.unit.virtual_clock import FakeClock
from trunkline.call.leg import Leg
from trunkline.call.leg_owner import LegOwner
from trunkline.call.ports import MediaFlow, MediaLeg, NoPortsError
from trunkline.call.remote_media import connect
from trunkline.errors import SdpError
from trunkline.media.fake import FakeEngine
from trunkline.media.fake_leg import FakeLeg
from trunkline.sdp.errors import NoCommonCodecError
from trunkline.sdp.local import LocalAudio
from trunkline.sip.exchange import IncomingOffer
from trunkline.sip.message import Request
from trunkline.sip.ports import Address, Transport
from trunkline.sip.stack import ServerTransaction
from trunkline.sip.transactions.invite_server import InviteServerTransaction
from trunkline.sip.usage import Usage
from trunkline.trunk.media_policy import MediaPolicy
from trunkline.trunk.verdict import Slug

PLAIN = MediaPolicy(transcoding=False)
ALICE, BOB = "198.51.100.1", "198.51.100.2"


class Owner(LegOwner):
    """Keeps what it is told."""

    def __init__(self) -> None:
        self.told: list[object] = []

    def cancelled(self, cancel: Request) -> None:
        self.told.append("cancelled")

    def leg_acknowledged(self, leg: Leg, ack: Request) -> None:
        self.told.append(("acknowledged", leg))

    def leg_offered(self, leg: Leg, exchange: IncomingOffer) -> None:
        self.told.append(("offered", leg))

    def leg_refreshed(self, leg: Leg, answer: bytes) -> None:
        self.told.append(("refreshed", leg))

    def leg_hung_up(self, leg: Leg, bye: Request) -> None:
        self.told.append(("hung up", leg))

    def leg_informed(self, leg: Leg, info: Request, transaction: ServerTransaction) -> None:
        self.told.append(("informed", leg))

    def leg_referred(self, leg: Leg, refer: Request, transaction: ServerTransaction) -> None:
        self.told.append(("referred", leg))

    def leg_consulted(self, leg: Leg, account: str) -> None:
        self.told.append(("consulted", leg, account))

    def leg_lost(self, leg: Leg, slug: Slug, detail: str) -> None:
        self.told.append((slug, detail))

    def media_timed_out(self, leg: MediaLeg) -> None:
        self.told.append("timed out")

    def digit_received(self, leg: MediaLeg, digit: str, duration_ms: int) -> None:
        self.told.append((digit, duration_ms))

    def sound_ended(self, leg: MediaLeg) -> None:
        self.told.append("sound ended")

    def key_worn(self, leg: MediaLeg, *, spent: bool) -> None:
        self.told.append("key spent" if spent else "key worn")


class Pair:
    """The caller's and the callee's leg of one engine."""

    def __init__(self, caller: MediaPolicy = PLAIN, callee: MediaPolicy = PLAIN) -> None:
        self.engine = FakeEngine(FakeClock())
        self.owner = Owner()
        self.caller = self.leg(1, caller)
        self.callee = self.leg(2, callee)

    def leg(self, session_id: int, policy: MediaPolicy = PLAIN) -> Leg:
        session = LocalAudio(session_id)
        return Leg(self.engine, self.owner, session=session, ipv6=False, policy=policy, key=key_source("leg"))

    def agree(self, caller: bytes, callee: bytes) -> tuple[bytes, bytes]:
        """Offer and answer all through: what the callee was offered, what the caller was answered."""
        self.caller.take_offer(caller)
        offer = self.callee.offer(self.caller)
        self.callee.take_answer(callee)
        answer = self.caller.answer(self.callee)
        connect(self.engine, self.caller, self.callee)
        return offer, answer

    def media(self, leg: Leg) -> FakeLeg:
        assert isinstance(leg.media, FakeLeg)
        return leg.media


def formats(body: bytes) -> list[str]:
    return line(body, "m").split()[3:]


def test_the_callee_is_offered_what_the_caller_has_from_a_port_of_ours() -> None:
    pair = Pair()
    offer, answer = pair.agree(
        audio(ALICE, codecs=(8, 0), direction="sendonly"), audio(BOB, codecs=(8,), direction="recvonly")
    )
    assert line(offer, "c") == line(answer, "c") == "IN IP4 192.0.2.1"
    assert line(offer, "m").split()[1] == str(pair.callee.media.port)
    assert line(answer, "m").split()[1] == str(pair.caller.media.port)
    assert direction(offer) == "sendonly"
    assert direction(answer) == "recvonly"
    assert formats(answer) == ["8", "101"]


def test_media_is_joined_with_each_peers_own_payload_types() -> None:
    pair = Pair()
    pair.agree(audio(ALICE, codecs=(8,), event=96), audio(BOB, port=6000, codecs=(8,), event=96))
    remote = pair.media(pair.callee).remote
    assert remote is not None
    assert (remote.rtp_address, remote.rtp_port, remote.rtcp_port) == (BOB, 6000, 6001)
    assert remote.direction is MediaFlow.BOTH
    assert remote.payload_types == {8: 8, 96: 96}
    assert remote.dtmf_payload_type == 96
    assert pair.media(pair.caller).far is pair.media(pair.callee)


@pytest.mark.parametrize(
    ("caller", "callee", "flow"),
    [
        ("sendonly", "recvonly", MediaFlow.RECEIVE),
        ("recvonly", "sendonly", MediaFlow.SEND),
        ("inactive", "inactive", MediaFlow.NONE),
    ],
)
def test_audio_flows_as_both_have_said(caller: str, callee: str, flow: MediaFlow) -> None:
    pair = Pair()
    pair.agree(audio(ALICE, direction=caller), audio(BOB, direction=callee))
    remote = pair.media(pair.caller).remote
    assert remote is not None
    assert remote.direction is flow


@pytest.mark.parametrize(("codecs", "wishes"), [((8,), ["ptime:30", "maxptime:40"]), ((9,), ["ptime:10"])])
def test_how_long_packets_may_be_is_answered_where_they_pass(
    codecs: tuple[int, ...], wishes: list[str]
) -> None:
    """RFC 8866 §6.5: the callee takes no longer ones. Where audio is transcoded, packets to it are ours."""
    pair = Pair(MediaPolicy(), MediaPolicy())
    caller = audio(ALICE, codecs=(8,), lines=["ptime:10"])
    _, answer = pair.agree(caller, audio(BOB, codecs=codecs, lines=["ptime:30", "maxptime:40"]))
    said = [text[2:] for text in answer.decode().splitlines() if text.startswith(("a=ptime:", "a=maxptime:"))]
    assert said == wishes


def test_nothing_in_common_is_refused() -> None:
    pair = Pair(callee=MediaPolicy(("PCMA",), transcoding=False))
    pair.caller.take_offer(audio(ALICE, codecs=(0,)))
    with pytest.raises(NoCommonCodecError):
        pair.callee.offer(pair.caller)


def test_an_unreadable_answer_leaves_what_stood() -> None:
    pair = Pair()
    pair.agree(audio(ALICE), audio(BOB))
    before = pair.callee.remote
    for take in (pair.callee.take_answer, pair.callee.take_offer):
        with pytest.raises(SdpError):
            take(b"v=0\r\nnonsense")
    assert pair.callee.remote is before


def test_an_answer_without_a_codec_of_the_offer_leaves_what_stood() -> None:
    pair = Pair()
    pair.agree(audio(ALICE), audio(BOB))
    before = pair.callee.remote
    pair.callee.offer(pair.caller)
    with pytest.raises(NoCommonCodecError):
        pair.callee.take_answer(audio(BOB, codecs=(9,), version=2))
    assert pair.callee.remote is before


def test_a_peer_that_said_nothing_has_no_description() -> None:
    pair = Pair()
    with pytest.raises(SdpError):
        _ = pair.caller.described


def concerned(pair: Pair, body: bytes) -> bool:
    """Whether the callee has to hear of a new offer of the caller."""
    before = pair.caller.remote
    pair.caller.take_offer(body)
    return pair.caller.concerns(pair.callee, before)


@pytest.mark.parametrize(
    ("body", "differs"),
    [
        (audio(ALICE, version=2), False),
        (audio(ALICE, version=2, port=4444), False),
        (audio(ALICE, version=2, direction="sendonly"), True),
        (audio(ALICE, version=2, address="0.0.0.0"), True),
        (audio(ALICE, version=2, codecs=(8,)), True),
    ],
    ids=["the same", "another port", "hold", "hold by address", "fewer codecs"],
)
def test_the_other_peer_hears_of_an_offer_that_concerns_it(body: bytes, differs: bool) -> None:
    pair = Pair()
    assert concerned(pair, audio(ALICE))
    pair.callee.offer(pair.caller)
    pair.callee.take_answer(audio(BOB))
    assert concerned(pair, body) is differs


def test_a_reinvite_without_sdp_is_offered_the_same_once_more_both_ways() -> None:
    pair = Pair()
    offer, _ = pair.agree(audio(ALICE, direction="sendonly"), audio(BOB, direction="recvonly"))
    again = pair.callee.offer_again()
    assert formats(again) == formats(offer)
    assert direction(again) == "sendrecv"


@pytest.mark.parametrize("again", [Leg.offer_again, Leg.offer_standing, Leg.offer_new_key])
def test_an_offer_of_what_stands_says_of_packets_and_rtcp_what_was_agreed(
    again: Callable[[Leg], bytes],
) -> None:
    """RFC 3264 §8, RFC 5761 §5.1.1: what is left out would be given up."""
    pair = Pair()
    wishes = ["ptime:30", "maxptime:40"]
    offer, answer = pair.agree(
        audio(ALICE, codecs=(8,), lines=[*wishes, "rtcp-mux"]), audio(BOB, codecs=(8,), lines=wishes)
    )
    said = [f"a={wish}" for wish in wishes]
    assert stated(answer) == stated(again(pair.caller)) == [*said, "a=rtcp-mux"]
    assert stated(offer) == stated(again(pair.callee)) == said
    assert line(pair.caller.offer_standing(), "o") == line(answer, "o")


def stated(body: bytes) -> list[str]:
    """What a description says of packets and of RTCP's port."""
    return [text for text in body.decode().splitlines() if text.startswith(("a=ptime", "a=maxp", "a=rtcp-"))]


def test_a_refused_offer_leaves_the_packets_that_stood() -> None:
    pair = Pair()
    pair.agree(audio(ALICE, lines=["ptime:30"]), audio(BOB))
    stood = pair.callee.local.standing
    pair.caller.take_offer(audio(ALICE, lines=["ptime:60"], direction="sendonly"))
    assert stated(pair.callee.offer(pair.caller)) == ["a=ptime:60"]
    pair.callee.local.standing = stood
    assert stated(pair.callee.offer_standing()) == ["a=ptime:30"]


def test_a_late_answer_has_to_share_a_codec_with_the_other_peer() -> None:
    pair = Pair()
    pair.callee.offer(pair.caller)
    pair.callee.take_answer(audio(BOB, codecs=(8,)))
    pair.caller.offer(pair.callee)
    with pytest.raises(NoCommonCodecError):
        pair.caller.take_late_answer(audio(ALICE, codecs=(0,)), pair.callee)
    pair.caller.take_late_answer(audio(ALICE, codecs=(8,)), pair.callee)


def test_each_event_of_the_dialog_reaches_the_owner_with_the_legs_name() -> None:
    pair = Pair()
    leg, request, nothing = (
        pair.caller,
        Request.__new__(Request),
        InviteServerTransaction.__new__(InviteServerTransaction),
    )
    leg.acknowledged(request)
    leg.prack_received(request)
    leg.refreshed(b"")
    leg.bye_received(request)
    leg.info_received(request, nothing)
    leg.refer_received(request, nothing)
    leg.cancelled(request)
    leg.no_ack()
    leg.expired()
    leg.failed("gone")
    leg.lapsed(487, "expired")
    leg.lapsed(504, "no PRACK")
    names: Sequence[object] = [told[0] if isinstance(told, tuple) else told for told in pair.owner.told]
    assert names == [
        "acknowledged",
        "acknowledged",
        "refreshed",
        "hung up",
        "informed",
        "referred",
        "cancelled",
        Slug.NO_ACK,
        Slug.SESSION_EXPIRED,
        Slug.SESSION_EXPIRED,
        Slug.INVITE_EXPIRED,
        Slug.NO_PRACK,
    ]


def test_a_closed_leg_gives_its_port_back_once_and_tells_nobody_anything() -> None:
    pair = Pair()
    pair.agree(audio(ALICE, codecs=(8,)), audio(BOB, codecs=(8,)))
    assert pair.caller.figures().codec == "PCMA"
    for _ in range(2):
        assert pair.caller.close().codec == "PCMA"
    assert pair.engine.open_legs == 1
    pair.caller.no_ack()
    pair.caller.expired()
    assert pair.owner.told == []


@pytest.mark.parametrize("transport", [Transport.TLS, Transport.TCP])
def test_a_dialog_that_is_adopted_says_where_the_peer_signals_from_and_over_what(
    transport: Transport,
) -> None:
    leg = Pair().caller
    assert (leg.signalled_from, leg.over_tls) == (None, False)
    flow = SimpleNamespace(remote=Address(ALICE, 5061), transport=transport)
    usage = SimpleNamespace(dialog=SimpleNamespace(flow=flow))
    leg.adopt(cast("Usage", usage))
    assert usage.events is leg
    assert (leg.signalled_from, leg.over_tls) == (ALICE, transport is Transport.TLS)


def test_without_a_free_port_there_is_no_leg() -> None:
    pair = Pair()
    pair.engine = FakeEngine(FakeClock(), port_min=10_000, port_max=10_001)
    pair.leg(1)
    with pytest.raises(NoPortsError):
        pair.leg(2)
