"""Carriers."""

import httpx
import pytest

from trunkline.sip.uri import SipUri
from trunkline.trunk.carrier import Carrier, CarrierCredentials, Gateway, Rewrite
from trunkline.trunk.routes import Route, RouteCarrier
from trunkline.web.office import Office

NEW = {
    "name": "backup",
    "gateways": [{"uri": "sip:up.backup.example"}, {"uri": "sips:off.backup.example", "priority": 1}],
    "credentials": {"user": "us", "secret": "carrier-s3cret"},
    "registers": True,
    "sources": ["198.51.100.0/28"],
    "called_rules": [{"prefix": "44", "strip": 2, "prepend": "0"}],
}


def test_made_shown_changed_removed(operator: httpx.Client, office: Office) -> None:
    made = operator.post("/v1/carriers", json=NEW)
    assert made.status_code == 201, made.text
    assert made.json()["credentials"] == {"user": "us", "realm": None}
    shown = operator.get("/v1/carriers/backup")
    assert (shown.json(), shown.headers["etag"]) == (made.json(), made.headers["etag"])
    changed = operator.patch("/v1/carriers/backup", json={"trusted": True})
    assert changed.json() == {**shown.json(), "trusted": True}
    kept = office.store.carriers.get("backup").credentials
    assert kept is not None
    assert kept.secret == "carrier-s3cret"
    cleared = operator.patch("/v1/carriers/backup", json={"credentials": None, "registers": False}).json()
    assert (cleared["credentials"], cleared["registers"]) == (None, False)
    assert operator.delete("/v1/carriers/backup").status_code == 204
    assert [one["name"] for one in operator.get("/v1/carriers").json()["items"]] == ["upstream"]


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"name": "upstream"}, 409),
        ({"name": "new", "inbound_account": "nobody"}, 404),
        ({"name": "new", "gateways": [{"uri": "sip:"}]}, 422),
        ({"name": "new", "sources": ["everywhere"]}, 422),
        ({"name": "new", "registers": True}, 422),
    ],
)
def test_what_can_not_be_made(operator: httpx.Client, body: dict[str, object], status: int) -> None:
    assert operator.post("/v1/carriers", json=body).status_code == status


def test_a_carrier_in_a_route_stays(operator: httpx.Client) -> None:
    assert operator.delete("/v1/carriers/upstream").status_code == 409


def test_how_its_gateways_are(operator: httpx.Client) -> None:
    [gateway] = operator.get("/v1/carriers/upstream/gateways").json()["items"]
    assert (gateway["uri"], gateway["state"]) == ("sip:up.carrier.example", "down")
    assert operator.post("/v1/carriers/upstream/gateways/1/ping").json()["status"] == 200
    assert operator.post("/v1/carriers/upstream/gateways/2/ping").status_code == 404


def test_what_was_kept_before_there_was_a_bound_is_shown(
    operator: httpx.Client, office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    for matter in ("carriers", "routes"):
        monkeypatch.setattr(f"trunkline.store.{matter}.check_bounds", lambda *_: None)
    gateways = tuple(Gateway(SipUri.parse(f"sip:sbc{number}.example")) for number in range(101))
    rules = tuple(Rewrite(str(number), 0, "") for number in range(1, 102))
    credentials = CarrierCredentials("u" * 201, "s3cret")
    carrier = Carrier("wide", gateways, called_rules=rules, credentials=credentials, register=True)
    office.store.carriers.add(carrier)
    shown = operator.get("/v1/carriers/wide").json()
    assert (len(shown["gateways"]), len(shown["called_rules"])) == (101, 101)
    assert shown["called_rules"][0] == {"prefix": "1", "strip": 0, "prepend": ""}
    assert (shown["credentials"], shown["registers"]) == ({"user": "u" * 201, "realm": None}, True)
    assert shown in operator.get("/v1/carriers").json()["items"]
    for number in range(101):
        office.store.carriers.add(Carrier(f"c{number}", ()))
    office.store.routes.add(Route("1", tuple(RouteCarrier(f"c{number}") for number in range(101))))
    route = operator.get("/v1/routes/1").json()
    assert route["carriers"][100] == {"carrier": "c100", "priority": 0, "weight": 1}
    assert route in operator.get("/v1/routes").json()["items"]
