"""Accounts."""

import httpx
import pytest

from trunkline.trunk.account import Account
from trunkline.web.office import Office


def test_made_shown_changed_removed(operator: httpx.Client, office: Office) -> None:
    made = operator.post(
        "/v1/accounts",
        json={
            "key": "gamma",
            "name": "Gamma",
            "caller_id_policy": "replace",
            "caller_id_number": "+442079460123",
        },
    )
    assert made.status_code == 201
    assert made.headers["location"] == "/v1/accounts/gamma"
    assert made.json()["caller_id_number"] == "442079460123"
    assert office.store.accounts.verify("gamma", made.json()["secret"]) is not None
    shown = operator.get("/v1/accounts/gamma")
    assert shown.headers["etag"] == made.headers["etag"]
    assert "secret" not in shown.json()
    changed = operator.patch("/v1/accounts/gamma", json={"max_concurrent": 0, "status": "blocked"})
    assert changed.json() == {**shown.json(), "max_concurrent": 0, "status": "blocked"}
    assert (
        operator.patch("/v1/accounts/gamma", json={"max_concurrent": None}).json()["max_concurrent"] is None
    )
    assert operator.delete("/v1/accounts/gamma").status_code == 204
    assert operator.get("/v1/accounts/gamma").status_code == 404


def test_key_and_secret_are_made_unless_given(operator: httpx.Client, office: Office) -> None:
    made = operator.post("/v1/accounts", json={}).json()
    assert len(made["key"]) == 8
    assert len(made["secret"]) == 16
    operator.post("/v1/accounts", json={"key": "mine", "secret": "my-own-secret"})
    assert office.store.accounts.verify("mine", "my-own-secret") is not None


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"key": "alpha"}, 409),
        ({"caller_id_policy": "replace"}, 422),
        ({"codecs": ["opus"]}, 422),
        ({"codecs": []}, 422),
        ({"unknown": 1}, 422),
        ({"max_concurrent": -1}, 422),
        ({"max_inbound": -1}, 422),
        ({"max_per_second": -2}, 422),
        ({"minutes_per_day": -1}, 422),
        ({"cost_per_day": -0.5}, 422),
    ],
)
def test_what_can_not_be_made(operator: httpx.Client, body: dict[str, object], status: int) -> None:
    assert operator.post("/v1/accounts", json=body).status_code == status


def test_an_account_with_numbers_stays(operator: httpx.Client) -> None:
    answer = operator.delete("/v1/accounts/alpha")
    assert (answer.status_code, answer.json()["type"]) == (409, "/v1/docs#in-use")


def test_pages(operator: httpx.Client) -> None:
    for number in range(5):
        operator.post("/v1/accounts", json={"key": f"page{number}", "name": "Paged"})
    seen: list[str] = []
    after: str | None = ""
    while after is not None:
        page = operator.get("/v1/accounts", params={"search": "paged", "limit": 2, "after": after}).json()
        assert len(page["items"]) <= 2
        seen += [one["key"] for one in page["items"]]
        after = page["next"]
    assert seen == [f"page{number}" for number in range(5)]


def test_a_customer_sees_the_own(alpha: httpx.Client) -> None:
    assert [one["key"] for one in alpha.get("/v1/accounts").json()["items"]] == ["alpha"]
    assert alpha.get("/v1/accounts/alpha").json()["name"] == "alpha Ltd"
    assert alpha.patch("/v1/accounts/alpha", json={"max_concurrent": None}).status_code == 403


def test_what_was_kept_before_there_was_a_bound_is_shown(
    operator: httpx.Client, office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    prefixes = tuple(str(number) for number in range(1000, 2200))
    account = Account("vnd", name="x" * 201, cost_per_day=5e6, allowed_prefixes=prefixes)
    with monkeypatch.context() as before:
        before.setattr("trunkline.store.accounts.check_bounds", lambda _account: None)
        office.store.accounts.add(account)
    shown = operator.get("/v1/accounts/vnd").json()
    assert (shown["name"], shown["cost_per_day"], len(shown["allowed_prefixes"])) == ("x" * 201, 5e6, 1200)
    assert shown in operator.get("/v1/accounts").json()["items"]
    assert operator.patch("/v1/accounts/vnd", json={"max_concurrent": 3}).json()["cost_per_day"] == 5e6
