"""Which app serves which path."""

import asyncio

import httpx
import pytest

from trunkline.web.app import web_app
from trunkline.web.office import Office


def ask(office: Office, path: str, method: str = "GET") -> httpx.Response:
    async def request() -> httpx.Response:
        transport = httpx.ASGITransport(web_app(office))
        async with httpx.AsyncClient(transport=transport, base_url="http://web") as client:
            return await client.request(method, path)

    return asyncio.run(request())


def test_the_api_has_v1(office: Office) -> None:
    response = ask(office, "/v1/me")
    assert (response.status_code, response.headers["content-type"]) == (401, "application/problem+json")
    assert ask(office, "/v1/nothing").headers["content-type"] == "application/problem+json"


@pytest.mark.parametrize("path", ["/sign-in", "/v1/docs", "/v1/me", "/account/get-balance", "/nothing"])
def test_head_is_answered_as_get_is(office: Office, path: str) -> None:
    """RFC 9110 §9.3.2; the server leaves the body out."""
    whole, head = ask(office, path), ask(office, path, "HEAD")
    assert (head.status_code, head.headers) == (whole.status_code, whole.headers)


@pytest.mark.parametrize("path", ["/", "/v1x", "/customers"])
def test_everything_else_is_the_dashboards(office: Office, path: str) -> None:
    assert "json" not in ask(office, path).headers["content-type"] or path != "/"
