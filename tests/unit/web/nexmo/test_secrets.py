"""Secrets, several at a time."""

import httpx
import pytest

from tests.unit.web.nexmo.conftest import KEY, SECRET
from trunkline.store.accounts import MAX_SECRETS
from trunkline.web.nexmo.errors import PROBLEM
from trunkline.web.office import Office

PATH = f"/accounts/{KEY}/secrets"
NEW = "Another-Secret-77"


def problem(answer: httpx.Response, status: int, type_: str) -> dict[str, object]:
    assert answer.status_code == status
    assert answer.headers["Content-Type"] == PROBLEM
    body: dict[str, object] = answer.json()
    assert body["type"] == f"https://developer.nexmo.com/api-errors{type_}"
    assert body["instance"]
    return body


def test_rotating_a_secret(client: httpx.Client, office: Office) -> None:
    old = client.get(PATH).json()["_embedded"]["secrets"][0]
    made = client.post(PATH, json={"secret": NEW})
    assert made.status_code == 201
    new = made.json()
    assert new["_links"] == {"self": {"href": f"{PATH}/{new['id']}"}}
    assert new["created_at"].endswith("Z")
    listed = client.get(PATH).json()
    assert listed["_links"] == {"self": {"href": PATH}}
    assert listed["_embedded"]["secrets"] == [old, new]
    assert client.get(f"{PATH}/{new['id']}").json() == new
    client.auth = (KEY, NEW)
    gone = client.delete(f"{PATH}/{old['id']}")
    assert (gone.status_code, gone.content) == (204, b"")
    assert office.store.accounts.verify(KEY, SECRET) is None
    client.auth = (KEY, SECRET)
    assert problem(client.get(PATH), 401, "#unauthorized")


def test_the_last_one_stays(client: httpx.Client) -> None:
    (only,) = client.get(PATH).json()["_embedded"]["secrets"]
    answer = client.delete(f"{PATH}/{only['id']}")
    problem(answer, 403, "/account/secret-management#delete-last-secret")


def test_there_is_a_most(client: httpx.Client) -> None:
    for n in range(MAX_SECRETS - 1):
        assert client.post(PATH, json={"secret": f"{NEW}{n}"}).status_code == 201
    answer = client.post(PATH, json={"secret": NEW})
    problem(answer, 403, "/account/secret-management#maximum-secrets-allowed")


@pytest.mark.parametrize(
    "secret", ["", "Short-1", "no-capital-1", "NO-SMALL-1", "No-Digit-x", "Far-too-long-for-a-secret-1"]
)
def test_what_is_no_secret(client: httpx.Client, secret: str) -> None:
    body = problem(client.post(PATH, json={"secret": secret}), 400, "/account/secret-management#validation")
    assert body["invalid_parameters"] == [
        {"name": "secret", "reason": "Does not meet complexity requirements"}
    ]


@pytest.mark.parametrize("id_", ["999", "x", "1%2F", "9" * 400])
def test_an_unknown_secret(client: httpx.Client, id_: str) -> None:
    for method in ("GET", "DELETE"):
        assert client.request(method, f"{PATH}/{id_}").status_code == 404


def test_an_unknown_account(client: httpx.Client) -> None:
    body = problem(client.get("/accounts/nobody/secrets"), 404, "#invalid-api-key")
    assert body["title"] == "Invalid API Key"
