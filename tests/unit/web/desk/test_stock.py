"""Who may sell, buy, give back and see what."""

import pytest

from tests.unit.web.customers import ALPHA, BETA, OPERATOR, Customer, principal
from trunkline.store.errors import NotFoundError
from trunkline.store.stock import StockNumber
from trunkline.web.desk.stock import StockDesk
from trunkline.web.errors import NotAllowedError
from trunkline.web.office import Office

LONDON = StockNumber("442079460001", "GB", price_cents=150)


@pytest.fixture
def office(office: Office) -> Office:
    operator(office).add([LONDON])
    operator(office).add_credit(ALPHA.key, 200)
    return office


def operator(office: Office) -> StockDesk:
    return office.desk(principal(OPERATOR)).stock


def customer(office: Office, who: Customer) -> StockDesk:
    return office.desk(principal(who.key)).stock


def test_the_shelves_and_the_credit_are_the_operator_s(office: Office) -> None:
    desk = customer(office, ALPHA)
    with pytest.raises(NotAllowedError):
        desk.add([])
    with pytest.raises(NotAllowedError):
        desk.remove(LONDON.e164)
    with pytest.raises(NotAllowedError):
        desk.add_credit(ALPHA.key, 1)
    operator(office).remove(LONDON.e164)


def test_a_customer_buys_and_gives_back_for_itself(office: Office) -> None:
    desk = customer(office, ALPHA)
    assert list(desk.list().numbers) == [LONDON]
    desk.buy(LONDON.e164, ALPHA.key, country="GB")
    assert desk.balance_cents(ALPHA.key) == 50
    assert [one.number.e164 for one in desk.owned(ALPHA.key).numbers] == [ALPHA.e164, LONDON.e164]
    desk.cancel(LONDON.e164, ALPHA.key, country="GB")
    assert [one.number.e164 for one in desk.owned(ALPHA.key).numbers] == [ALPHA.e164]


def test_another_s_account_does_not_exist(office: Office) -> None:
    operator(office).buy(LONDON.e164, ALPHA.key)
    desk = customer(office, BETA)
    for attempt in (
        lambda: desk.owned(ALPHA.key),
        lambda: desk.balance_cents(ALPHA.key),
        lambda: desk.buy(LONDON.e164, ALPHA.key),
        lambda: desk.cancel(LONDON.e164, ALPHA.key),
        lambda: desk.cancel(LONDON.e164, BETA.key),
    ):
        with pytest.raises(NotFoundError):
            attempt()
    assert office.store.numbers.get(LONDON.e164).account == ALPHA.key


def test_an_operator_names_the_account_that_gives_it_back(office: Office) -> None:
    operator(office).buy(LONDON.e164, ALPHA.key)
    with pytest.raises(NotFoundError):
        operator(office).cancel(LONDON.e164, BETA.key)
    operator(office).cancel(LONDON.e164, ALPHA.key)
