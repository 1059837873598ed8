"""What a caller hears of the service itself while it waits: ringback."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from tests.simulation.descriptions import audio, codecs_of
from tests.simulation.phone import Phone
from tests.simulation.world import ACCOUNT, CUSTOMER, GATEWAY, GATEWAY_2, World
from trunkline.call.services import EUROPEAN_RINGBACK
from trunkline.media.fake_leg import FakeLeg
from trunkline.sip.incoming_invite import IncomingInvite
from trunkline.sip.user_agent import UserAgentSettings
from trunkline.trunk.account import Account, Ringback

TONE = replace(ACCOUNT, ringback=Ringback.TONE)
WITHOUT_RELIABLE = UserAgentSettings(product="phone", supported=())


def ringing_in_silence(codec: int = 8) -> Callable[[Phone, IncomingInvite], None]:
    """180, 180, and after two seconds an answer."""

    def ring(phone: Phone, invite: IncomingInvite) -> None:
        invite.progress(180)
        clock = phone.agent.clock
        clock.at(clock.now() + 1, lambda: invite.progress(180))
        clock.at(clock.now() + 2, lambda: invite.accept(body=audio(GATEWAY, codecs=(codec,))))

    return ring


def sound(world: World) -> object:
    """What the caller hears of us now."""
    media = world.node.the_call.caller.media
    assert isinstance(media, FakeLeg)
    return media.sound


def statuses(phone: Phone) -> list[str]:
    return [event for event in phone.events if event != "trying"]


@pytest.mark.parametrize("reliable", [True, False])
@pytest.mark.parametrize("codec", [8, 0, 18])
def test_a_far_end_that_rings_in_silence_is_heard(reliable: bool, codec: int) -> None:
    world = World(account=TONE, phone_settings=None if reliable else WITHOUT_RELIABLE)
    world.gateway.on_invite = ringing_in_silence(codec)
    world.outbound()
    world.clock.advance(1.5)
    assert statuses(world.customer) == ["progressed 183"], "no 180, which would ring on top of it"
    assert codecs_of(world.customer.responses[-1].body) == [8, 0]
    assert sound(world) == EUROPEAN_RINGBACK
    world.clock.advance(1)
    assert world.customer.events[-1] == "answered"
    assert sound(world) is None
    callee = world.node.the_call.callee
    assert callee is not None
    assert callee.codec == {8: "PCMA", 0: "PCMU", 18: "G729"}[codec]
    assert world.node.the_call.caller.codec == {8: "PCMA", 0: "PCMU", 18: "PCMA"}[codec]
    world.customer.the_usage.bye()
    world.finish()


@pytest.mark.parametrize("port", [7000, 0])
def test_a_caller_that_moves_hears_the_tone_where_it_is_now(port: int) -> None:
    """By UPDATE (RFC 3311 §5.1), in another codec; an offer that can't be used leaves it where it was."""
    world = World(account=TONE)
    world.gateway.on_invite = ringing_in_silence()
    world.outbound()
    world.clock.advance(0.5)
    moved = audio(CUSTOMER, codecs=(0,), port=port, version=2)
    world.customer.the_usage.update(moved, world.customer.note_answer, world.customer.note_refusal)
    world.clock.advance(0.5)
    caller = world.node.the_call.caller
    media = caller.media
    assert isinstance(media, FakeLeg)
    assert media.remote is not None
    if port:
        assert world.customer.events[-1] == "answer 200 UPDATE"
        assert codecs_of(world.customer.responses[-1].body) == [0]
        assert (media.remote.rtp_port, caller.codec) == (7000, "PCMU")
    else:
        assert world.customer.events[-1] == "refusal 488"
        assert (media.remote.rtp_port, caller.codec) == (4000, "PCMA")
        assert [codec.payload_type for codec in caller.local.listed] == [8, 0, 101]
    assert sound(world) == EUROPEAN_RINGBACK
    world.clock.advance(2)
    assert world.customer.events[-1] == "answered"
    assert sound(world) is None
    assert (media.remote.rtp_port, caller.codec) == ((7000, "PCMU") if port else (4000, "PCMA"))
    world.customer.the_usage.bye()
    world.finish()


def test_early_media_takes_the_place_of_the_tone() -> None:
    world = World(account=TONE)

    def ring(phone: Phone, invite: IncomingInvite) -> None:
        invite.progress(180)
        clock = phone.agent.clock
        clock.at(clock.now() + 1, lambda: invite.progress(183, body=audio(GATEWAY)))

    world.gateway.on_invite = ring
    world.outbound()
    world.clock.advance(0.5)
    assert sound(world) == EUROPEAN_RINGBACK
    world.clock.advance(1)
    assert sound(world) is None
    assert world.node.the_call.caller.media.remote.payload_types == {8: 8, 0: 0, 101: 101}  # type: ignore[attr-defined]
    world.customer_cancels()
    world.finish()


@pytest.mark.parametrize("account", [ACCOUNT, replace(ACCOUNT, ringback=Ringback.AT_ONCE)])
def test_without_being_asked_to_there_is_no_tone(account: Account) -> None:
    world = World(account=account)
    world.gateway.on_invite = ringing_in_silence()
    world.outbound()
    world.clock.advance(1)
    assert "progressed 180" in world.customer.events
    assert sound(world) is None
    world.customer_cancels()
    world.finish()


@pytest.mark.parametrize("ringback", Ringback)
def test_who_is_told_at_once_that_it_rings_is_told_so_while_the_first_gateway_is_silent(
    ringback: Ringback,
) -> None:
    world = World(account=replace(ACCOUNT, ringback=ringback))
    world.mute(world.gateway)
    world.outbound()
    world.clock.advance(0.5)
    told = ["progressed 180"] if ringback is Ringback.AT_ONCE else []
    assert statuses(world.customer) == told
    assert all(not response.body for response in world.customer.responses), "there is nothing to hear yet"
    world.customer_cancels()
    world.finish()


def test_a_caller_without_an_offer_hears_it_ring_by_itself() -> None:
    world = World(account=TONE)
    peer = world.carrier_peer()
    world.customer.on_invite = lambda phone, invite: invite.progress(180)
    peer.invite()
    world.clock.advance(1)
    assert "180 INVITE" in peer.peer.summaries
    world.customer_cancels()
    world.finish()


def test_the_tone_goes_on_while_the_next_gateway_is_tried_and_ends_with_the_call() -> None:
    world = World(account=TONE)

    def ring_and_fail(phone: Phone, invite: IncomingInvite) -> None:
        invite.progress(180)
        clock = phone.agent.clock
        clock.at(clock.now() + 1, lambda: invite.reject(503))

    world.gateway.on_invite = ring_and_fail
    world.phone(GATEWAY_2).on_invite = ringing_in_silence()
    world.outbound()
    world.clock.advance(2)
    assert sound(world) == EUROPEAN_RINGBACK
    assert statuses(world.customer) == ["progressed 183"]
    world.clock.advance(2)
    assert world.customer.events[-1] == "answered"
    world.customer.the_usage.bye()
    world.finish()
