"""What webhooks are to be told."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest

from trunkline.store import webhook_queue
from trunkline.store.errors import InUseError, NotFoundError
from trunkline.store.store import Store
from trunkline.store.webhook_queue import (
    KEPT_S,
    LEASE_S,
    MAX_DETAIL,
    NOTICED_S,
    RETRY_FOR_S,
    DeliveryState,
    NewEvent,
    Result,
)
from trunkline.store.webhooks import EventType, Webhook, Webhooks
from trunkline.trunk.account import Account

MADE_AT = 1000.0
NOW = 2000.0

Hook = Callable[..., Webhook]


@pytest.fixture
def hook(store: Store) -> Hook:
    for key in ("acme", "other"):
        store.accounts.add(Account(key))
    webhooks = Webhooks(store.database, store.keyring, wall=lambda: MADE_AT)
    return lambda account="acme", *events: webhooks.add(account, "https://a.example/", events)[0]


def event(id_: str = "e1", type_: str = "call.started", account: str = "acme", at: float = NOW) -> NewEvent:
    return NewEvent(id_, type_, account, at, f'{{"id":"{id_}"}}')


def states(store: Store, webhook: Webhook) -> list[str]:
    return [delivery.state.value for delivery in store.webhook_queue.list(webhook.id)]


def test_every_webhook_of_the_account_that_wants_it_is_told(store: Store, hook: Hook) -> None:
    all_, failed, theirs = hook(), hook("acme", EventType.CALL_FAILED), hook("other")
    assert store.webhook_queue.put([event(), event("e2", "call.failed")], NOW) == 3
    assert [one.event_id for one in store.webhook_queue.list(all_.id)] == ["e2", "e1"]
    assert [one.event_id for one in store.webhook_queue.list(failed.id)] == ["e2"]
    assert store.webhook_queue.list(theirs.id) == []


def test_what_was_before_the_webhook_is_not_told(store: Store, hook: Hook) -> None:
    hook()
    assert store.webhook_queue.put([event(at=MADE_AT - 1), event("e2", at=MADE_AT)], NOW) == 1


def test_an_event_is_told_once_however_often_it_is_put(store: Store, hook: Hook) -> None:
    webhook = hook()
    assert store.webhook_queue.put([event(), event()], NOW) == 1
    assert store.webhook_queue.put([event()], NOW + 1) == 0
    (delivery,) = store.webhook_queue.list(webhook.id)
    assert (delivery.created_at, delivery.next_at, delivery.attempts) == (NOW, NOW, 0)
    assert delivery.give_up_at == NOW + RETRY_FOR_S


def test_what_is_claimed_is_nobody_else_s_until_the_lease_ends(store: Store, hook: Hook) -> None:
    webhook = hook()
    queue = store.webhook_queue
    queue.put([event(f"e{n}") for n in range(3)], NOW)
    assert queue.due(NOW - 1) == {}
    assert queue.due(NOW) == {webhook.id: 3}
    claimed = queue.claim({webhook.id: 2}, NOW)
    assert [one.event_id for one in claimed] == ["e0", "e1"]
    assert queue.due(NOW) == {webhook.id: 1}
    assert [one.event_id for one in queue.claim({webhook.id: 9}, NOW)] == ["e2"]
    assert queue.due(NOW + LEASE_S) == {webhook.id: 3}


def test_results_are_written_down(store: Store, hook: Hook) -> None:
    webhook = hook()
    queue = store.webhook_queue
    queue.put([event("e0"), event("e1")], NOW)
    first, second = queue.claim({webhook.id: 2}, NOW)
    queue.note(
        [
            Result(first, DeliveryState.DELIVERED, NOW + 1, 204, "", None),
            Result(second, DeliveryState.WAITING, NOW + 2, None, "x" * 999, NOW + 30),
        ]
    )
    waiting, delivered = queue.list(webhook.id)
    assert (delivered.state, delivered.attempts, delivered.status) == (DeliveryState.DELIVERED, 1, 204)
    assert (delivered.last_at, delivered.next_at) == (NOW + 1, None)
    assert (waiting.state, waiting.next_at, waiting.status) == (DeliveryState.WAITING, NOW + 30, None)
    assert waiting.detail == "x" * MAX_DETAIL
    assert queue.due(NOW + 30) == {webhook.id: 1}


def test_a_disabled_webhook_waits(store: Store, hook: Hook) -> None:
    webhook = hook()
    store.webhook_queue.put([event()], NOW)
    store.webhooks.update(webhook.id, enabled=False)
    assert store.webhook_queue.due(NOW) == {}
    assert store.webhook_queue.put([event("e2")], NOW) == 0
    store.webhooks.update(webhook.id, enabled=True)
    assert store.webhook_queue.due(NOW) == {webhook.id: 1}


def test_a_finished_one_is_sent_again_with_the_same_id(store: Store, hook: Hook) -> None:
    webhook = hook()
    queue = store.webhook_queue
    queue.put([event()], NOW)
    (claimed,) = queue.claim({webhook.id: 1}, NOW)
    queue.note([Result(claimed, DeliveryState.FAILED, NOW, 410, "gone", None)])
    again = queue.resend(webhook.id, claimed.id, NOW + 5 * RETRY_FOR_S)
    assert (again.event_id, again.body, again.attempts) == ("e1", claimed.body, 0)
    assert again.state is DeliveryState.WAITING
    assert again.give_up_at == NOW + 6 * RETRY_FOR_S
    with pytest.raises(NotFoundError):
        queue.resend("another", claimed.id, NOW)
    with pytest.raises(NotFoundError):
        queue.resend(webhook.id, claimed.id + 1, NOW)


def test_nothing_is_sent_again_to_a_webhook_that_is_off(store: Store, hook: Hook) -> None:
    webhook = hook()
    queue = store.webhook_queue
    queue.put([event()], NOW)
    (claimed,) = queue.claim({webhook.id: 1}, NOW)
    queue.note([Result(claimed, DeliveryState.FAILED, NOW, 410, "gone", None)])
    store.webhooks.update(webhook.id, enabled=False)
    with pytest.raises(InUseError, match="the webhook is off"):
        queue.resend(webhook.id, claimed.id, NOW)
    with pytest.raises(NotFoundError):
        queue.resend(webhook.id, claimed.id + 1, NOW)
    assert states(store, webhook) == ["failed"]


def test_what_is_sent_again_meanwhile_is_not_overwritten_by_the_attempt_before(
    store: Store, hook: Hook
) -> None:
    webhook = hook()
    queue = store.webhook_queue
    queue.put([event()], NOW)
    (claimed,) = queue.claim({webhook.id: 1}, NOW)
    queue.resend(webhook.id, claimed.id, NOW + 1)
    queue.note([Result(claimed, DeliveryState.DELIVERED, NOW + 2, 200, "", None)])
    assert queue.due(NOW + 2) == {webhook.id: 1}
    (again,) = queue.claim({webhook.id: 1}, NOW + 2)
    queue.note([Result(again, DeliveryState.DELIVERED, NOW + 3, 200, "", None)])
    assert states(store, webhook) == ["delivered"]


def test_whose_lease_ended_writes_nothing_down(store: Store, hook: Hook) -> None:
    webhook = hook()
    queue = store.webhook_queue
    queue.put([event()], NOW)
    (first,) = queue.claim({webhook.id: 1}, NOW)
    (second,) = queue.claim({webhook.id: 1}, NOW + LEASE_S)
    queue.note([Result(second, DeliveryState.DELIVERED, NOW + LEASE_S, 200, "", None)])
    queue.note([Result(first, DeliveryState.FAILED, NOW + LEASE_S + 1, 500, "", None)])
    assert states(store, webhook) == ["delivered"]


def test_pages(store: Store, hook: Hook) -> None:
    webhook = hook()
    queue = store.webhook_queue
    queue.put([event(f"e{n}") for n in range(5)], NOW)
    newest = queue.list(webhook.id, limit=2)
    assert [one.event_id for one in newest] == ["e4", "e3"]
    older = queue.list(webhook.id, before_id=newest[-1].id)
    assert [one.event_id for one in older] == ["e2", "e1", "e0"]
    assert queue.list(webhook.id, state=DeliveryState.FAILED) == []


def test_what_waits_is_bounded_and_what_did_not_fit_is_counted(
    store: Store, hook: Hook, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(webhook_queue, "MAX_WAITING", 3)
    full, other = hook(), hook("other")
    queue = store.webhook_queue
    assert queue.put([event(f"e{n}") for n in range(5)], NOW) == 3
    assert queue.put([event("e9"), event("f1", account="other")], NOW) == 1
    assert store.webhooks.get(full.id).dropped == 3
    assert store.webhooks.get(other.id).dropped == 0


def test_what_waited_too_long_is_given_up(store: Store, hook: Hook) -> None:
    webhook = hook()
    store.webhook_queue.put([event()], NOW)
    store.webhook_queue.tidy(NOW + RETRY_FOR_S)
    assert states(store, webhook) == ["waiting"]
    store.webhook_queue.tidy(NOW + RETRY_FOR_S + 1)
    assert states(store, webhook) == ["failed"]


def test_finished_ones_are_forgotten_by_age_and_by_number(
    store: Store, hook: Hook, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(webhook_queue, "KEPT", 2)
    webhook = hook()
    queue = store.webhook_queue
    queue.put([event(f"e{n}") for n in range(5)], NOW)
    claimed = queue.claim({webhook.id: 4}, NOW)
    queue.note(Result(one, DeliveryState.DELIVERED, NOW, 200, "", None) for one in claimed)
    queue.tidy(NOW + NOTICED_S)
    assert len(queue.list(webhook.id)) == 5
    queue.tidy(NOW + NOTICED_S + 1)
    assert [one.event_id for one in queue.list(webhook.id)] == ["e4", "e3"]
    queue.tidy(NOW + KEPT_S + 1)
    queue.tidy(NOW + KEPT_S + 2)
    assert queue.list(webhook.id) == []


def test_they_go_with_the_webhook(store: Store, hook: Hook) -> None:
    webhook = hook()
    store.webhook_queue.put([event()], NOW)
    store.webhooks.remove(webhook.id)
    assert store.webhook_queue.list(webhook.id) == []


def test_one_webhook_is_told_whatever_it_wants(store: Store, hook: Hook) -> None:
    webhook, other = hook("acme", EventType.CALL_FAILED), hook()
    told = store.webhook_queue.tell(webhook, event("test-1", "webhook.test"), NOW)
    assert (told.event_id, told.state, told.next_at) == ("test-1", DeliveryState.WAITING, NOW)
    assert store.webhook_queue.list(other.id) == []
    assert store.webhook_queue.get(webhook.id, told.id) == told
    with pytest.raises(NotFoundError):
        store.webhook_queue.get(other.id, told.id)


def test_one_webhook_is_not_told_while_it_is_off_or_full(
    store: Store, hook: Hook, monkeypatch: pytest.MonkeyPatch
) -> None:
    webhook = hook()
    off = store.webhooks.update(webhook.id, enabled=False)
    with pytest.raises(InUseError, match="is off"):
        store.webhook_queue.tell(off, event(), NOW)
    monkeypatch.setattr(webhook_queue, "MAX_WAITING", 1)
    store.webhook_queue.tell(webhook, event("e1"), NOW)
    with pytest.raises(InUseError, match="1 events wait"):
        store.webhook_queue.tell(webhook, event("e2"), NOW)


def test_of_several_at_once_one_gets_each_delivery(store: Store) -> None:
    store.accounts.add(Account("acme"))
    webhook, _ = store.webhooks.add("acme", "https://c.example/")
    queue, later = store.webhook_queue, webhook.created_at + 1
    events = [NewEvent(f"e{number}", "call.started", "acme", later, "{}") for number in range(60)]

    def claim(_number: int) -> list[str]:
        return [item.event_id for _ in range(5) for item in queue.claim({webhook.id: 4}, later)]

    with ThreadPoolExecutor(6) as pool:
        list(pool.map(lambda _number: queue.put(events, later), range(6)))
        claimed = [event for part in pool.map(claim, range(6)) for event in part]
    assert sorted(claimed) == sorted(event.id for event in events)
