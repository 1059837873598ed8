"""A call that ends before its answer, by CANCEL or BYE, and what crosses them (RFC 3261 §9, RFC 5407)."""

import pytest

from tests.simulation.descriptions import audio
from tests.simulation.phone import Phone
from tests.simulation.world import (
    CUSTOMER,
    GATEWAY,
    GATEWAY_2,
    NODE,
    NUMBER,
    World,
    answer,
    early_media,
    ringing,
)
from tests.unit.call.refusals import error_id, refused
from trunkline.call.record import Party
from trunkline.sip.incoming_invite import IncomingInvite
from trunkline.trunk.verdict import Slug

# -- CANCEL ----------------------------------------------------------------------------------------


def test_cancel_reaches_the_callee_with_its_reason() -> None:
    world = World()
    world.gateway.on_invite = ringing
    invite = world.outbound()
    world.clock.advance(3)
    invite.cancel((("Reason", 'SIP;cause=200;text="Call completed elsewhere"'),))
    world.clock.advance(1)
    (cancel,) = world.heard_by(world.gateway, "CANCEL")
    assert cancel.headers.all("reason") == ['SIP;cause=200;text="Call completed elsewhere"']
    assert world.gateway.events[-1] == "cancelled"
    world.finish()
    assert world.slug is Slug.CANCELLED
    assert world.record.hung_up_by is Party.CALLER
    assert world.attempt_slugs == [Slug.ABANDONED]


@pytest.mark.parametrize("hundredths", range(0, 120, 3))
def test_cancel_at_any_moment(hundredths: int) -> None:
    """It may cross the 200: then the callee is acknowledged and ended, and everybody agrees."""
    world = World()

    def later(phone: Phone, invite: IncomingInvite) -> None:
        now = world.clock.now()
        world.clock.at(now + 0.3, lambda: invite.progress(180))
        world.clock.at(now + 0.6, lambda: answer(phone, invite))

    world.gateway.on_invite = later
    invite = world.outbound()
    world.clock.advance(hundredths / 100)
    invite.cancel()
    world.finish()
    if world.node.books.calls:
        assert world.slug in (Slug.CANCELLED, Slug.ANSWERED)
        if "acknowledged" in world.gateway.events:
            assert "bye_received" in world.gateway.events


def test_cancel_and_2xx_cross_between_node_and_callee() -> None:
    world = World()
    world.gateway.on_invite = ringing
    invite = world.outbound()
    world.clock.advance(1)
    invite.cancel()
    world.clock.advance(0.005)
    answer(world.gateway, world.gateway.invites[-1])  # on its way while the CANCEL comes
    world.clock.advance(2)
    assert "bye_received" in world.gateway.events
    assert world.customer.events[-1] != "answered"
    world.finish()
    assert world.slug is Slug.CANCELLED


@pytest.mark.parametrize("cancels", [True, False], ids=["CANCEL", "no PRACK"])
def test_an_answer_that_a_customer_keeps_waiting_for_a_prack_is_talk(cancels: bool) -> None:
    """The audio has passed both ways since the 183, and the carrier has answered: half a minute of talk,
    again and again, that only we would pay for.
    """
    world = World()
    world.gateway.on_invite = early_media
    invite = world.outbound()
    world.network.drop = lambda packet: (
        packet.summary == "PRACK" and packet.source == world.customer.host.seen_as
    )
    world.clock.advance(1)
    answer(world.gateway, world.gateway.invites[-1])
    world.clock.advance(20)
    assert "answered" not in world.customer.events
    if cancels:
        invite.cancel()
    world.clock.advance(20)
    assert "bye_received" in world.gateway.events
    world.network.drop = lambda packet: False
    world.finish()
    assert world.slug is (Slug.CANCELLED if cancels else Slug.NO_PRACK)
    assert world.record.talk_s == pytest.approx(20 if cancels else 31, abs=0.5)


@pytest.mark.parametrize("who", ["nobody", "caller", "callee"])
def test_an_answer_that_never_reached_the_carrier_is_no_talk(who: str) -> None:
    """Of a carrier's call: the 200 waits for the PRACK of the 183 (RFC 3262 §3), and the call ends meanwhile:
    for want of that PRACK, or by a BYE (RFC 3261 §15).
    """
    world = World()
    peer = world.carrier_peer()
    world.customer.on_invite = lambda phone, invite: invite.progress(183, body=audio(CUSTOMER))
    peer.invite(audio(GATEWAY), (("Supported", "100rel"),))
    world.clock.advance(1)
    peer.tag = peer.peer.response_heard(183, "INVITE").to_tag or ""
    world.customer.invites[-1].accept()
    world.clock.advance(1)
    if who == "caller":
        peer.hang_up()
    elif who == "callee":
        world.customer.the_usage.bye()
    world.clock.advance(40)
    status, slug, party = {
        "nobody": (504, Slug.NO_PRACK, Party.SERVICE),
        "caller": (487, Slug.CANCELLED, Party.CALLER),
        "callee": (480, Slug.UNAVAILABLE, Party.CALLEE),
    }[who]
    peer.peer.request(
        "ACK", peer.at, to_tag=peer.tag, contact="", branch="z9hG4bKpeer1", uri=f"sip:{NUMBER}@{NODE}"
    )
    world.finish()
    assert "200 INVITE" not in peer.peer.summaries
    refusal = peer.peer.response_heard(status, "INVITE")
    assert (world.slug, world.record.hung_up_by) == (slug, party)
    assert world.record.verdict is not None
    assert world.record.verdict.status == status, "what the caller was told"
    if who != "caller":
        assert error_id(refusal) == str(slug)
    assert (world.record.answered_at, world.record.talk_s) == (None, 0)
    assert [attempt.answered_at is not None for attempt in world.attempts] == [True]


def test_an_invite_that_expires_is_no_session_that_was_not_refreshed() -> None:
    """RFC 3261 §13.3.1: 487, here with the reason and for the record."""
    world = World()
    world.gateway.on_invite = ringing
    world.outbound(headers=(("Expires", "20"),))
    world.clock.advance(21)
    refusal = refused(world)
    assert (refusal.status, error_id(refusal)) == (487, "invite-expired")
    (cancel,) = world.heard_by(world.gateway, "CANCEL")
    assert cancel.headers.all("reason")[0] == 'SIP;cause=487;text="invite-expired"'
    world.finish()
    assert (world.slug, world.record.hung_up_by) == (Slug.INVITE_EXPIRED, Party.SERVICE)
    assert world.record.verdict is not None
    assert world.record.verdict.status == 487


# -- BYE before the answer -------------------------------------------------------------------------


def test_a_bye_of_the_caller_before_the_answer_is_a_cancelled_call() -> None:
    """RFC 3261 §15 lets a caller end an early dialog with BYE."""
    world = World()
    peer = world.carrier_peer()
    world.customer.on_invite = ringing
    peer.invite(audio(GATEWAY))
    world.clock.advance(1)
    peer.tag = peer.peer.response_heard(180, "INVITE").to_tag or ""
    peer.hang_up()
    world.clock.advance(1)
    assert peer.peer.response_heard(200, "BYE")
    assert peer.peer.response_heard(487, "INVITE")
    peer.peer.request(
        "ACK", peer.at, to_tag=peer.tag, contact="", branch="z9hG4bKpeer1", uri=f"sip:{NUMBER}@{NODE}"
    )
    assert world.customer.events[-1] == "cancelled"
    world.finish()
    assert world.slug is Slug.CANCELLED
    assert world.record.hung_up_by is Party.CALLER


def test_a_bye_of_the_callee_before_the_answer_never_answers_the_caller() -> None:
    """RFC 3261 §15 forbids it, yet it happens."""
    world = World()
    callee, invite = world.outbound_to_peer()
    callee.respond(invite, 180, contact=f"<sip:x@{GATEWAY_2}>")
    world.clock.advance(0.2)
    callee.request(
        "BYE",
        world.node.host.address,
        uri=f"sip:{NODE}",
        call_id=invite.call_id,
        from_tag="peer",
        to_tag=invite.from_tag,
        contact="",
    )
    world.clock.advance(0.2)
    assert "200 INVITE" not in world.network.summaries(world.node.host)
    callee.respond(invite, 487)
    world.clock.advance(1)
    status = world.customer.responses[-1].status
    assert status >= 300
    world.finish()
    assert world.slug is not Slug.ANSWERED
