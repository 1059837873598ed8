"""What is asked for twice is made once."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest

from tests.unit.web.customers import ALPHA, BETA
from trunkline.store.answers import Answer, Answers
from trunkline.store.stock import StockNumber
from trunkline.web.office import Office

CREATIONS: list[tuple[str, dict[str, Any]]] = [
    ("/v1/accounts", {"name": "new"}),
    ("/v1/accounts/alpha/secrets", {}),
    ("/v1/accounts/alpha/secrets/rotate", {"overlap_s": 60}),
    ("/v1/numbers", {"e164": "+441632960009", "account": "alpha"}),
    ("/v1/carriers", {"name": "backup"}),
    ("/v1/routes", {"prefix": "all", "carriers": [{"carrier": "upstream"}]}),
    ("/v1/users", {"name": "eve@example.net", "password": "a long password"}),
    ("/v1/tokens", {"label": "script"}),
    ("/v1/stock", {"e164": "441632960004", "country": "GB"}),
    ("/v1/accounts/alpha/purchases", {"e164": "441632960003"}),
    ("/v1/accounts/alpha/credit", {"amount": "25"}),
    ("/v1/webhooks", {"account": "alpha", "url": "https://example.com/hook"}),
    ("/v1/bans", {"source": "192.0.2.7", "reason": "rude"}),
]


@pytest.mark.parametrize(("path", "body"), CREATIONS)
def test_the_second_answer_is_the_first(operator: httpx.Client, office: Office, path: str, body: Any) -> None:
    headers = {"Idempotency-Key": "k1"}
    office.store.stock.add([StockNumber("441632960003", "GB")])
    first = operator.post(path, json=body, headers=headers)
    assert first.status_code == 201, first.text
    changes = len(office.store.audit.list(limit=1000))
    again = operator.post(path, json=body, headers=headers)
    assert (again.status_code, again.content) == (201, first.content)
    for name in ("location", "etag", "content-type"):
        assert again.headers.get(name) == first.headers.get(name)
    assert "idempotency-replayed" not in first.headers
    assert again.headers["idempotency-replayed"] == "true"
    assert len(office.store.audit.list(limit=1000)) == changes


def test_every_creation_takes_a_key(operator: httpx.Client) -> None:
    paths = operator.get("/v1/openapi.json").json()["paths"]
    creations = {path for path, item in paths.items() if "201" in item.get("post", {}).get("responses", ())}
    assert creations == {path.replace("alpha", "{key}") for path, _ in CREATIONS}
    for path in creations:
        names = {parameter["name"] for parameter in paths[path]["post"]["parameters"]}
        assert "Idempotency-Key" in names, path


def test_another_body_needs_another_key(operator: httpx.Client) -> None:
    headers = {"Idempotency-Key": "k1"}
    operator.post("/v1/accounts", json={"key": "one"}, headers=headers)
    for path, body in (("/v1/accounts", {"key": "two"}), ("/v1/tokens", {"label": "x"})):
        answer = operator.post(path, json=body, headers=headers)
        assert (answer.status_code, answer.json()["type"]) == (422, "/v1/docs#key-reused")
    assert operator.get("/v1/accounts/two").status_code == 404


def test_everybody_has_keys_of_the_own(alpha: httpx.Client, beta: httpx.Client) -> None:
    headers = {"Idempotency-Key": "k1"}
    tokens = {
        one.post("/v1/tokens", json={"label": "x"}, headers=headers).json()["token"] for one in (alpha, beta)
    }
    assert len(tokens) == 2


def test_what_was_refused_may_come_again(operator: httpx.Client) -> None:
    headers = {"Idempotency-Key": "k1"}
    body = {"e164": "441632960009", "account": "gamma"}
    assert operator.post("/v1/numbers", json=body, headers=headers).status_code == 404
    operator.post("/v1/accounts", json={"key": "gamma"})
    assert operator.post("/v1/numbers", json=body, headers=headers).status_code == 201


def test_while_the_first_is_served_the_second_waits(
    operator: httpx.Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    body = {"label": "x"}
    headers = {"Idempotency-Key": "k1"}
    keep = Answers.keep
    seen: list[int] = []

    def keep_late(answers: Answers, owner: str, key: str, answer: Answer) -> None:
        seen.append(operator.post("/v1/tokens", json=body, headers=headers).status_code)
        keep(answers, owner, key, answer)

    monkeypatch.setattr(Answers, "keep", keep_late)
    assert operator.post("/v1/tokens", json=body, headers=headers).status_code == 201
    assert seen == [409]


def test_of_requests_at_once_one_makes_it(operator: httpx.Client, office: Office) -> None:
    headers = {"Idempotency-Key": "k1"}

    def ask(_number: int) -> int:
        return operator.post("/v1/accounts", json={"name": "once"}, headers=headers).status_code

    with ThreadPoolExecutor(4) as pool:
        statuses = list(pool.map(ask, range(8)))
    assert set(statuses) <= {201, 409}
    assert 201 in statuses
    assert len(office.store.accounts.page("once").accounts) == 1


@pytest.mark.parametrize("key", [b"", b"x" * 256, b"a b", "ü".encode()])
def test_a_key_is_a_short_word(operator: httpx.Client, key: bytes) -> None:
    answer = operator.post("/v1/tokens", json={"label": "x"}, headers={b"Idempotency-Key": key})
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["parameter"] == "Idempotency-Key"


def test_no_secret_of_an_answer_is_kept_in_plain(operator: httpx.Client, office: Office) -> None:
    made = operator.post("/v1/accounts", json={"key": "new"}, headers={"Idempotency-Key": "k1"}).json()
    home = office.settings.node.data_dir
    assert made["secret"].encode() not in b"".join(path.read_bytes() for path in home.glob("trunkline.db*"))
    assert {ALPHA.key, BETA.key} < {one["key"] for one in operator.get("/v1/accounts").json()["items"]}
