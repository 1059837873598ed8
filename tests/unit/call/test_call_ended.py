"""What ends a call when nobody hangs up: the operator, silence, time, a peer that is gone, no ports."""

from tests.simulation.descriptions import audio, direction
from tests.simulation.world import (
    CUSTOMER,
    GATEWAY,
    World,
    rejecting,
    ringing,
)
from trunkline.call.record import Party
from trunkline.trunk.verdict import Slug, Verdict

# -- the service hangs up --------------------------------------------------------------------------


def test_an_operator_ends_a_call_that_rings() -> None:
    world = World()
    world.gateway.on_invite = ringing
    world.outbound()
    world.clock.advance(1)
    world.node.the_call.hang_up(Verdict.of(Slug.HUNG_UP_BY_OPERATOR))
    world.clock.advance(1)
    assert world.customer.events[-1] == "rejected 480"
    assert world.gateway.events[-1] == "cancelled"
    world.finish()
    assert world.slug is Slug.HUNG_UP_BY_OPERATOR


def test_an_operator_ends_a_call_that_is_answered() -> None:
    world = World()
    world.talking_outbound()
    world.node.the_call.hang_up(Verdict.of(Slug.HUNG_UP_BY_OPERATOR))
    world.clock.advance(1)
    for phone in (world.customer, world.gateway):
        (bye,) = world.heard_by(phone, "BYE")
        assert bye.headers.all("reason")[0] == 'SIP;cause=200;text="hung-up-by-operator"'
    world.finish()
    assert world.record.hung_up_by is Party.SERVICE


def test_no_rtp_on_either_side_ends_the_call() -> None:
    world = World()
    world.node.engine.peers_talk = False
    world.talking_outbound()
    world.clock.advance(58)
    assert len(world.node.switch) == 1
    world.clock.advance(4)
    for phone in (world.customer, world.gateway):
        (bye,) = world.heard_by(phone, "BYE")
        assert bye.headers.all("reason")[0] == 'SIP;cause=408;text="media-timeout"'
    world.finish()
    assert world.slug is Slug.MEDIA_TIMEOUT


def test_no_ack_ends_both_legs() -> None:
    world = World()
    peer = world.carrier_peer()
    peer.invite(audio(GATEWAY))
    world.clock.advance(40)
    assert "bye_received" in world.customer.events
    bye = peer.peer.request_heard("BYE")
    peer.peer.respond(bye, 200, contact="")
    world.finish()
    assert world.slug is Slug.NO_ACK
    assert world.record.hung_up_by is Party.SERVICE


# -- session timers --------------------------------------------------------------------------------


def test_a_caller_that_vanishes_is_noticed_by_the_session_timer() -> None:
    world = World()
    world.talking_outbound()
    world.mute(world.customer)
    world.clock.advance(1900)
    assert world.gateway.events[-1] == "bye_received"
    world.finish()
    assert world.slug is Slug.SESSION_EXPIRED
    assert world.record.hung_up_by is Party.SERVICE


def test_sessions_are_refreshed_and_the_call_lasts() -> None:
    world = World()
    world.talking_outbound()
    world.clock.advance(4000)
    assert len(world.node.switch) == 1
    assert world.network.summaries().count("200 UPDATE") >= 8, "two for each half hour, on either leg"
    world.customer.the_usage.bye()
    world.finish()
    assert world.slug is Slug.ANSWERED


def test_a_request_that_finds_no_dialog_ends_the_call() -> None:
    """481 to our re-INVITE: the callee has lost the call (RFC 3261 §12.2.1.2)."""
    world = World()
    world.talking_outbound()
    world.gateway.the_usage.session_timer.stop()
    world.gateway.agent._usages.clear()
    world.customer.the_usage.reinvite(
        audio(CUSTOMER, direction="sendonly", version=2),
        world.customer.note_answer,
        world.customer.note_refusal,
    )
    world.clock.advance(2)
    assert world.customer.the_usage.ended
    world.finish()
    assert world.slug is Slug.SESSION_EXPIRED


# -- running out -----------------------------------------------------------------------------------


def test_no_media_port_for_the_caller_is_503() -> None:
    world = World(ports=2)
    world.talking_outbound()
    world.outbound()
    world.clock.advance(1)
    assert world.customer.events[-1] == "rejected 503"
    assert world.customer.responses[-1].headers.get("retry-after") is not None
    world.customer.events.clear()
    world.node.switch.hang_up_all(Verdict.of(Slug.SHUT_DOWN))
    world.finish()


def test_no_media_port_for_the_callee_is_503() -> None:
    world = World(ports=1)
    world.outbound()
    world.clock.advance(1)
    assert world.customer.events[-1] == "rejected 503"
    world.finish()
    assert world.slug is Slug.NO_MEDIA_PORTS


def test_a_call_to_a_hold_tone_is_possible() -> None:
    """A caller that begins on hold: a=inactive goes on and comes back."""
    world = World()
    world.talking_outbound(body=audio(CUSTOMER, direction="sendonly"))
    (onward,) = world.heard_by(world.gateway, "INVITE")
    assert direction(onward.body) == "sendonly"
    world.customer.the_usage.bye()
    world.finish()


def test_rejections_leave_nothing() -> None:
    world = World()
    world.use_gateway(GATEWAY)
    for status in (302, 404, 486, 503, 603):
        world.gateway.on_invite = rejecting(status)
        world.outbound()
        world.clock.advance(7)
        assert world.customer.events[-1] == f"rejected {status}"
    world.finish()
