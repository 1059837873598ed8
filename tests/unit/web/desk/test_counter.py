"""The checks that every desk makes."""

import pytest

from tests.unit.web.customers import ALPHA, OPERATOR, PaperLine, principal
from trunkline.store.errors import NotFoundError
from trunkline.web.desk.counter import Counter
from trunkline.web.errors import NotAllowedError
from trunkline.web.office import Office


def counter(office: Office, name: str) -> Counter:
    return Counter(principal(name), office.store, PaperLine(None), office.settings)


def test_what_belongs_to_nobody_is_the_operators(office: Office) -> None:
    counter(office, OPERATOR).check_sees(None, "call", "c1")
    with pytest.raises(NotFoundError, match="call 'c1' does not exist"):
        counter(office, ALPHA.key).check_sees(None, "call", "c1")


def test_whose_things_to_list(office: Office) -> None:
    operator, customer = counter(office, OPERATOR), counter(office, ALPHA.key)
    assert operator.account_or_all(None) is None
    assert operator.account_or_all("beta") == "beta"
    assert customer.account_or_all(None) == customer.account_or_all("alpha") == "alpha"
    with pytest.raises(NotFoundError):
        customer.account_or_all("beta")


def test_the_operators_alone(office: Office) -> None:
    counter(office, OPERATOR).check_operator()
    with pytest.raises(NotAllowedError):
        counter(office, ALPHA.key).check_operator()
