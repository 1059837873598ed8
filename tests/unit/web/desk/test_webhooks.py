"""Whose webhooks are whose."""

import pytest

from tests.unit.web.customers import ALPHA, BETA, OPERATOR, Customer, principal
from trunkline.store.errors import NotFoundError
from trunkline.store.webhook_queue import DeliveryState, NewEvent
from trunkline.store.webhooks import EventType, Webhook
from trunkline.web.desk.webhooks import WebhookDesk
from trunkline.web.office import Office
from trunkline.web.webhooks.addresses import WebhookUrlError

URL = "https://example.com/hook"
NOW = 9e9


def operator(office: Office) -> WebhookDesk:
    return office.desk(principal(OPERATOR)).webhooks


def customer(office: Office, who: Customer) -> WebhookDesk:
    return office.desk(principal(who.key)).webhooks


@pytest.fixture
def mine(office: Office) -> Webhook:
    """With one delivery."""
    webhook, _ = customer(office, ALPHA).add(ALPHA.key, URL)
    office.store.webhook_queue.put([NewEvent("e1", "call.started", ALPHA.key, NOW, "{}")], NOW)
    return webhook


def test_a_customer_keeps_its_own(office: Office, mine: Webhook) -> None:
    desk = customer(office, ALPHA)
    assert list(desk.page().webhooks) == [mine]
    changed = desk.update(mine.id, events=(EventType.CALL_FAILED,), url="https://example.com/other")
    assert desk.get(mine.id) == changed
    assert desk.rotate_secret(mine.id) == office.store.webhooks.secret(mine.id)
    (delivery,) = desk.deliveries(mine.id)
    assert desk.resend(mine.id, delivery.id).state is DeliveryState.WAITING
    assert desk.test(mine.id).type == "webhook.test"
    desk.remove(mine.id)
    assert list(desk.page().webhooks) == []


def test_another_s_do_not_exist(office: Office, mine: Webhook) -> None:
    desk = customer(office, BETA)
    theirs, _ = desk.add(BETA.key, URL)
    (delivery,) = office.store.webhook_queue.list(mine.id)
    for attempt in (
        lambda: desk.page(ALPHA.key),
        lambda: desk.add(ALPHA.key, URL),
        lambda: desk.get(mine.id),
        lambda: desk.update(mine.id, enabled=False),
        lambda: desk.rotate_secret(mine.id),
        lambda: desk.remove(mine.id),
        lambda: desk.deliveries(mine.id),
        lambda: desk.resend(mine.id, delivery.id),
        lambda: desk.test(mine.id),
        lambda: desk.resend(theirs.id, delivery.id),
    ):
        with pytest.raises(NotFoundError):
            attempt()
    assert list(desk.page().webhooks) == [theirs]
    assert office.store.webhooks.get(mine.id) == mine


def test_an_operator_sees_all(office: Office, mine: Webhook) -> None:
    desk = operator(office)
    theirs, _ = desk.add(BETA.key, URL)
    assert list(desk.page().webhooks) == [mine, theirs]
    assert list(desk.page(ALPHA.key).webhooks) == [mine]


@pytest.mark.parametrize("url", ["http://127.0.0.1/", "ftp://example.com/", "https://u:p@example.com/"])
def test_a_url_is_looked_at_before_it_is_kept(office: Office, mine: Webhook, url: str) -> None:
    desk = customer(office, ALPHA)
    with pytest.raises(WebhookUrlError):
        desk.add(ALPHA.key, url)
    with pytest.raises(WebhookUrlError):
        desk.update(mine.id, url=url)
    assert list(desk.page().webhooks) == [mine]


def test_a_guard_sees_it_first(office: Office, mine: Webhook) -> None:
    def refuse(_webhook: Webhook) -> None:
        raise PermissionError

    desk = customer(office, ALPHA)
    with pytest.raises(PermissionError):
        desk.update(mine.id, guard=refuse, enabled=False)
    with pytest.raises(PermissionError):
        desk.remove(mine.id, guard=refuse)
    assert desk.get(mine.id) == mine
