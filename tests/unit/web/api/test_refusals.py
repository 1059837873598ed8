"""Every refusal is a problem."""

from typing import Any

import httpx
import pytest
from fastapi import FastAPI

from tests.unit.web.customers import ALPHA, PaperLine
from tests.unit.web.in_process import InProcess
from trunkline.web.api.refusals import MAX_ERRORS, add_refusals
from trunkline.web.office import Office

NUMBER = f"/v1/numbers/{ALPHA.e164}"


def problem(answer: httpx.Response) -> Any:
    assert answer.headers["content-type"] == "application/problem+json"
    body = answer.json()
    assert body["status"] == answer.status_code
    assert {"type", "title", "status", "detail"} <= body.keys()
    return body


def test_unknown_paths_and_methods(alpha: httpx.Client) -> None:
    assert problem(alpha.get("/v1/nothing"))["type"] == "/v1/docs#no-such-path"
    assert problem(alpha.get("/v1/accounts/"))["status"] == 404
    answer = alpha.put("/v1/accounts")
    assert problem(answer)["type"] == "/v1/docs#method-not-allowed"


@pytest.mark.parametrize(
    ("path", "methods"),
    [
        ("/v1/accounts", "GET, POST"),
        (NUMBER, "DELETE, GET, PATCH"),
        ("/v1/users/ann@example.net/password", "PUT"),
        ("/v1/docs", "GET"),
    ],
)
def test_every_method_of_a_path_is_allowed(alpha: httpx.Client, path: str, methods: str) -> None:
    """RFC 9110 §10.2.1."""
    answer = alpha.options(path)
    assert problem(answer)["type"] == "/v1/docs#method-not-allowed"
    assert answer.headers["allow"] == methods


@pytest.mark.parametrize(
    "content", [b"{", b"", b"\xff\xfe", b"[" * 100_000, b'{"text": ' + b"9" * 10_000 + b"}", b"\x00"]
)
def test_a_body_that_is_no_json(alpha: httpx.Client, content: bytes) -> None:
    answer = alpha.put(f"{NUMBER}/forwarding", content=content, headers={"Content-Type": "application/json"})
    assert problem(answer)["status"] in (400, 422)


def test_a_body_that_is_too_large(alpha: httpx.Client) -> None:
    answer = alpha.put(f"{NUMBER}/forwarding", json={"text": "x" * (1 << 20)})
    assert problem(answer)["type"] == "/v1/docs#too-large"


def test_a_form_is_no_json(alpha: httpx.Client) -> None:
    """What another site can have a browser send."""
    answer = alpha.put(f"{NUMBER}/forwarding", content='{"text": ""}', headers={"Content-Type": "text/plain"})
    found = problem(answer)
    assert found["status"] == 422
    assert found["detail"] == "the body is read as JSON only with Content-Type: application/json"


def test_what_is_wrong_is_pointed_at(operator: httpx.Client) -> None:
    body = {"key": "new", "max_concurrent": -1, "allowed_prefixes": ["44", "4x"], "a/b~c": 1}
    found = problem(operator.post("/v1/accounts", json=body))
    assert {one["pointer"] for one in found["errors"]} == {
        "#/max_concurrent",
        "#/allowed_prefixes/1",
        "#/a~1b~0c",
    }
    found = problem(operator.get("/v1/calls?limit=0&direction=up"))
    assert {one["parameter"] for one in found["errors"]} == {"limit", "direction"}


@pytest.mark.parametrize("path", ["/v1/calls?acount=alpha&limit=5", "/v1/numbers?Limit=5"])
def test_a_filter_that_is_misspelt_lets_nothing_through(operator: httpx.Client, path: str) -> None:
    answer = operator.get(path)
    assert answer.status_code == 422
    [error] = answer.json()["errors"]
    assert error["parameter"] in ("acount", "Limit")
    assert "account" in error["detail"]
    assert "limit" in error["detail"]


def test_what_was_sent_is_not_sent_back(operator: httpx.Client) -> None:
    answer = operator.post("/v1/accounts", json={"secret": "short"})
    assert "short" not in str(problem(answer)["errors"][0])


def test_errors_are_bounded(operator: httpx.Client) -> None:
    body = {f"field{number}": 1 for number in range(10_000)}
    assert len(problem(operator.post("/v1/accounts", json=body))["errors"]) == MAX_ERRORS


def test_a_forwarding_list_is_refused_with_entry_and_position(alpha: httpx.Client) -> None:
    found = problem(alpha.put(f"{NUMBER}/forwarding", json={"text": "1@a.example, 2@b.example;timeout=1"}))
    assert (found["status"], found["entry"], found["position"]) == (422, 2, 25)
    found = problem(
        alpha.put(f"{NUMBER}/forwarding", json={"entries": ["1@a.example", "2@b.example;timeout=1"]})
    )
    assert (found["entry"], found["position"]) == (2, 12)


def test_without_a_node(alpha: httpx.Client, office: Office) -> None:
    assert isinstance(office.node, PaperLine)
    office.node.node = None
    assert problem(alpha.get("/v1/live-calls"))["type"] == "/v1/docs#node-away"


def test_a_fault_of_ours_is_answered_and_not_explained() -> None:
    app = FastAPI()
    add_refusals(app)

    @app.get("/")
    def fail() -> None:
        raise ZeroDivisionError("secret")

    transport = InProcess(app)
    transport._app = httpx.ASGITransport(app, raise_app_exceptions=False)
    answer = httpx.Client(transport=transport, base_url="http://web").get("/")
    assert problem(answer)["type"] == "/v1/docs#fault"
    assert "secret" not in answer.text
