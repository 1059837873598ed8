"""Who may sell, buy, give back and see what."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.unit.web.paper_office import customer, empty_database, operator, paper_office
from trunkline.store.errors import NotFoundError
from trunkline.store.stock import StockNumber
from trunkline.trunk.account import Account
from trunkline.web.errors import NotAllowedError
from trunkline.web.office import Office

LONDON = StockNumber("442079460001", "GB", price_cents=150)


@pytest.fixture(scope="module")
def empty(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return empty_database(tmp_path_factory.mktemp("schema"))


@pytest.fixture
def office(tmp_path: Path, empty: Path) -> Iterator[Office]:
    with paper_office(tmp_path, empty) as office:
        for key in ("acme", "other"):
            office.store.accounts.add(Account(key))
        operator(office).stock.add([LONDON])
        operator(office).stock.add_credit("acme", 200)
        yield office


def test_the_shelves_and_the_credit_are_the_operator_s(office: Office) -> None:
    desk = customer(office, "acme").stock
    with pytest.raises(NotAllowedError):
        desk.add([])
    with pytest.raises(NotAllowedError):
        desk.remove(LONDON.e164)
    with pytest.raises(NotAllowedError):
        desk.add_credit("acme", 1)
    operator(office).stock.remove(LONDON.e164)


def test_a_customer_buys_and_gives_back_for_itself(office: Office) -> None:
    desk = customer(office, "acme").stock
    assert list(desk.list().numbers) == [LONDON]
    desk.buy(LONDON.e164, "acme", country="GB")
    assert desk.balance_cents("acme") == 50
    assert [one.number.e164 for one in desk.owned("acme").numbers] == [LONDON.e164]
    desk.cancel(LONDON.e164, "acme", country="GB")
    assert desk.owned("acme").total == 0


def test_another_s_account_does_not_exist(office: Office) -> None:
    operator(office).stock.buy(LONDON.e164, "acme")
    desk = customer(office, "other").stock
    for attempt in (
        lambda: desk.owned("acme"),
        lambda: desk.balance_cents("acme"),
        lambda: desk.buy(LONDON.e164, "acme"),
        lambda: desk.cancel(LONDON.e164, "acme"),
        lambda: desk.cancel(LONDON.e164, "other"),
    ):
        with pytest.raises(NotFoundError):
            attempt()
    assert office.store.numbers.get(LONDON.e164).account == "acme"


def test_an_operator_names_the_account_that_gives_it_back(office: Office) -> None:
    operator(office).stock.buy(LONDON.e164, "acme")
    with pytest.raises(NotFoundError):
        operator(office).stock.cancel(LONDON.e164, "other")
    operator(office).stock.cancel(LONDON.e164, "acme")
