"""The app as a whole: its paths, and that one account sees nothing of another's."""

import httpx
import pytest

from tests.unit.web.nexmo.conftest import BERLIN, KEY, LONDON, MOBILE, OTHER, OTHER_SECRET
from trunkline.web.nexmo.app import PREFIXES, nexmo_app
from trunkline.web.office import Office


def test_every_path_is_below_the_prefixes(office: Office) -> None:
    paths = nexmo_app(office).openapi()["paths"]
    assert len(paths) == 8
    assert all(path.startswith(tuple(f"{prefix}/" for prefix in PREFIXES)) for path in paths)


def test_every_path_asks_for_credentials(stranger: httpx.Client, office: Office) -> None:
    for path, operations in nexmo_app(office).openapi()["paths"].items():
        for method in operations:
            asked = path.format(key=KEY, id_="1")
            answer = stranger.request(method, asked, params={"country": "GB", "msisdn": LONDON.e164})
            assert answer.status_code == 401, path
            assert "WWW-Authenticate" not in answer.headers


def test_an_account_sees_and_changes_nothing_of_another(client: httpx.Client, office: Office) -> None:
    office.store.stock.buy(BERLIN.e164, KEY)
    (secret,) = office.store.accounts.secrets(KEY)
    client.auth = (OTHER, OTHER_SECRET)
    assert client.get("/account/numbers").json() == {"count": 0, "numbers": []}
    assert client.get("/account/get-balance").json()["value"] == 0
    theirs = {"country": "DE", "msisdn": BERLIN.e164, "target_api_key": KEY}
    for given in (theirs, {**theirs, "target_api_key": OTHER}):
        for action in ("cancel", "update", "buy"):
            answer = client.post(
                f"/number/{action}",
                data={**given, "voiceCallbackType": "sip", "voiceCallbackValue": "a@pbx.example"},
            )
            assert answer.status_code == 420, action
    assert client.get("/account/numbers", params={"target_api_key": KEY}).status_code == 420
    assert client.get("/account/get-balance", params={"target_api_key": KEY}).status_code == 420
    for method, path in (
        ("GET", f"/accounts/{KEY}/secrets"),
        ("GET", f"/accounts/{KEY}/secrets/{secret.id}"),
        ("DELETE", f"/accounts/{KEY}/secrets/{secret.id}"),
        ("GET", f"/accounts/{OTHER}/secrets/{secret.id}"),
        ("DELETE", f"/accounts/{OTHER}/secrets/{secret.id}"),
    ):
        assert client.request(method, path).status_code == 404, path
    made = client.post(f"/accounts/{KEY}/secrets", json={"secret": "Some-Secret-123"})
    assert made.status_code == 404
    assert len(office.store.accounts.secrets(KEY)) == 1
    assert not office.store.numbers.get(BERLIN.e164).forwarding
    assert office.store.numbers.get(BERLIN.e164).account == KEY


@pytest.mark.parametrize("path", ["/account/top-up", "/number/nothing", "/account"])
def test_other_paths_say_no_in_nexmo_s_way(client: httpx.Client, path: str) -> None:
    answer = client.get(path)
    assert (answer.status_code, answer.json()["error-code"]) == (404, "404")


def test_changes_are_in_the_trail_as_nexmo_s(client: httpx.Client, office: Office) -> None:
    client.post("/number/buy", data={"country": "GB", "msisdn": MOBILE.e164})
    newest = office.store.audit.list(kind="number")[0]
    assert (newest.author, newest.via, newest.action) == (KEY, "nexmo-api", "buy")
