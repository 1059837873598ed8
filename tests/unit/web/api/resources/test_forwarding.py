"""Forward to SIP."""

import httpx
import pytest

from tests.unit.web.customers import ALPHA
from trunkline.web.desk import numbers

PATH = f"/v1/numbers/{ALPHA.e164}"


def test_set_and_got(alpha: httpx.Client) -> None:
    text = "100@pbx1.example;timeout=2000, sips:100@pbx2.example;x=1"
    answer = alpha.put(f"{PATH}/forwarding", json={"text": text})
    assert answer.status_code == 200
    assert [one["uri"] for one in answer.json()["endpoints"]] == [
        "sip:100@pbx1.example",
        "sips:100@pbx2.example;x=1",
    ]
    assert answer.json()["warnings"] == ["entry 2: the parameter 'x' is unknown here and is sent as it is"]
    assert alpha.get(f"{PATH}/forwarding").json() == answer.json()
    assert alpha.get(PATH).json()["forwarding"] == answer.json()
    assert alpha.put(f"{PATH}/forwarding", json={"entries": []}).json()["endpoints"] == []


def test_how_its_endpoints_are(alpha: httpx.Client) -> None:
    first, second = alpha.get(f"{PATH}/endpoints").json()["items"]
    assert (first["position"], first["state"], first["results"]) == (1, "unknown", [])
    assert (second["position"], second["state"], second["last_failure"]) == (2, "down", "unreachable")
    assert second["uri"] == "sip:100@off.alpha.example"


def test_pings(alpha: httpx.Client) -> None:
    assert alpha.post(f"{PATH}/endpoints/1/ping").json() == {"status": 200, "reason": "OK", "after_ms": 4.2}
    assert alpha.post(f"{PATH}/endpoints/2/ping").json()["status"] is None
    assert alpha.post(f"{PATH}/endpoints/3/ping").status_code == 404


def test_a_test_call(alpha: httpx.Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(numbers, "RECORD_S", 0.0)
    answer = alpha.post(f"{PATH}/test-call").json()
    assert (answer["answered"], answer["codec"], answer["call_id"]) == (True, "PCMA", None)
    assert answer["steps"] == [{"after_s": 0.1, "what": f"to {ALPHA.e164}"}]
