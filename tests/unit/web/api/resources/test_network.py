"""What the node knows."""

import httpx

from tests.unit.web.customers import ALPHA
from tests.unit.web.paper_node import PaperNode


def test_registrations_and_health(alpha: httpx.Client, operator: httpx.Client) -> None:
    assert [one["account"] for one in alpha.get("/v1/registrations").json()["items"]] == ["alpha"]
    [endpoint] = alpha.get("/v1/health").json()["items"]
    assert (endpoint["number"], endpoint["state"]) == (ALPHA.e164, "down")
    assert len(operator.get("/v1/health").json()["items"]) == 3


def test_bans(operator: httpx.Client, node: PaperNode) -> None:
    assert {one["source"] for one in operator.get("/v1/bans").json()["items"]} == {
        "192.0.2.66",
        "2001:db8::/64",
    }
    assert operator.delete("/v1/bans/2001:db8::%2F64").status_code == 204, "as it is listed"
    assert operator.delete("/v1/bans/2001:db8::66").status_code == 404
    assert set(node.banned) == {"192.0.2.66"}


def test_a_source_is_turned_away(operator: httpx.Client, alpha: httpx.Client, node: PaperNode) -> None:
    wanted = {"source": "192.0.2.7", "reason": "rude"}
    assert alpha.post("/v1/bans", json=wanted).status_code == 403
    made = operator.post("/v1/bans", json={"source": "2001:db8:1::7", "reason": "rude", "for_s": 60})
    assert (made.json()["source"], made.json()["reason"]) == ("2001:db8:1::/64", "rude")
    assert made.headers["Location"] == "/v1/bans/2001:db8:1::/64"
    assert operator.post("/v1/bans", json=wanted).status_code == 201
    assert node.banned["192.0.2.7"] == "rude"
    other = {"source": "192.0.2.8"}
    for wrong in {"reason": ""}, {"reason": "a\nb"}, {"reason": "rude", "for_s": 0}, {}:
        assert operator.post("/v1/bans", json={**other, **wrong}).status_code == 422
    refused = operator.post("/v1/bans", json={"source": "1.2", "reason": "rude"})
    assert (refused.status_code, "no source" in refused.json()["detail"]) == (422, True)
    assert "192.0.2.8" not in node.banned


def test_the_node(operator: httpx.Client, node: PaperNode) -> None:
    shown = operator.get("/v1/node").json()
    assert (shown["node"], shown["media_ports"]["free"]) == ("n1", 4994)
    assert operator.post("/v1/node/drain", json={"timeout_s": 60}).json()["draining"] is True
    operator.post("/v1/node/drain", json={})
    assert node.draining == [60.0, None]
