"""Which REFER is a transfer, and what the others are answered."""

from dataclasses import replace

import pytest

from tests.simulation.descriptions import audio
from tests.simulation.transfers import ALLOWED, TARGET, hang_up, refer, replaces, told, transferring
from tests.simulation.world import ACCOUNT, NODE, SECRET, credential, ringing
from trunkline.sip.outbound_auth import DigestUser
from trunkline.sip.usage import IncomingOffer


def test_an_account_without_it() -> None:
    world, third = transferring(ACCOUNT)
    world.talking_outbound()
    refer(world, world.customer)
    assert "refusal 603" in world.customer.events
    assert third.events == []
    hang_up(world, world.customer)


@pytest.mark.parametrize("way", ["outbound", "inbound"])
def test_a_carrier_transfers_nothing(way: str) -> None:
    world, third = transferring()
    if way == "outbound":
        world.talking_outbound()
    else:
        world.talking_inbound()
    refer(world, world.gateway)
    assert "refusal 603" in world.gateway.events
    assert third.events == []
    hang_up(world, world.customer)


def test_whom_the_call_was_transferred_to_transfers_nothing() -> None:
    world, third = transferring()
    world.talking_outbound()
    refer(world, world.customer)
    for phone in (third, world.gateway):
        refer(world, phone)
        assert "refusal 603" in phone.events
    hang_up(world, third)


def test_one_at_a_time() -> None:
    world, third = transferring(on_invite=ringing)
    world.talking_outbound()
    refer(world, world.customer)
    refer(world, world.customer)
    assert "refusal 491" in world.customer.events
    assert third.events == ["invite_received"]
    hang_up(world, world.customer)


def test_not_while_an_offer_waits_for_its_answer() -> None:
    world, third = transferring()
    world.talking_outbound()
    exchanges: list[IncomingOffer] = []
    world.gateway.on_offer = lambda phone, exchange: exchanges.append(exchange)
    customer = world.customer
    held = audio(customer.host.address.host, direction="sendonly", version=2)
    customer.the_usage.reinvite(held, customer.note_answer, customer.note_refusal)
    world.clock.advance(1)
    refer(world, customer)
    assert "refusal 491" in customer.events
    assert third.events == []
    exchanges[0].reject(488)
    world.clock.advance(1)
    hang_up(world, customer)


@pytest.mark.parametrize(
    ("to", "named"),
    [
        ("<sip:", "Refer-To"),
        ("<sip:1@a>, <sip:2@b>", "Refer-To: exactly one address is needed"),
        ("<sip:33140205050@10.0.0.1", "Refer-To"),
        (f"<sip:{TARGET}@{NODE}?Replaces=a%3Bto-tag%3Db>", "Replaces: a Call-ID, one to-tag and one"),
    ],
)
def test_malformed_with_the_header_named(to: str, named: str) -> None:
    world, third = transferring()
    world.talking_outbound()
    refer(world, world.customer, to)
    assert "refusal 400" in world.customer.events
    refusal = world.network.sent("400 REFER")[-1].message
    assert refusal.headers.all("reason")[0] == 'SIP;cause=400;text="malformed-request"'
    assert named in (refusal.headers.get("warning") or "")
    assert third.events == []
    hang_up(world, world.customer)


def test_a_dialog_that_nobody_knows_is_declined() -> None:
    world, third = transferring()
    world.talking_outbound()
    refer(world, world.customer, f"<sip:{TARGET}@{NODE}?X=1&Repl%61ces=a%3Bto-tag%3Db%3Bfrom-tag%3Dc>")
    assert "refusal 603" in world.customer.events
    assert third.events == []
    hang_up(world, world.customer)


def test_its_own_dialog_is_declined() -> None:
    world, _ = transferring()
    world.talking_outbound()
    refer(world, world.customer, replaces(world.customer.the_usage))
    assert "refusal 603" in world.customer.events
    hang_up(world, world.customer)


def test_only_while_it_rings() -> None:
    """RFC 3891 §3: an answered call is none that `early-only` means."""
    world, third = transferring()
    world.talking_outbound()
    first = world.customer.the_usage
    world.outbound(TARGET)
    world.clock.advance(2)
    refer(world, world.customer, replaces(world.customer.the_usage, "%3Bearly-only"), usage=first)
    assert "refusal 603" in world.customer.events
    first.bye()
    hang_up(world, third)


def test_a_call_that_rings_is_declined() -> None:
    world, third = transferring(on_invite=ringing)
    world.talking_outbound()
    first = world.customer.the_usage
    world.outbound(TARGET)
    world.clock.advance(2)
    refer(world, world.customer, replaces(world.customer.the_usage), usage=first)
    assert "refusal 603" in world.customer.events
    assert third.events == ["invite_received"]
    first.bye()
    third.invites[0].reject(486)
    world.finish()


@pytest.mark.parametrize("way", ["the far side's", "another account's"])
def test_a_dialog_of_somebody_else_is_declined(way: str) -> None:
    """Whoever knows the tags of a call that is not theirs gets nothing by them."""
    world, third = transferring()
    other = replace(ALLOWED, key="other", credentials=(credential("other"),))
    world.node.put(other)
    world.talking_outbound()
    first = world.customer.the_usage
    by = {} if way == "the far side's" else {"credentials": DigestUser("other", SECRET)}
    world.outbound(TARGET, **by)
    world.clock.advance(2)
    wanted = replaces(world.customer.the_usage if by else third.the_usage)
    refer(world, world.customer, wanted, usage=first)
    assert "refusal 603" in world.customer.events
    assert told(world, world.customer) == []
    first.bye()
    hang_up(world, third)


def test_not_while_an_offer_in_the_other_call_waits() -> None:
    world, third = transferring()
    world.talking_outbound()
    first = world.customer.the_usage
    world.outbound(TARGET)
    world.clock.advance(2)
    exchanges: list[IncomingOffer] = []
    third.on_offer = lambda phone, exchange: exchanges.append(exchange)
    customer = world.customer
    held = audio(customer.host.address.host, direction="sendonly", version=2)
    customer.the_usage.reinvite(held, customer.note_answer, customer.note_refusal)
    world.clock.advance(1)
    refer(world, customer, replaces(customer.the_usage), usage=first)
    assert "refusal 491" in customer.events
    exchanges[0].reject(488)
    world.clock.advance(1)
    first.bye()
    hang_up(world, third)
