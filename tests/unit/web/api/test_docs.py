"""The documentation page, which needs no script and no foreign host."""

import re

import httpx
import pytest
from starlette.types import ASGIApp

from tests.unit.web.in_process import client
from trunkline.web.api.app import api_app
from trunkline.web.api.docs import _paragraphs
from trunkline.web.api.openapi import operations
from trunkline.web.office import Office
from trunkline.web.problems import kinds


@pytest.fixture
def page(app: ASGIApp) -> httpx.Response:
    return client(app).get("/v1/docs")


def test_anybody_may_read_it(page: httpx.Response, app: ASGIApp) -> None:
    assert page.headers["content-type"] == "text/html; charset=utf-8"
    assert client(app).get("/v1/openapi.json").json()["openapi"].startswith("3.1")
    style = client(app).get("/v1/docs.css")
    assert style.headers["content-type"] == "text/css; charset=utf-8"
    assert "prefers-color-scheme" in style.text


def test_it_tells_every_operation(page: httpx.Response, office: Office) -> None:
    for path, method, operation in operations(api_app(office).openapi()):
        assert f'id="{operation["operationId"]}"' in page.text
        assert f'<span class="method {method}">{method.upper()}</span> <code>{path}</code>' in page.text


def test_every_problem_leads_to_its_paragraph(page: httpx.Response) -> None:
    ids = re.findall(r'id="([^"]+)"', page.text)
    assert len(set(ids)) == len(ids)
    assert {problem.slug for problem in kinds()} < set(ids)


def test_the_policy_lets_it_through(page: httpx.Response) -> None:
    assert "<script" not in page.text
    assert "style=" not in page.text
    assert "<style" not in page.text
    assert not re.findall(r'(?:src|href)="https?:', page.text)


def test_words_are_words() -> None:
    assert _paragraphs("**A** b `c`\nd\n\ne") == [
        [("A", True, False), (" b ", False, False), ("c", False, True), (" d", False, False)],
        [("e", False, False)],
    ]
