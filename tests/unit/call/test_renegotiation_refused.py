"""Changes within a call that come to nothing: refused, unusable, or of no use to the other side."""

from dataclasses import replace

import pytest

from tests.simulation.descriptions import audio, codecs_of, direction
from tests.simulation.world import CARRIER, CUSTOMER, PASSING_ONLY, World, follow_offer
from tests.unit.call.test_renegotiation import BOTH, Talking, sides, spoken
from trunkline.call.ports import RemoteMedia
from trunkline.media.fake_leg import FakeLeg


@pytest.mark.parametrize(("status", "told"), [(488, 488), (500, 500), (603, 603), (401, 403), (407, 403)])
def test_a_refused_change_leaves_both_legs_as_they_were(status: int, told: int) -> None:
    """A challenge is meant for us (RFC 3261 §22): without its nonce nobody could answer it."""
    world = Talking()
    world.gateway.on_offer = lambda phone, exchange: exchange.reject(status)
    world.offer(world.customer, direction="sendonly")
    assert world.customer.events[-1] == f"refusal {told}"
    assert world.flows() == BOTH
    world.gateway.on_offer = follow_offer
    world.offer(world.customer)  # a mere refresh: nothing has changed, so nothing may change
    assert world.customer.events[-1] == "answer 200 INVITE"
    assert direction(world.customer.responses[-1].body) == "sendrecv"
    assert world.flows() == BOTH
    world.hang_up()


def test_what_a_refused_change_is_about_goes_on() -> None:
    """RFC 3261 §21.4.6, §8.2.1: a 405 names the methods that there are."""
    world = Talking()
    world.gateway.on_offer = lambda phone, exchange: exchange.reject(405, headers=[("Allow", "INVITE, BYE")])
    world.offer(world.customer, "UPDATE", direction="sendonly")
    refusal = world.network.sent("405 UPDATE")[-1].message
    assert refusal.headers.get("allow") == "INVITE, BYE"
    world.hang_up()


def test_an_unusable_offer_is_488_and_changes_nothing() -> None:
    world = Talking()
    for body in (b"rubbish", audio(CUSTOMER, codecs=()), audio(CUSTOMER, address="224.1.1.1")):
        world.customer.the_usage.reinvite(body, world.customer.note_answer, world.customer.note_refusal)
        world.clock.advance(1)
        assert world.customer.events[-1] == "refusal 488"
        assert world.flows() == BOTH
    world.hang_up()


@pytest.mark.parametrize("rejected", [b"", b"m=audio 0 RTP/AVP 8\r\n"])
def test_an_offer_of_fax_alone_is_488_and_the_call_goes_on_as_audio(rejected: bytes) -> None:
    """T.38 is not relayed. Whoever is refused sends the fax as audio."""
    world = Talking()
    session = audio(CUSTOMER).partition(b"m=audio")[0]
    fax = session + rejected + b"m=image 4000 udptl t38\r\na=T38FaxVersion:0\r\n"
    world.gateway.the_usage.reinvite(fax, world.gateway.note_answer, world.gateway.note_refusal)
    world.clock.advance(1)
    assert world.gateway.events[-1] == "refusal 488"
    assert world.flows() == BOTH
    world.hang_up()


@pytest.mark.parametrize("who", ["caller", "callee"])
def test_codecs_that_the_other_side_must_not_be_offered_are_488_and_block_nothing(who: str) -> None:
    """RFC 3261 §14.2: the session goes on as it was, and so do later offers, hold and resume."""
    g711 = ("PCMA", "PCMU")
    world = Talking(account=replace(PASSING_ONLY, codecs=g711), carrier=replace(CARRIER, codecs=g711))
    phone, _ = sides(world, who)
    world.offer(phone, codecs=(18,))
    assert phone.events[-1] == "refusal 488"
    for version, wish in enumerate(("sendonly", "sendrecv"), 3):
        world.offer(phone, direction=wish, version=version)
        assert phone.events[-1] == "answer 200 INVITE"
    assert world.flows() == BOTH
    world.hang_up()


@pytest.mark.parametrize("who", ["caller", "callee"])
def test_an_offer_of_audio_at_the_other_family_is_488_and_changes_nothing(who: str) -> None:
    world = Talking()
    one, other = sides(world, who)
    before = spoken(world)
    body = audio(one.host.address.host, address="2001:db8::77", codecs=(9,), version=2)
    body = body.replace(b"c=IN IP4", b"c=IN IP6")
    one.the_usage.reinvite(body, one.note_answer, one.note_refusal)
    world.clock.advance(1)
    assert one.events[-1] == "refusal 488"
    assert spoken(world) == before
    for phone in (other, one):
        world.offer(phone, version=3)
        assert phone.events[-1] == "answer 200 INVITE"
    assert world.flows() == BOTH
    assert spoken(world) == before
    world.hang_up()


def test_an_unusable_answer_to_a_change_is_488() -> None:
    world = Talking()
    world.gateway.on_offer = lambda phone, exchange: exchange.accept(b"rubbish")
    world.offer(world.customer, direction="sendonly")
    assert world.customer.events[-1] == "refusal 488"
    world.gateway.on_offer = follow_offer
    world.offer(world.customer)
    assert world.flows() == BOTH
    world.hang_up()


@pytest.mark.parametrize("who", ["caller", "callee"])
def test_an_answer_to_a_change_that_does_not_fit_leaves_both_legs_as_they_were(who: str) -> None:
    """Of what nobody has agreed on nothing may stand: the next answer would be made from it."""
    world = Talking(account=PASSING_ONLY)
    one, other = sides(world, who)
    before = spoken(world)
    other.on_offer = lambda phone, exchange: exchange.accept(
        audio(other.host.address.host, codecs=(18,), direction="recvonly", version=2)
    )
    world.offer(one, direction="sendonly")
    assert one.events[-1] == "refusal 488"
    onward = [direction(request.body) for request in world.heard_by(other, "INVITE")]
    assert onward == ["sendonly", "sendrecv"], "and then what stands"
    other.on_offer = follow_offer
    world.offer(one, version=3)  # a mere refresh
    assert one.events[-1] == "answer 200 INVITE"
    assert direction(one.responses[-1].body) == "sendrecv"
    assert world.flows() == BOTH
    assert spoken(world) == before
    world.hang_up()


@pytest.mark.parametrize("who", ["caller", "callee"])
def test_an_answer_that_takes_nothing_of_the_offer_changes_nothing(who: str) -> None:
    """What the peer said before stands again too, so that later offers find a codec."""
    g711 = ("PCMA", "PCMU")
    world = Talking(account=replace(PASSING_ONLY, codecs=g711), carrier=replace(CARRIER, codecs=g711))
    one, other = sides(world, who)
    other.on_offer = lambda phone, exchange: exchange.accept(
        audio(phone.host.address.host, codecs=(9,), version=2)
    )
    world.offer(one, direction="sendonly")
    assert one.events[-1] == "refusal 488"
    world.offer(one, port=4444, version=3)
    assert one.events[-1] == "answer 200 INVITE"
    assert codecs_of(one.responses[-1].body) == [8, 0]
    assert world.flows() == BOTH
    world.hang_up()


def elsewhere(body: bytes) -> bytes:
    """At an address to which a leg of IPv4 can't send."""
    return body.replace(b"c=IN IP4 10.", b"c=IN IP6 2001:db8::10.")


def told(world: World) -> list[RemoteMedia | None]:
    """What the engine knows of both peers."""
    call = world.node.the_call
    assert call.callee is not None
    legs = (call.caller.media, call.callee.media)
    return [leg.remote if isinstance(leg, FakeLeg) else None for leg in legs]


@pytest.mark.parametrize("who", ["caller", "callee"])
def test_an_offer_that_the_engine_can_not_follow_changes_nothing_there(who: str) -> None:
    world = Talking()
    one, _ = sides(world, who)
    stood = told(world)
    body = elsewhere(audio(one.host.address.host, codecs=(9,), version=2))
    one.the_usage.reinvite(body, one.note_answer, one.note_refusal)
    world.clock.advance(1)
    assert one.events[-1] == "refusal 488"
    assert told(world) == stood
    world.hang_up()


@pytest.mark.parametrize("who", ["caller", "callee"])
def test_an_answer_that_the_engine_can_not_follow_changes_nothing_there(who: str) -> None:
    world = Talking()
    one, other = sides(world, who)
    stood = told(world)
    body = elsewhere(audio(other.host.address.host, direction="recvonly", version=2))
    other.on_offer = lambda phone, exchange: exchange.accept(body)
    world.offer(one, direction="sendonly")
    assert one.events[-1] == "refusal 488"
    assert told(world) == stood
    world.hang_up()
