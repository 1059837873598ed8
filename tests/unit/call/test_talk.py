"""What goes on in an answered call: how long it lasts, what is told of it, whether a transfer may have it.

Its exchanges are in `test_renegotiation`, its transfers in theirs, its audio in `test_quality`.
"""

import gc
from dataclasses import replace

from tests.simulation.descriptions import audio
from tests.simulation.transfers import refer, transferring
from tests.simulation.world import GATEWAY, SETTINGS, World
from trunkline.call.call import Call
from trunkline.call.talk import Talk
from trunkline.sip.exchange import IncomingOffer
from trunkline.trunk.verdict import Slug


def talk_of(world: World) -> Talk:
    talk = world.node.the_call.talk
    assert talk is not None
    return talk


def test_the_longest_call() -> None:
    world = World(settings=replace(SETTINGS, longest_call_s=600.0))
    world.talking_outbound()
    world.clock.advance(610)
    assert world.customer.events[-1] == "bye_received"
    world.finish()
    assert world.slug is Slug.MAX_DURATION


def test_a_call_that_is_over_is_not_ended_once_more() -> None:
    world = World(settings=replace(SETTINGS, longest_call_s=600.0))
    world.talking_outbound()
    world.clock.advance(590)
    world.customer.the_usage.bye()
    world.clock.advance(20)
    assert world.slug is Slug.ANSWERED
    world.finish()


def test_there_is_none_before_the_answer() -> None:
    world = World()
    world.outbound()
    world.clock.advance(0.5)
    assert world.node.the_call.talk is None
    assert world.node.the_call.may_rekey is None
    world.clock.advance(1.5)
    talk = talk_of(world)
    assert talk.may_rekey is not None
    assert (talk.renegotiating, talk.bound) == (False, False)
    caller, callee = world.node.the_call.caller, world.node.the_call.callee
    assert callee is not None
    assert (talk.other(caller), talk.other(callee)) == (callee, caller)
    world.customer.the_usage.bye()
    world.finish()


def test_an_answer_in_ack_is_something_new_that_was_agreed_on() -> None:
    world = World()
    told: list[str] = []
    world.node.services.agreed = told.append
    peer = world.carrier_peer()
    peer.invite()
    world.clock.advance(2)
    assert told == []
    peer.acknowledge()
    world.clock.advance(1)
    assert told == [world.record.call_id]
    peer.hang_up()
    world.finish()


def test_an_answer_to_a_session_refresh_does_not_disturb_a_transfer() -> None:
    """Y has been offered what the target says: what it says of what stood before is out of date."""
    world, _ = transferring()
    world.talking_outbound()
    waiting: list[IncomingOffer] = []
    world.gateway.on_offer = lambda phone, exchange: waiting.append(exchange)
    moved = audio(GATEWAY, port=7000, version=2)
    call = world.node.the_call
    assert call.callee is not None
    refer(world, world.customer)
    assert waiting, "the transfer joins"
    assert talk_of(world).may_rekey is None
    talk_of(world).refreshed(call.callee, moved)
    assert call.callee.described.rtp_port == 4000
    waiting.pop().reject(488)
    world.clock.advance(1)
    assert talk_of(world).may_rekey is not None
    talk_of(world).refreshed(call.callee, moved)
    assert call.callee.described.rtp_port == 7000
    world.customer.the_usage.bye()
    world.finish()


def test_nothing_holds_a_call_that_is_over() -> None:
    """It goes at once, without the garbage collector's help."""
    gc.collect()
    gc.disable()
    try:
        world = World()
        world.talking_outbound()
        world.customer.the_usage.bye()
        world.finish()
        assert [one for one in gc.get_objects() if isinstance(one, Call | Talk)] == []
    finally:
        gc.enable()
