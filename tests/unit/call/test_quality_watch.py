"""Asking the legs of answered calls how their audio is."""

from tests.simulation.world import World
from trunkline.call.quality import EVERY_S, MAX_POINTS
from trunkline.call.quality_watch import QualityWatch


def listening(world: World) -> tuple[QualityWatch, str]:
    """To a call that was answered just now."""
    world.talking_outbound()
    watch = QualityWatch(world.clock, world.node.switch.call, lambda loss, jitter_ms, codec: 4.0)
    (call,) = world.node.switch
    watch.answered(call.record.call_id)
    return watch, call.record.call_id


def over(world: World) -> None:
    """The call has ended, and nothing is left of it."""
    world.finish()
    assert len(world.clock) == 0


def test_a_call_is_asked_every_few_seconds_from_its_answer_on() -> None:
    world = World()
    watch, call_id = listening(world)
    watch.answered(call_id)
    world.clock.advance(EVERY_S - 0.1)
    assert watch.course(call_id) is None
    world.clock.advance(2 * EVERY_S + 0.2)
    course = watch.course(call_id)
    assert course is not None
    caller, callee = course.quality()
    assert [point.until_s for point in caller] == [5.0, 10.0, 15.0]
    assert [point.received for point in caller[1:]] == [250, 250]
    assert [point.received for point in callee[1:]] == [250, 250]
    assert watch.ended(call_id) is course
    assert watch.ended(call_id) is None
    world.clock.advance(3 * EVERY_S)
    assert len(course.quality().caller) == 3
    world.customer.the_usage.bye()
    world.finish()


def test_a_long_call_is_asked_less_often() -> None:
    world = World()
    watch, call_id = listening(world)
    world.clock.advance(EVERY_S * MAX_POINTS + 4 * EVERY_S + 1)
    course = watch.course(call_id)
    assert course is not None
    assert len(course.quality().caller) == MAX_POINTS // 2 + 2
    assert watch.ended(call_id) is course
    world.customer.the_usage.bye()
    world.finish()


def test_a_short_call_leaves_nothing() -> None:
    world = World()
    watch, call_id = listening(world)
    world.customer.the_usage.bye()
    assert watch.ended(call_id) is None
    world.clock.advance(EVERY_S + 1)
    assert watch.course(call_id) is None
    over(world)


def test_a_call_that_nobody_knows_any_more_is_asked_no_more() -> None:
    world = World()
    watch, call_id = listening(world)
    world.customer.the_usage.bye()
    world.clock.advance(EVERY_S + 1)
    assert watch.course(call_id) is None
    over(world)
