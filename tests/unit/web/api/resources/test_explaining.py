"""What would happen, and what an error id means."""

import httpx

from tests.unit.web.customers import ALPHA
from tests.unit.web.paper_node import PaperNode
from trunkline.call.record import Direction
from trunkline.trunk.verdict import Slug
from trunkline.web.views import Question


def test_a_call_that_nobody_places(alpha: httpx.Client, node: PaperNode) -> None:
    answer = alpha.post("/v1/explain", json={"direction": "inbound", "called": f"+{ALPHA.e164}"}).json()
    assert answer == {
        "placed": False,
        "steps": ["the number is unknown"],
        "verdict": "unknown-number",
        "status": 404,
        "text": "No account has this number.",
        "remedy": "Add it.",
    }
    assert node.asked == [Question(Direction.INBOUND, f"+{ALPHA.e164}")]


def test_a_customers_calls_are_the_own(alpha: httpx.Client, operator: httpx.Client, node: PaperNode) -> None:
    for client in (alpha, operator):
        client.post("/v1/explain", json={"direction": "outbound", "called": "15550100", "caller": "1"})
    assert [question.account for question in node.asked] == ["alpha", None]


def test_error_ids(alpha: httpx.Client) -> None:
    listed = alpha.get("/v1/error-ids").json()["items"]
    assert [one["id"] for one in listed] == [str(slug) for slug in Slug]
    assert alpha.get("/v1/error-ids/no-route").json() in listed
    assert alpha.get("/v1/error-ids/nonsense").status_code == 404
