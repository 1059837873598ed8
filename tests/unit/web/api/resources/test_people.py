"""Users, sessions, tokens, changes."""

from urllib.parse import quote

import httpx
import pytest
import sqlalchemy as sa
from starlette.types import ASGIApp

from tests.unit.web.customers import ALPHA, BETA, OPERATOR, PASSWORD
from tests.unit.web.in_process import client
from trunkline.store import schema
from trunkline.web.office import Office


def test_users(operator: httpx.Client, app: ASGIApp) -> None:
    made = operator.post(
        "/v1/users", json={"name": "Eve@example.net", "password": PASSWORD, "account": "alpha"}
    )
    assert (made.status_code, made.headers["location"]) == (201, "/v1/users/eve@example.net")
    assert (made.json()["role"], made.json()["account"]) == ("customer", "alpha")
    assert (
        operator.post("/v1/users", json={"name": "eve@example.net", "password": PASSWORD}).status_code == 409
    )
    eve = client(app)
    eve.auth = ("eve@example.net", PASSWORD)
    assert (
        eve.put("/v1/users/eve@example.net/password", json={"password": "another password"}).status_code
        == 204
    )
    assert eve.get("/v1/me").status_code == 401
    assert operator.delete("/v1/users/eve@example.net").status_code == 204
    assert {one["name"] for one in operator.get("/v1/users").json()["items"]} == {
        ALPHA.user,
        BETA.user,
        OPERATOR,
    }


@pytest.mark.parametrize("name", ["sales/ann", "ann/password", "a%2fb", "jürgen?#\\", "x//y/"])
def test_a_user_with_an_odd_name_is_given_a_password_and_removed(
    operator: httpx.Client, office: Office, name: str
) -> None:
    """Such as were added before a slash was refused."""
    with office.store.database.write() as connection:
        ann = sa.select(schema.web_user).where(schema.web_user.c.name == ALPHA.user)
        row = connection.execute(ann).one()._asdict()
        connection.execute(schema.web_user.insert().values(row | {"name": name}))
    path = f"/v1/users/{quote(name, safe='')}"
    assert operator.put(f"{path}/password", json={"password": "another password"}).status_code == 204
    assert office.store.users.verify(name, "another password") is not None
    assert operator.delete(path).status_code == 204
    assert operator.delete(path).status_code == 404
    assert operator.get(f"{path}/password").status_code == 405


def test_a_slash_in_a_name_is_refused_in_words(operator: httpx.Client) -> None:
    answer = operator.post("/v1/users", json={"name": "sales/ann", "password": PASSWORD})
    assert answer.status_code == 422
    assert "can't be part of an address" in answer.json()["detail"]


def test_the_last_operator_stays(operator: httpx.Client) -> None:
    answer = operator.delete(f"/v1/users/{OPERATOR}")
    assert (answer.status_code, answer.json()["type"]) == (422, "/v1/docs#invalid")


def test_tokens(beta: httpx.Client, app: ASGIApp) -> None:
    made = beta.post("/v1/tokens", json={"label": "report", "lifetime_s": 60}).json()
    program = client(app)
    program.headers["Authorization"] = f"Bearer {made['token']}"
    assert program.get("/v1/me").json()["name"] == BETA.user
    listed = beta.get("/v1/sessions", params={"kind": "token"}).json()["items"]
    assert made["id"] in {one["id"] for one in listed}
    assert all("token" not in one for one in listed)
    assert beta.get("/v1/sessions", params={"kind": "browser"}).json()["items"] == []
    assert beta.delete(f"/v1/sessions/{made['id']}").status_code == 204
    assert program.get("/v1/me").status_code == 401


def test_changes(operator: httpx.Client, alpha: httpx.Client) -> None:
    alpha.patch(f"/v1/numbers/{ALPHA.e164}", json={"ring_timeout_s": 12})
    newest = alpha.get("/v1/audit", params={"limit": 1}).json()
    [change] = newest["items"]
    assert (change["author"], change["via"], change["kind"], change["key"]) == (
        "alpha",
        "api",
        "number",
        ALPHA.e164,
    )
    assert (change["before"], change["after"]) == ({"ring_timeout_s": None}, {"ring_timeout_s": 12.0})
    older = alpha.get("/v1/audit", params={"before": newest["next"], "limit": 1000}).json()
    assert older["items"][0]["id"] < change["id"]
    assert older["next"] is None
    assert len(operator.get("/v1/audit", params={"kind": "carrier"}).json()["items"]) == 1
