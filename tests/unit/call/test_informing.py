"""INFO within a call. How digits in it reach the other peer is in `test_digits`."""

from dataclasses import replace

import pytest

from tests.simulation.phone import Phone
from tests.simulation.world import ACCOUNT, GATEWAY_2, World, answer, early_media, ringing, silent
from trunkline.sip.message import response_to
from trunkline.trunk.account import Ringback


def inform(world: World, phone: Phone) -> None:
    """`phone` sends an INFO; what came back is the last of its events."""
    phone.the_usage.info("application/x-thing", b"abc", phone.note_answer, phone.note_refusal)
    world.clock.advance(1)


def test_info_crosses_with_its_body_and_its_answer_comes_back() -> None:
    world = World()
    world.talking_outbound()
    inform(world, world.customer)
    (info,) = world.heard_by(world.gateway, "INFO")
    assert (info.headers.get("content-type"), info.body) == ("application/x-thing", b"abc")
    assert "answer 200 INFO" in world.customer.events
    world.customer.the_usage.bye()
    world.finish()


@pytest.mark.parametrize(("status", "told"), [(415, 415), (407, 403)])
def test_a_refusal_comes_back_and_a_challenge_as_403(
    monkeypatch: pytest.MonkeyPatch, status: int, told: int
) -> None:
    """A challenge is meant for us (RFC 3261 §22)."""
    world = World()
    world.talking_outbound()
    monkeypatch.setattr(
        world.gateway,
        "info_received",
        lambda info, transaction: transaction.respond(
            response_to(info, status, headers=[("Accept", "application/y-thing")])
        ),
    )
    inform(world, world.customer)
    assert world.customer.events[-1] == f"refusal {told}"
    said = world.network.sent(f"{told} INFO")[-1].message.headers.get("accept")
    assert said == ("application/y-thing" if told == 415 else None), "RFC 3261 §21.4.13"
    world.customer.the_usage.bye()
    world.finish()


# -- before the answer -----------------------------------------------------------------------------


def test_what_a_caller_says_before_the_answer_reaches_the_callee() -> None:
    world = World()
    world.gateway.on_invite = early_media
    world.outbound()
    world.clock.advance(2)
    inform(world, world.customer)
    assert world.customer.events[-1] == "answer 200 INFO"
    (info,) = world.heard_by(world.gateway, "INFO")
    assert info.body == b"abc"
    world.customer_cancels()
    world.finish()


@pytest.mark.parametrize("who", ["caller", "callee"])
def test_with_nobody_to_inform_the_dialog_goes_on(who: str) -> None:
    """A 481 would end it (RFC 3261 §12.2.1.2)."""
    world = World(account=replace(ACCOUNT, ringback=Ringback.AT_ONCE))
    world.gateway.on_invite = silent if who == "caller" else ringing
    world.outbound()
    world.clock.advance(2)
    phone = world.customer if who == "caller" else world.gateway
    inform(world, phone)
    assert phone.events[-1] == "refusal 488"
    answer(world.gateway, world.gateway.invites[-1])
    world.clock.advance(1)
    assert world.customer.events[-1] == "answered"
    world.customer.the_usage.bye()
    world.finish()


def test_an_info_that_finds_its_callee_gone_leaves_the_caller_its_dialog() -> None:
    """The next gateway is being tried."""
    world = World()
    second = world.phone(GATEWAY_2)
    second.on_invite = ringing
    world.gateway.on_invite = ringing
    world.outbound()
    world.clock.advance(2)
    world.customer.the_usage.info(
        "application/x-thing", b"abc", world.customer.note_answer, world.customer.note_refusal
    )
    world.clock.advance(0.015)
    world.gateway.invites[-1].reject(503)
    world.clock.advance(2)
    assert world.customer.events[-2:] == ["refusal 504", "progressed 180"]
    answer(second, second.invites[-1])
    world.clock.advance(1)
    assert world.customer.events[-1] == "answered"
    world.customer.the_usage.bye()
    world.finish()
