"""What every transfer does: joins the two that are left, tells its referrer, and leaves a call as it was when
it fails.
"""

from tests.simulation.descriptions import audio, direction
from tests.simulation.transfers import hang_up, refer, told, transferring
from tests.simulation.world import GATEWAY, answer, rejecting, ringing
from trunkline.call.record import Party
from trunkline.call.transfer import TRANSFERS_MAX
from trunkline.sdp.offer_answer import Direction
from trunkline.sip.message import Request
from trunkline.sip.usage import IncomingOffer
from trunkline.sip.user_agent import UserAgentSettings
from trunkline.trunk.verdict import Slug, Verdict


def test_a_referrer_that_takes_no_news_is_ended_all_the_same() -> None:
    world, third = transferring(settings=UserAgentSettings(product="phone"))
    world.talking_outbound()
    refer(world, world.customer, seconds=5)
    assert len(told(world, world.customer)) == 1, "405 ends the subscription"
    assert world.customer.events[-1] == "bye_received"
    assert "acknowledged" in third.events
    hang_up(world, third)


def test_a_call_refers_so_often_and_no_more() -> None:
    world, third = transferring(on_invite=rejecting(486))
    world.talking_outbound()
    for _ in range(TRANSFERS_MAX):
        refer(world, world.customer, seconds=1)
    assert len(third.invites) == TRANSFERS_MAX
    refer(world, world.customer)
    assert world.customer.events[-1] == "refusal 603"
    hang_up(world, world.customer)


def test_the_other_peer_hangs_up_while_it_rings() -> None:
    world, third = transferring(on_invite=ringing)
    world.talking_outbound()
    refer(world, world.customer, seconds=1)
    hang_up(world, world.gateway)
    assert third.events[-1] == "cancelled"
    assert "bye_received" in world.customer.events
    assert world.record.hung_up_by is Party.CALLEE
    assert world.attempt_slugs == [Slug.ANSWERED, Slug.ABANDONED]


def test_an_operator_ends_it_all() -> None:
    world, third = transferring(on_invite=ringing)
    world.talking_outbound()
    refer(world, world.customer, seconds=1)
    world.node.the_call.hang_up(Verdict.of(Slug.HUNG_UP_BY_OPERATOR))
    world.finish()
    assert third.events[-1] == "cancelled"


def test_the_other_peer_refuses_the_offer() -> None:
    world, third = transferring()
    world.talking_outbound()
    world.gateway.on_offer = lambda phone, exchange: exchange.reject(488)
    refer(world, world.customer)
    assert told(world, world.customer)[-1] == "SIP/2.0 488 Not Acceptable Here"
    assert "bye_received" in third.events
    world.clock.advance(5)
    assert len(world.node.switch) == 1
    hang_up(world, world.customer)


def test_joining_waits_for_an_exchange_that_is_under_way() -> None:
    world, third = transferring()
    world.talking_outbound()
    exchanges: list[IncomingOffer] = []
    world.gateway.on_offer = lambda phone, exchange: exchanges.append(exchange)
    refer(world, world.customer, seconds=0.5)
    customer = world.customer
    held = audio(customer.host.address.host, direction="sendonly", version=2)
    customer.the_usage.reinvite(held, customer.note_answer, customer.note_refusal)
    world.clock.advance(3)
    assert len(exchanges) == 1
    exchanges[0].accept(audio(GATEWAY, direction="recvonly", version=2))
    world.clock.advance(2)
    assert len(exchanges) == 2
    assert direction(exchanges[1].request.body) == "sendrecv"
    exchanges[1].accept(audio(GATEWAY, version=3))
    world.clock.advance(1)
    assert told(world, customer)[-1] == "SIP/2.0 200 OK"
    hang_up(world, third)


def test_what_was_agreed_on_meanwhile_stands_after_a_failure() -> None:
    world, third = transferring(on_invite=ringing)
    world.talking_outbound()
    refer(world, world.customer, seconds=1)
    customer = world.customer
    held = audio(customer.host.address.host, direction="sendonly", version=2)
    customer.the_usage.reinvite(held, customer.note_answer, customer.note_refusal)
    world.clock.advance(1)
    callee = world.node.the_call.callee
    assert callee is not None
    stood = callee.local.standing
    world.gateway.on_offer = lambda phone, exchange: exchange.reject(488)
    answer(third, third.invites[0])
    world.clock.advance(2)
    assert told(world, customer)[-1] == "SIP/2.0 488 Not Acceptable Here"
    assert callee.local.standing == stood
    assert callee.local.direction is Direction.SENDONLY
    hang_up(world, customer)


def test_offers_meanwhile() -> None:
    """The peers may agree on something while the target rings, and not while one of them is asked."""
    world, third = transferring(on_invite=ringing)
    world.talking_outbound()
    refer(world, world.customer, seconds=1)
    gateway = world.gateway
    moved = audio(GATEWAY, version=5)
    gateway.the_usage.reinvite(moved, gateway.note_answer, gateway.note_refusal, relayed=True)
    world.clock.advance(1)
    assert "answer 200 INVITE" in gateway.events
    world.customer.the_usage.bye()
    world.clock.advance(1)
    gateway.the_usage.reinvite(moved, gateway.note_answer, gateway.note_refusal, relayed=True)
    world.clock.advance(1)
    assert "refusal 491" in gateway.events
    gateway.the_usage.info("text/plain", b"x", gateway.note_answer, gateway.note_refusal)
    world.clock.advance(1)
    assert gateway.events[-1] == "refusal 488", "a 481 would end the dialog (RFC 3261 §12.2.1.2)"
    answer(third, third.invites[0])
    world.clock.advance(1)
    assert third.events[-1] == "acknowledged"
    gateway.the_usage.bye()
    world.finish()


def test_an_offer_that_waits_for_the_referrer_does_not_wait_when_that_has_gone() -> None:
    """Else nothing could be agreed on in the call any more, and the target would never be heard."""
    world, third = transferring(on_invite=ringing)
    world.talking_outbound()
    refer(world, world.customer, seconds=1)
    gateway = world.gateway
    held = audio(GATEWAY, direction="sendonly", version=2)
    gateway.the_usage.reinvite(held, gateway.note_answer, gateway.note_refusal, relayed=True)
    world.clock.advance(0.015)
    assert len(world.heard_by(world.customer, "INVITE")) == 1, "on its way"
    world.customer.the_usage.bye()
    world.clock.advance(1)
    assert gateway.events[-1] == "refusal 504"
    answer(third, third.invites[0])
    world.clock.advance(1)
    assert direction(gateway.answered_offers[-1]) == "sendrecv"
    assert not world.node.the_call.renegotiating
    hang_up(world, third)
    assert gateway.events[-1] == "bye_received"


def test_what_the_other_peer_answers_in_an_ack_is_no_offer_to_a_referrer_that_has_gone() -> None:
    world, third = transferring(on_invite=ringing)
    carrier = world.carrier_peer()
    carrier.invite(audio(GATEWAY), answered=True)
    refer(world, world.customer, seconds=1)
    carrier.within("INVITE")
    world.customer.the_usage.bye()
    world.clock.advance(0.1)
    carrier.within("ACK", cseq=carrier.cseq, body=audio(GATEWAY, direction="sendonly", version=2))
    assert not world.node.the_call.renegotiating
    answer(third, third.invites[0])
    world.clock.advance(1)
    offer = next(one for one in carrier.peer.heard if isinstance(one, Request) and one.method == "INVITE")
    assert direction(offer.body) == "sendrecv", "on the target's behalf"
    carrier.hang_up()
    world.finish()


def test_a_failure_after_the_referrer_has_gone_ends_the_call() -> None:
    world, third = transferring(on_invite=ringing)
    world.talking_outbound()
    refer(world, world.customer, seconds=1)
    world.customer.the_usage.bye()
    world.clock.advance(1)
    assert len(world.node.switch) == 1
    third.invites[0].reject(486)
    world.clock.advance(1)
    assert world.gateway.events[-1] == "bye_received"
    world.finish()
    assert world.record.hung_up_by is Party.CALLER
    assert world.attempt_slugs == [Slug.ANSWERED, Slug.BUSY]
