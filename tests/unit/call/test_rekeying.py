"""SRTP keys that wear out: a new one is agreed on in time, or the call ends (RFC 4568 §6.1, §7.1.4)."""

from collections.abc import Callable

import pytest

from tests.simulation.descriptions import attributes, audio, codecs_of, direction, secure_audio
from tests.simulation.phone import Phone
from tests.simulation.world import CUSTOMER, World
from trunkline.call.leg import Leg
from trunkline.call.ports import SrtpKeys
from trunkline.call.rekeying import AGAIN_S
from trunkline.media.fake_leg import FakeLeg
from trunkline.sdp.crypto import LONGEST_LIFETIME, our_line
from trunkline.sip.exchange import IncomingOffer
from trunkline.trunk.verdict import Slug

FIRST, SECOND = bytes(range(30)), bytes(range(50, 80))


class Talking(World):
    """An answered call of the customer, who has SRTP with a key that serves for 2^20 packets."""

    def __init__(self) -> None:
        super().__init__()
        lines = [f"{our_line(1, FIRST)}|2^20"]
        self.outbound(body=audio(CUSTOMER, profile="RTP/SAVP", lines=lines))
        self.clock.advance(2)
        assert self.customer.events[-1] == "answered"
        self.network.packets.clear()

    @property
    def leg(self) -> Leg:
        """The customer's."""
        return self.node.the_call.caller

    @property
    def keys(self) -> SrtpKeys:
        """What the engine has been told of the customer's."""
        assert isinstance(self.leg.media, FakeLeg)
        assert self.leg.media.remote is not None
        assert self.leg.media.remote.srtp is not None
        return self.leg.media.remote.srtp

    def wear_out(self, *, spent: bool = False) -> None:
        """The engine says so."""
        self.node.the_call.key_worn(self.leg.media, spent=spent)
        self.clock.advance(1)

    def answer_with(self, key: bytes) -> None:
        """The customer answers offers with this key of its own."""

        def follow(phone: Phone, exchange: IncomingOffer) -> None:
            phone.answered_offers.append(exchange.request.body)
            exchange.accept(secure_audio(CUSTOMER, key, version=9))

        self.customer.on_offer = follow

    def hang_up(self) -> None:
        self.customer.the_usage.bye()
        self.finish()


def test_a_lifetime_goes_to_the_engine() -> None:
    world = Talking()
    assert (world.keys.receive, world.keys.receive_lifetime) == (FIRST, 1 << 20)
    world.hang_up()


def test_a_worn_key_is_replaced_by_a_reinvite_with_a_new_one_of_ours() -> None:
    world = Talking()
    world.answer_with(SECOND)
    before = world.keys
    world.wear_out()
    (offer,) = world.customer.answered_offers
    assert (direction(offer), codecs_of(offer)) == ("sendrecv", [8, 0])
    assert world.keys.receive == SECOND
    assert world.keys.receive_lifetime == LONGEST_LIFETIME
    assert world.keys.send != before.send
    assert attributes(offer, "crypto") == [our_line(1, world.keys.send).removeprefix("crypto:")]
    assert world.heard_by(world.gateway, "INVITE") == [], "it concerns its own leg only"
    world.hang_up()


def test_a_held_call_stays_on_hold() -> None:
    world = Talking()
    held = audio(CUSTOMER, profile="RTP/SAVP", lines=[our_line(1, FIRST)], direction="inactive", version=2)
    world.customer.the_usage.reinvite(held, world.customer.note_answer, world.customer.note_refusal)
    world.clock.advance(1)
    world.answer_with(SECOND)
    world.wear_out()
    assert direction(world.customer.answered_offers[-1]) == "inactive"
    world.hang_up()


def refuse(phone: Phone, exchange: IncomingOffer) -> None:
    exchange.reject(488)


def downgrade(phone: Phone, exchange: IncomingOffer) -> None:
    exchange.accept(audio(CUSTOMER, version=9))


@pytest.mark.parametrize("on_offer", [refuse, downgrade])
def test_without_a_new_key_what_stood_stands(on_offer: Callable[[Phone, IncomingOffer], None]) -> None:
    world = Talking()
    before, stood = world.keys, world.leg.local.standing
    world.customer.on_offer = on_offer
    world.wear_out()
    assert world.keys == before
    assert world.leg.local.standing == stood
    assert world.leg.srtp_keys == before
    again = secure_audio(CUSTOMER, SECOND, version=3)
    world.customer.the_usage.reinvite(again, world.customer.note_answer, world.customer.note_refusal)
    world.clock.advance(1)
    assert world.customer.events[-1] == "answer 200 INVITE", "and later offers are welcome"
    assert world.keys.receive == SECOND
    world.hang_up()


def test_a_key_that_is_repeated_goes_on_beside_a_new_one_of_ours() -> None:
    world = Talking()
    before = world.keys
    world.answer_with(FIRST)
    world.wear_out()
    assert world.keys.receive == FIRST
    assert world.keys.send != before.send
    world.hang_up()


def test_a_port_that_is_no_side_of_the_call_any_more_needs_no_key() -> None:
    """A transfer has put another leg in its place."""
    world = Talking()
    gone = world.node.engine.open_leg(ipv6=False, events=world.node.the_call)
    world.node.the_call.key_worn(gone, spent=False)
    gone.close()
    world.clock.advance(1)
    assert world.heard_by(world.customer, "INVITE") == world.heard_by(world.gateway, "INVITE") == []
    assert not world.node.the_call.renegotiating
    world.hang_up()


def test_it_waits_for_what_is_being_agreed_on() -> None:
    world = Talking()
    kept: list[IncomingOffer] = []
    world.gateway.on_offer = lambda phone, exchange: kept.append(exchange)
    held = audio(CUSTOMER, profile="RTP/SAVP", lines=[our_line(1, FIRST)], direction="sendonly", version=2)
    world.customer.the_usage.reinvite(held, world.customer.note_answer, world.customer.note_refusal)
    world.clock.advance(1)
    world.answer_with(SECOND)
    world.wear_out()
    assert world.customer.answered_offers == []
    kept[0].accept(audio("10.0.0.9", direction="recvonly", version=2))
    world.clock.advance(AGAIN_S + 1)
    assert world.keys.receive == SECOND
    world.hang_up()


def test_while_a_key_is_being_agreed_on_an_offer_of_the_far_side_meets_491() -> None:
    world = Talking()
    kept: list[IncomingOffer] = []
    world.customer.on_offer = lambda phone, exchange: kept.append(exchange)
    world.wear_out()
    gateway = world.gateway
    body = audio(gateway.host.address.host, direction="sendonly", version=2)
    gateway.the_usage.reinvite(body, gateway.note_answer, gateway.note_refusal, relayed=True)
    world.clock.advance(1)
    assert gateway.events[-1] == "refusal 491"
    kept[0].accept(secure_audio(CUSTOMER, SECOND, version=9))
    world.clock.advance(1)
    assert world.keys.receive == SECOND
    world.hang_up()


def test_a_spent_key_ends_the_call_with_its_reason() -> None:
    world = Talking()
    world.wear_out(spent=True)
    assert world.customer.events[-1] == "bye_received"
    assert world.customer.requests[-1].headers.all("reason")[0] == 'SIP;cause=488;text="srtp-key-spent"'
    world.finish()
    assert world.record.verdict is not None
    assert world.record.verdict.slug is Slug.SRTP_KEY_SPENT


def test_a_call_that_ends_meanwhile_leaves_nothing_behind() -> None:
    world = Talking()
    world.gateway.on_offer = lambda phone, exchange: None
    held = audio(CUSTOMER, profile="RTP/SAVP", lines=[our_line(1, FIRST)], direction="sendonly", version=2)
    world.customer.the_usage.reinvite(held, world.customer.note_answer, world.customer.note_refusal)
    world.clock.advance(1)
    world.wear_out()
    world.hang_up()
