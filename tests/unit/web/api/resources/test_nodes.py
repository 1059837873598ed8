"""The nodes on the database."""

import httpx

from tests.unit.store.test_nodes import FACTS, aged
from trunkline.web.office import Office


def test_nodes(operator: httpx.Client, alpha: httpx.Client, office: Office) -> None:
    office.store.nodes.enter(FACTS)
    [node] = operator.get("/v1/nodes").json()["items"]
    assert (node["name"], node["standing"]) == ("n1", "up")
    assert alpha.get("/v1/nodes").status_code == 403
    assert operator.post("/v1/nodes/n1/drain").status_code == 204
    assert operator.get("/v1/nodes").json()["items"][0]["standing"] == "drained"
    assert operator.post("/v1/nodes/n1/return").status_code == 204
    assert operator.delete("/v1/nodes/n1").status_code == 409
    aged(office.store.database, "n1", 3600)
    assert operator.delete("/v1/nodes/n1").status_code == 204
    assert operator.post("/v1/nodes/n1/drain").status_code == 404
