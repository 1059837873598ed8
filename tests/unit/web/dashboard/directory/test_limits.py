"""Limits: set by operators, seen by their customer with what is used of them."""

import pytest

from tests.unit.web.dashboard.conftest import KEY, OTHER_KEY, Browser
from tests.unit.web.dashboard.versioned import version
from trunkline.trunk.account import AlarmAction
from trunkline.trunk.fraud import Alarm, AlarmKind
from trunkline.web.control_client import NoNodeError
from trunkline.web.office import Office

PATH = f"/limits/{KEY}"


def test_a_customer_sees_what_is_used(customer: Browser) -> None:
    page = customer.get("/limits")
    assert "Calls out now" in page
    assert "Your operator sets them." in page
    customer.get(f"/limits/{OTHER_KEY}", 404)
    customer.post(PATH, 403, max_concurrent="9")


def test_an_operator_sees_all(operator: Browser) -> None:
    page = operator.get("/limits")
    assert f'href="/limits/{KEY}"' in page
    assert f'href="/limits/{OTHER_KEY}"' in page
    assert KEY not in operator.get("/limits?search=ffff")
    assert "No customer matches" in operator.get("/limits?search=nobody")


def test_change(operator: Browser, customer: Browser, office: Office) -> None:
    seen = version(operator, PATH)
    page = operator.sent(
        PATH,
        version=seen,
        max_concurrent="2",
        max_inbound="6",
        max_per_second="0",
        minutes_per_day="",
        cost_per_day="12.5",
        alarm="block",
        allowed_prefixes="+44, 1",
        denied_prefixes="4470",
    )
    assert "The limits were changed" in page
    account = office.store.accounts.get(KEY)
    assert (account.max_concurrent, account.max_per_second, account.minutes_per_day) == (2, 0, None)
    assert (account.max_inbound, account.cost_per_day, account.alarm) == (6, 12.5, AlarmAction.BLOCK)
    assert (account.allowed_prefixes, account.denied_prefixes) == (("44", "1"), ("4470",))
    own = customer.get("/limits")
    assert "<small>of 2</small>" in own
    assert "<small>of 6</small>" in own
    assert "Calls in now" in own
    assert "changed meanwhile" in operator.post(PATH, 412, version=seen).text
    operator.post(PATH, 422, version=version(operator, PATH), max_concurrent="-1")
    operator.post(PATH, 422, version=version(operator, PATH), max_inbound="-1")
    operator.post(PATH, 422, version=version(operator, PATH), allowed_prefixes="x")
    operator.post(PATH, 422, version=version(operator, PATH), cost_per_day="-1")
    operator.post(PATH, 422, version=version(operator, PATH), alarm="loud")


def test_what_was_typed_stays_when_it_is_refused(operator: Browser, office: Office) -> None:
    before, seen = office.store.accounts.get(KEY), version(operator, PATH)
    typed = {"max_concurrent": "7", "cost_per_day": "9.5", "alarm": "block", "allowed_prefixes": "44 x"}
    page = operator.post(PATH, 422, version=seen, **typed).text
    for name in ("max_concurrent", "cost_per_day"):
        assert f'name="{name}" type="text" value="{typed[name]}"' in page
    assert "44 x</textarea>" in page
    assert '<option value="block" selected>' in page
    assert office.store.accounts.get(KEY) == before


def test_without_a_node(customer: Browser, office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    def away() -> None:
        raise NoNodeError("no node answers at /x")

    monkeypatch.setattr(office.node, "client", away)
    assert "What is used is not known: no node answers at /x." in customer.get("/limits")


def test_alarms(operator: Browser, customer: Browser, office: Office) -> None:
    for key, words in ((KEY, "the first call to +371"), (OTHER_KEY, "<b>99 calls</b> within an hour")):
        office.store.alarms.add(Alarm(key, AlarmKind.SPIKE, 1000.0, "37167012345", words, blocked=key == KEY))
    page = operator.get("/limits")
    assert "the first call to +371" in page
    assert "&lt;b&gt;99 calls" in page
    own = customer.get("/limits")
    assert "the first call to +371" in own
    assert "99 calls" not in own
    assert "Account" in operator.get("/")
    assert "raised an alarm" not in operator.get("/"), "a day later nobody is told on the first page"
