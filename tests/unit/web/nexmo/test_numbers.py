"""Searching, buying, forwarding, cancelling."""

import httpx
import pytest

from tests.unit.web.nexmo.conftest import BERLIN, KEY, LONDON, MOBILE
from trunkline.trunk.number import Number
from trunkline.web.office import Office

SUCCESS = {"error-code": "200", "error-code-label": "success"}


def label(answer: httpx.Response) -> str:
    assert answer.status_code == 420
    assert answer.json()["error-code"] == "420"
    words: str = answer.json()["error-code-label"]
    assert words.startswith("method failed: ")
    return words


def test_a_number_for_sale_as_nexmo_shows_it(client: httpx.Client) -> None:
    assert client.get("/number/search", params={"country": "GB", "type": "mobile-lvn"}).json() == {
        "count": 1,
        "numbers": [
            {
                "country": "GB",
                "msisdn": MOBILE.e164,
                "cost": "0.90",
                "type": "mobile-lvn",
                "features": ["SMS", "VOICE"],
            }
        ],
    }


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("country=GB", [LONDON.e164, MOBILE.e164]),
        ("country=gb&features=VOICE,SMS", [MOBILE.e164]),
        ("country=GB&pattern=9460&search_pattern=1", [LONDON.e164]),
        ("country=GB&pattern=0001&search_pattern=2&size=1&index=2", [MOBILE.e164]),
        ("country=FR", []),
    ],
)
def test_searching(client: httpx.Client, query: str, found: list[str]) -> None:
    numbers = client.get(f"/number/search?{query}").json()["numbers"]
    assert [number["msisdn"] for number in numbers] == found


def test_a_search_needs_a_country(client: httpx.Client) -> None:
    assert "country is missing" in label(client.get("/number/search"))


@pytest.mark.parametrize("way", ["form", "query", "json", "form called json"])
def test_buying_and_cancelling_however_the_parameters_come(
    client: httpx.Client, office: Office, way: str
) -> None:
    given = {"country": "GB", "msisdn": LONDON.e164}
    for action, balance in (("buy", 878), ("cancel", 878)):
        path = f"/number/{action}"
        match way:
            case "form":
                answer = client.post(path, data=given)
            case "query":
                answer = client.post(path, params=given)
            case "json":
                answer = client.post(path, json=given)
            case _:
                answer = client.post(path, data=given, headers={"Content-Type": "application/json"})
        assert (answer.status_code, answer.json()) == (200, SUCCESS)
        assert office.store.credit.balance_cents(KEY) == balance
        assert len(office.store.numbers.list(KEY)) == (action == "buy")


def test_what_can_not_be_bought(client: httpx.Client, office: Office) -> None:
    office.store.credit.add(KEY, -1000)
    buy = {"country": "GB", "msisdn": LONDON.e164}
    assert "costs 1.50, and the credit is 0.28" in label(client.post("/number/buy", data=buy))
    assert "is not for sale" in label(client.post("/number/buy", data={**buy, "country": "DE"}))
    assert "msisdn is missing" in label(client.post("/number/buy", data={"country": "GB"}))
    assert "country is two letters" in label(client.post("/number/buy", data={**buy, "country": "GBR"}))
    assert "digits" in label(client.post("/number/buy", data={**buy, "msisdn": "x"}))
    assert office.store.numbers.list(KEY) == []


def test_forwarding(client: httpx.Client, office: Office) -> None:
    office.store.stock.buy(BERLIN.e164, KEY)
    update = {"country": "DE", "msisdn": BERLIN.e164, "voiceCallbackType": "sip"}
    value = "a@pbx1.example, sip:a@pbx2.example:5080;timeout=2000"
    answer = client.post("/number/update", data={**update, "voiceCallbackValue": value})
    assert answer.json() == SUCCESS
    forwarding = office.store.numbers.get(BERLIN.e164).forwarding
    assert forwarding.text == value
    assert len(forwarding.endpoints) == 2
    plain = {"country": "DE", "msisdn": BERLIN.e164, "moHttpUrl": "https://example.com/sms"}
    assert client.post("/number/update", data=plain).json() == SUCCESS
    assert office.store.numbers.get(BERLIN.e164).forwarding == forwarding
    assert client.post("/number/update", data={**update, "voiceCallbackValue": ""}).json() == SUCCESS
    assert not office.store.numbers.get(BERLIN.e164).forwarding


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"voiceCallbackType": "sip"}, "go together"),
        ({"voiceCallbackValue": "a@b.example"}, "go together"),
        ({"voiceCallbackType": "tel", "voiceCallbackValue": "4412345678"}, "voiceCallbackType is sip"),
        ({"voiceCallbackType": "sip", "voiceCallbackValue": "pbx"}, "entry 1: has no '@'"),
        ({"app_id": "aaaa"}, "no applications"),
        ({"voiceStatusCallback": "https://example.com"}, "/v1/webhooks"),
        ({"country": "GB"}, "does not exist"),
        ({"msisdn": LONDON.e164}, "does not exist"),
    ],
)
def test_what_can_not_be_forwarded(
    client: httpx.Client, office: Office, wrong: dict[str, str], words: str
) -> None:
    office.store.stock.buy(BERLIN.e164, KEY)
    given = {"country": "DE", "msisdn": BERLIN.e164, **wrong}
    assert words in label(client.post("/number/update", data=given))
    assert not office.store.numbers.get(BERLIN.e164).forwarding


def test_a_number_that_only_begins_alike_is_another(client: httpx.Client, office: Office) -> None:
    office.store.numbers.add(Number("49301234500", KEY))
    given = {"country": "DE", "msisdn": "4930123450"}
    assert "does not exist" in label(client.post("/number/update", data=given))


def test_what_was_not_bought_can_not_be_cancelled(client: httpx.Client, office: Office) -> None:
    office.store.numbers.add(Number("441632960009", KEY))
    answer = client.post("/number/cancel", data={"country": "GB", "msisdn": "441632960009"})
    assert "only the operator" in label(answer)
