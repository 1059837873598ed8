"""Webhooks on the dashboard."""

import html
import re

import pytest

from tests.unit.web.dashboard.conftest import HOSTILE, KEY, OTHER_KEY, Browser
from tests.unit.web.dashboard.versioned import version
from trunkline.store.webhook_queue import DeliveryState, NewEvent, Result
from trunkline.store.webhooks import MAX_WEBHOOKS, Webhook
from trunkline.trunk.account import Account
from trunkline.web.dashboard.webhooks import PAGE
from trunkline.web.office import Office

URL = "https://example.com/hook"
NOW = 9e8


def only(office: Office) -> Webhook:
    (webhook,) = office.store.webhooks.list()
    return webhook


def added(browser: Browser, office: Office, **fields: str) -> str:
    """The path of a new one's page."""
    path = browser.post("/webhooks", url=URL, **fields).headers["Location"]
    assert path == f"/webhooks/{only(office).id}"
    return str(path)


def put(office: Office, count: int, body: str = "{}") -> None:
    events = [NewEvent(f"e{n}", "call.failed", KEY, 9e9, body) for n in range(count)]
    office.store.webhook_queue.put(events, NOW)


def test_one_is_made_and_its_secret_is_shown_once(customer: Browser, office: Office) -> None:
    assert "No webhooks yet" in customer.get("/webhooks")
    path = added(customer, office, **{"event-call.failed": "yes"})
    assert only(office).events == ("call.failed",)
    secret = office.store.webhooks.secret(only(office).id)
    assert secret in customer.get(path)
    assert secret not in customer.get(path)
    listed = customer.get("/webhooks")
    assert URL in listed
    assert "call.failed" in listed


@pytest.mark.parametrize("known", [True, False], ids=["changed", "new"])
def test_what_was_typed_stays_when_it_is_refused(customer: Browser, office: Office, *, known: bool) -> None:
    path = added(customer, office, **{"event-call.ringing": "yes"}) if known else "/webhooks"
    seen = version(customer, path) if known else ""
    typed = {"event-call.failed": "yes", "version": seen}
    page = customer.post(path, 422, url="http://10.0.0.1/mine", **typed).text
    assert 'value="http://10.0.0.1/mine"' in page
    assert re.findall(r'name="event-([a-z.]+)" type="checkbox" value="yes" checked', page) == ["call.failed"]
    assert 'name="enabled" type="checkbox" value="yes" checked' not in page


def test_it_is_changed_and_removed(customer: Browser, office: Office) -> None:
    path = added(customer, office)
    assert only(office).events == ()
    seen = version(customer, path)
    customer.sent(path, url="https://example.com/new", version=seen, **{"event-call.started": "yes"})
    changed = only(office)
    assert "changed meanwhile" in customer.post(path, 412, url=URL, version=seen).text
    assert only(office) == changed
    assert (changed.url, changed.events, changed.enabled) == (
        "https://example.com/new",
        ("call.started",),
        False,
    )
    before = office.store.webhooks.secret(changed.id)
    page = customer.sent(f"{path}/secret")
    assert office.store.webhooks.secret(changed.id) != before
    assert office.store.webhooks.secret(changed.id) in page
    assert "was removed" in customer.sent(f"{path}/remove")
    assert office.store.webhooks.list() == []


@pytest.mark.parametrize("url", ["", "http://127.0.0.1/", "ftp://example.com/"])
def test_a_url_that_can_not_be_is_said_so(customer: Browser, office: Office, url: str) -> None:
    assert 'id="refused"' in customer.post("/webhooks", 422, url=url).text
    path = added(customer, office)
    assert 'id="refused"' in customer.post(path, 422, url=url).text
    assert only(office).url == URL


def test_an_operator_says_whose(operator: Browser, office: Office) -> None:
    assert "say whose" in operator.post("/webhooks", 422, url=URL).text.lower()
    operator.post("/webhooks", url=URL, account=OTHER_KEY)
    assert only(office).account == OTHER_KEY
    assert OTHER_KEY in operator.get("/webhooks")


def test_a_customer_s_are_its_own_whatever_the_form_says(customer: Browser, office: Office) -> None:
    customer.post("/webhooks", url=URL, account=OTHER_KEY)
    assert only(office).account == KEY


def test_an_operator_sees_them_a_page_at_a_time(operator: Browser, office: Office) -> None:
    for number in range(PAGE + 1):
        key = f"acme{number // MAX_WEBHOOKS}"
        if number % MAX_WEBHOOKS == 0:
            office.store.accounts.add(Account(key))
        office.store.webhooks.add(key, f"{URL}/{number}")
    page = operator.get("/webhooks")
    assert page.count(f">{URL}/") == PAGE
    following = re.search(r'href="([^"]+)" rel="next"', page)
    assert following is not None
    assert f">{URL}/{PAGE}<" in operator.get(html.unescape(following[1]))
    operator.get("/webhooks?cursor=x", 422)


def test_deliveries_are_shown_and_sent_again(customer: Browser, office: Office) -> None:
    path = added(customer, office)
    put(office, PAGE + 1)
    queue = office.store.webhook_queue
    (first,) = queue.claim({only(office).id: 1}, NOW)
    queue.note([Result(first, DeliveryState.FAILED, NOW, 410, HOSTILE, None)])
    page = customer.get(path)
    assert page.count("Send again") == PAGE
    following = re.search(r'href="([^"]+)" rel="next"', page)
    assert following is not None
    rest = customer.get(following[1])
    assert rest.count("Send again") == 1
    assert "<script>alert(1)" not in rest
    failed = customer.get(f"{path}?state=failed")
    assert "410" in failed
    assert failed.count("Send again") == 1
    assert customer.get(f"{path}?state=nonsense").count("Send again") == PAGE
    assert "is sent again" in customer.sent(f"{path}/resend", delivery=first.id)
    assert "Nothing here" in customer.get(f"{path}?state=failed")
    customer.post(f"{path}/resend", 404, delivery=999)
    customer.post(f"{path}/resend", 422, delivery="x")


def test_what_is_off_says_so_when_something_is_to_be_sent_again(customer: Browser, office: Office) -> None:
    path = added(customer, office)
    put(office, 1)
    [delivery] = office.store.webhook_queue.list(only(office).id)
    office.store.webhooks.update(only(office).id, enabled=False)
    assert "The webhook is off" in customer.post(f"{path}/resend", 409, delivery=delivery.id).text


@pytest.mark.parametrize("after", [2**63, -1, "x"])
def test_a_page_of_deliveries_that_can_not_be(customer: Browser, office: Office, after: int | str) -> None:
    path = added(customer, office)
    customer.get(f"{path}?after={after}", 422)
    customer.get(f"{path}?after={2**63 - 1}")


def test_what_is_sent_is_shown_as_text(customer: Browser, office: Office) -> None:
    path = added(customer, office)
    put(office, 1, HOSTILE + "x" * 65_536)
    page = customer.get(path)
    assert HOSTILE not in page
    assert "\x1b" not in page
    assert len(page) < 40_000


def test_a_trial(customer: Browser, other: Browser, office: Office) -> None:
    path = added(customer, office)
    page = customer.sent(f"{path}/test")
    assert "A test event is sent" in page
    assert "webhook.test" in page
    other.post(f"{path}/test", 404)
    office.store.webhooks.update(only(office).id, enabled=False)
    assert "The webhook is off" in customer.post(f"{path}/test", 409).text
