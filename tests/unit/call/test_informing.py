"""INFO within a call. How digits in it reach the other peer is in `test_digits`."""

import pytest

from tests.simulation.world import World, ringing
from trunkline.sip.message import response_to


def test_info_crosses_with_its_body_and_its_answer_comes_back() -> None:
    world = World()
    world.talking_outbound()
    world.customer.the_usage.info(
        "application/x-thing", b"abc", world.customer.note_answer, world.customer.note_refusal
    )
    world.clock.advance(1)
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
        lambda info, transaction: transaction.respond(response_to(info, status)),
    )
    world.customer.the_usage.info(
        "application/x-thing", b"abc", world.customer.note_answer, world.customer.note_refusal
    )
    world.clock.advance(1)
    assert world.customer.events[-1] == f"refusal {told}"
    world.customer.the_usage.bye()
    world.finish()


def test_before_the_answer_there_is_nobody_to_inform() -> None:
    world = World()
    world.gateway.on_invite = ringing
    world.outbound()
    world.clock.advance(2)
    world.gateway.the_usage.info(
        "application/x-thing", b"abc", world.gateway.note_answer, world.gateway.note_refusal
    )
    world.clock.advance(1)
    assert world.gateway.events[-1] == "refusal 481"
    world.customer_cancels()
    world.finish()
