"""Figures."""

import httpx
import pytest


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


def test_what_is_used_of_the_limits(alpha: httpx.Client) -> None:
    shown = alpha.get("/v1/accounts/alpha/used").json()
    assert shown["calls"] == 1
    assert shown["minutes"] > 0
