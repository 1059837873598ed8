"""Blind transfer by the trunk: what it may dial, who talks with whom afterwards, and every way in which it
fails.
"""

from dataclasses import replace

import pytest

from tests.simulation.descriptions import audio, direction
from tests.simulation.phone import Phone
from tests.simulation.slow_limits import SlowLimits
from tests.simulation.transfers import (
    ALLOWED,
    TARGET,
    THIRD,
    THIRD_2,
    hang_up,
    refer,
    told,
    transferring,
)
from tests.simulation.world import DOMAIN, GATEWAY, KEY, NODE, NUMBER, World, answering, rejecting, ringing
from trunkline.call.record import Party
from trunkline.media.fake_leg import FakeLeg
from trunkline.sip.incoming_invite import IncomingInvite
from trunkline.sip.name_addr import NameAddr
from trunkline.sip.uri import SipUri
from trunkline.sip.usage import IncomingOffer
from trunkline.trunk.account import Account, AccountStatus, CallerIdPolicy
from trunkline.trunk.health import HealthKey
from trunkline.trunk.limits import inbound_key
from trunkline.trunk.routes import Route, RouteCarrier
from trunkline.trunk.verdict import Slug


def media(world: World) -> tuple[FakeLeg, FakeLeg]:
    """The ports towards the caller's place and the callee's, of the only call."""
    call = world.node.the_call
    assert call.callee is not None
    caller, callee = call.caller.media, call.callee.media
    assert isinstance(caller, FakeLeg)
    assert isinstance(callee, FakeLeg)
    return caller, callee


# -- it works --------------------------------------------------------------------------------------


def test_an_outbound_call_is_transferred() -> None:
    world, third = transferring()
    world.talking_outbound()
    refer(world, world.customer)
    assert "answer 202 REFER" in world.customer.events
    assert told(world, world.customer) == ["SIP/2.0 100 Trying", "SIP/2.0 180 Ringing", "SIP/2.0 200 OK"]
    (invite,) = world.heard_by(third, "INVITE")
    assert (invite.uri_text, invite.from_.uri.user) == (f"sip:{TARGET}@{THIRD}", NUMBER)
    assert len(world.heard_by(world.gateway, "INVITE")) == 2, "the call, and the offer on the third's behalf"
    assert world.customer.events[-1] == "bye_received"
    before = [port.figures().packets_sent for port in media(world)]
    world.clock.advance(2)
    after = [port.figures().packets_sent for port in media(world)]
    assert all(later - earlier > 90 for earlier, later in zip(before, after, strict=True))
    assert world.node.limits.calls_up(KEY) == 2, "both parts of the way are the account's"
    hang_up(world, third)
    assert "bye_received" in world.gateway.events
    assert world.record.hung_up_by is Party.CALLER
    assert world.attempt_slugs == [Slug.ANSWERED, Slug.ANSWERED]
    assert world.attempts[1].target == f"sip:{TARGET}@{THIRD}"
    assert world.node.trace.links[world.attempts[1].sip_call_id] == world.record.call_id


def test_an_inbound_call_is_transferred() -> None:
    world, third = transferring(replace(ALLOWED, max_concurrent=1, max_inbound=1))
    world.talking_inbound()
    refer(world, world.customer)
    assert told(world, world.customer)[-1] == "SIP/2.0 200 OK"
    assert world.customer.events[-1] == "bye_received"
    (invite,) = world.heard_by(third, "INVITE")
    assert invite.from_.uri.user == NUMBER, "the number that was called"
    world.clock.advance(60)
    limits = world.node.limits
    assert [limits.calls_up(key) for key in (KEY, inbound_key(KEY))] == [1, 1], "each part of the way once"
    hang_up(world, world.gateway)
    assert "bye_received" in third.events
    assert world.record.hung_up_by is Party.CALLER
    assert [attempt.answered_at is not None for attempt in world.attempts] == [True, True]


def test_the_caller_id_of_the_call_stands_in_the_one_to_the_target() -> None:
    world, third = transferring()
    world.talking_outbound(from_=NameAddr(None, SipUri("sip", "493077777", DOMAIN)))
    refer(world, world.customer)
    (invite,) = world.heard_by(third, "INVITE")
    assert invite.from_.uri.user == "493077777"
    hang_up(world, third)


@pytest.mark.parametrize("ends", [False, True])
def test_limits_that_answer_later(ends: bool) -> None:
    world, third = transferring()
    world.talking_outbound()
    limits = world.node.services.limits = SlowLimits(world.node.limits)
    refer(world, world.customer)
    assert world.heard_by(third, "INVITE") == []
    if ends:
        hang_up(world, world.gateway)
    limits.answer()
    world.clock.advance(3)
    assert len(world.heard_by(third, "INVITE")) == (not ends)
    if not ends:
        hang_up(world, third)
    world.node.assert_idle()


def test_a_peer_on_hold_is_resumed() -> None:
    world, third = transferring()
    world.talking_outbound()
    customer = world.customer
    customer.the_usage.reinvite(
        audio(customer.host.address.host, direction="sendonly", version=2),
        customer.note_answer,
        customer.note_refusal,
    )
    world.clock.advance(1)
    assert direction(world.gateway.answered_offers[-1]) == "sendonly"
    refer(world, customer)
    (invite,) = world.heard_by(third, "INVITE")
    assert direction(invite.body) == "sendrecv"
    assert direction(world.gateway.answered_offers[-1]) == "sendrecv"
    hang_up(world, third)


def test_the_other_peer_may_move_with_its_answer() -> None:
    world, third = transferring()
    world.talking_outbound()
    world.gateway.on_offer = lambda phone, exchange: exchange.accept(audio(GATEWAY, port=7000, version=2))
    refer(world, world.customer)
    assert told(world, world.customer)[-1] == "SIP/2.0 200 OK"
    (_, remote) = (port.remote for port in media(world))
    assert remote is not None
    assert (remote.rtp_address, remote.rtp_port) == (GATEWAY, 7000)
    hang_up(world, third)


@pytest.mark.parametrize("how", ["another codec", "another family"])
def test_an_answer_of_the_other_peer_that_is_of_no_use_changes_nothing(how: str) -> None:
    """What it said before stands again, for X, who goes on with it."""
    g711 = ("PCMA", "PCMU")
    world, third = transferring(replace(ALLOWED, codecs=g711, transcoding=False))
    carrier = world.node.directory.carrier("carrier")
    assert carrier is not None
    world.node.put(replace(carrier, codecs=g711, transcoding=False))
    world.talking_outbound()
    answers = {
        "another codec": audio(GATEWAY, codecs=(9,), version=2),
        "another family": audio(GATEWAY, version=2).replace(b"c=IN IP4 10.", b"c=IN IP6 2001:db8::10."),
    }
    world.gateway.on_offer = lambda phone, exchange: exchange.accept(answers[how])
    refer(world, world.customer)
    assert told(world, world.customer)[-1] == "SIP/2.0 488 Not Acceptable Here"
    assert "bye_received" in third.events
    customer = world.customer
    body = audio(customer.host.address.host, port=4444, version=2)
    customer.the_usage.reinvite(body, customer.note_answer, customer.note_refusal)
    world.clock.advance(1)
    assert customer.events[-1] == "answer 200 INVITE"
    hang_up(world, customer)


def test_a_gateway_that_has_answered_is_known_to_live() -> None:
    world, third = transferring()
    gateway = HealthKey("france", f"sip:{THIRD}")
    world.node.health.failed(gateway, "unreachable")
    world.talking_outbound()
    refer(world, world.customer)
    assert world.node.health.view(gateway).results == (False, True)
    hang_up(world, third)


@pytest.mark.parametrize(("status", "words"), [(486, "486 Gone fishing"), (401, "403 Forbidden")])
def test_a_refusal_is_told_in_its_own_words_where_it_is_told_as_such(status: int, words: str) -> None:
    world, _ = transferring(on_invite=lambda phone, invite: invite.reject(status, reason="Gone fishing"))
    world.talking_outbound()
    refer(world, world.customer)
    assert told(world, world.customer)[-1] == f"SIP/2.0 {words}"
    hang_up(world, world.customer)


def test_the_next_gateway_after_a_failure() -> None:
    world, third = transferring(on_invite=rejecting(503))
    spare = world.phone(THIRD_2)
    world.talking_outbound()
    refer(world, world.customer)
    assert told(world, world.customer)[-1] == "SIP/2.0 200 OK"
    assert third.events[0] == spare.events[0] == "invite_received"
    hang_up(world, spare)
    assert world.attempt_slugs == [Slug.ANSWERED, Slug.SERVER_FAILURE, Slug.ANSWERED]


def test_the_next_carrier_where_one_can_be_offered_no_codec() -> None:
    world, third = transferring()
    france = world.node.directory.carrier("france")
    assert france is not None
    world.node.put(replace(france, codecs=("G729",), transcoding=False))
    world.node.put(replace(france, name="spare", gateways=france.gateways[1:]))
    world.node.put(Route("33", (RouteCarrier("france"), RouteCarrier("spare", priority=1))))
    spare = world.phone(THIRD_2)
    world.talking_outbound()
    refer(world, world.customer)
    assert told(world, world.customer)[-1] == "SIP/2.0 200 OK"
    assert third.events == []
    hang_up(world, spare)
    assert world.attempt_slugs == [Slug.ANSWERED, *[Slug.CODEC_MISMATCH] * 2, Slug.ANSWERED]


def test_a_tel_uri() -> None:
    world, third = transferring()
    world.talking_outbound()
    refer(world, world.customer, f"tel:+{TARGET}")
    assert told(world, world.customer)[-1] == "SIP/2.0 200 OK"
    hang_up(world, third)


def test_without_a_subscription() -> None:
    """RFC 4488 §4."""
    world, third = transferring()
    world.talking_outbound()
    refer(world, world.customer, f"<sip:{TARGET}@{NODE}>", ("Refer-Sub", "false"))
    accepted = next(one for one in world.customer.responses if one.status == 202)
    assert accepted.headers.get("refer-sub") == "false"
    assert told(world, world.customer) == []
    assert world.customer.events[-1] == "bye_received"
    hang_up(world, third)


def test_the_referrer_hangs_up_at_once() -> None:
    world, third = transferring()
    world.talking_outbound()
    refer(world, world.customer, seconds=0.5)
    world.customer.the_usage.bye()
    world.clock.advance(0.3)
    assert media(world)[1].sound is not None
    world.clock.advance(3)
    assert "acknowledged" in third.events
    assert media(world)[1].sound is None
    hang_up(world, world.gateway)
    assert world.record.hung_up_by is Party.CALLEE


def test_the_attempt_of_a_referrer_that_hangs_up_at_once_ends_then() -> None:
    world, third = transferring(on_invite=ringing)
    world.talking_inbound()
    refer(world, world.customer, seconds=0.5)
    answered, rung = world.attempts
    world.customer.the_usage.bye()
    world.clock.advance(5)
    assert answered.ended_at == pytest.approx(world.clock.wall() - 4.99)
    assert rung.ended_at is None
    hang_up(world, world.gateway)
    assert third.events[-1] == "cancelled"
    assert world.attempt_slugs == [Slug.ANSWERED, Slug.ABANDONED]


# -- fraud: it dials nothing that the account may not dial ------------------------------------------


@pytest.mark.parametrize(
    ("account", "to", "status"),
    [
        (replace(ALLOWED, denied_prefixes=("33",)), TARGET, 403),
        (replace(ALLOWED, allowed_prefixes=("49",)), TARGET, 403),
        (replace(ALLOWED, max_concurrent=1), TARGET, 503),
        (replace(ALLOWED, max_per_second=1), TARGET, None),
        (ALLOWED, "12", 484),
        (ALLOWED, "boss", 484),
    ],
)
def test_the_rules_of_the_account_hold(account: Account, to: str, status: int | None) -> None:
    world, third = transferring(account)
    world.talking_outbound()
    refer(world, world.customer, f"<sip:{to}@{THIRD}>")
    if status is None:
        assert told(world, world.customer)[-1] == "SIP/2.0 200 OK", "the second is over"
        hang_up(world, third)
        return
    (only,) = told(world, world.customer)
    assert only.startswith(f"SIP/2.0 {status} ")
    assert third.events == []
    assert len(world.attempts) == 1
    world.clock.advance(5)
    assert len(world.node.switch) == 1, "the call goes on"
    hang_up(world, world.customer)


def test_minutes_with_the_target_count() -> None:
    world, third = transferring(replace(ALLOWED, minutes_per_day=1))
    world.talking_inbound()
    refer(world, world.customer)
    assert told(world, world.customer)[-1] == "SIP/2.0 200 OK"
    world.clock.advance(50)
    assert len(world.node.switch) == 1
    world.clock.advance(10)
    assert {world.gateway.events[-1], third.events[-1]} == {"bye_received"}
    world.finish()
    assert world.slug is Slug.MINUTES_LIMIT


@pytest.mark.parametrize("to", ["<http://10.0.0.5/>", f"<sip:{TARGET}@{NODE};method=BYE>", "<sip:10.0.0.5>"])
def test_what_is_no_number_is_484(to: str) -> None:
    world, third = transferring()
    world.talking_outbound()
    refer(world, world.customer, to)
    assert told(world, world.customer) == ["SIP/2.0 484 Address Incomplete"]
    assert third.events == []
    hang_up(world, world.customer)


def test_an_account_that_was_blocked_meanwhile() -> None:
    world, third = transferring()
    world.talking_outbound()
    world.node.put(replace(ALLOWED, status=AccountStatus.BLOCKED))
    refer(world, world.customer)
    assert told(world, world.customer) == ["SIP/2.0 403 Forbidden"]
    assert third.events == []
    hang_up(world, world.customer)


def test_the_caller_id_policy_holds() -> None:
    account = replace(ALLOWED, caller_id_policy=CallerIdPolicy.REPLACE, caller_id_number="442079469999")
    world, third = transferring(account)
    world.talking_inbound()
    refer(world, world.customer)
    (invite,) = world.heard_by(third, "INVITE")
    assert invite.from_.uri.user == "442079469999"
    hang_up(world, third)


def test_a_number_that_was_withheld_stays_so() -> None:
    world, third = transferring()
    world.talking_outbound(headers=(("Privacy", "id"),))
    refer(world, world.customer)
    (invite,) = world.heard_by(third, "INVITE")
    assert (invite.from_.uri.user, invite.headers.get("privacy")) == ("anonymous", "id")
    hang_up(world, third)


# -- it fails --------------------------------------------------------------------------------------


def test_a_busy_target_leaves_the_call_as_it_was() -> None:
    world, third = transferring(on_invite=rejecting(486))
    world.talking_outbound()
    refer(world, world.customer)
    assert told(world, world.customer) == ["SIP/2.0 100 Trying", "SIP/2.0 486 Busy Here"]
    final = world.heard_by(world.customer, "NOTIFY")[-1]
    assert final.headers.get("subscription-state") == "terminated;reason=noresource"
    assert world.node.limits.calls_up(KEY) == 1
    third.on_invite = answering
    refer(world, world.customer)
    assert told(world, world.customer)[-1] == "SIP/2.0 200 OK", "another one may follow"
    events = [notify.headers.get("event") for notify in world.heard_by(world.customer, "NOTIFY")]
    assert events[:2] == ["refer", "refer"]
    assert all((event or "").startswith("refer;id=") for event in events[2:])
    hang_up(world, third)


def test_an_answer_without_usable_audio() -> None:
    world, third = transferring(on_invite=lambda phone, invite: invite.accept(body=b"rubbish"))
    world.talking_outbound()
    refer(world, world.customer)
    assert told(world, world.customer)[-1] == "SIP/2.0 488 Not Acceptable Here"
    assert "bye_received" in third.events
    hang_up(world, world.customer)


def test_the_target_hangs_up_while_the_other_peer_is_being_asked() -> None:
    world, third = transferring()
    world.talking_outbound()
    exchanges: list[IncomingOffer] = []
    world.gateway.on_offer = lambda phone, exchange: exchanges.append(exchange)
    refer(world, world.customer)
    third.the_usage.bye()
    world.clock.advance(1)
    assert told(world, world.customer)[-1].startswith("SIP/2.0 480 ")
    exchanges[0].accept(audio(GATEWAY, version=2))
    world.clock.advance(5)
    before = world.node.the_call.caller.media.figures().packets_sent
    world.clock.advance(1)
    assert world.node.the_call.caller.media.figures().packets_sent - before > 40
    hang_up(world, world.customer)


def target_rings_reliably(phone: Phone, invite: IncomingInvite) -> None:
    """A 183 with the answer, a 200 without."""
    invite.progress(183, body=audio(phone.host.address.host))
    phone.agent.clock.at(phone.agent.clock.now() + 1, lambda: invite.accept(body=b""))


def test_an_answer_without_a_description_is_of_no_use() -> None:
    world, third = transferring(on_invite=lambda phone, invite: invite.accept(body=b""))
    world.talking_outbound()
    refer(world, world.customer)
    assert told(world, world.customer)[-1] == "SIP/2.0 488 Not Acceptable Here"
    assert "bye_received" in third.events
    assert len(world.heard_by(world.gateway, "INVITE")) == 1, "the other peer has heard nothing of it"
    world.clock.advance(5)
    assert len(world.node.switch) == 1
    hang_up(world, world.customer)


def target_rings_on(phone: Phone, invite: IncomingInvite) -> None:
    """180 every second, and an answer after three."""
    clock = phone.agent.clock
    for seconds in range(3):
        clock.at(clock.now() + seconds, lambda: invite.progress(180))
    clock.at(clock.now() + 3, lambda: invite.accept(body=audio(phone.host.address.host)))


def test_what_is_said_again_is_told_once() -> None:
    world, third = transferring(on_invite=target_rings_on)
    world.talking_outbound()
    refer(world, world.customer, seconds=5)
    assert told(world, world.customer) == ["SIP/2.0 100 Trying", "SIP/2.0 180 Ringing", "SIP/2.0 200 OK"]
    hang_up(world, third)


def test_the_answer_of_a_provisional_response_counts() -> None:
    world, third = transferring(on_invite=target_rings_reliably)
    world.talking_outbound()
    refer(world, world.customer)
    assert told(world, world.customer)[-1] == "SIP/2.0 200 OK"
    hang_up(world, third)
