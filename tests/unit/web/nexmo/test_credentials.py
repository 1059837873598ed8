"""Who asks."""

import base64

import httpx
import pytest

from tests.unit.web.nexmo.conftest import KEY, OTHER, SECRET
from trunkline.web.errors import NotSignedInError
from trunkline.web.nexmo.credentials import MAX_CREDENTIAL, credentials
from trunkline.web.nexmo.parameters import Parameters
from trunkline.web.office import Office

BALANCE = "/account/get-balance"
PAIR = {"api_key": KEY, "api_secret": SECRET}
FAILED = {"error-code": "401", "error-code-label": "authentication failed"}


def basic(text: str) -> str:
    return f"Basic {base64.b64encode(text.encode()).decode()}"


def test_query_form_json_and_basic(client: httpx.Client, stranger: httpx.Client) -> None:
    assert client.get(BALANCE).status_code == 200
    assert stranger.get(BALANCE, params=PAIR).status_code == 200
    buy = {**PAIR, "country": "GB", "msisdn": "442079460001"}
    assert stranger.post("/number/buy", data=buy).status_code == 200
    assert stranger.post("/number/cancel", json=buy).status_code == 200


def test_basic_wins(client: httpx.Client) -> None:
    assert client.get(BALANCE, params={"api_key": OTHER, "api_secret": "x"}).json()["value"] == 10.28


@pytest.mark.parametrize(
    ("key", "secret"), [(KEY, "wrong-Secret-1"), ("nobody", SECRET), ("", ""), (KEY, ""), ("", SECRET)]
)
def test_wrong_and_unknown_look_alike(client: httpx.Client, key: str, secret: str) -> None:
    client.auth = (key, secret)
    answer = client.get(BALANCE)
    assert (answer.status_code, answer.json()) == (401, FAILED)


@pytest.mark.parametrize(
    "header", ["Basic", "Basic !", basic("nocolon"), "Bearer x", "Basic /w==", basic("k:" + "s" * 600)]
)
def test_no_credentials(header: str) -> None:
    with pytest.raises(NotSignedInError):
        credentials(header, Parameters({}))


def test_a_secret_may_hold_colons_and_any_letters() -> None:
    assert credentials(basic("k:a:ü"), Parameters({})) == ("k", "a:ü")
    assert len("k") <= MAX_CREDENTIAL


def test_guessing_ends(client: httpx.Client, office: Office) -> None:
    client.auth = (KEY, "wrong-Secret-1")
    for _ in range(office.settings.web.sign_in_failures):
        assert client.get(BALANCE).status_code == 401
    answer = client.get(BALANCE)
    assert (answer.status_code, answer.json()["error-code"]) == (429, "429")
    assert int(answer.headers["Retry-After"]) > 0
    secrets = client.get(f"/accounts/{KEY}/secrets")
    assert secrets.status_code == 429
    assert int(secrets.headers["Retry-After"]) > 0
