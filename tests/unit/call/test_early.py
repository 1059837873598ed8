"""A call before its answer: ringing, early media, reliable responses (RFC 3262), unusable answers."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from tests.simulation.descriptions import audio, direction, line
from tests.simulation.phone import Phone
from tests.simulation.world import (
    ACCOUNT,
    CUSTOMER,
    GATEWAY,
    GATEWAY_2,
    NODE,
    NUMBER,
    PASSING_ONLY,
    World,
    answer,
    answering,
    early_media,
    ringing,
)
from trunkline.call.ports import MediaFlow
from trunkline.media.fake_leg import FakeLeg
from trunkline.sip.incoming_invite import IncomingInvite
from trunkline.sip.user_agent import UserAgentSettings
from trunkline.trunk.account import Ringback
from trunkline.trunk.verdict import Slug

UNRELIABLE = UserAgentSettings(product="phone", supported=("timer",))
INSISTING = UserAgentSettings(product="phone", require_reliable=True)


# -- early media -----------------------------------------------------------------------------------


def test_early_media_reaches_the_caller_and_flows() -> None:
    world = World()
    world.gateway.on_invite = early_media
    world.outbound()
    world.clock.advance(3)
    progress = world.customer.responses[-1]
    assert progress.status == 183
    assert line(progress.body, "c") == f"IN IP4 {NODE}"
    assert world.node.the_call.caller.media.figures().packets_sent > 100
    answer(world.gateway, world.gateway.invites[-1])
    world.clock.advance(1)
    assert world.customer.events[-1] == "answered"
    world.customer.the_usage.bye()
    world.finish()


@pytest.mark.parametrize("who", ["neither", "caller", "callee", "both"])
def test_prack_is_each_legs_own(who: str) -> None:
    world = World()
    if who in ("neither", "callee"):
        world.customer.agent.settings = UNRELIABLE
        world.customer.agent._supported_value = "timer"
    world.gateway.on_invite = (
        early_media
        if who in ("callee", "both")
        else lambda phone, invite: invite.progress(183, body=audio(GATEWAY), reliable=False)
    )
    world.outbound()
    world.clock.advance(1)
    assert len(world.heard_by(world.gateway, "PRACK")) == (who in ("callee", "both"))
    assert len(world.heard_by_node("PRACK")) == (who in ("caller", "both"))
    assert "progressed 183" in world.customer.events
    answer(world.gateway, world.gateway.invites[-1])
    world.clock.advance(1)
    assert world.customer.events[-1] == "answered"
    world.customer.the_usage.bye()
    world.finish()


def test_a_caller_that_insists_on_reliability() -> None:
    """180 without SDP goes out reliably too (RFC 3262 §3)."""
    world = World()
    world.customer.agent.settings = INSISTING
    world.outbound()
    world.clock.advance(3)
    ringing_response = next(one for one in world.customer.responses if one.status == 180)
    assert ringing_response.rseq is not None
    assert world.customer.events[-1] == "answered"
    world.customer.the_usage.bye()
    world.finish()


def test_ringing_after_early_media() -> None:
    world = World()

    def both(phone: Phone, invite: IncomingInvite) -> None:
        early_media(phone, invite)
        world.clock.at(world.clock.now() + 1, lambda: invite.progress(180))

    world.gateway.on_invite = both
    world.outbound()
    world.clock.advance(2)
    assert [one.status for one in world.customer.responses] == [183, 180]
    world.customer_cancels()
    world.finish()


def test_never_another_gateway_after_early_media() -> None:
    world = World()
    second = world.phone(GATEWAY_2)

    def fail(phone: Phone, invite: IncomingInvite) -> None:
        early_media(phone, invite)
        world.clock.at(world.clock.now() + 1, lambda: invite.reject(503))

    world.gateway.on_invite = fail
    world.outbound()
    world.clock.advance(3)
    assert world.customer.events[-1] == "rejected 503"
    assert second.events == []
    world.finish()


def test_unusable_early_sdp_costs_the_early_media_only() -> None:
    world = World()
    world.gateway.on_invite = lambda phone, invite: invite.progress(
        183, body=b"v=0\r\nrubbish", reliable=False
    )
    world.outbound()
    world.clock.advance(1)
    assert world.customer.responses[-1].status == 183
    assert world.customer.responses[-1].body == b""
    answer(world.gateway, world.gateway.invites[-1])
    world.clock.advance(1)
    assert world.customer.events[-1] == "answered"
    world.customer.the_usage.bye()
    world.finish()


def test_progress_may_be_181_or_182() -> None:
    world = World()

    def progress(phone: Phone, invite: IncomingInvite) -> None:
        invite.progress(181)
        invite.progress(182)

    world.gateway.on_invite = progress
    world.outbound()
    world.clock.advance(1)
    assert [one.status for one in world.customer.responses] == [181, 182]
    world.customer_cancels()
    world.finish()


def test_a_late_offer_is_answered_by_what_came_reliably_before_the_2xx() -> None:
    """The answer to our offer stands in the 183, so the 200 has none (RFC 3262 §5, RFC 6337 §3.1.1), although
    the caller, who has not offered anything, could not be told.
    """
    world = World()
    world.customer.on_invite = lambda phone, invite: invite.progress(183, body=audio(CUSTOMER, port=5000))
    peer = world.carrier_peer()
    peer.invite()
    world.clock.advance(1)
    assert peer.peer.response_heard(183, "INVITE").body == b""
    world.customer.invites[-1].accept()
    world.clock.advance(1)
    peer.acknowledge()
    world.clock.advance(1)
    callee = world.node.the_call.callee
    assert callee is not None
    assert callee.described.rtp_port == 5000
    assert world.node.the_call.caller.described.address == GATEWAY
    peer.hang_up()
    world.finish()
    assert world.slug is Slug.ANSWERED


class LateOffer(World):
    """A carrier that has no offer of its own in its INVITE, and insists on reliable responses: the first of
    them has to hold one (RFC 3261 §13.2.1).
    """

    def __init__(
        self, on_invite: Callable[[Phone, IncomingInvite], None] = answering, **more: object
    ) -> None:
        super().__init__(**more)  # type: ignore[arg-type]
        self.customer.on_invite = on_invite
        self.peer = self.carrier_peer()
        self.peer.invite(headers=(("Require", "100rel"),))
        self.clock.advance(0.2)

    def prack(self, status: int, body: bytes = b"") -> None:
        response = self.peer.peer.response_heard(status, "INVITE")
        self.peer.tag = response.to_tag or ""
        self.peer.within("PRACK", body=body, headers=(("RAck", f"{response.rseq} 1 INVITE"),))

    def assert_talking(self) -> None:
        assert self.peer.peer.response_heard(200, "INVITE").body == b"", "the offer stands"
        self.peer.within("ACK", cseq=1)
        call = self.node.the_call
        assert call.callee is not None
        for leg in (call.caller, call.callee):
            assert isinstance(leg.media, FakeLeg)
            assert leg.media.remote is not None
            assert leg.media.remote.direction is MediaFlow.BOTH
        self.peer.hang_up()
        self.finish()
        assert self.slug is Slug.ANSWERED


@pytest.mark.parametrize("early", [True, False], ids=["PRACK first", "answer first"])
@pytest.mark.parametrize("ringback", [Ringback.FAR_END, Ringback.AT_ONCE, Ringback.TONE])
def test_a_reliable_180_offers_to_a_caller_without_an_offer(early: bool, ringback: Ringback) -> None:
    world = LateOffer(account=replace(ACCOUNT, ringback=ringback))
    peer = world.peer.peer
    assert line(peer.response_heard(180, "INVITE").body, "c") == f"IN IP4 {NODE}"
    if not early:
        world.clock.advance(3)
        assert "200 INVITE" not in peer.summaries
    world.prack(180, audio(GATEWAY, codecs=(8,)))
    world.clock.advance(3)
    assert peer.response_heard(200, "PRACK")
    world.assert_talking()


def test_early_media_reaches_a_caller_that_has_answered_our_offer() -> None:
    world = LateOffer(on_invite=early_media)
    world.prack(183, audio(GATEWAY, codecs=(8,)))
    world.clock.advance(3)
    assert world.node.the_call.caller.media.figures().packets_sent > 100
    world.customer.invites[-1].accept()
    world.clock.advance(1)
    world.assert_talking()


def test_an_unusable_answer_in_a_prack_ends_the_call() -> None:
    world = LateOffer(ringing)
    world.prack(180, b"rubbish")
    world.clock.advance(1)
    assert world.peer.peer.response_heard(488, "INVITE").headers.all("warning")
    peer = world.peer
    peer.peer.request(
        "ACK", peer.at, to_tag=peer.tag, contact="", branch="z9hG4bKpeer1", uri=f"sip:{NUMBER}@{NODE}"
    )
    world.finish()
    assert world.slug is Slug.CODEC_MISMATCH


def test_of_a_fork_the_branch_that_answers_is_spoken_to_and_not_the_one_heard_last() -> None:
    """Both have said in a reliable 183 where their audio is, so the 200 doesn't (RFC 3261 §13.2.2.4, RFC
    6337 §3.1.1).
    """
    world = World()
    callee, invite = world.outbound_to_peer()
    reliably = (("Require", "100rel"), ("RSeq", "1"))
    for tag, port in (("one", 5000), ("two", 6000)):
        callee.respond(invite, 183, to_tag=tag, headers=reliably, body=audio(GATEWAY_2, port=port))
        world.clock.advance(0.1)
        callee.respond(callee.request_heard("PRACK"), 200, contact="")
    world.clock.advance(0.1)
    leg = world.node.the_call.callee
    assert leg is not None
    assert leg.described.rtp_port == 6000
    callee.respond(invite, 200, to_tag="one")
    world.clock.advance(0.2)
    assert world.customer.events[-1] == "answered"
    assert leg.described.rtp_port == 5000
    assert isinstance(leg.media, FakeLeg)
    assert leg.media.remote is not None
    assert leg.media.remote.rtp_port == 5000
    world.customer.the_usage.bye()
    world.clock.advance(0.2)
    callee.respond(callee.request_heard("BYE"), 200, contact="")
    world.finish()


@pytest.mark.parametrize(
    ("updating", "answering_branch", "port"),
    [
        ("one", "one", 7000),
        ("one", "two", 6000),
        ("two", "one", 5000),
        ("two", "two", 7000),
    ],
)
def test_of_a_fork_a_branch_that_moves_its_audio_before_the_answer(
    updating: str, answering_branch: str, port: int
) -> None:
    """An UPDATE in one early dialog (RFC 3311 §5.1) says nothing of the other one."""
    world = World()
    callee, invite = world.outbound_to_peer()
    reliably = (("Require", "100rel"), ("RSeq", "1"))
    for tag, at in (("one", 5000), ("two", 6000)):
        callee.respond(invite, 183, to_tag=tag, headers=reliably, body=audio(GATEWAY_2, port=at))
        world.clock.advance(0.1)
        callee.respond(callee.request_heard("PRACK"), 200, contact="")
    callee.request(
        "UPDATE",
        world.node.host.address,
        call_id=invite.call_id,
        from_tag=updating,
        to_tag=invite.from_tag,
        uri=f"sip:{NODE}",
        body=audio(GATEWAY_2, port=7000, version=2),
    )
    world.clock.advance(0.1)
    assert callee.response_heard(200, "UPDATE").body
    callee.respond(invite, 200, to_tag=answering_branch)
    world.clock.advance(0.2)
    leg = world.node.the_call.callee
    assert leg is not None
    assert leg.described.rtp_port == port
    assert isinstance(leg.media, FakeLeg)
    assert leg.media.remote is not None
    assert leg.media.remote.rtp_port == port
    world.customer.the_usage.bye()
    world.clock.advance(0.2)
    callee.respond(callee.request_heard("BYE"), 200, contact="")
    world.finish()


# -- answers that can't be used --------------------------------------------------------------------


@pytest.mark.parametrize(
    "body", [b"", b"rubbish", audio(GATEWAY, codecs=(9,)), audio(GATEWAY, address="224.0.0.1")]
)
def test_an_unusable_answer_ends_both_legs(body: bytes) -> None:
    world = World(account=PASSING_ONLY)
    world.gateway.on_invite = lambda phone, invite: invite.accept(body=body)
    world.outbound()
    world.clock.advance(2)
    assert world.customer.events[-1] == "rejected 488"
    assert world.customer.responses[-1].headers.all("warning")
    assert "bye_received" in world.gateway.events
    world.finish()
    assert world.slug is Slug.CODEC_MISMATCH


# -- UPDATE ----------------------------------------------------------------------------------------


def test_an_update_of_the_callee_after_reliable_early_media() -> None:
    """It moves its early media to another port (RFC 3311 §5.1)."""
    world = World()
    world.gateway.on_invite = lambda phone, invite: invite.progress(183, body=audio(GATEWAY))
    world.outbound()
    world.clock.advance(1)
    world.gateway.the_usage.update(
        audio(GATEWAY, port=7000, version=2), world.gateway.note_answer, world.gateway.note_refusal
    )
    world.clock.advance(1)
    assert world.gateway.events[-1] == "answer 200 UPDATE"
    callee = world.node.the_call.callee
    assert callee is not None
    assert callee.described.rtp_port == 7000
    world.gateway.invites[-1].accept()
    world.clock.advance(1)
    assert world.customer.events[-1] == "answered"
    assert callee.described.rtp_port == 7000
    world.customer.the_usage.bye()
    world.finish()


def test_an_update_of_the_caller_after_reliable_early_media() -> None:
    world = World()
    world.gateway.on_invite = lambda phone, invite: invite.progress(183, body=audio(GATEWAY))
    world.outbound()
    world.clock.advance(1)
    world.customer.the_usage.update(
        audio(CUSTOMER, port=7000, version=2), world.customer.note_answer, world.customer.note_refusal
    )
    world.clock.advance(1)
    assert world.customer.events[-1] == "answer 200 UPDATE"
    assert world.node.the_call.caller.described.rtp_port == 7000
    bad = audio(CUSTOMER, address="224.0.0.1", version=3)
    world.customer.the_usage.update(bad, world.customer.note_answer, world.customer.note_refusal)
    world.clock.advance(1)
    assert world.customer.events[-1] == "refusal 488"
    assert world.node.the_call.caller.described.rtp_port == 7000
    world.gateway.invites[-1].accept()
    world.clock.advance(1)
    assert world.customer.events[-1] == "answered"
    world.customer.the_usage.bye()
    world.finish()


def test_an_update_of_the_callee_of_a_caller_that_has_not_described_itself() -> None:
    """Its INVITE had no offer, and takes ours in the 2xx."""
    world = World()
    world.customer.on_invite = lambda phone, invite: invite.progress(183, body=audio(CUSTOMER, port=5000))
    peer = world.carrier_peer()
    peer.invite()
    world.clock.advance(1)
    world.customer.the_usage.update(
        audio(CUSTOMER, port=7000, version=2), world.customer.note_answer, world.customer.note_refusal
    )
    world.clock.advance(1)
    assert world.customer.events[-1] == "answer 200 UPDATE"
    world.customer.invites[-1].accept()
    world.clock.advance(1)
    peer.acknowledge(audio(GATEWAY, codecs=(8,)))
    world.clock.advance(1)
    callee = world.node.the_call.callee
    assert callee is not None
    assert isinstance(callee.media, FakeLeg)
    assert callee.media.remote is not None
    assert (callee.media.remote.rtp_port, callee.media.remote.direction) == (7000, MediaFlow.BOTH)
    peer.hang_up()
    world.finish()
    assert world.slug is Slug.ANSWERED


@pytest.mark.parametrize("updating", ["caller", "callee"])
def test_who_was_told_otherwise_before_the_answer_is_offered_what_stands_after_it(updating: str) -> None:
    """Both have been answered reliably. A callee that held until its resources were there (RFC 3312) resumes
    before it answers, or the caller holds.
    """
    world = World()
    first = "inactive" if updating == "callee" else "sendrecv"
    world.gateway.on_invite = lambda phone, invite: invite.progress(183, body=audio(GATEWAY, direction=first))
    world.outbound()
    world.clock.advance(1)
    assert direction(world.customer.responses[-1].body) == first
    phone, other, said = world.gateway, world.customer, "sendrecv"
    if updating == "caller":
        phone, other, said = world.customer, world.gateway, "sendonly"
    body = audio(phone.host.address.host, direction=said, version=2)
    phone.the_usage.update(body, phone.note_answer, phone.note_refusal)
    world.clock.advance(1)
    assert phone.events[-1] == "answer 200 UPDATE"
    world.gateway.invites[-1].accept()
    world.clock.advance(1)
    assert [direction(offer) for offer in other.answered_offers] == [said]
    assert phone.answered_offers == []
    call = world.node.the_call
    assert call.callee is not None
    flows = [leg.media.remote.direction for leg in (call.caller, call.callee)]  # type: ignore[attr-defined]
    assert flows == ([MediaFlow.BOTH] * 2 if updating == "callee" else [MediaFlow.RECEIVE, MediaFlow.SEND])
    world.customer.the_usage.bye()
    world.finish()


def test_nobody_is_offered_again_what_the_answer_has_said() -> None:
    """An unreliable 183 has no last word."""
    world = World(phone_settings=UNRELIABLE)
    world.gateway.on_invite = lambda phone, invite: invite.progress(
        183, body=audio(GATEWAY, direction="inactive")
    )
    world.outbound(body=audio(CUSTOMER, direction="sendonly"))
    world.clock.advance(1)
    answer(world.gateway, world.gateway.invites[-1], direction="recvonly")
    world.clock.advance(1)
    assert world.customer.events[-1] == "answered"
    assert world.customer.answered_offers == world.gateway.answered_offers == []
    world.customer.the_usage.bye()
    world.finish()
