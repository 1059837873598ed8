"""Whose webhooks are whose."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.unit.web.paper_office import customer, empty_database, operator, paper_office
from trunkline.store.errors import NotFoundError
from trunkline.store.webhook_queue import DeliveryState, NewEvent
from trunkline.store.webhooks import EventType, Webhook
from trunkline.trunk.account import Account
from trunkline.web.office import Office
from trunkline.web.webhooks.addresses import WebhookUrlError

URL = "https://example.com/hook"
NOW = 9e9


@pytest.fixture(scope="module")
def empty(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return empty_database(tmp_path_factory.mktemp("schema"))


@pytest.fixture
def office(tmp_path: Path, empty: Path) -> Iterator[Office]:
    with paper_office(tmp_path, empty) as office:
        for key in ("acme", "other"):
            office.store.accounts.add(Account(key))
        yield office


@pytest.fixture
def mine(office: Office) -> Webhook:
    """With one delivery."""
    webhook, _ = customer(office, "acme").webhooks.add("acme", URL)
    office.store.webhook_queue.put([NewEvent("e1", "call.started", "acme", NOW, "{}")], NOW)
    return webhook


def test_a_customer_keeps_its_own(office: Office, mine: Webhook) -> None:
    desk = customer(office, "acme").webhooks
    assert list(desk.list()) == [mine]
    changed = desk.update(mine.id, events=(EventType.CALL_FAILED,), url="https://example.com/other")
    assert desk.get(mine.id) == changed
    assert desk.rotate_secret(mine.id) == office.store.webhooks.secret(mine.id)
    (delivery,) = desk.deliveries(mine.id)
    assert desk.resend(mine.id, delivery.id).state is DeliveryState.WAITING
    desk.remove(mine.id)
    assert list(desk.list()) == []


def test_another_s_do_not_exist(office: Office, mine: Webhook) -> None:
    desk = customer(office, "other").webhooks
    theirs, _ = desk.add("other", URL)
    (delivery,) = office.store.webhook_queue.list(mine.id)
    for attempt in (
        lambda: desk.list("acme"),
        lambda: desk.add("acme", URL),
        lambda: desk.get(mine.id),
        lambda: desk.update(mine.id, enabled=False),
        lambda: desk.rotate_secret(mine.id),
        lambda: desk.remove(mine.id),
        lambda: desk.deliveries(mine.id),
        lambda: desk.resend(mine.id, delivery.id),
        lambda: desk.resend(theirs.id, delivery.id),
    ):
        with pytest.raises(NotFoundError):
            attempt()
    assert list(desk.list()) == [theirs]
    assert office.store.webhooks.get(mine.id) == mine


def test_an_operator_sees_all(office: Office, mine: Webhook) -> None:
    desk = operator(office).webhooks
    theirs, _ = desk.add("other", URL)
    assert list(desk.list()) == [mine, theirs]
    assert list(desk.list("acme")) == [mine]


@pytest.mark.parametrize("url", ["http://127.0.0.1/", "ftp://example.com/", "https://u:p@example.com/"])
def test_a_url_is_looked_at_before_it_is_kept(office: Office, mine: Webhook, url: str) -> None:
    desk = customer(office, "acme").webhooks
    with pytest.raises(WebhookUrlError):
        desk.add("acme", url)
    with pytest.raises(WebhookUrlError):
        desk.update(mine.id, url=url)
    assert list(desk.list()) == [mine]


def test_a_guard_sees_it_first(office: Office, mine: Webhook) -> None:
    def refuse(_webhook: Webhook) -> None:
        raise PermissionError

    desk = customer(office, "acme").webhooks
    with pytest.raises(PermissionError):
        desk.update(mine.id, guard=refuse, enabled=False)
    with pytest.raises(PermissionError):
        desk.remove(mine.id, guard=refuse)
    assert desk.get(mine.id) == mine
