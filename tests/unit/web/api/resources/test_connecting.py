"""Connecting a PBX."""

import httpx
import pytest

from tests.unit.web.customers import ALPHA
from trunkline.config import Settings
from trunkline.pbx.writer import Kind
from trunkline.web.office import Office


def test_where_the_service_is(alpha: httpx.Client) -> None:
    shown = alpha.get("/v1/addresses").json()
    [edge] = shown["edges"]
    assert edge["addresses"] == ["203.0.113.5"]
    assert edge["name"].endswith(f".{shown['domain']}")
    assert shown["media_ports"] == [10000, 20000]
    assert {record["kind"] for record in shown["records"]} == {"NAPTR", "SRV", "A"}


@pytest.mark.parametrize("kind", Kind)
def test_a_configuration_filled_in(alpha: httpx.Client, kind: Kind) -> None:
    answer = alpha.post(f"/v1/accounts/alpha/pbx/{kind}", json={"secret": ALPHA.secret})
    assert answer.status_code == 200, answer.text
    text = "\n".join(file["text"] for file in answer.json()["items"])
    assert ALPHA.secret in text
    assert all(file["name"] and file["place"] for file in answer.json()["items"])


@pytest.mark.parametrize(
    ("path", "body", "status"),
    [
        ("/v1/accounts/alpha/pbx/generic", {"srtp": True}, 422),
        ("/v1/accounts/alpha/pbx/generic", {"secret": "a;b"}, 422),
        ("/v1/accounts/alpha/pbx/nonsense", {}, 422),
        ("/v1/accounts/nobody/pbx/generic", {}, 404),
    ],
)
def test_what_can_not_be_written(alpha: httpx.Client, path: str, body: object, status: int) -> None:
    answer = alpha.post(path, json=body)
    assert answer.status_code == status, answer.text


def test_what_has_been_seen(alpha: httpx.Client) -> None:
    findings = alpha.get("/v1/accounts/alpha/pbx").json()["items"]
    assert {one["name"] for one in findings} >= {"Password", "Registration"}


def test_a_service_that_does_not_know_its_address(office: Office, alpha: httpx.Client) -> None:
    office.settings = Settings.parse('[sip]\nadvertised_host = "sip.example.net"\n')
    answer = alpha.get("/v1/addresses")
    assert (answer.status_code, answer.json()["type"]) == (503, "/v1/docs#not-set-up")
    assert "sip.advertised_host" in answer.json()["detail"]
