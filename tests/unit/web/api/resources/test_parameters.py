"""Parameters that several operations have."""

import httpx
import pytest


@pytest.mark.parametrize(
    "path",
    [
        "/v1/accounts/-",
        "/v1/accounts/%00",
        "/v1/numbers/12",
        "/v1/numbers/4416329600011111111",
        "/v1/carriers/a%20b",
        "/v1/calls/%F0%9F%92%A9",
        f"/v1/calls/{'x' * 129}",
        "/v1/numbers/441632960001/endpoints/0/ping",
        "/v1/accounts?limit=0",
        "/v1/accounts?limit=1001",
        "/v1/accounts?after=%00",
        "/v1/numbers?account=%00",
        "/v1/numbers?starts_with=x",
    ],
)
def test_hostile_ones_are_refused(operator: httpx.Client, path: str) -> None:
    answer = operator.request("POST" if path.endswith("/ping") else "GET", path)
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["parameter"]
