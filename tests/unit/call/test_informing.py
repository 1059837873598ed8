"""INFO within a call. How digits in it reach the other peer is in `test_digits`."""

from tests.simulation.world import World, ringing


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
