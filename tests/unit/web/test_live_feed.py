"""The web process's one follower of the node's calls, against a node of paper that comes and goes."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import aclosing
from dataclasses import replace
from pathlib import Path

import httpx
import pytest

from tests.unit.net.wire import until
from tests.unit.web.paper_node import CALL, PaperNode, until_heard
from trunkline.web import live_feed
from trunkline.web.call_feed import TooManyListenersError
from trunkline.web.control_format import CALL_EVENT
from trunkline.web.live_feed import MAX_NAMED, MAX_OF_ONE, LiveFeed, News
from trunkline.web.views import CallEvent, LiveCall

IDLE_S = 5.0


class Stream(httpx.AsyncByteStream):
    """The lines of `/calls/follow`, of which httpx's own ASGI transport would wait for the end."""

    def __init__(self, node: PaperNode) -> None:
        self._node = node

    async def __aiter__(self) -> AsyncIterator[bytes]:
        async with aclosing(self._node.feed.listen(idle_s=IDLE_S)) as events:  # type: ignore[type-var]
            async for event in events:
                yield b"\n" if event is None else CALL_EVENT.dump_json(event) + b"\n"


class Transport(httpx.AsyncBaseTransport):
    """To a node of paper, if there is one; counts how often it was tried."""

    def __init__(self, node: PaperNode | None, status: int = 200) -> None:
        self.node = node
        self.status = status
        self.asked = 0

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        assert request.url.path == "/calls/follow"
        self.asked += 1
        if self.node is None:
            raise httpx.ConnectError("no node")
        return httpx.Response(self.status, stream=Stream(self.node))


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live_feed, "PAUSE_S", 0.0)
    monkeypatch.setattr(live_feed, "RETRY_S", 0.0)


def everything(_call: LiveCall) -> bool:
    return True


async def following(feed: LiveFeed, node: PaperNode) -> AsyncIterator[News | None]:
    """A listener who has heard that the node is there."""
    news = feed.listen(everything, idle_s=IDLE_S)
    assert await anext(news) == News(True, None)
    await until_heard(node.feed)
    return news


def test_listeners_hear_of_the_calls_that_they_see() -> None:
    async def run() -> None:
        node = PaperNode()
        feed = LiveFeed(Path(), Transport(node))
        all_news = await following(feed, node)
        own = feed.listen(lambda call: call.account == "mine", idle_s=IDLE_S)
        assert await anext(own) == News(True, None)
        for call in (CALL, replace(CALL, call_id="c2", account="mine")):
            node.feed.publish(CallEvent(1.0, call))
        assert await anext(own) == News(True, frozenset({"c2"}))
        assert await anext(all_news) == News(True, frozenset({"c1", "c2"}))
        feed.close()
        assert [one async for one in all_news] == []

    asyncio.run(run())


def test_a_slow_listener_hears_of_all_at_once() -> None:
    async def run() -> None:
        node = PaperNode()
        feed = LiveFeed(Path(), Transport(node))
        news = await following(feed, node)
        for number in range(MAX_NAMED + 1):
            node.feed.publish(CallEvent(1.0, replace(CALL, call_id=f"c{number}")))
        await until(lambda: all(listener.calls is None for listener in feed._listeners))
        assert await anext(news) == News(True, None)
        node.feed.publish(CallEvent(1.0, CALL, missed=3))
        assert await anext(news) == News(True, None), "steps were missed on the way"
        feed.close()

    asyncio.run(run())


def test_the_node_goes_and_comes_back() -> None:
    async def run() -> None:
        node = PaperNode()
        transport = Transport(node)
        feed = LiveFeed(Path(), transport)
        news = await following(feed, node)
        transport.node = None
        node.feed.close()
        assert await anext(news) == News(False, None)
        transport.node = PaperNode()
        assert await anext(news) == News(True, None), "and everything may be another"
        feed.close()

    asyncio.run(run())


def test_that_the_node_is_still_away_is_no_news() -> None:
    async def run() -> None:
        transport = Transport(PaperNode(), status=503)
        feed = LiveFeed(Path(), transport)
        news = feed.listen(everything, idle_s=0.05)
        assert await anext(news) == News(False, None)
        assert await anext(news) is None
        assert transport.asked > 1
        feed.close()

    asyncio.run(run())


def test_nobody_is_followed_when_nobody_listens() -> None:
    async def run() -> None:
        node = PaperNode()
        transport = Transport(node)
        feed = LiveFeed(Path(), transport)
        news = await following(feed, node)
        await news.aclose()  # type: ignore[attr-defined]
        while node.feed.heard:  # noqa: ASYNC110  # a listener that goes tells nobody
            await asyncio.sleep(0)
        assert transport.asked == 1
        await following(feed, node)
        assert transport.asked == 2
        feed.close()

    asyncio.run(run())


def test_listeners_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live_feed, "MAX_LISTENERS", 1)

    async def run() -> None:
        node = PaperNode()
        feed = LiveFeed(Path(), Transport(node))
        await following(feed, node)
        with pytest.raises(TooManyListenersError):
            feed.listen(everything, idle_s=IDLE_S)
        feed.close()

    asyncio.run(run())


def test_one_customer_leaves_room_for_others() -> None:
    async def run() -> None:
        feed = LiveFeed(Path(), Transport(PaperNode()))
        mine = [feed.listen(everything, idle_s=0.0, whose="mine") for _ in range(MAX_OF_ONE)]
        for news in mine:
            await anext(news)
        with pytest.raises(TooManyListenersError):
            feed.listen(everything, idle_s=0.0, whose="mine")
        for whose in ("theirs", None):
            await anext(feed.listen(everything, idle_s=0.0, whose=whose))
        feed.close()

    asyncio.run(run())
