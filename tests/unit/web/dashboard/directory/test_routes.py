"""Routes: the operator's alone."""

import pytest

from tests.unit.web.dashboard.conftest import KEY, Browser
from tests.unit.web.dashboard.versioned import version
from tests.unit.web.paper_node import PaperNode
from trunkline.call.record import Direction
from trunkline.trunk.carrier import Carrier
from trunkline.trunk.routes import Route, RouteCarrier
from trunkline.web.office import Office


@pytest.fixture(autouse=True)
def second(office: Office) -> None:
    """Another carrier."""
    office.store.carriers.add(Carrier("second", ()))


@pytest.mark.parametrize("path", ["/routes", "/routes/new", "/routes/44", "/routes?number=442079460000"])
def test_customers_see_nothing(customer: Browser, path: str) -> None:
    customer.get(path, 403)


def test_customers_change_nothing(customer: Browser, office: Office) -> None:
    customer.post("/routes/new", 403, prefix="49", carrier="second")
    customer.post("/routes/44", 403, carrier="second")
    customer.post("/routes/44/remove", 403)
    assert office.store.routes.list() == [Route("44", (RouteCarrier("upstream"),))]


def test_add_change_remove(operator: Browser, office: Office) -> None:
    page = operator.sent(
        "/routes/new", prefix="all", carrier=["second", "upstream", ""], priority="", weight=["", "7"]
    )
    assert "The route was added" in page
    assert "Route of every number" in page
    assert office.store.routes.get("").carriers == (RouteCarrier("second", 0), RouteCarrier("upstream", 1, 7))
    seen = version(operator, "/routes/all")
    operator.sent("/routes/all", version=seen, carrier="upstream", priority="3", weight="2")
    assert office.store.routes.get("").carriers == (RouteCarrier("upstream", 3, 2),)
    assert "changed meanwhile" in operator.post("/routes/all", 412, version=seen, carrier="second").text
    assert "The route of all was removed." in operator.sent("/routes/all/remove")
    assert [route.prefix for route in office.store.routes.list()] == ["44"]


def test_a_lost_update_is_stopped_behind_a_refusal(operator: Browser, office: Office) -> None:
    seen = version(operator, "/routes/44")
    operator.sent("/routes/44", version=seen, carrier="second")
    refused = operator.post("/routes/44", 422, version=seen, carrier="upstream", price_per_minute="x").text
    assert f'name="version" value="{seen}"' in refused
    operator.post("/routes/44", 412, version=seen, carrier="upstream")
    assert office.store.routes.get("44").carriers == (RouteCarrier("second"),)


@pytest.mark.parametrize(
    ("fields", "status", "said"),
    [
        ({"prefix": "", "carrier": "second"}, 422, "which prefix"),
        ({"prefix": "x", "carrier": "second"}, 422, "not a number prefix"),
        ({"prefix": "49"}, 422, "at least one carrier"),
        ({"prefix": "49", "carrier": "third"}, 404, "does not exist"),
        ({"prefix": "49", "carrier": ["second", "second"]}, 422, "named twice"),
        ({"prefix": "44", "carrier": "second"}, 409, "exists already"),
        ({"prefix": "49", "carrier": "second", "priority": "x"}, 422, "whole numbers"),
    ],
)
def test_routes_that_cannot_be(operator: Browser, fields: dict[str, str], status: int, said: str) -> None:
    assert said in operator.post("/routes/new", status, **fields).text


def test_a_number_is_tested(operator: Browser, paper: PaperNode) -> None:
    page = operator.get("/routes?number=%2B44 20 7946 0000")
    assert 'takes the route of <a href="/routes/44">44</a>' in page
    assert "No prefix fits +493012345678" in operator.get("/routes?number=493012345678")
    assert "holds no digits" in operator.get("/routes?number=%2B")
    page = operator.get(f"/routes?number=442079460000&account={KEY}&caller=15550009999")
    assert "refused with 404" in page
    [question] = paper.asked
    assert (question.direction, question.account, question.caller) == (Direction.OUTBOUND, KEY, "15550009999")


def test_a_route_that_is_none(operator: Browser) -> None:
    operator.get("/routes/49", 404)
    operator.get("/routes/x", 422)
