"""Lists that can be long, a page at a time."""

import re

import pytest

from tests.unit.web.dashboard.conftest import KEY, Browser
from trunkline.store.users import Role
from trunkline.trunk.carrier import Carrier
from trunkline.trunk.routes import Route, RouteCarrier
from trunkline.web.dashboard.directory import carriers, routes
from trunkline.web.dashboard.people import credentials, users
from trunkline.web.office import Office


def next_page(page: str) -> list[str]:
    found = re.findall(r'href="([^"]+)" rel="next"', page)
    return [link.replace("&amp;", "&") for link in found]


@pytest.fixture(autouse=True)
def short(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (carriers, routes, credentials, users):
        monkeypatch.setattr(module, "PAGE", 2)


def test_carriers(operator: Browser, office: Office) -> None:
    for name in ("a", "b", "z"):
        office.store.carriers.add(Carrier(name, ()))
    first = operator.get("/carriers")
    assert ('href="/carriers/b"' in first, 'href="/carriers/z"' in first) == (True, False)
    [link] = next_page(first)
    second = operator.get(link)
    assert ('href="/carriers/b"' in second, 'href="/carriers/z"' in second) == (False, True)
    assert next_page(second) == []
    assert 'href="/carriers?"' in second


def test_routes_begin_with_that_of_every_number(operator: Browser, office: Office) -> None:
    for prefix in ("", "1", "99"):
        office.store.routes.add(Route(prefix, (RouteCarrier("upstream"),)))
    first = operator.get("/routes")
    assert ("every number" in first, 'href="/routes/44"' in first) == (True, False)
    second = operator.get(next_page(first)[0])
    assert ('href="/routes/44"' in second, 'href="/routes/99"' in second) == (True, True)
    operator.get("/routes?after=x", 422)


def test_users_and_sessions_have_pages_of_their_own(operator: Browser, office: Office) -> None:
    for _ in range(3):
        office.store.sessions.open(role=Role.CUSTOMER, user=None, account=KEY, lifetime_s=60.0)
    [link] = next_page(operator.get("/users"))
    assert link.startswith("/users?cursor=")
    older = operator.get(link)
    assert len(re.findall(r'name="id" value="(\w{64})"', older)) == 1, "the other is the own one"


def test_an_accounts_sessions_and_tokens(customer: Browser, office: Office) -> None:
    for number in range(3):
        customer.sent("/credentials/tokens", label=f"t{number}", lifetime="86400")
        office.store.sessions.open(role=Role.CUSTOMER, user=None, account=KEY, lifetime_s=60.0)
    tokens, sessions = next_page(customer.get("/credentials"))
    assert "t0" not in customer.get("/credentials")
    assert "t0" in customer.get(tokens)
    assert sessions.startswith("/credentials?sessions=")
    assert "t2" in customer.get(sessions)
