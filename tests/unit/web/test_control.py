"""The control socket's app, asked without a socket."""

import asyncio

import httpx
import pytest

from tests.unit.web.paper_node import CALL, MESSAGES, PaperNode, until_heard
from trunkline.call.record import Direction
from trunkline.web.call_feed import MAX_LISTENERS
from trunkline.web.control import control_app
from trunkline.web.control_format import LADDER
from trunkline.web.views import Question


def ask(node: PaperNode, method: str, path: str, json: object = None) -> httpx.Response:
    async def request() -> httpx.Response:
        transport = httpx.ASGITransport(control_app(node))
        async with httpx.AsyncClient(transport=transport, base_url="http://node") as client:
            return await client.request(method, path, json=json)

    return asyncio.run(request())


def test_calls() -> None:
    [call] = ask(PaperNode(), "GET", "/calls").json()
    assert call["call_id"] == "c1"
    assert call["state"] == "answered"
    assert call["codecs"] == ["PCMA", "PCMU"]


def test_hang_up() -> None:
    node = PaperNode()
    assert ask(node, "POST", "/calls/c1/hang-up").status_code == 204
    assert node.live == []
    response = ask(node, "POST", "/calls/c1/hang-up")
    assert (response.status_code, response.json()["detail"]) == (404, "no call c1 is up")


def test_ladder_keeps_every_byte() -> None:
    response = ask(PaperNode(), "GET", "/calls/c1/ladder")
    assert LADDER.validate_json(response.content) == MESSAGES
    assert ask(PaperNode(), "GET", "/calls/other/ladder").json() == []


@pytest.mark.parametrize("source", ["192.0.2.66", "2001:db8::/64"])
def test_bans(source: str) -> None:
    node = PaperNode()
    assert source in [ban["source"] for ban in ask(node, "GET", "/bans").json()]
    assert ask(node, "DELETE", f"/bans/{source}").status_code == 204
    assert source not in node.banned
    assert ask(node, "DELETE", f"/bans/{source}").status_code == 404


def test_registrations_and_ports() -> None:
    assert ask(PaperNode(), "GET", "/registrations").json()[0]["account"] == "abcd1234"
    assert ask(PaperNode(), "GET", "/media-ports").json()["free"] == 4994


def test_health_and_ping() -> None:
    [one] = ask(PaperNode(), "GET", "/health").json()
    assert (one["number"], one["state"], one["results"][0]) == ("442079460000", "down", True)
    assert ask(PaperNode(), "POST", "/ping?uri=sip:up.example").json()["status"] == 200
    assert ask(PaperNode(), "POST", "/ping?uri=sip:off.example").json()["status"] is None
    assert ask(PaperNode(), "POST", "/trial-call?number=442079460000").json()["steps"] == [
        [0.1, "to 442079460000"]
    ]


def test_drain() -> None:
    node = PaperNode()
    assert ask(node, "POST", "/drain").json()["draining"] is True
    assert ask(node, "POST", "/drain?timeout_s=2.5").status_code == 200
    assert node.draining == [None, 2.5]


def test_refresh() -> None:
    assert ask(PaperNode(), "POST", "/directory/refresh").json()["numbers"] == 2


def test_a_failure_is_told() -> None:
    response = ask(PaperNode(store_fails=True), "POST", "/directory/refresh")
    assert (response.status_code, response.json()) == (503, {"detail": "the database is away"})


def test_explain() -> None:
    node = PaperNode()
    response = ask(node, "POST", "/explain", {"direction": "inbound", "called": "442079460000"})
    assert response.json()["verdict"] == "unknown-number"
    assert node.asked == [Question(Direction.INBOUND, "442079460000")]


def test_a_question_must_be_one() -> None:
    assert ask(PaperNode(), "POST", "/explain", {"direction": "sideways", "called": "1"}).status_code == 422


def test_followers_are_bounded() -> None:
    async def scenario() -> None:
        node = PaperNode()
        iterators = [node.feed.listen(idle_s=0.0) for _ in range(MAX_LISTENERS)]
        for iterator in iterators:
            await anext(iterator)
        transport = httpx.ASGITransport(control_app(node))
        async with httpx.AsyncClient(transport=transport, base_url="http://node") as client:
            assert (await client.get("/calls/follow")).status_code == 503

    asyncio.run(scenario())


def test_follow_streams_lines_until_the_node_stops() -> None:
    async def scenario() -> None:
        node = PaperNode()
        transport = httpx.ASGITransport(control_app(node))
        async with httpx.AsyncClient(transport=transport, base_url="http://node") as client:
            request = asyncio.create_task(client.get("/calls/follow"))
            await until_heard(node.feed)
            node.feed.close()
            response = await request
        assert response.headers["content-type"] == "application/x-ndjson"

    asyncio.run(scenario())


def test_what_the_paper_node_answers_is_what_the_app_shows() -> None:
    assert ask(PaperNode(), "GET", "/stats").json()["calls"] == len([CALL])
