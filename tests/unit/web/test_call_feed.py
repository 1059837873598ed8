"""Who follows the calls never slows them down."""

import asyncio
from dataclasses import replace

import pytest

from tests.unit.web.paper_node import CALL
from trunkline.web.call_feed import MAX_LISTENERS, MAX_WAITING, CallFeed, TooManyListenersError
from trunkline.web.views import CallEvent


def event(number: int) -> CallEvent:
    return CallEvent(float(number), replace(CALL, call_id=f"c{number}"))


async def listening(feed: CallFeed) -> "asyncio.Task[list[CallEvent]]":
    """A task that collects every event until the feed closes, listening already."""

    async def collect() -> list[CallEvent]:
        return [event async for event in feed.listen(idle_s=60.0) if event is not None]

    task = asyncio.create_task(collect())
    await asyncio.sleep(0)
    return task


def test_every_listener_hears_everything() -> None:
    async def scenario() -> None:
        feed = CallFeed()
        feed.publish(event(0))
        first, second = await listening(feed), await listening(feed)
        feed.publish(event(1))
        feed.publish(event(2))
        feed.close()
        assert await first == await second == [event(1), event(2)]

    asyncio.run(scenario())


def test_heard_only_while_somebody_listens() -> None:
    async def scenario() -> list[bool]:
        feed = CallFeed()
        before = feed.heard
        task = await listening(feed)
        during = feed.heard
        feed.close()
        await task
        return [before, during, feed.heard]

    assert asyncio.run(scenario()) == [False, True, False]


def test_a_slow_listener_loses_the_oldest_and_is_told() -> None:
    async def scenario() -> None:
        feed = CallFeed()
        task = await listening(feed)
        for number in range(MAX_WAITING + 10):
            feed.publish(event(number))
        feed.close()
        heard = await task
        assert len(heard) == MAX_WAITING
        assert heard[0] == replace(event(10), missed=10)
        assert heard[1] == event(11)

    asyncio.run(scenario())


def test_silence_is_told_as_none() -> None:
    async def scenario() -> None:
        feed = CallFeed()
        events = feed.listen(idle_s=0.0)
        assert await anext(events) is None
        assert await anext(events) is None
        feed.publish(event(1))
        assert await anext(events) == event(1)

    asyncio.run(scenario())


def test_listeners_are_bounded_and_let_go() -> None:
    async def scenario() -> None:
        feed = CallFeed()
        tasks = [await listening(feed) for _ in range(MAX_LISTENERS)]
        with pytest.raises(TooManyListenersError):
            feed.listen(idle_s=1.0)
        tasks[0].cancel()
        await asyncio.wait({tasks[0]})
        assert await anext(feed.listen(idle_s=0.0)) is None
        feed.close()
        await asyncio.gather(*tasks[1:])
        assert not feed.heard

    asyncio.run(scenario())
