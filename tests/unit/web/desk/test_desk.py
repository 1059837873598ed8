"""All desks of one principal."""

from tests.unit.web.customers import ALPHA, principal
from trunkline.web.office import Office


def test_a_desk_is_one_principals(office: Office) -> None:
    desk = office.desk(principal(ALPHA.user))
    assert desk.principal.account == "alpha"
    assert [account.key for account in desk.accounts.page().accounts] == ["alpha"]
    assert [user.name for user in desk.people.users().items] == [ALPHA.user]
