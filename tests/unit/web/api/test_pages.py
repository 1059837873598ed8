"""Lists that can be long: each thing is on one page, whichever list it is."""

import httpx
import pytest

from tests.unit.web.customers import PASSWORD
from trunkline.store.users import Role
from trunkline.trunk.carrier import Carrier
from trunkline.trunk.routes import Route, RouteCarrier
from trunkline.web.office import Office


@pytest.fixture(autouse=True)
def many(office: Office) -> None:
    for name in ("a", "b", "c"):
        office.store.carriers.add(Carrier(name, ()))
        office.store.sessions.open(role=Role.OPERATOR, user="op", account=None, lifetime_s=None)
        office.store.webhooks.add("alpha", f"https://example.com/{name}")
    for prefix in ("", "1", "2"):
        office.store.routes.add(Route(prefix, (RouteCarrier("a"),)))


@pytest.mark.parametrize(
    ("path", "parameter", "key", "wanted"),
    [
        ("/v1/carriers", "after", "name", ["a", "b", "c", "upstream"]),
        ("/v1/routes", "after", "prefix", ["all", "1", "2", "44"]),
        ("/v1/users", "after", "name", ["ann@alpha.example", "ann@beta.example", "op"]),
        ("/v1/accounts", "after", "key", ["alpha", "beta"]),
        ("/v1/numbers", "after", "e164", ["441632960001", "441632960002"]),
        ("/v1/sessions", "cursor", "user", ["op"] * 4),
        ("/v1/webhooks", "cursor", "url", [f"https://example.com/{name}" for name in "abc"]),
    ],
)
@pytest.mark.parametrize("limit", [1, 2, 1000])
def test_every_thing_is_on_one_page(
    operator: httpx.Client, path: str, parameter: str, key: str, wanted: list[str], limit: int
) -> None:
    seen: list[str] = []
    query: dict[str, str] = {"limit": str(limit)}
    while True:
        answer = operator.get(path, params=query)
        assert answer.status_code == 200, answer.text
        page = answer.json()
        assert len(page["items"]) <= limit
        seen += [one[key] for one in page["items"]]
        if page["next"] is None:
            break
        query[parameter] = page["next"]
    assert seen == wanted


def test_the_users_of_an_account(operator: httpx.Client, alpha: httpx.Client) -> None:
    found = operator.get("/v1/users", params={"account": "beta"}).json()
    assert [one["name"] for one in found["items"]] == ["ann@beta.example"]
    assert alpha.get("/v1/users", params={"account": "beta"}).status_code == 404
    assert PASSWORD not in str(found)


@pytest.mark.parametrize(
    "path", ["/v1/routes?after=x", "/v1/sessions?cursor=x", "/v1/webhooks?cursor=x", "/v1/carriers?after=%20"]
)
def test_what_is_no_key(operator: httpx.Client, path: str) -> None:
    assert operator.get(path).status_code == 422
