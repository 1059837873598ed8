"""Who sees which pages in the menu."""

from tests.unit.web.dashboard.conftest import Browser
from trunkline.store.audit import Via
from trunkline.store.users import Role
from trunkline.web.dashboard.navigation import GROUPS, menu
from trunkline.web.principal import Principal

OPERATOR = Principal("admin", Role.OPERATOR, None, Via.DASHBOARD, "192.0.2.1")
CUSTOMER = Principal("abcd1234", Role.CUSTOMER, "abcd1234", Via.DASHBOARD, "192.0.2.1")


def paths(principal: Principal) -> set[str]:
    return {entry.path for group in menu(principal, "/") for entry in group.entries}


def test_an_operator_sees_all() -> None:
    assert paths(OPERATOR) == {entry.path for group in GROUPS for entry in group.entries}


def test_where_one_is() -> None:
    def current(path: str) -> list[str]:
        return [group.current.title for group in menu(CUSTOMER, path) if group.current is not None]

    assert current("/") == ["Overview"]


def test_every_entry_leads_to_a_page(operator: Browser) -> None:
    for path in paths(OPERATOR):
        operator.get(path)
