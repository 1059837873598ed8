"""One call from its INVITE to its end: who hears what, late offers, other requests, forks."""

import pytest

from tests.simulation.descriptions import audio, line
from tests.simulation.world import (
    CALLEE,
    CUSTOMER,
    GATEWAY,
    GATEWAY_2,
    KEY,
    NODE,
    NUMBER,
    PASSING_ONLY,
    World,
    ringing,
)
from trunkline.call.call import CallState
from trunkline.call.record import Party
from trunkline.trunk.verdict import Slug

# -- the happy path --------------------------------------------------------------------------------


def test_outbound_with_digest() -> None:
    world = World()
    world.talking_outbound()
    assert [len(world.heard_by(world.gateway, method)) for method in ("INVITE", "ACK")] == [1, 1]
    (invite,) = world.heard_by(world.gateway, "INVITE")
    assert invite.uri_text == f"sip:{CALLEE}@{GATEWAY}"
    assert "proxy-authorization" not in invite.headers, "the customer's digest is the customer's"
    world.clock.advance(8)
    world.customer.the_usage.bye()
    world.finish()
    record = world.record
    assert world.slug is Slug.ANSWERED
    assert (record.account, record.number, record.carrier, record.called) == (KEY, NUMBER, "carrier", CALLEE)
    assert (record.setup_s, record.ring_s) == pytest.approx((0.02, 1.0))
    assert record.talk_s == pytest.approx(8.96, abs=0.05)
    assert record.hung_up_by is Party.CALLER
    for figures in (record.caller_media, record.callee_media):
        assert figures.codec == "PCMA"
        assert figures.packets_received == pytest.approx(450, abs=10)
        assert figures.packets_sent == pytest.approx(450, abs=10)


@pytest.mark.parametrize("step_s", [-3600, 3600])
def test_a_wall_clock_that_is_put_right_makes_no_call_longer_or_shorter(step_s: int) -> None:
    """Ringing, talking and the attempt are counted from the INVITE's moment; the next call is of the new
    time.
    """
    world = World()
    world.talking_outbound()
    world.clock.advance(4)
    world.clock.step_wall(step_s)
    world.clock.advance(4)
    world.customer.the_usage.bye()
    world.finish()
    record = world.record
    assert (record.setup_s, record.ring_s, record.talk_s) == pytest.approx((0.02, 1.0, 8.96), abs=0.05)
    (attempt,) = world.attempts
    assert attempt.answered_at == record.answered_at
    assert attempt.ended_at == pytest.approx(record.ended_at)


def test_inbound() -> None:
    world = World()
    world.talking_inbound()
    world.gateway.the_usage.bye()
    world.finish()
    assert world.slug is Slug.ANSWERED
    assert (world.record.account, world.record.number, world.record.caller) == (KEY, NUMBER, CALLEE)


def test_the_bye_of_either_side_ends_the_other_with_its_x_headers_and_reason() -> None:
    for who in ("caller", "callee"):
        world = World()
        world.talking_outbound()
        one, other = (world.customer, world.gateway) if who == "caller" else (world.gateway, world.customer)
        one.the_usage.bye(
            (
                ("X-Cost", "3"),
                ("X-Trunkline-Id", "no"),
                ("Reason", 'Q.850;cause=16;text="bye"'),
                ("Reason", "private;cause=1"),
            )
        )
        world.clock.advance(1)
        (bye,) = world.heard_by(other, "BYE")
        assert bye.headers.get("x-cost") == "3"
        assert "x-trunkline-id" not in bye.headers
        assert bye.headers.all("reason") == ['Q.850;cause=16;text="bye"']
        world.finish()
        assert world.record.hung_up_by is (Party.CALLER if who == "caller" else Party.CALLEE)


def test_byes_that_cross() -> None:
    world = World()
    world.talking_outbound()
    world.customer.the_usage.bye()
    world.gateway.the_usage.bye()
    world.finish()
    assert world.slug is Slug.ANSWERED


def test_each_leg_has_an_origin_of_its_own() -> None:
    world = World()
    world.talking_outbound()
    (onward,) = world.heard_by(world.gateway, "INVITE")
    back = world.customer.responses[-1].body
    assert line(onward.body, "o") != line(back, "o")
    assert line(onward.body, "c") == line(back, "c") == f"IN IP4 {NODE}"
    assert line(onward.body, "m").split()[1] != line(back, "m").split()[1]
    world.customer.the_usage.bye()
    world.finish()


# -- late offer ------------------------------------------------------------------------------------


def test_an_invite_without_sdp_is_answered_with_our_offer() -> None:
    world = World()
    peer = world.carrier_peer()
    peer.invite()
    world.clock.advance(2)
    (onward, *_) = world.heard_by(world.customer, "INVITE")
    assert line(onward.body, "m").split()[0] == "audio", "our INVITEs always carry an offer"
    offer = peer.peer.response_heard(200, "INVITE").body
    assert line(offer, "c") == f"IN IP4 {NODE}"
    peer.acknowledge()
    world.clock.advance(5)
    call = world.node.the_call
    assert call.state is CallState.TALKING
    assert call.caller.media.figures().packets_sent > 100
    peer.hang_up()
    world.finish()
    assert world.slug is Slug.ANSWERED


@pytest.mark.parametrize("body", [b"", b"rubbish", audio(GATEWAY, codecs=(18,))])
def test_a_late_offer_that_the_ack_does_not_answer_ends_the_call(body: bytes) -> None:
    world = World(account=PASSING_ONLY)
    peer = world.carrier_peer()
    world.customer.on_invite = lambda phone, invite: invite.accept(body=audio(CUSTOMER, codecs=(8,)))
    peer.invite()
    world.clock.advance(2)
    peer.acknowledge(body)
    world.clock.advance(1)
    assert "bye_received" in world.customer.events
    bye = peer.peer.request_heard("BYE")
    peer.peer.respond(bye, 200, contact="")
    world.finish()
    assert world.slug in (Slug.CODEC_MISMATCH, Slug.BAD_SDP)


# -- INFO, REFER, OPTIONS, unknown methods within a call -------------------------------------------


def test_refer_is_declined() -> None:
    world = World()
    world.talking_outbound()
    world.customer.the_usage.request(
        "REFER",
        world.customer.note_answer,
        world.customer.note_refusal,
        headers=(("Refer-To", "<sip:x@10.0.0.99>"),),
    )
    world.clock.advance(1)
    assert "refusal 603" in world.customer.events
    assert world.heard_by(world.gateway, "REFER") == []
    world.customer.the_usage.bye()
    world.finish()


@pytest.mark.parametrize(("method", "status"), [("OPTIONS", 200), ("MESSAGE", 405), ("REGISTER", 403)])
def test_other_methods_within_a_call(method: str, status: int) -> None:
    """OPTIONS within a dialog is how some switches look whether the call still stands (RFC 3261 §11)."""
    world = World()
    world.talking_outbound()
    world.customer.the_usage.request(method, world.customer.note_answer, world.customer.note_refusal)
    world.clock.advance(1)
    seen = f"answer {status} {method}" if status < 300 else f"refusal {status}"
    assert seen in world.customer.events
    assert len(world.node.switch) == 1
    world.customer.the_usage.bye()
    world.finish()
    assert world.slug is Slug.ANSWERED


# -- forks -----------------------------------------------------------------------------------------


def test_of_a_fork_the_first_answer_counts_and_the_second_is_ended() -> None:
    world = World()
    callee, invite = world.outbound_to_peer()
    for tag in ("one", "two"):
        callee.respond(invite, 180, to_tag=tag)
    world.clock.advance(0.1)
    for tag, port in (("one", 5000), ("two", 6000)):
        callee.respond(invite, 200, to_tag=tag, body=audio(GATEWAY_2, port=port))
    world.clock.advance(0.2)
    assert world.customer.events[-1] == "answered"
    bye = callee.request_heard("BYE")
    assert bye.to_tag == "two"
    callee.respond(bye, 200, contact="")
    assert world.node.the_call.callee is not None
    assert world.node.the_call.callee.described.rtp_port == 5000
    world.customer.the_usage.bye()
    world.clock.advance(0.2)
    bye = callee.request_heard("BYE")
    assert bye.to_tag == "one"
    callee.respond(bye, 200, contact="")
    world.finish()


# -- what can't be sent on -------------------------------------------------------------------------

NUL = '"a\\\0b"'
"""A quoted string may hold it (RFC 3261 §25.1, RFC 4475 §3.1.1.2)."""


@pytest.mark.parametrize("name", ["X-Note", "Record-Route"])
def test_a_nul_in_an_invite_costs_nobody_the_call(name: str) -> None:
    world = World()
    peer = world.carrier_peer()
    value = f"{NUL} <sip:{GATEWAY};lr>" if name == "Record-Route" else NUL
    peer.invite(audio(GATEWAY), headers=((name, value),), answered=True)
    (invite,) = world.heard_by(world.customer, "INVITE")
    assert "x-note" not in invite.headers
    mirrored = peer.peer.response_heard(200, "INVITE").headers.all("record-route")
    assert mirrored == ([value] if name == "Record-Route" else [])
    peer.hang_up()
    world.finish()
    assert world.slug is Slug.ANSWERED


@pytest.mark.parametrize("name", ["X-Note", "Reason"])
def test_a_nul_in_a_bye_ends_both_legs_all_the_same(name: str) -> None:
    world = World()
    peer = world.carrier_peer()
    peer.invite(audio(GATEWAY), answered=True)
    peer.within("BYE", headers=((name, f"SIP;cause=200;text={NUL}"),))
    world.clock.advance(1)
    (bye,) = world.heard_by(world.customer, "BYE")
    assert name.lower() not in bye.headers
    world.finish()
    assert world.slug is Slug.ANSWERED


def test_a_nul_in_a_cancel_cancels_all_the_same() -> None:
    world = World()
    world.customer.on_invite = ringing
    peer = world.carrier_peer()
    peer.invite(audio(GATEWAY))
    world.clock.advance(1)
    fields = (("Reason", f"SIP;cause=200;text={NUL}"),)
    peer.peer.request("CANCEL", peer.at, uri=peer.uri, branch="z9hG4bKpeer1", contact="", headers=fields)
    world.clock.advance(1)
    assert world.customer.events[-1] == "cancelled"
    peer.peer.request("ACK", peer.at, uri=peer.uri, to_tag="x", branch="z9hG4bKpeer1", contact="")
    world.finish()
    assert world.slug is Slug.CANCELLED


def test_a_nul_in_a_refusal_refuses_all_the_same() -> None:
    world = World()
    callee, invite = world.outbound_to_peer()
    fields = (("Warning", f"399 x {NUL}"), ("Warning", '399 x "as it is"'))
    callee.respond(invite, 486, headers=fields)
    world.clock.advance(1)
    assert world.customer.events[-1] == "rejected 486"
    assert world.customer.responses[-1].headers.all("warning") == ['399 x "as it is"']
    world.finish()
    assert world.slug is Slug.BUSY
