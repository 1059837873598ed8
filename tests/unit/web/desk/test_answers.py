"""Each principal has keys of the own."""

import pytest

from tests.unit.web.customers import ALPHA, BETA, OPERATOR, PASSWORD, principal
from trunkline.store.answers import Answer, PendingError
from trunkline.store.users import Role, User
from trunkline.web.office import Office

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
