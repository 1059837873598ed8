"""An attempt as it is placed: counted, linked with its call, patient as its target says."""

from dataclasses import replace

from tests.simulation.world import CARRIER, SETTINGS, World, ringing


def test_attempts_are_counted_and_linked_with_their_call() -> None:
    world = World()
    world.gateway.on_invite = ringing
    world.outbound()
    world.clock.advance(1)
    (attempt,) = world.attempts
    assert (attempt.position, attempt.carrier, attempt.call_id) == (1, "carrier", world.record.call_id)
    assert world.node.trace.links[attempt.sip_call_id] == world.record.call_id
    world.customer_cancels()
    world.finish()


def test_the_patience_of_the_carrier_comes_before_the_nodes() -> None:
    for carrier, silence_s in ((CARRIER, 4.0), (replace(CARRIER, response_timeout_ms=2500), 2.5)):
        world = World(carrier=carrier, settings=replace(SETTINGS, gateway_silence_ms=4000))
        world.gateway.on_invite = ringing
        world.outbound()
        world.clock.advance(1)
        attempt = world.node.the_call.attempt
        assert attempt is not None
        assert attempt.patience.silence_s == silence_s
        world.customer_cancels()
        world.finish()
