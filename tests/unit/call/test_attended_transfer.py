"""Attended transfer by the trunk: the far ends of two calls of an account talk with each other, and every way
in which it fails.
"""

from dataclasses import replace

import pytest

from tests.simulation.descriptions import audio, direction, line
from tests.simulation.phone import Phone
from tests.simulation.transfers import ALLOWED, TARGET, refer, replaces, told, transferring
from tests.simulation.world import CUSTOMER, GATEWAY, KEY, follow_offer
from tests.unit.call.refusals import error_id
from trunkline.call.record import Party
from trunkline.media.fake_leg import FakeLeg
from trunkline.sip.usage import IncomingOffer, Usage
from trunkline.trunk.account import Account
from trunkline.trunk.limits import inbound_key
from trunkline.trunk.verdict import Slug, Verdict

WAYS = ["outbound", "inbound"]


class Trial:
    """Two answered calls of the customer's: with Y at the gateway and with Z, at the third party's."""

    def __init__(self, way: str = "outbound", account: Account = ALLOWED) -> None:
        self.world, self.z = transferring(account)
        world = self.world
        if way == "outbound":
            world.talking_outbound()
        else:
            world.talking_inbound()
        self.y = world.gateway
        self.first = world.customer.the_usage
        world.outbound(TARGET)
        world.clock.advance(2)
        self.second = world.customer.the_usage
        assert self.second is not self.first
        world.customer.events.clear()
        self.y.events.clear()
        self.z.events.clear()

    def refer(self, *more: tuple[str, str], seconds: float = 3, swapped: bool = False) -> None:
        """In the call with Y, towards Z; `swapped`: the other way round."""
        usage, wanted = (self.second, self.first) if swapped else (self.first, self.second)
        refer(self.world, self.world.customer, replaces(wanted), *more, seconds=seconds, usage=usage)

    def hear_each_other(self) -> None:
        """Y and Z, in the only call that is left."""
        call = self.world.node.the_call
        assert call.callee is not None
        legs = (call.caller.media, call.callee.media)
        before = [leg.figures().packets_sent for leg in legs]
        self.world.clock.advance(2)
        assert all(leg.figures().packets_sent - sent > 90 for leg, sent in zip(legs, before, strict=True))

    def still_up(self) -> None:
        """Both calls."""
        self.world.clock.advance(5)
        assert len(self.world.node.switch) == 2
        assert "bye_received" not in self.world.customer.events

    def end(self, *usages: Usage) -> None:
        for usage in usages:
            usage.bye()
        self.world.finish()


def held(trial: Trial, usage: Usage) -> None:
    """The customer puts the far end on hold."""
    customer = trial.world.customer
    body = audio(customer.host.address.host, direction="sendonly", version=2)
    usage.reinvite(body, customer.note_answer, customer.note_refusal)
    trial.world.clock.advance(1)


# -- it works --------------------------------------------------------------------------------------


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("swapped", [False, True])
def test_the_two_far_ends_are_joined(way: str, *, swapped: bool) -> None:
    trial = Trial(way)
    world = trial.world
    held(trial, trial.first)
    held(trial, trial.second)
    trial.refer(swapped=swapped)
    assert "answer 202 REFER" in world.customer.events
    assert told(world, world.customer) == ["SIP/2.0 100 Trying", "SIP/2.0 200 OK"]
    assert world.customer.events.count("bye_received") == 2
    assert [direction(phone.answered_offers[-1]) for phone in (trial.y, trial.z)] == ["sendrecv"] * 2
    assert len(world.heard_by(trial.z, "INVITE")) == 3, "the call, the hold, and the offer on Y's behalf"
    trial.hear_each_other()
    trial.end(trial.z.the_usage)
    assert trial.y.events[-1] == "bye_received"


def test_what_the_records_say() -> None:
    trial = Trial()
    world = trial.world
    trial.refer()
    world.clock.advance(60)
    assert world.node.limits.calls_up(KEY) == 2, "both parts of the way are the account's"
    trial.end(trial.y.the_usage)
    first, second = world.node.books.calls
    assert (first.hung_up_by, first.attempts) == (Party.CALLEE, 2)
    assert (second.hung_up_by, second.attempts) == (Party.CALLER, 1)
    assert second.ended_at is not None
    assert first.ended_at is not None
    assert first.ended_at - second.ended_at > 60
    _, reached, taken = world.attempts
    assert (taken.call_id, taken.position, taken.target) == (first.call_id, 2, reached.target)
    assert (taken.carrier, taken.sip_call_id, taken.resolved) == (
        "france",
        reached.sip_call_id,
        reached.resolved,
    )
    assert taken.answered_at == second.ended_at
    assert taken.ended_at == first.ended_at
    assert world.attempt_slugs == [Slug.ANSWERED] * 3
    assert world.node.trace.links[taken.sip_call_id] == first.call_id


def test_whom_an_inbound_call_brought_is_named_by_its_number() -> None:
    trial = Trial("inbound")
    trial.refer(swapped=True)
    trial.end(trial.z.the_usage)
    assert trial.world.attempts[-1].target == trial.world.node.books.calls[0].caller


def test_the_session_of_the_target_goes_on() -> None:
    """RFC 3264 §8: the same origin, a higher version, another port."""
    trial = Trial()
    trial.refer()
    offers = [one.body for one in trial.world.heard_by(trial.z, "INVITE")]
    (first, later) = (line(body, "o").split() for body in offers)
    assert first[1] == later[1]
    assert int(first[2]) + 1 == int(later[2])
    assert line(offers[0], "m").split()[1] != line(offers[1], "m").split()[1]
    trial.end(trial.z.the_usage)


def test_the_media_of_the_target_may_come_from_where_it_signals_from() -> None:
    """Behind a NAT it names an address that nothing can be sent to."""
    trial = Trial()
    trial.refer()
    leg = trial.world.node.the_call.caller
    assert isinstance(leg.media, FakeLeg)
    assert leg.media.remote is not None
    assert leg.media.remote.signalled_from == trial.z.host.address.host
    trial.end(trial.z.the_usage)


@pytest.mark.parametrize("which", ["first", "second", "both"])
def test_the_referrer_hangs_up_at_once(which: str) -> None:
    trial = Trial()
    trial.refer(seconds=0.015)
    for name, usage in (("first", trial.first), ("second", trial.second)):
        if which in (name, "both"):
            usage.bye()
    trial.world.clock.advance(3)
    trial.hear_each_other()
    trial.end(trial.z.the_usage)
    assert trial.world.node.books.calls[0].hung_up_by is Party.CALLER


def test_two_calls_to_the_account_s_numbers_count_until_their_callers_are_gone() -> None:
    """And once each: whom the account has joined are both still there."""
    world, _ = transferring(replace(ALLOWED, max_inbound=2, max_concurrent=0))
    world.talking_inbound()
    y, first = world.gateway.the_usage, world.customer.the_usage
    world.talking_inbound()
    second = world.customer.the_usage
    refer(world, world.customer, replaces(second), usage=first)
    assert told(world, world.customer)[-1] == "SIP/2.0 200 OK"
    world.clock.advance(5)
    assert len(world.node.switch) == 1
    limits, key = world.node.limits, inbound_key(KEY)
    assert (limits.calls_up(key), limits.calls_up(KEY)) == (2, 0)
    world.inbound()
    world.clock.advance(1)
    assert error_id(world.gateway.responses[-1]) == "numbers-busy"
    y.bye()
    world.clock.advance(1)
    assert limits.calls_up(key) == 0
    world.finish()


def test_minutes_of_the_target_go_on_to_count() -> None:
    trial = Trial(account=replace(ALLOWED, minutes_per_day=3))
    trial.refer()
    trial.world.clock.advance(60)
    trial.world.clock.advance(60)
    assert len(trial.world.node.switch) == 0, "two parts of the way, a minute and a half each"
    assert {trial.y.events[-1], trial.z.events[-1]} == {"bye_received"}
    trial.world.finish()


def test_minutes_of_the_target_end_a_call_that_costs_none_itself() -> None:
    trial = Trial("inbound", account=replace(ALLOWED, minutes_per_day=2))
    trial.refer()
    trial.world.clock.advance(100)
    assert len(trial.world.node.switch) == 1
    trial.world.clock.advance(20)
    assert len(trial.world.node.switch) == 0
    assert {trial.y.events[-1], trial.z.events[-1]} == {"bye_received"}
    trial.world.finish()
    assert trial.world.node.books.calls[0].verdict is not None
    assert trial.world.node.books.calls[0].verdict.slug is Slug.MINUTES_LIMIT


def test_a_further_transfer_is_declined() -> None:
    trial = Trial()
    trial.refer()
    for phone in (trial.y, trial.z):
        refer(trial.world, phone)
        assert "refusal 603" in phone.events
    trial.end(trial.y.the_usage)


# -- it fails --------------------------------------------------------------------------------------


def test_the_other_peer_refuses() -> None:
    trial = Trial()
    trial.y.on_offer = lambda phone, exchange: exchange.reject(488)
    trial.refer()
    assert told(trial.world, trial.world.customer)[-1] == "SIP/2.0 488 Not Acceptable Here"
    assert len(trial.world.heard_by(trial.z, "INVITE")) == 1, "the target has heard nothing of it"
    trial.still_up()
    trial.end(trial.first, trial.second)


def test_the_answer_of_the_other_peer_can_not_be_used() -> None:
    trial = Trial()
    trial.y.on_offer = lambda phone, exchange: exchange.accept(b"rubbish")
    trial.refer()
    assert told(trial.world, trial.world.customer)[-1] == "SIP/2.0 488 Not Acceptable Here"
    assert len(trial.world.heard_by(trial.z, "INVITE")) == 1, "the target has heard nothing of it"
    trial.still_up()
    trial.end(trial.first, trial.second)


def test_the_target_refuses() -> None:
    trial = Trial()
    trial.z.on_offer = lambda phone, exchange: exchange.reject(488)
    trial.refer()
    assert told(trial.world, trial.world.customer)[-1] == "SIP/2.0 488 Not Acceptable Here"
    trial.still_up()
    assert trial.world.attempt_slugs == [Slug.ABANDONED]
    trial.end(trial.first, trial.second)


def test_what_stood_with_the_target_stands_after_its_refusal() -> None:
    """RFC 3264 §8: X goes on in that call as if Z had never been asked."""
    trial = Trial()
    customer, z = trial.world.customer, trial.z
    for call in trial.world.node.switch:
        assert call.callee is not None
        call.callee.policy = replace(call.callee.policy, transcoding=False)
    z.the_usage.reinvite(audio(z.host.address.host, codecs=(8,), version=2), z.note_answer, z.note_refusal)
    trial.world.clock.advance(1)
    trial.y.on_offer = lambda phone, exchange: exchange.accept(audio(GATEWAY, codecs=(0,), version=2))
    z.on_offer = lambda phone, exchange: exchange.reject(488)
    trial.refer()
    assert told(trial.world, customer)[-1] == "SIP/2.0 488 Not Acceptable Here"
    trial.second.reinvite(audio(CUSTOMER, version=3), customer.note_answer, customer.note_refusal)
    trial.world.clock.advance(1)
    assert customer.events[-1] == "answer 200 INVITE"
    assert line(customer.responses[-1].body, "m").split()[3:] == ["8", "101"]
    trial.end(trial.first, trial.second)


def test_what_the_other_peer_has_said_for_the_targets_sake_counts_for_the_referrer() -> None:
    trial = Trial()
    trial.y.on_offer = lambda phone, exchange: exchange.accept(audio(GATEWAY, port=7000, version=2))
    trial.z.on_offer = lambda phone, exchange: exchange.reject(488)
    trial.refer()
    first = next(iter(trial.world.node.switch))
    assert first.callee is not None
    assert isinstance(first.callee.media, FakeLeg)
    assert first.callee.media.remote is not None
    assert first.callee.media.remote.rtp_port == 7000
    trial.end(trial.first, trial.second)


def test_a_target_is_given_to_one_transfer_at_a_time() -> None:
    trial = Trial()
    world = trial.world
    world.outbound(TARGET)
    world.clock.advance(2)
    third = world.customer.the_usage
    trial.y.on_offer = lambda phone, exchange: None
    trial.refer(seconds=1)
    refer(world, world.customer, replaces(trial.second), usage=third)
    assert "refusal 603" in world.customer.events
    trial.end(trial.first, trial.second, third)


@pytest.mark.parametrize("left", [False, True])
def test_the_target_hangs_up_meanwhile(*, left: bool) -> None:
    trial = Trial()
    exchanges: list[IncomingOffer] = []
    trial.y.on_offer = lambda phone, exchange: exchanges.append(exchange)
    trial.refer(seconds=1)
    if left:
        trial.first.bye()
        trial.world.clock.advance(1)
    trial.z.the_usage.bye()
    trial.world.clock.advance(1)
    assert len(trial.world.node.switch) == (0 if left else 1)
    exchanges[0].accept(audio(GATEWAY, version=2))
    if not left:
        assert told(trial.world, trial.world.customer)[-1].startswith("SIP/2.0 480 ")
        trial.hear_each_other()
    trial.end(trial.first)


@pytest.mark.parametrize("left", [False, True])
def test_the_other_peer_hangs_up_while_the_target_is_asked(*, left: bool) -> None:
    """Z, who has agreed to a port of the call that is gone, is asked back; without X that call ends too."""
    trial = Trial()
    exchanges: list[IncomingOffer] = []

    def keep(phone: Phone, exchange: IncomingOffer) -> None:
        exchanges.append(exchange)
        exchange.on_cancel = lambda: None  # it has agreed by then (RFC 6141 §3.8)

    trial.z.on_offer = keep
    trial.refer(seconds=1)
    if left:
        trial.second.bye()
        trial.world.clock.advance(1)
    trial.y.the_usage.bye()
    trial.world.clock.advance(1)
    exchanges.pop().accept(audio(trial.z.host.address.host, version=2))
    trial.world.clock.advance(1)
    assert len(trial.world.node.switch) == (0 if left else 1)
    if not left:
        exchanges.pop().accept(audio(trial.z.host.address.host, version=3))
        trial.hear_each_other()
    trial.end(trial.second)


def test_the_target_refuses_when_the_other_peer_has_gone() -> None:
    trial = Trial()
    exchanges: list[IncomingOffer] = []
    trial.z.on_offer = lambda phone, exchange: exchanges.append(exchange)
    trial.refer(seconds=1)
    trial.y.the_usage.bye()
    trial.world.clock.advance(1)
    exchanges.pop().reject(488)
    trial.world.clock.advance(1)
    assert len(trial.world.node.switch) == 1
    assert told(trial.world, trial.world.customer)[1:] == ["SIP/2.0 487 Request Terminated"]
    trial.end(trial.second)


def test_the_answer_of_the_target_can_not_be_used() -> None:
    trial = Trial()
    answers = iter([b"rubbish", audio(trial.z.host.address.host, version=3)])
    trial.z.on_offer = lambda phone, exchange: exchange.accept(next(answers))
    trial.refer()
    assert told(trial.world, trial.world.customer)[-1].startswith("SIP/2.0 488 ")
    assert next(answers, None) is None, "it was asked back"
    trial.still_up()
    trial.end(trial.first, trial.second)


@pytest.mark.parametrize("again", [b"rubbish", b""])
def test_a_target_that_can_not_be_asked_back_stays_where_it_is(again: bytes) -> None:
    trial = Trial()
    answers = iter([b"rubbish", again])
    trial.z.on_offer = lambda phone, exchange: exchange.accept(next(answers))
    trial.refer()
    assert next(answers, None) is None
    trial.still_up()
    trial.end(trial.first, trial.second)


def test_a_target_that_offers_something_while_it_is_asked_back_comes_back_first() -> None:
    """Its offer, and one of X, meet 491 until then (RFC 3261 §14.1)."""
    trial = Trial()
    z, customer = trial.z, trial.world.customer
    held = audio(z.host.address.host, direction="sendonly", version=3)

    def refuse(phone: Phone, exchange: IncomingOffer) -> None:
        exchange.reject(491)
        phone.on_offer = follow_offer

    def answer_badly(phone: Phone, exchange: IncomingOffer) -> None:
        exchange.accept(b"rubbish")
        phone.on_offer = refuse

    z.on_offer = answer_badly
    trial.refer(seconds=0.5)
    z.the_usage.update(held, z.note_answer, z.note_refusal, relayed=True)
    trial.world.clock.advance(0.5)
    assert z.events[-1] == "refusal 491"
    body = audio(CUSTOMER, direction="sendonly", version=2)
    trial.second.update(body, customer.note_answer, customer.note_refusal, relayed=True)
    trial.world.clock.advance(0.5)
    assert customer.events[-1] == "refusal 491"
    trial.world.clock.advance(5)
    (back,) = z.answered_offers
    call = trial.world.node.switch.call(trial.world.node.books.calls[-1].call_id)
    assert call is not None
    assert call.callee is not None
    assert line(back, "m").split()[1] == str(call.callee.media.port)
    z.the_usage.update(held, z.note_answer, z.note_refusal)
    trial.world.clock.advance(1)
    assert z.events[-1] == "answer 200 UPDATE"
    trial.still_up()
    trial.end(trial.first, trial.second)


@pytest.mark.parametrize("asked", ["y", "z"])
def test_who_was_to_be_asked_again_is_left_alone_once_the_transfer_has_failed(asked: str) -> None:
    """It refused with 491, and the other of the two has hung up before its next turn."""
    trial = Trial()
    phone, gone = (trial.y, trial.z) if asked == "y" else (trial.z, trial.y)
    phone.on_offer = lambda phone, exchange: exchange.reject(491)
    trial.refer(seconds=0.1)
    phone.on_offer = follow_offer
    gone.the_usage.bye()
    trial.world.clock.advance(10)
    assert phone.answered_offers == []
    assert len(trial.world.node.switch) == 1
    trial.world.node.the_call.hang_up(Verdict.of(Slug.HUNG_UP_BY_OPERATOR))
    trial.world.finish()


def test_an_operator_ends_the_call_with_the_target() -> None:
    trial = Trial()
    trial.y.on_offer = lambda phone, exchange: None
    trial.refer(seconds=1)
    _, second = trial.world.node.switch
    second.hang_up(Verdict.of(Slug.HUNG_UP_BY_OPERATOR))
    trial.world.clock.advance(40)
    assert "bye_received" in trial.z.events
    trial.end(trial.first)


def test_offers_meanwhile_are_refused_in_both_calls() -> None:
    trial = Trial()
    waiting: list[IncomingOffer] = []
    trial.y.on_offer = lambda phone, exchange: waiting.append(exchange)
    trial.refer(seconds=1)
    z = trial.z
    z.the_usage.reinvite(audio(z.host.address.host, version=5), z.note_answer, z.note_refusal, relayed=True)
    trial.world.clock.advance(1)
    assert "refusal 491" in z.events
    waiting[0].accept(audio(GATEWAY, version=2))
    trial.world.clock.advance(2)
    trial.hear_each_other()
    trial.end(z.the_usage)
