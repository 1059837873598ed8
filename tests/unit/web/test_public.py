"""The port for machines."""

import asyncio

import httpx
import pytest

from tests.unit.web.paper_node import PaperNode
from trunkline.web.node_view import NodeView
from trunkline.web.public import public_app
from trunkline.web.views import Readiness


def ask(node: NodeView, path: str, method: str = "GET") -> httpx.Response:
    async def request() -> httpx.Response:
        transport = httpx.ASGITransport(public_app(node))
        async with httpx.AsyncClient(transport=transport, base_url="http://node") as client:
            return await client.request(method, path)

    return asyncio.run(request())


def test_alive() -> None:
    response = ask(PaperNode(), "/healthz")
    assert (response.status_code, response.text) == (200, "ok\n")


def test_ready() -> None:
    response = ask(PaperNode(), "/readyz")
    assert (response.status_code, response.json()) == (200, {"ready": True, "reasons": [], "degraded": []})


def test_not_ready_says_why() -> None:
    node = PaperNode(ready=Readiness(False, ("draining", "no media port is free")))
    response = ask(node, "/readyz")
    assert response.status_code == 503
    assert response.json()["reasons"] == ["draining", "no media port is free"]


def test_metrics() -> None:
    response = ask(PaperNode(), "/metrics")
    assert response.headers["content-type"].startswith("text/plain; version=0.0.4")
    assert response.text == "trunkline_calls_active 1.0\n"


@pytest.mark.parametrize("path", ["/healthz", "/readyz", "/metrics"])
def test_head(path: str) -> None:
    assert ask(PaperNode(), path, "HEAD").status_code == 200


@pytest.mark.parametrize("path", ["/", "/docs", "/openapi.json", "/calls", "/stats", "/bans"])
def test_nothing_else_is_public(path: str) -> None:
    assert ask(PaperNode(), path).status_code == 404
