"""Who may come in, and how often."""

import base64

import httpx
import pytest
from starlette.types import ASGIApp

from tests.unit.web.customers import ALPHA, OPERATOR, PASSWORD, office_of
from tests.unit.web.in_process import client
from trunkline.store.audit import Via
from trunkline.web.app import web_app
from trunkline.web.office import Office
from trunkline.web.sign_in import Caller


def test_a_token(alpha: httpx.Client) -> None:
    assert alpha.get("/v1/me").json() == {"name": "alpha", "role": "customer", "account": "alpha"}


@pytest.mark.parametrize(
    ("name", "password", "role"),
    [
        ("alpha", ALPHA.secret, "customer"),
        (ALPHA.user, PASSWORD, "customer"),
        (OPERATOR, PASSWORD, "operator"),
    ],
)
def test_a_name_and_a_password(app: ASGIApp, name: str, password: str, role: str) -> None:
    answer = client(app).get("/v1/me", auth=(name, password)).json()
    assert (answer["name"], answer["role"]) == (name, role)


@pytest.mark.parametrize(
    "header",
    [
        None,
        "",
        "Bearer",
        "Bearer nonsense",
        "Digest username=alpha",
        "Basic",
        "Basic ====",
        "Basic " + base64.b64encode(b"\xff:\xff").decode(),
        "Basic " + base64.b64encode(b"alpha").decode(),
        "Basic " + base64.b64encode(b"alpha:wrong").decode(),
    ],
)
def test_nobody_else(app: ASGIApp, header: str | None) -> None:
    answer = client(app).get("/v1/me", headers={} if header is None else {"Authorization": header})
    assert (answer.status_code, answer.json()["type"]) == (401, "/v1/docs#not-signed-in")


def test_a_browser_is_not_asked_for_a_password(app: ASGIApp) -> None:
    """It would send it along from other sites from then on."""
    assert client(app).get("/v1/me").headers["www-authenticate"] == 'Bearer realm="trunkline"'


def test_a_browsers_cookie_is_no_token(app: ASGIApp, office: Office) -> None:
    cookie, _ = office.sign_in.begin(Caller(Via.DASHBOARD, "192.0.2.7"), "alpha", ALPHA.secret)
    answer = client(app).get("/v1/me", headers={"Authorization": f"Bearer {cookie}"})
    assert answer.status_code == 401


def test_a_revoked_token_is_worth_nothing(alpha: httpx.Client) -> None:
    [session] = alpha.get("/v1/sessions").json()["items"]
    assert alpha.delete(f"/v1/sessions/{session['id']}").status_code == 204
    assert alpha.get("/v1/me").status_code == 401


def test_each_has_a_rate_of_the_own(home: object, office: Office) -> None:
    narrow = office_of(office.settings.node.data_dir, None, api_requests_per_minute=3)
    app = web_app(narrow)
    mine, other = client(app), client(app)
    mine.auth, other.auth = ("alpha", ALPHA.secret), ("beta", "beta-s3cret")
    assert [mine.get("/v1/me").status_code for _ in range(4)] == [200, 200, 200, 429]
    answer = mine.get("/v1/me")
    assert answer.json()["detail"].startswith("too many requests; try again in ")
    assert 1 <= int(answer.headers["retry-after"]) <= 60
    assert mine.get("/account/get-balance").status_code == 429, "by whichever API"
    assert [other.get(path).status_code for path in ("/account/get-balance", "/v1/me")] == [200, 200]
    narrow.close()


def test_whoever_guesses_is_slowed_down(app: ASGIApp) -> None:
    guesser = client(app)
    headers = [{"Authorization": f"Bearer {number}"} for number in range(11)]
    assert {guesser.get("/v1/me", headers=one).status_code for one in headers} == {401, 429}
