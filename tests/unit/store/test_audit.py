"""The audit trail."""

import pytest
import sqlalchemy as sa

from trunkline.sip.uri import SipUri
from trunkline.store import audit, schema
from trunkline.store.audit import Author, Via
from trunkline.store.errors import AlreadyExistsError
from trunkline.store.store import Store
from trunkline.trunk.account import Account
from trunkline.trunk.carrier import Carrier, CarrierCredentials, Gateway
from trunkline.trunk.forwarding import ForwardingList
from trunkline.trunk.number import Number
from trunkline.trunk.routes import Route, RouteCarrier

ANN = Author("ann", Via.API, "192.0.2.9")


def test_a_change_says_who_what_and_from_where(store: Store) -> None:
    store.accounts.add(Account("acme", name="Acme"))
    store.by(ANN).accounts.update("acme", name="Acme Ltd")
    newest, first = store.audit.list()
    assert (newest.author, newest.via, newest.source) == ("ann", "api", "192.0.2.9")
    assert (newest.action, newest.kind, newest.key, newest.account) == ("change", "account", "acme", "acme")
    assert (newest.before, newest.after) == ({"name": "Acme"}, {"name": "Acme Ltd"})
    assert (first.author, first.action, first.before) == ("trunkline", "add", None)


def test_what_failed_leaves_no_row(store: Store) -> None:
    store.accounts.add(Account("acme"))
    with pytest.raises(AlreadyExistsError):
        store.accounts.add(Account("acme"))
    assert len(store.audit.list()) == 1


def test_what_changed_nothing_leaves_no_row(store: Store) -> None:
    store.accounts.add(Account("acme", name="Acme"))
    store.numbers.add(Number("442079460123", "acme"))
    store.carriers.add(Carrier("up", (), credentials=CarrierCredentials("u", "hush-hush")))
    store.routes.add(Route("44", (RouteCarrier("up"),)))
    webhook, _ = store.webhooks.add("acme", "https://example.com/hook")
    rows = len(store.audit.list())
    store.accounts.update("acme", name="Acme")
    store.numbers.update("442079460123")
    store.carriers.update("up", enabled=True)
    store.routes.update(Route("44", (RouteCarrier("up"),)))
    store.webhooks.update(webhook.id, enabled=True)
    assert len(store.audit.list()) == rows
    store.carriers.update("up", credentials=CarrierCredentials("u", "hush-hush-2"))
    store.webhooks.rotate_secret(webhook.id)
    assert [entry.action for entry in store.audit.list(limit=2)] == ["rotate-secret", "change"]


def test_a_guard_stops_the_change_and_its_row(store: Store) -> None:
    store.accounts.add(Account("acme"))

    def refuse(account: Account) -> None:
        raise PermissionError(account.key)

    with pytest.raises(PermissionError, match="acme"):
        store.accounts.update("acme", guard=refuse, name="changed")
    assert store.accounts.get("acme").name == ""
    assert len(store.audit.list()) == 1


def test_no_secret_is_in_it(store: Store) -> None:
    secret = store.accounts.add(Account("acme"))
    rotated = store.accounts.rotate_secret("acme")
    gateway = Gateway(SipUri.parse("sip:carrier.example"))
    store.carriers.add(Carrier("up", (gateway,), credentials=CarrierCredentials("u", "hush-hush")))
    store.carriers.update("up", credentials=CarrierCredentials("v", "hush-hush-2"))
    text = repr(store.audit.list())
    for hidden in (secret, rotated, "hush", store.accounts.get("acme").credentials[0].ha1_md5):
        assert hidden not in text
    newest = store.audit.list()[0]
    assert (newest.before, newest.after) == (
        {"user": "u", "secret": "replaced"},
        {"user": "v", "secret": "***"},
    )


def test_every_kind_of_thing_is_followed(store: Store) -> None:
    store.accounts.add(Account("acme"))
    store.numbers.add(Number("442079460123", "acme"))
    store.numbers.forward("442079460123", ForwardingList.parse("100@pbx.example"))
    store.numbers.remove("442079460123")
    store.carriers.add(Carrier("up", ()))
    store.routes.add(Route("44", (RouteCarrier("up"),)))
    store.routes.update(Route("44", (RouteCarrier("up", weight=5),)))
    store.routes.remove("44")
    store.carriers.remove("up")
    store.accounts.remove("acme")
    told = [(entry.kind, entry.action) for entry in reversed(store.audit.list())]
    assert told == [
        ("account", "add"),
        ("number", "add"),
        ("number", "change"),
        ("number", "remove"),
        ("carrier", "add"),
        ("route", "add"),
        ("route", "change"),
        ("route", "remove"),
        ("carrier", "remove"),
        ("account", "remove"),
    ]
    removed, forwarded, _ = store.audit.list(kind="number")
    assert removed.account == forwarded.account == "acme"
    assert forwarded.before == {"forwarding": ""}
    assert forwarded.after == {"forwarding": "100@pbx.example"}
    assert removed.before is not None
    assert removed.before["forwarding"] == "100@pbx.example"
    rerouted = store.audit.list(kind="route")[1]
    assert rerouted.before == {"carriers": [{"carrier": "up", "priority": 0, "weight": 1}]}
    assert rerouted.after == {"carriers": [{"carrier": "up", "priority": 0, "weight": 5}]}


def test_pages_and_filters(store: Store) -> None:
    for key in ("a", "b", "c"):
        store.accounts.add(Account(key))
    newest = store.audit.list(limit=1)
    assert [entry.key for entry in newest] == ["c"]
    assert [entry.key for entry in store.audit.list(before_id=newest[0].id)] == ["b", "a"]
    assert [entry.key for entry in store.audit.list(account="b")] == ["b"]
    assert [entry.key for entry in store.audit.list(kind="account", key="a")] == ["a"]
    assert store.audit.list(kind="route") == []


def test_a_customers_rows_push_out_nobody_elses(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(audit, "KEPT", 900)
    monkeypatch.setattr(audit, "KEPT_OF_ONE", 50)
    row = {"via": "api", "source": "", "action": "x", "kind": "x", "key": "x", "made_at": 0.0, "author": "x"}
    own, mine, others = ({**row, "account": account} for account in (None, "acme", "other"))
    with store.database.write() as connection:
        connection.execute(schema.audit.insert(), [own, others, *[mine] * 997])
    for _ in range(3):
        store.accounts.add(Account("acme"))
        with store.database.write() as connection:
            connection.execute(schema.audit.insert(), [mine] * 998)
        store.accounts.remove("acme")
    counted = sa.select(schema.audit.c.account, sa.func.count()).group_by(schema.audit.c.account)
    with store.database.read() as connection:
        left = {row[0]: row[1] for row in connection.execute(counted)}
    assert left == {None: 1, "other": 1, "acme": 50 + 999}


def test_the_oldest_rows_go(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(audit, "KEPT", 50)
    row = {"via": "api", "source": "", "action": "x", "kind": "x", "key": "x", "made_at": 0.0, "author": "x"}
    with store.database.write() as connection:
        connection.execute(schema.audit.insert(), [row] * 999)
    store.accounts.add(Account("last"))
    with store.database.read() as connection:
        assert connection.execute(sa.select(sa.func.min(schema.audit.c.id))).scalar() == 951
