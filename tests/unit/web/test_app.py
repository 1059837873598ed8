"""Which app serves which path."""

import asyncio

import httpx
import pytest

from trunkline.web.app import web_app
from trunkline.web.office import Office


def ask(office: Office, path: str) -> httpx.Response:
    async def request() -> httpx.Response:
        transport = httpx.ASGITransport(web_app(office))
        async with httpx.AsyncClient(transport=transport, base_url="http://web") as client:
            return await client.get(path)

    return asyncio.run(request())


def test_the_api_has_v1(office: Office) -> None:
    response = ask(office, "/v1/me")
    assert (response.status_code, response.headers["content-type"]) == (401, "application/problem+json")
    assert ask(office, "/v1/nothing").headers["content-type"] == "application/problem+json"


@pytest.mark.parametrize("path", ["/", "/v1x", "/customers"])
def test_everything_else_is_the_dashboards(office: Office, path: str) -> None:
    assert "json" not in ask(office, path).headers["content-type"] or path != "/"
