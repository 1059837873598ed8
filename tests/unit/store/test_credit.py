"""What accounts have left."""

import pytest

from trunkline.store.credit import MAX_CENTS, cents_of, charge, money
from trunkline.store.errors import CreditError, NotFoundError, StoreError
from trunkline.store.store import Store
from trunkline.trunk.account import Account


@pytest.fixture(autouse=True)
def account(store: Store) -> None:
    store.accounts.add(Account("acme"))


def test_it_begins_at_nothing_and_adds_up(store: Store) -> None:
    assert store.credit.balance_cents("acme") == 0
    assert store.credit.add("acme", 1250) == 1250
    assert store.credit.add("acme", -2000) == -750
    assert store.credit.balance_cents("acme") == -750
    newest = store.audit.list(kind="account", key="acme")[0]
    assert (newest.action, newest.account) == ("credit", "acme")
    assert (newest.before, newest.after) == ({"credit": "12.50"}, {"credit": "-7.50"})


def test_an_account_must_exist(store: Store) -> None:
    with pytest.raises(NotFoundError):
        store.credit.balance_cents("nobody")
    with pytest.raises(NotFoundError):
        store.credit.add("nobody", 1)


def test_it_is_bounded(store: Store) -> None:
    store.credit.add("acme", MAX_CENTS)
    with pytest.raises(StoreError, match="at most"):
        store.credit.add("acme", 1)
    assert store.credit.balance_cents("acme") == MAX_CENTS


def test_a_charge_takes_what_is_there_and_no_more(store: Store) -> None:
    store.credit.add("acme", 100)
    with store.database.write() as connection:
        charge(connection, store.trail, "acme", 100, "a thing")
    refusal = pytest.raises(CreditError, match=r"another costs 0\.01, and the credit is 0\.00")
    with refusal, store.database.write() as connection:
        charge(connection, store.trail, "acme", 1, "another")
    entry = store.audit.list()[0]
    assert (entry.action, entry.before, entry.after) == ("charge", {"credit": "1.00"}, {"credit": "0.00"})


def test_what_costs_nothing_needs_no_credit(store: Store) -> None:
    with store.database.write() as connection:
        charge(connection, store.trail, "acme", 0, "a gift")
    assert store.audit.list()[0].action == "add"


def test_it_goes_with_the_account(store: Store) -> None:
    store.credit.add("acme", 100)
    store.accounts.remove("acme")
    store.accounts.add(Account("acme"))
    assert store.credit.balance_cents("acme") == 0


@pytest.mark.parametrize(
    ("text", "cents"), [("12.50", 1250), ("12.5", 1250), ("12", 1200), ("-0.05", -5), ("0", 0)]
)
def test_amounts(text: str, cents: int) -> None:
    assert cents_of(text) == cents
    assert cents_of(money(cents)) == cents


@pytest.mark.parametrize("text", ["", "-", "1.234", "1,5", "1.", ".5", "1e3", "१२", "99999999999", "--1"])
def test_what_is_no_amount(text: str) -> None:
    with pytest.raises(StoreError, match="is no amount"):
        cents_of(text)
