"""What the legs of a call agree on: SRTP on either, transcoding where no codec is shared."""

from dataclasses import replace

import pytest

from tests.simulation.descriptions import attributes, audio, codecs_of, secure_audio
from tests.simulation.phone import Phone
from tests.simulation.world import (
    ACCOUNT,
    CARRIER,
    CUSTOMER,
    GATEWAY,
    GATEWAY_2,
    PASSING_ONLY,
    SETTINGS,
    World,
    answer,
    rejecting,
)
from tests.unit.call.refusals import refused
from trunkline.sip.incoming_invite import IncomingInvite
from trunkline.sip.uri import SipUri
from trunkline.trunk.carrier import Carrier, Gateway
from trunkline.trunk.media_policy import SrtpPolicy
from trunkline.trunk.routes import Route, RouteCarrier
from trunkline.trunk.verdict import Slug

# -- SRTP ------------------------------------------------------------------------------------------

PEERS_KEY = bytes(range(100, 130))
REQUIRED = replace(CARRIER, srtp=SrtpPolicy.REQUIRED)


def secure_answer(phone: Phone, invite: IncomingInvite) -> None:
    invite.accept(body=secure_audio(phone.host.address.host, PEERS_KEY))


def offered_keys(world: World, phone: Phone) -> list[str]:
    return [attributes(invite.body, "crypto")[0] for invite in world.heard_by(phone, "INVITE")]


def test_srtp_on_one_leg_and_rtp_on_the_other() -> None:
    world = World(carrier=REQUIRED)
    exposed: list[str] = []
    world.node.services.keys_exposed = exposed.append
    world.gateway.on_invite = secure_answer
    world.talking_outbound()
    call = world.node.the_call
    assert call.callee is not None
    assert (call.caller.srtp_keys, call.callee.secure) == (None, True)
    assert exposed == [GATEWAY], "over UDP everybody on the way can read them"
    world.customer.the_usage.bye()
    world.finish()


def test_every_attempt_has_keys_of_its_own() -> None:
    world = World(carrier=REQUIRED)
    world.gateway.on_invite = rejecting(503)
    second = world.phone(GATEWAY_2)
    second.on_invite = secure_answer
    world.outbound()
    world.clock.advance(2)
    assert world.customer.events[-1] == "answered"
    keys = [*offered_keys(world, world.gateway), *offered_keys(world, second)]
    assert len(set(keys)) == 2
    world.customer.the_usage.bye()
    world.finish()


def test_an_answer_without_the_srtp_that_was_offered_is_a_mismatch() -> None:
    world = World(carrier=REQUIRED)
    world.outbound()
    world.clock.advance(2)
    response = world.customer.responses[-1]
    assert (world.customer.events[-1], response.headers.all("warning")[0][:3]) == ("rejected 488", "302")
    assert "bye_received" in world.gateway.events
    world.finish()
    assert world.slug is Slug.SRTP_UNAVAILABLE


@pytest.mark.parametrize(
    ("srtp", "body"),
    [
        (SrtpPolicy.REQUIRED, audio(CUSTOMER)),
        (SrtpPolicy.FORBIDDEN, secure_audio(CUSTOMER, PEERS_KEY)),
        (SrtpPolicy.ALLOWED, audio(CUSTOMER, profile="RTP/SAVP")),
    ],
    ids=["required", "forbidden", "without keys"],
)
def test_an_offer_against_the_accounts_srtp_policy_is_488_with_a_warning(
    srtp: SrtpPolicy, body: bytes
) -> None:
    world = World(account=replace(ACCOUNT, srtp=srtp))
    world.outbound(body=body)
    world.clock.advance(1)
    response = world.customer.responses[-1]
    assert (response.status, response.headers.all("warning")[0][:3]) == (488, "302")
    assert world.gateway.events == []
    world.finish()
    assert world.slug is Slug.SRTP_UNAVAILABLE


@pytest.mark.parametrize("srtp", [SrtpPolicy.REQUIRED, SrtpPolicy.ALLOWED])
def test_keys_that_must_not_travel_readable_are_not_taken_over_udp(srtp: SrtpPolicy) -> None:
    world = World(account=replace(ACCOUNT, srtp=srtp), settings=replace(SETTINGS, srtp_needs_tls=True))
    world.outbound(body=secure_audio(CUSTOMER, PEERS_KEY))
    world.clock.advance(1)
    assert world.customer.responses[-1].status == 488
    world.finish()


def test_a_callee_that_was_offered_plain_audio_may_not_turn_to_keys_that_travel_readable() -> None:
    world = World(settings=replace(SETTINGS, srtp_needs_tls=True))
    world.talking_outbound()
    body = secure_audio(GATEWAY, PEERS_KEY, version=2)
    world.gateway.the_usage.reinvite(body, world.gateway.note_answer, world.gateway.note_refusal)
    world.clock.advance(1)
    assert world.gateway.events[-1] == "refusal 488"
    world.customer.the_usage.bye()
    world.finish()


# -- transcoding -----------------------------------------------------------------------------------


def test_peers_without_a_shared_codec_are_transcoded_and_the_record_says_so() -> None:
    world = World()
    world.gateway.on_invite = lambda phone, invite: answer(phone, invite, codecs=(18,))
    world.talking_outbound()
    world.clock.advance(1)
    world.customer.the_usage.bye()
    world.finish()
    assert (world.record.caller_media.codec, world.record.callee_media.codec) == ("PCMA", "G729")
    assert world.record.transcoded


@pytest.mark.parametrize("second", [("PCMA",), ("G722",)], ids=["has one", "has none either"])
def test_a_carrier_that_no_codec_can_be_offered_to_is_left_for_the_next(second: tuple[str, ...]) -> None:
    world = World(account=PASSING_ONLY, carrier=replace(CARRIER, codecs=("G729",)))
    other = Carrier("other", (Gateway(SipUri.parse(f"sip:{GATEWAY_2}")),), codecs=second)
    world.use_gateway(GATEWAY)
    world.node.put(other)
    world.node.put(Route("", (RouteCarrier("carrier"), RouteCarrier("other", priority=1))))
    world.phone(GATEWAY_2)
    world.outbound()
    world.clock.advance(2)
    assert world.heard_by(world.gateway, "INVITE") == []
    assert [attempt.carrier for attempt in world.attempts] == ["carrier", "other"]
    assert world.attempt_slugs[0] is Slug.CODEC_MISMATCH
    if second == ("PCMA",):
        assert world.customer.events[-1] == "answered"
        world.customer.the_usage.bye()
    else:
        assert refused(world).headers.all("warning")
        assert world.slug is Slug.CODEC_MISMATCH
    world.finish()


def test_a_call_whose_audio_passes_is_not_transcoded() -> None:
    world = World()
    world.talking_outbound()
    world.customer.the_usage.bye()
    world.finish()
    assert not world.record.transcoded


def test_the_branch_of_a_fork_that_answers_in_another_codec_than_rang_is_transcoded() -> None:
    """RFC 6337 §3.1.1: what the caller was answered in a reliable 183 stands."""
    world = World()
    callee, invite = world.outbound_to_peer()
    callee.respond(invite, 183, to_tag="one", body=audio(GATEWAY_2, codecs=(0,)))
    world.clock.advance(0.2)
    assert codecs_of(world.customer.responses[-1].body) == [0]
    callee.respond(invite, 200, to_tag="two", body=audio(GATEWAY_2, codecs=(18, 8)))
    world.clock.advance(0.2)
    assert world.customer.events[-1] == "answered"
    call = world.node.the_call
    assert call.callee is not None
    assert (call.caller.codec, call.callee.codec) == ("PCMU", "G729")
    world.customer.the_usage.bye()
    world.clock.advance(0.2)
    callee.respond(callee.request_heard("BYE"), 200, contact="")
    world.finish()
