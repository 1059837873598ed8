"""The first page."""

from tests.unit.web.dashboard.conftest import KEY, OTHER_KEY, Browser


def test_each_sees_the_own_account(operator: Browser, customer: Browser) -> None:
    assert KEY in operator.get("/")
    assert OTHER_KEY in operator.get("/")
    assert OTHER_KEY not in customer.get("/")
