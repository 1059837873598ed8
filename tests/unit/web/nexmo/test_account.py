"""What an account owns and has left."""

import httpx
import pytest

from tests.unit.web.nexmo.conftest import KEY, LONDON, MOBILE
from trunkline.store.users import Role, User
from trunkline.trunk.forwarding import ForwardingList
from trunkline.trunk.number import Number
from trunkline.web.office import Office


def test_the_balance(client: httpx.Client) -> None:
    assert client.get("/account/get-balance").json() == {"value": 10.28, "autoReload": False}


def test_a_number_as_nexmo_shows_it(client: httpx.Client, office: Office) -> None:
    office.store.stock.buy(MOBILE.e164, KEY)
    office.store.numbers.forward(MOBILE.e164, ForwardingList.parse("a@pbx.example, sips:b@pbx.example"))
    office.store.numbers.add(Number("80012345678", KEY))
    assert client.get("/account/numbers").json() == {
        "count": 2,
        "numbers": [
            {
                "country": "GB",
                "msisdn": MOBILE.e164,
                "moHttpUrl": "",
                "type": "mobile-lvn",
                "features": ["SMS", "VOICE"],
                "voiceCallbackType": "sip",
                "voiceCallbackValue": "a@pbx.example, sips:b@pbx.example",
            },
            {"msisdn": "80012345678", "moHttpUrl": "", "type": "landline", "features": ["VOICE"]},
        ],
    }


def test_filters_and_pages(client: httpx.Client, office: Office) -> None:
    for n in range(12):
        office.store.numbers.add(Number(f"4416329700{n:02}", KEY))
    first = client.get("/account/numbers").json()
    assert (first["count"], len(first["numbers"])) == (12, 10)
    second = client.get("/account/numbers", params={"index": 2, "size": 5}).json()
    assert [number["msisdn"][-2:] for number in second["numbers"]] == ["05", "06", "07", "08", "09"]
    assert client.get("/account/numbers?country=de").json()["count"] == 0
    assert client.get("/account/numbers?pattern=11&search_pattern=2").json()["count"] == 1


@pytest.mark.parametrize(
    ("query", "count"),
    [("has_application=True", 0), ("has_application=false", 1), ("application_id=abc", 0), ("", 1)],
)
def test_no_number_has_an_application(client: httpx.Client, office: Office, query: str, count: int) -> None:
    office.store.stock.buy(LONDON.e164, KEY)
    assert client.get(f"/account/numbers?{query}").json()["count"] == count


def test_an_operator_says_whose(client: httpx.Client, office: Office) -> None:
    office.store.users.add(User("ann@example.com", Role.OPERATOR), "correct horse battery")
    client.auth = ("ann@example.com", "correct horse battery")
    asked = client.get("/account/get-balance")
    assert (asked.status_code, asked.json()["error-code"]) == (420, "420")
    assert "target_api_key" in asked.json()["error-code-label"]
    assert client.get("/account/get-balance", params={"target_api_key": KEY}).json()["value"] == 10.28
