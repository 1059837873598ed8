"""Changes that meet: glare, a BYE or a CANCEL while an offer is on its way, an offer that nobody answers."""

import pytest

from tests.simulation.descriptions import audio, direction
from tests.simulation.phone import Phone
from tests.simulation.world import CUSTOMER, GATEWAY, World, follow_offer
from tests.unit.call.test_renegotiation import BOTH, Talking
from trunkline.sip.exchange import IncomingOffer
from trunkline.sip.message import response_to
from trunkline.trunk.verdict import Slug


def test_glare_over_the_node_is_491_and_settles() -> None:
    world = Talking()
    for phone in (world.customer, world.gateway):
        phone.the_usage.reinvite(
            audio(phone.host.address.host, direction="sendonly", version=2),
            phone.note_answer,
            phone.note_refusal,
        )
    world.clock.advance(30)
    for phone in (world.customer, world.gateway):
        assert "answer 200 INVITE" in phone.events
    assert "491 INVITE" in world.network.summaries(world.node.host)
    for phone in (world.customer, world.gateway):
        world.offer(phone, version=3)
    world.clock.advance(10)
    world.hang_up()


@pytest.mark.parametrize("wish", [None, "sendonly"])
def test_an_offer_of_the_callee_while_the_caller_owes_us_an_answer_is_491_and_settles(
    wish: str | None,
) -> None:
    """The caller came without SDP and its ACK, which answers our offer, is under way: there is nothing yet
    that the callee could be answered with (RFC 3261 §14.2).
    """
    world = World()
    peer = world.carrier_peer()
    peer.invite()
    world.clock.advance(1.5)
    callee = world.customer
    callee.the_usage.reinvite(
        audio(CUSTOMER, direction=wish, version=2), callee.note_answer, callee.note_refusal
    )
    world.clock.advance(0.1)
    assert "491 INVITE" in world.network.summaries(world.node.host)
    peer.acknowledge()
    world.clock.advance(5)
    if wish is not None:
        offer = peer.peer.request_heard("INVITE")
        assert direction(offer.body) == wish
        peer.peer.respond(offer, 200, body=audio(GATEWAY, direction="recvonly", version=2))
        world.clock.advance(1)
    assert callee.events[-1] == "answer 200 INVITE"
    callee.the_usage.bye()
    world.clock.advance(1)
    peer.peer.respond(peer.peer.request_heard("BYE"), 200, contact="")
    world.finish()


def test_a_bye_while_an_offer_is_on_its_way() -> None:
    for who in ("caller", "callee"):
        world = Talking()
        world.gateway.on_offer = lambda phone, exchange: None
        world.offer(world.customer, direction="sendonly")
        (world.customer if who == "caller" else world.gateway).the_usage.bye()
        world.clock.advance(1)
        world.finish()
        assert world.record.verdict is not None
        assert world.record.verdict.slug is Slug.ANSWERED


def test_an_answer_that_comes_after_the_end() -> None:
    world = Talking()
    held: list[IncomingOffer] = []
    world.gateway.on_offer = lambda phone, exchange: held.append(exchange)
    world.offer(world.customer, direction="sendonly")
    world.customer.the_usage.bye()
    world.clock.advance(0.005)
    held[0].accept(audio(GATEWAY, direction="recvonly", version=2))
    world.finish()


def test_a_cancelled_reinvite_leaves_both_legs_agreeing() -> None:
    """RFC 6141 §3.8: what the other side has begun can't be undone, so it is accepted after all."""
    world = World()
    peer = world.carrier_peer()
    peer.invite(audio(GATEWAY), answered=True)
    held: list[IncomingOffer] = []

    def begin(phone: Phone, exchange: IncomingOffer) -> None:
        exchange.on_cancel = lambda: None
        held.append(exchange)

    world.customer.on_offer = begin
    peer.within("INVITE", body=audio(GATEWAY, direction="sendonly", version=2))
    reinvite = peer.peer
    reinvite.request(
        "CANCEL",
        peer.at,
        uri=peer.uri,
        to_tag=peer.tag,
        cseq=2,
        branch=f"z9hG4bKpeer{reinvite._branches}",
        contact="",
    )
    world.clock.advance(1)
    follow_offer(world.customer, held[0])
    world.clock.advance(1)
    final = [one for one in reinvite.summaries if one in ("200 INVITE", "487 INVITE")]
    onward = direction(held[0].request.body)
    assert onward == "sendonly"
    assert final[-1] == "200 INVITE", "the customer is on hold, so the carrier has to know"
    peer.within("ACK", cseq=2)
    peer.hang_up()
    world.finish()


def test_a_reinvite_that_only_rings_is_given_up_and_later_ones_go_on() -> None:
    """RFC 3261 §9.1: nobody else ends an INVITE that has a provisional response."""
    world = Talking()
    world.gateway.on_offer = lambda phone, exchange: exchange.transaction.respond(
        response_to(exchange.request, 183)
    )
    world.offer(world.customer, direction="sendonly")
    world.clock.advance(62)
    assert len(world.heard_by(world.gateway, "CANCEL")) == 1
    assert world.customer.events[-1] == "refusal 504", "487 would be of a CANCEL that it did not send"
    assert world.flows() == BOTH
    world.gateway.on_offer = follow_offer
    world.offer(world.customer, direction="sendonly", version=3)
    assert world.customer.events[-1] == "answer 200 INVITE"
    world.hang_up()


def test_the_other_side_that_ignores_the_cancel_too_is_lost() -> None:
    """RFC 3261 §12.2.1.2: no final response ends the dialog."""
    world = Talking()

    def only_ring(phone: Phone, exchange: IncomingOffer) -> None:
        exchange.on_cancel = lambda: None
        exchange.transaction.respond(response_to(exchange.request, 183))

    world.gateway.on_offer = only_ring
    world.offer(world.customer, direction="sendonly")
    world.clock.advance(70)
    assert len(world.node.switch) == 0
    assert world.customer.events[-1] == "bye_received"
    world.finish()


def test_a_cancel_of_a_reinvite_goes_on() -> None:
    """RFC 3261 §9.2, §14.1: what the other side has not accepted yet can be undone."""
    world = World()
    peer = world.carrier_peer()
    peer.invite(audio(GATEWAY), answered=True)
    world.customer.on_offer = lambda phone, exchange: exchange.transaction.respond(
        response_to(exchange.request, 180)
    )
    peer.within("INVITE", body=audio(GATEWAY, direction="sendonly", version=2))
    world.clock.advance(1)
    reinvite = peer.peer
    branch = f"z9hG4bKpeer{reinvite._branches}"
    reinvite.request("CANCEL", peer.at, uri=peer.uri, to_tag=peer.tag, cseq=2, branch=branch, contact="")
    world.clock.advance(1)
    assert "487 INVITE" in reinvite.summaries
    reinvite.request("ACK", peer.at, uri=peer.uri, to_tag=peer.tag, cseq=2, branch=branch, contact="")
    world.customer.on_offer = follow_offer
    peer.within("INVITE", body=audio(GATEWAY, direction="sendonly", version=3))
    world.clock.advance(1)
    assert reinvite.response_heard(200, "INVITE").cseq.number == 3
    peer.within("ACK", cseq=3)
    peer.hang_up()
    world.finish()
