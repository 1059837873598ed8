"""Each principal has keys of the own."""

import pytest

from tests.unit.web.customers import ALPHA, BETA, OPERATOR, PASSWORD, principal
from trunkline.store.answers import Answer, PendingError
from trunkline.store.audit import Via
from trunkline.store.users import Role, User
from trunkline.trunk.account import Account
from trunkline.web.desk.answers import AnswerDesk
from trunkline.web.office import Office
from trunkline.web.principal import Principal

ANSWER = Answer(201, {}, "{}")


def test_nobody_gets_anothers_answer(office: Office) -> None:
    office.store.users.add(User("alpha", Role.OPERATOR), PASSWORD)
    names = (ALPHA.key, ALPHA.user, BETA.key, BETA.user, OPERATOR)
    for name in names:
        desk = office.desk(principal(name)).answers
        assert desk.claim("k", name) is None
        desk.keep("k", ANSWER)
        assert desk.claim("k", name) == ANSWER


def test_what_made_nothing_is_released(office: Office) -> None:
    desk = office.desk(principal(ALPHA.key)).answers
    assert desk.claim("k", "f") is None
    with pytest.raises(PendingError):
        desk.claim("k", "f")
    desk.release("k")
    assert desk.claim("k", "g") is None


def test_who_gets_a_name_that_was_anothers_gets_none_of_its_answers(office: Office) -> None:
    store = office.store
    store.accounts.add(Account("gamma"))
    store.users.add(User("ann", Role.CUSTOMER, "gamma"), PASSWORD)
    named = {"gamma": Role.CUSTOMER, "ann": Role.CUSTOMER}

    def desk(name: str) -> AnswerDesk:
        who = Principal(name, named[name], "gamma", Via.API, "192.0.2.7", by_key=name == "gamma")
        return office.desk(who).answers

    for name in named:
        assert desk(name).claim("k", "f") is None
        desk(name).keep("k", ANSWER)
    store.accounts.remove("gamma")
    store.accounts.add(Account("gamma"))
    store.users.add(User("ann", Role.CUSTOMER, "gamma"), PASSWORD)
    assert [desk(name).claim("k", "f") for name in named] == [None, None]
