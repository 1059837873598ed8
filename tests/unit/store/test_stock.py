"""Numbers for sale."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.unit.store.entities import FORWARDING
from trunkline.errors import DirectoryError
from trunkline.store.errors import (
    AlreadyExistsError,
    CreditError,
    InUseError,
    NotForSaleError,
    NotFoundError,
    StoreError,
)
from trunkline.store.stock import Feature, Match, NumberKind, StockFilter, StockNumber
from trunkline.store.store import Store
from trunkline.trunk.account import Account
from trunkline.trunk.number import Number

LONDON = StockNumber("442079460001", "GB", price_cents=150)
MOBILE = StockNumber("447700900001", "GB", NumberKind.MOBILE, (Feature.SMS, Feature.VOICE), 90)
BERLIN = StockNumber("493012345001", "DE", price_cents=0)


@pytest.fixture(autouse=True)
def stock(store: Store) -> None:
    store.accounts.add(Account("acme"))
    store.accounts.add(Account("other"))
    store.stock.add([LONDON, MOBILE, BERLIN])


def found(store: Store, **wanted: object) -> list[str]:
    return [number.e164 for number in store.stock.list(StockFilter(**wanted)).numbers]  # type: ignore[arg-type]


def test_what_is_in_stock_comes_back_as_it_was(store: Store) -> None:
    page = store.stock.list()
    assert page.total == 3
    assert list(page.numbers) == [LONDON, MOBILE, BERLIN]


def test_all_or_none_are_put_into_stock(store: Store) -> None:
    with pytest.raises(AlreadyExistsError, match="442079460001"):
        store.stock.add([StockNumber("4915112345678", "DE"), LONDON])
    assert store.stock.list().total == 3


def test_a_search_takes_country_kind_features_and_pattern(store: Store) -> None:
    assert found(store, country="GB") == [LONDON.e164, MOBILE.e164]
    assert found(store, kind=NumberKind.MOBILE) == [MOBILE.e164]
    assert found(store, features=frozenset({Feature.VOICE, Feature.SMS})) == [MOBILE.e164]
    assert found(store, features=frozenset({Feature.MMS})) == []
    assert found(store, pattern="447") == [MOBILE.e164]
    assert found(store, pattern="9460", match=Match.ANYWHERE) == [LONDON.e164]
    assert found(store, pattern="5001", match=Match.END) == [BERLIN.e164]
    assert found(store, pattern="9460", match=Match.START) == []


@pytest.mark.parametrize("pattern", ["44%", "4_4", "+44", "4" * 16, "٤"])
def test_a_pattern_is_digits(pattern: str) -> None:
    with pytest.raises(DirectoryError, match="up to 15 digits"):
        StockFilter(pattern=pattern)


def test_pages(store: Store) -> None:
    page = store.stock.list(offset=1, limit=1)
    assert (page.total, list(page.numbers)) == (3, [MOBILE])


@pytest.mark.parametrize(
    "wrong", [("+442079460001", "GB", 0), ("442079460001", "gb", 0), ("442079460001", "GB", -1)]
)
def test_what_can_not_be_in_stock(wrong: tuple[str, str, int]) -> None:
    with pytest.raises(DirectoryError):
        StockNumber(wrong[0], wrong[1], price_cents=wrong[2])


def test_buying_takes_it_out_of_the_search_and_its_price_from_the_credit(store: Store) -> None:
    store.credit.add("acme", 200)
    assert store.stock.buy(LONDON.e164, "acme", country="GB") == Number(LONDON.e164, "acme")
    assert store.numbers.get(LONDON.e164).account == "acme"
    assert store.credit.balance_cents("acme") == 50
    assert found(store, country="GB") == [MOBILE.e164]
    entry = store.audit.list(kind="number")[0]
    assert (entry.action, entry.key, entry.account) == ("buy", LONDON.e164, "acme")


def test_credit_that_does_not_suffice_buys_nothing(store: Store) -> None:
    store.credit.add("acme", 149)
    with pytest.raises(CreditError, match=r"costs 1\.50, and the credit is 1\.49"):
        store.stock.buy(LONDON.e164, "acme")
    assert store.credit.balance_cents("acme") == 149
    with pytest.raises(NotFoundError):
        store.numbers.get(LONDON.e164)


def test_what_is_not_for_sale(store: Store) -> None:
    store.stock.buy(BERLIN.e164, "other")
    store.numbers.add(Number("441632960009", "other"))
    for e164, country in ((BERLIN.e164, "DE"), (LONDON.e164, "FR"), ("441632960009", "GB"), ("1" * 9, "US")):
        with pytest.raises(NotForSaleError, match=f"number {e164} is not for sale"):
            store.stock.buy(e164, "acme", country=country)
    with pytest.raises(NotFoundError, match="account 'nobody'"):
        store.stock.buy(LONDON.e164, "nobody")


def test_a_number_is_sold_once_however_many_want_it(store: Store) -> None:
    accounts = [f"buyer{n}" for n in range(8)]
    for account in accounts:
        store.accounts.add(Account(account))
        store.credit.add(account, 150)

    def buy(account: str) -> bool:
        try:
            store.stock.buy(LONDON.e164, account)
        except NotForSaleError:
            return False
        return True

    with ThreadPoolExecutor(8) as pool:
        sold = list(pool.map(buy, accounts))
    assert sold.count(True) == 1
    left = sorted(store.credit.balance_cents(account) for account in accounts)
    assert left == [0] + [150] * 7


def test_credit_is_spent_once_however_many_things_are_bought(store: Store) -> None:
    numbers = [f"44163296010{n}" for n in range(8)]
    store.stock.add(StockNumber(e164, "GB", price_cents=100) for e164 in numbers)
    store.credit.add("acme", 300)

    def buy(e164: str) -> bool:
        try:
            store.stock.buy(e164, "acme")
        except CreditError:
            return False
        return True

    with ThreadPoolExecutor(8) as pool:
        bought = list(pool.map(buy, numbers))
    assert bought.count(True) == 3
    assert store.credit.balance_cents("acme") == 0


def test_cancelling_returns_it_to_stock(store: Store) -> None:
    store.stock.buy(BERLIN.e164, "acme")
    store.numbers.forward(BERLIN.e164, FORWARDING)
    store.stock.cancel(BERLIN.e164, country="DE")
    assert BERLIN.e164 in found(store)
    store.stock.buy(BERLIN.e164, "other")
    assert not store.numbers.get(BERLIN.e164).forwarding
    assert store.audit.list(kind="number")[1].action == "cancel"


def test_what_can_not_be_cancelled(store: Store) -> None:
    store.stock.buy(BERLIN.e164, "acme")
    store.numbers.add(Number("441632960009", "acme"))
    with pytest.raises(NotFoundError):
        store.stock.cancel(LONDON.e164)
    with pytest.raises(NotFoundError, match="none of FR"):
        store.stock.cancel(BERLIN.e164, country="FR")
    with pytest.raises(InUseError, match="only the operator"):
        store.stock.cancel("441632960009")

    def refuse(_number: Number) -> None:
        raise StoreError("no")

    with pytest.raises(StoreError, match="no"):
        store.stock.cancel(BERLIN.e164, guard=refuse)
    assert len(store.numbers.list("acme")) == 2


def test_taking_one_out_of_stock(store: Store) -> None:
    store.stock.buy(BERLIN.e164, "acme")
    with pytest.raises(InUseError, match="belongs to an account"):
        store.stock.remove(BERLIN.e164)
    store.stock.remove(LONDON.e164)
    with pytest.raises(NotFoundError):
        store.stock.remove(LONDON.e164)
    newest = store.audit.list(kind="stock", key=LONDON.e164)[0]
    assert newest.action == "remove"
    assert newest.before is not None
    assert newest.before["price"] == "1.50"


def test_what_an_account_owns(store: Store) -> None:
    store.credit.add("acme", 1000)
    store.stock.buy(MOBILE.e164, "acme")
    store.stock.buy(BERLIN.e164, "other")
    store.numbers.add(Number("441632960009", "acme", FORWARDING))
    page = store.stock.owned("acme")
    assert page.total == 2
    by_hand, bought = page.numbers
    assert (by_hand.number.forwarding, by_hand.country) == (FORWARDING, "GB")
    assert (by_hand.kind, by_hand.features) == (NumberKind.LANDLINE, (Feature.VOICE,))
    assert (bought.number.e164, bought.kind, bought.features) == (MOBILE.e164, MOBILE.kind, MOBILE.features)
    with pytest.raises(NotFoundError):
        store.stock.owned("nobody")


def test_what_an_account_owns_is_filtered_and_paged(store: Store) -> None:
    for n in range(5):
        store.numbers.add(Number(f"44163296000{n}", "acme"))
    store.numbers.add(Number("493012345678", "acme"))
    assert store.stock.owned("acme", StockFilter(country="DE")).total == 1
    assert store.stock.owned("acme", StockFilter(kind=NumberKind.MOBILE)).total == 0
    assert store.stock.owned("acme", StockFilter(features=frozenset({Feature.VOICE}))).total == 6
    page = store.stock.owned("acme", StockFilter(pattern="44"), offset=3, limit=10)
    assert (page.total, [one.number.e164[-1] for one in page.numbers]) == (5, ["3", "4"])
