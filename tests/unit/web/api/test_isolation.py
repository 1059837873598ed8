"""Two customers who must not see each other's anything: every operation of the OpenAPI document, so that a
new one can't be forgotten. Each is asked by one customer about the other's things."""

import json
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
import sqlalchemy as sa

from tests.unit.web.customers import BETA, OPERATOR, principal
from tests.unit.web.in_process import client
from tests.unit.web.paper_node import PaperNode
from trunkline.store import schema
from trunkline.store.webhook_queue import NewEvent
from trunkline.web.api.app import api_app
from trunkline.web.office import Office

_THINGS = {
    "key": BETA.key,
    "e164": BETA.e164,
    "call_id": BETA.call_id,
    "secret_id": "2",
    "position": "1",
    "prefix": "44",
    "kind": "generic",
    "source": "192.0.2.66",
    "delivery_id": "1",
}
"""The other one's, or the operator's, by the names of path parameters."""
_NOBODYS = {
    "key": "nobody",
    "e164": "441632960099",
    "call_id": "call-nobody",
    "secret_id": "99",
    "position": "1",
    "prefix": "99",
    "kind": "generic",
    "source": "192.0.2.99",
    "name": "nobody",
    "session_id": "0" * 64,
    "webhook_id": "0" * 16,
    "delivery_id": "99",
}
OWN = {"/v1/explain", "/v1/webhooks"}
"""What a customer makes or asks, for the own account."""
OPERATORS = {"/v1/carriers", "/v1/routes"}
"""Lists that a customer is not shown, whatever is asked."""
OPEN = {("get", "/v1/error-ids/{error_id}")}
"""About nobody's things."""


@pytest.fixture
def document(office: Office) -> Any:
    return api_app(office).openapi()


def operations(document: Any) -> Iterator[tuple[str, str, Any]]:
    for path, item in document["paths"].items():
        for method, operation in item.items():
            yield method, path, operation


def names_of(operation: Any, place: str) -> list[str]:
    return [one["name"] for one in operation.get("parameters", ()) if one["in"] == place]


def body_of(operation: Any, account: str) -> Any:
    """The document's own example, about things of `account`."""
    content = operation.get("requestBody", {}).get("content")
    if content is None:
        return None
    body = dict(content["application/json"]["example"])
    if "account" in body:
        body["account"] = account
    return body


def dump(office: Office) -> dict[str, list[Any]]:
    """Everything at rest, but for who is signed in."""
    with office.store.database.read() as connection:
        return {
            table.name: list(connection.execute(sa.select(table)).all())
            for table in schema.METADATA.sorted_tables
            if table.name not in ("web_session", "answer")
        }


def theirs(path: str, session_id: str, webhook_id: str) -> dict[str, str]:
    """Beta's things for a path, or the operator's."""
    values = dict(_THINGS, session_id=session_id, webhook_id=webhook_id)
    values["name"] = BETA.user if path.startswith("/v1/users") else "upstream"
    if path.startswith("/v1/live-calls"):
        values["call_id"] = BETA.live_call_id
    return values


def with_a_webhook(office: Office) -> str:
    """The id of one of beta's that has a delivery."""
    webhook, _ = office.desk(principal(BETA.key)).webhooks.add(BETA.key, "https://beta.example/")
    office.store.webhook_queue.put([NewEvent("e1", "call.failed", BETA.key, 9e9, "{}")], 9e9)
    return webhook.id


def in_words(answer: httpx.Response, values: dict[str, str]) -> str:
    """The answer without the names that were asked for."""
    text = answer.text
    for value in sorted(values.values(), key=len, reverse=True):
        text = text.replace(f"'{value}'", "…").replace(f"'{value[:12]}'", "…")
    return text


def test_what_is_anothers_is_like_what_nobody_has(
    document: Any, office: Office, alpha: httpx.Client, node: PaperNode
) -> None:
    _, session = office.desk(principal(BETA.user)).people.open_token("theirs")
    webhook = with_a_webhook(office)
    before = dump(office)
    asked = 0
    for method, path, operation in operations(document):
        names = names_of(operation, "path")
        if not names or (method, path) in OPEN:
            continue
        there, nowhere = theirs(path, session.id, webhook), _NOBODYS
        assert set(names) <= there.keys() & nowhere.keys(), f"{path}: say what of the other one this is"
        answers = [
            alpha.request(method, path.format(**values), json=body_of(operation, account))
            for values, account in ((there, BETA.key), (nowhere, "nobody"))
        ]
        assert answers[0].status_code in (403, 404), (method, path, answers[0].text)
        assert answers[0].status_code == answers[1].status_code, (method, path)
        assert in_words(answers[0], there) == in_words(answers[1], nowhere), (method, path)
        asked += 1
    assert asked > 20
    assert dump(office) == before
    assert len(node.live) == len(node.banned) == 2


def test_no_list_holds_anything_of_another(document: Any, office: Office, alpha: httpx.Client) -> None:
    office.desk(principal(BETA.user)).people.open_token("beta's")
    with_a_webhook(office)
    office.desk(principal(OPERATOR)).accounts.rotate_secret(BETA.key)
    asked = 0
    for method, path, operation in operations(document):
        if method != "get" or names_of(operation, "path"):
            continue
        answer = alpha.get(path)
        assert answer.status_code in (200, 403), (path, answer.text)
        assert "beta" not in answer.text, path
        assert BETA.e164 not in answer.text, path
        asked += 1
    assert asked > 10


def test_no_filter_widens_a_list(document: Any, alpha: httpx.Client) -> None:
    kinds = {"/v1/audit": "account", "/v1/sessions": "token", "/v1/stock": "landline"}
    wanted = {
        "account": BETA.key,
        "number": BETA.e164,
        "carrier": "upstream",
        "key": BETA.key,
        "search": "beta",
        "starts_with": BETA.e164,
        "contains": BETA.e164,
        "ends_with": BETA.e164,
        "sip_call_id": f"{BETA.call_id}@pbx",
        "verdict": "answered",
        "cursor": "9e9/zzz",
        "after": "alpha",
        "before": str(10**9),
        "since": "1970-01-01T00:00:00Z",
        "until": "2100-01-01T00:00:00Z",
        "direction": "outbound",
        "state": "closed",
        "forwarded": "true",
        "unanswered": "false",
        "stretch_s": "86400",
        "count": "744",
        "country": "GB",
        "digits": BETA.e164,
        "where": "end",
        "offset": "0",
        "limit": "1000",
    }
    for method, path, operation in operations(document):
        if method != "get" or names_of(operation, "path"):
            continue
        for name in names_of(operation, "query"):
            value = kinds[path] if name == "kind" else wanted[name]
            value = "44" if (path, name) == ("/v1/routes", "after") else value
            answer = alpha.get(path, params={name: value})
            if name == "account":
                assert answer.status_code == 404, (path, answer.text)
                continue
            if path in OPERATORS:
                assert answer.status_code == 403, (path, answer.text)
                continue
            assert answer.status_code == 200, (path, name, answer.text)
            for item in answer.json()["items"] if path not in ("/v1/figures", "/v1/stock") else ():
                assert item.get("account", item.get("key")) == "alpha", (path, name)


def test_what_is_the_operators_can_not_be_made(
    document: Any, office: Office, alpha: httpx.Client, node: PaperNode
) -> None:
    before = dump(office)
    refused = set()
    for method, path, operation in operations(document):
        if method != "post" or names_of(operation, "path") or path == "/v1/tokens":
            continue
        if path in OWN:
            answer = alpha.post(path, json=body_of(operation, BETA.key))
            assert answer.status_code == 404, (path, answer.text)
            continue
        for account in (BETA.key, "alpha"):
            answer = alpha.post(path, json=body_of(operation, account))
            assert answer.status_code == 403, (path, answer.text)
        refused.add(path)
    assert refused >= {
        "/v1/accounts",
        "/v1/numbers",
        "/v1/carriers",
        "/v1/routes",
        "/v1/users",
        "/v1/node/drain",
    }
    assert dump(office) == before
    assert node.draining == []


@pytest.mark.parametrize(
    "question",
    [
        {"direction": "outbound", "called": "15550001", "account": "beta"},
        {"direction": "inbound", "called": BETA.e164},
    ],
)
def test_nothing_is_explained_about_anothers_calls(alpha: httpx.Client, question: Any) -> None:
    answer = alpha.post(
        "/v1/explain", content=json.dumps(question), headers={"Content-Type": "application/json"}
    )
    assert answer.status_code == 404


def test_nobody_comes_in_without_signing_in(document: Any, office: Office) -> None:
    stranger = client(api_app(office))
    for method, path, operation in operations(document):
        values = {name: _NOBODYS.get(name, "no-route") for name in names_of(operation, "path")}
        answer = stranger.request(method, path.format(**values), json=body_of(operation, "alpha"))
        assert answer.status_code == 401, (method, path)
