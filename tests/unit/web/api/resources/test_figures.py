"""Figures."""

import httpx
import pytest

from tests.unit.web.paper_node import PaperNode
from trunkline.trunk.fraud import Alarm, AlarmKind
from trunkline.web.office import Office
from trunkline.web.views import Usage


def test_a_customers_own_calls_over_time(alpha: httpx.Client, operator: httpx.Client) -> None:
    query = {"since": "1970-01-01T00:00:00Z", "stretch_s": "3600", "count": "2"}
    for client, calls in ((alpha, 1), (operator, 2)):
        first, second = client.get("/v1/figures", params=query).json()["items"]
        assert (first["began_at"], first["calls"], first["unanswered"]) == ("1970-01-01T00:00:00Z", calls, {})
        assert second["calls"] == 0


def test_the_last_day_unless_said_otherwise(alpha: httpx.Client) -> None:
    shown = alpha.get("/v1/figures").json()["items"]
    assert len(shown) == 24
    assert all(one["began_at"].endswith(":00:00Z") for one in shown)


@pytest.mark.parametrize("query", ["stretch_s=1", "count=745", "count=0", "since=yesterday"])
def test_what_is_asked_for_is_bounded(alpha: httpx.Client, query: str) -> None:
    assert alpha.get(f"/v1/figures?{query}").status_code == 422


def test_what_is_used_of_the_limits(alpha: httpx.Client, node: PaperNode) -> None:
    node.used["alpha"] = Usage(1, 3, 2.5, 0.25)
    used = {"calls": 1, "inbound": 3, "minutes": 2.5, "cost": 0.25}
    assert alpha.get("/v1/accounts/alpha/used").json() == used


def test_alarms(alpha: httpx.Client, operator: httpx.Client, office: Office) -> None:
    for key in ("alpha", "beta"):
        office.store.alarms.add(Alarm(key, AlarmKind.NEW_COUNTRY, 0.0, "37167012345", "new", blocked=True))
    (own,) = alpha.get("/v1/alarms").json()["items"]
    assert own == {
        "account": "alpha",
        "kind": "new-country",
        "raised_at": "1970-01-01T00:00:00Z",
        "called": "37167012345",
        "detail": "new",
        "blocked": True,
    }
    assert [one["account"] for one in operator.get("/v1/alarms").json()["items"]] == ["beta", "alpha"]
    assert alpha.get("/v1/alarms?account=beta").status_code == 404


@pytest.mark.parametrize(
    "since", ["0001-01-01T00:00:00Z", "1969-12-31T23:00:00Z", "2700-01-01T00:00:00Z", "9999-12-31T23:59:59Z"]
)
def test_a_moment_that_no_figures_can_be_of(alpha: httpx.Client, since: str) -> None:
    answer = alpha.get("/v1/figures", params={"since": since, "count": 744})
    assert answer.status_code == 422
    assert "since" in answer.json()["detail"]
