"""Numbers for sale."""

import httpx
import pytest

OFFERED = {"e164": "+441632960003", "country": "GB", "price_cents": 150}


def test_offered_bought_and_given_back(operator: httpx.Client, alpha: httpx.Client) -> None:
    made = operator.post("/v1/stock", json=OFFERED)
    assert (made.status_code, made.headers["location"]) == (201, "/v1/stock/441632960003")
    shown = alpha.get("/v1/stock", params={"digits": "0003", "where": "end"}).json()
    assert (shown["total"], shown["items"]) == (1, [made.json()])
    poor = alpha.post("/v1/accounts/alpha/purchases", json={"e164": "441632960003"})
    assert (poor.status_code, poor.json()["type"]) == (402, "/v1/docs#no-credit")
    assert operator.post("/v1/accounts/alpha/credit", json={"amount": "2"}).json() == {"balance": "2.00"}
    bought = alpha.post("/v1/accounts/alpha/purchases", json={"e164": "441632960003"})
    assert bought.status_code == 201
    assert alpha.get(bought.headers["location"]).json() == bought.json()
    assert alpha.get("/v1/accounts/alpha/credit").json() == {"balance": "0.50"}
    assert alpha.get("/v1/stock").json()["total"] == 0
    assert operator.delete("/v1/stock/441632960003").status_code == 409
    assert alpha.delete("/v1/accounts/alpha/purchases/441632960003").status_code == 204
    assert alpha.get(bought.headers["location"]).status_code == 404
    assert operator.delete("/v1/stock/441632960003").status_code == 204


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("POST", "/v1/stock", OFFERED),
        ("DELETE", "/v1/stock/441632960003", None),
        ("POST", "/v1/accounts/alpha/credit", {"amount": "1000000"}),
    ],
)
def test_a_customer_neither_offers_nor_mints(
    alpha: httpx.Client, method: str, path: str, body: dict[str, object] | None
) -> None:
    assert alpha.request(method, path, json=body).status_code == 403


def test_what_was_not_bought_is_not_given_back(alpha: httpx.Client) -> None:
    assert alpha.delete("/v1/accounts/alpha/purchases/441632960001").status_code == 409
    assert alpha.post("/v1/accounts/alpha/purchases", json={"e164": "441632960001"}).status_code == 409
