"""Webhooks at rest."""

import base64

import pytest
import sqlalchemy as sa

from trunkline.store import schema
from trunkline.store.errors import InUseError, NotFoundError, StoreError
from trunkline.store.store import Store
from trunkline.store.webhooks import MAX_WEBHOOKS, EventType, Webhook
from trunkline.trunk.account import Account

URL = "https://example.com/hook"


@pytest.fixture(autouse=True)
def accounts(store: Store) -> None:
    store.accounts.add(Account("acme"))
    store.accounts.add(Account("other"))


def test_one_comes_back_as_it_was(store: Store) -> None:
    made, secret = store.webhooks.add("acme", URL, [EventType.CALL_FAILED])
    assert store.webhooks.get(made.id) == made
    assert (made.account, made.url, made.events, made.enabled) == ("acme", URL, ("call.failed",), True)
    assert secret.startswith("whsec_")
    assert len(base64.b64decode(secret.removeprefix("whsec_"))) == 32


def test_the_secret_is_kept_encrypted_and_is_not_in_the_trail(store: Store) -> None:
    made, secret = store.webhooks.add("acme", URL)
    rotated = store.webhooks.rotate_secret(made.id)
    assert store.webhooks.secret(made.id) == rotated != secret
    with store.database.read() as connection:
        kept = connection.execute(sa.select(schema.webhook.c.secret)).scalar_one()
    assert rotated not in kept
    told = repr(store.audit.list(kind="webhook"))
    assert secret not in told
    assert rotated not in told
    assert kept not in told
    assert [entry.action for entry in store.audit.list(kind="webhook")] == ["rotate-secret", "add"]


def test_they_are_listed_all_or_of_one_account(store: Store) -> None:
    mine, _ = store.webhooks.add("acme", URL)
    theirs, _ = store.webhooks.add("other", URL)
    assert list(store.webhooks.list()) == [mine, theirs]
    assert list(store.webhooks.list("acme")) == [mine]


def test_a_page_at_a_time(store: Store) -> None:
    for account in ("acme", "other", "acme", "other", "acme"):
        store.webhooks.add(account, URL)
    everything = list(store.webhooks.list())
    first = store.webhooks.page(limit=3)
    rest = store.webhooks.page(cursor=first.next_cursor, limit=3)
    assert ([*first.webhooks, *rest.webhooks], rest.next_cursor) == (everything, None)
    mine = store.webhooks.page("other", limit=2)
    assert (list(mine.webhooks), mine.next_cursor) == (list(store.webhooks.list("other")), None)
    with pytest.raises(StoreError, match="is not a cursor"):
        store.webhooks.page(cursor="x")


def test_changing(store: Store) -> None:
    made, _ = store.webhooks.add("acme", URL)
    changed = store.webhooks.update(made.id, enabled=False, events=(EventType.ENDPOINT_DOWN,))
    assert changed == store.webhooks.get(made.id)
    assert (changed.url, changed.enabled, changed.events) == (URL, False, ("endpoint.down",))
    newest = store.audit.list(kind="webhook")[0]
    assert (newest.account, newest.before) == ("acme", {"events": [], "enabled": True})


def test_a_change_of_nothing(store: Store) -> None:
    made, _ = store.webhooks.add("acme", URL)
    assert store.webhooks.update(made.id) == made


def test_a_guard_stops_every_change(store: Store) -> None:
    made, secret = store.webhooks.add("acme", URL)

    def refuse(_webhook: Webhook) -> None:
        raise StoreError("no")

    for change in (store.webhooks.update, store.webhooks.rotate_secret, store.webhooks.remove):
        with pytest.raises(StoreError, match="no"):
            change(made.id, guard=refuse)
    assert store.webhooks.secret(made.id) == secret


def test_there_is_a_most(store: Store) -> None:
    for _ in range(MAX_WEBHOOKS):
        store.webhooks.add("acme", URL)
    with pytest.raises(InUseError, match="remove one first"):
        store.webhooks.add("acme", URL)
    store.webhooks.add("other", URL)


def test_what_does_not_exist(store: Store) -> None:
    with pytest.raises(NotFoundError):
        store.webhooks.add("nobody", URL)
    for ask in (store.webhooks.get, store.webhooks.secret, store.webhooks.remove, store.webhooks.update):
        with pytest.raises(NotFoundError):
            ask("nothing")


def test_they_go_with_the_account(store: Store) -> None:
    store.webhooks.add("acme", URL)
    store.accounts.remove("acme")
    assert store.webhooks.list() == []


def test_what_is_wanted() -> None:
    webhook = Webhook("1", "acme", URL, (), True, 0, 0.0)
    assert webhook.wants("call.started")
    some = Webhook("1", "acme", URL, (EventType.CALL_FAILED,), True, 0, 0.0)
    assert some.wants("call.failed")
    assert not some.wants("call.started")
    assert not Webhook("1", "acme", URL, (), False, 0, 0.0).wants("call.failed")
