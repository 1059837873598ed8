"""Where webhooks' events come from."""

import secrets

import pytest

from tests.unit.store.entities import FORWARDING, NUMBER, call_record, ended_call
from trunkline.call.record import CallRecord
from trunkline.store import schema, webhook_sources
from trunkline.store.record_rows import CALL_COLUMNS, call_row
from trunkline.store.store import Store
from trunkline.store.webhook_queue import NewEvent
from trunkline.store.webhook_sources import DownEndpoint
from trunkline.trunk.account import Account
from trunkline.trunk.forwarding import MAX_URI, ForwardingList
from trunkline.trunk.number import Number

NODE = "n1"


def write(store: Store, *records: CallRecord) -> None:
    with store.database.write() as connection:
        for record in records:
            table = schema.call
            connection.execute(table.delete().where(table.c.call_id == record.call_id))
            connection.execute(
                table.insert().values(dict(zip(CALL_COLUMNS, call_row(record, "r"), strict=True)))
            )


def event(id_: str = "e1") -> NewEvent:
    return NewEvent(id_, "call.started", "acme", 9e9, "{}")


def test_who_wants_to_be_told(store: Store) -> None:
    for key in ("acme", "other", "third"):
        store.accounts.add(Account(key))
    assert store.webhook_sources.accounts() == frozenset()
    for account in ("acme", "acme", "other"):
        store.webhooks.add(account, "https://a.example/")
    (theirs,) = store.webhooks.list("other")
    store.webhooks.update(theirs.id, enabled=False)
    assert store.webhook_sources.accounts() == {"acme"}


@pytest.mark.parametrize("at_once", [1, 2, 500])
def test_calls_since_a_moment(store: Store, monkeypatch: pytest.MonkeyPatch, at_once: int) -> None:
    monkeypatch.setattr(webhook_sources, "_AT_ONCE", at_once)
    write(store, *(call_record(f"c{n}", setup_at=1000.0 + n // 2) for n in range(6)))
    assert [call.call_id for call in store.webhook_sources.calls_since(1001.0)] == ["c2", "c3", "c4", "c5"]


def test_a_call_is_followed_from_its_start_to_its_end(store: Store) -> None:
    sources = store.webhook_sources
    store.accounts.add(Account("acme"))
    webhook, _ = store.webhooks.add("acme", "https://a.example/")
    write(store, call_record("c1"), call_record("c2"))
    assert sources.told_until() is None
    assert sources.tell_calls([event()], {"c1": 1, "c2": 1}, 5.0, 4.5) == 1
    assert sources.told_until() == 4.5
    assert [(one.call.call_id, one.stage) for one in sources.followed()] == [("c1", 1), ("c2", 1)]
    write(store, ended_call("c2"))
    sources.tell_calls([], {"c1": 3, "c2": None}, 6.0, 5.5)
    assert [(one.call.call_id, one.stage) for one in sources.followed()] == [("c1", 3)]
    assert len(store.webhook_queue.list(webhook.id)) == 1


def test_a_record_that_was_deleted_is_not_followed(store: Store) -> None:
    sources = store.webhook_sources
    sources.tell_calls([], {"gone": 1}, 5.0, 5.0)
    with store.database.read() as connection:
        assert connection.execute(schema.webhook_call.select()).all() == []


def test_what_is_told_and_what_is_queued_are_written_together(store: Store) -> None:
    sources = store.webhook_sources
    store.accounts.add(Account("acme"))
    write(store, call_record("c1"))
    store.webhooks.add("acme", "https://a.example/")
    broken = NewEvent("e", "call.started", "acme", 9e9, None)  # type: ignore[arg-type]
    with pytest.raises(Exception, match=r"(?i)not.null"):
        sources.tell_calls([broken], {"c1": 1}, 5.0, 5.0)
    assert sources.followed() == []
    assert sources.told_until() is None


def test_down_endpoints_by_node(store: Store) -> None:
    sources = store.webhook_sources
    store.accounts.add(Account("acme"))
    store.numbers.add(NUMBER)
    this = DownEndpoint(NUMBER.e164, str(FORWARDING.endpoints[0].uri))
    gone = DownEndpoint(NUMBER.e164, "sip:elsewhere@example.com")
    sources.tell_endpoints(NODE, [], {this: 5.0, gone: 5.0}, 6.0)
    assert sources.down(NODE) == {this}
    assert sources.down("n2") == set()
    sources.tell_endpoints("n2", [], {this: None}, 7.0)
    assert sources.down(NODE) == {this}
    sources.tell_endpoints(NODE, [], {this: None}, 8.0)
    assert sources.down(NODE) == set()


def test_the_longest_uri_is_noted(store: Store) -> None:
    """However little an index can shorten it."""
    user = secrets.token_hex(MAX_URI)[: MAX_URI - len("sip:@a")]
    this = DownEndpoint("1" * 15, f"sip:{user}@a")
    store.accounts.add(Account("acme"))
    store.numbers.add(Number(this.number, "acme", ForwardingList.parse(this.uri)))
    store.webhook_sources.tell_endpoints("n" * 64, [], {this: 5.0}, 6.0)
    assert store.webhook_sources.down("n" * 64) == {this}
