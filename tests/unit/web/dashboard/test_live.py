"""The stream of news for pages."""

import asyncio
from collections.abc import AsyncIterator, Callable

import pytest
from starlette.requests import Request

from tests.unit.web.dashboard.conftest import KEY, OTHER_KEY, Browser
from tests.unit.web.paper_node import CALL
from trunkline.store.errors import DatabaseError
from trunkline.web.dashboard import live
from trunkline.web.errors import NotSignedInError
from trunkline.web.live_feed import LiveFeed, News
from trunkline.web.office import Office
from trunkline.web.views import LiveCall


def told(news: list[News | None]) -> str:
    async def stream() -> AsyncIterator[News | None]:
        for one in news:
            yield one

    async def run() -> bytes:
        request = Request({"type": "http", "headers": []})
        return b"".join([part async for part in live._told(request, stream())])

    return asyncio.run(run()).decode()


def test_news_as_events(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live, "signed_in", lambda _: None)
    said = told([News(True, None), News(True, frozenset({"b", "a"})), None, News(False, None)])
    assert said == (
        "retry: 3000\n\n"
        "event: node\ndata: here\n\nevent: calls\ndata: null\n\n"
        'event: calls\ndata: ["a", "b"]\n\n'
        ": still here\n\n"
        "event: node\ndata: away\n\nevent: calls\ndata: null\n\n"
    )


def test_the_end_of_the_session_ends_the_stream(monkeypatch: pytest.MonkeyPatch) -> None:
    def gone(_request: Request) -> None:
        raise NotSignedInError("the session has ended")

    monkeypatch.setattr(live, "signed_in", gone)
    assert told([News(True, None), None, News(True, None)]).endswith("event: ended\ndata: \n\n")
    monkeypatch.setattr(live, "HEARTBEAT_S", 0.0)
    assert told([News(True, None)]) == "retry: 3000\n\nevent: ended\ndata: \n\n", "in the middle of news too"


def test_a_database_that_is_away_signs_nobody_out(monkeypatch: pytest.MonkeyPatch) -> None:
    def away(_request: Request) -> None:
        raise DatabaseError("away")

    monkeypatch.setattr(live, "signed_in", away)
    assert told([None]) == "retry: 3000\n\n: still here\n\n"


class Heard(LiveFeed):
    """Notes who listens, and has no news."""

    def listen(
        self, sees: Callable[[LiveCall], bool], *, idle_s: float, whose: str | None = None
    ) -> AsyncIterator[News | None]:
        self.sees, self.whose = sees, whose

        async def nothing() -> AsyncIterator[News | None]:
            return
            yield

        return nothing()


def test_each_hears_of_the_own_calls(office: Office, customer: Browser, other: Browser) -> None:
    office.live = feed = Heard(office.settings.control_socket)
    for browser, account in ((customer, KEY), (other, OTHER_KEY)):
        answer = browser.client.get("/live/events")
        assert answer.headers["Content-Type"].startswith("text/event-stream")
        assert feed.sees(CALL) == (CALL.account == account)
        assert feed.whose == account


def test_too_many_pages(office: Office, customer: Browser, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("trunkline.web.live_feed.MAX_LISTENERS", 0)
    assert customer.client.get("/live/events").status_code == 503


def test_strangers_hear_nothing(stranger: Callable[[], Browser]) -> None:
    assert stranger().client.get("/live/events").status_code == 401
