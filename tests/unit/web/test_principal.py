"""Who asks."""

from tests.unit.web.customers import ALPHA, OPERATOR, principal
from trunkline.store.audit import Via


def test_an_operator_sees_everything() -> None:
    operator = principal(OPERATOR)
    assert operator.operator
    assert operator.sees(None)
    assert operator.sees("alpha")


def test_a_customer_sees_the_own_account() -> None:
    for one in (principal(ALPHA.key), principal(ALPHA.user)):
        assert not one.operator
        assert one.sees("alpha")
        assert not one.sees("beta")
        assert not one.sees(None)
        assert not one.sees("")


def test_an_account_is_no_user() -> None:
    assert principal(ALPHA.key).user is None
    assert principal(ALPHA.user).user == ALPHA.user


def test_the_author_of_changes() -> None:
    author = principal(ALPHA.user).author
    assert (author.name, author.via, author.source) == (ALPHA.user, Via.API, "192.0.2.7")
