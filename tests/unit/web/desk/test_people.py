"""Who signs in, and whom that concerns."""

import pytest

from tests.unit.web.customers import ALPHA, BETA, OPERATOR, PASSWORD, give_key_again, principal
from trunkline.store.errors import NotFoundError
from trunkline.store.sessions import SessionKind
from trunkline.store.users import Role, User
from trunkline.web.desk import Desk
from trunkline.web.errors import NotAllowedError
from trunkline.web.office import Office


def desk(office: Office, name: str) -> Desk:
    return office.desk(principal(name))


def test_users(office: Office) -> None:
    assert len(desk(office, OPERATOR).people.users().items) == 3
    assert [user.name for user in desk(office, BETA.key).people.users().items] == [BETA.user]
    for act in (
        lambda: desk(office, ALPHA.user).people.add_user(User("eve", Role.OPERATOR), PASSWORD),
        lambda: desk(office, ALPHA.user).people.remove_user(ALPHA.user),
    ):
        with pytest.raises(NotAllowedError):
            act()
    desk(office, OPERATOR).people.add_user(User("eve", Role.CUSTOMER, "alpha"), PASSWORD)
    desk(office, OPERATOR).people.remove_user("eve")


def test_everybody_changes_the_own_password(office: Office) -> None:
    desk(office, ALPHA.user).people.set_password(ALPHA.user.upper(), "another password")
    assert office.store.users.verify(ALPHA.user, "another password") is not None
    for other in (BETA.user, OPERATOR, "nobody"):
        with pytest.raises(NotAllowedError):
            desk(office, ALPHA.user).people.set_password(other, "another password")
    desk(office, OPERATOR).people.set_password(BETA.user, "another password")


def test_an_account_is_not_the_user_who_has_its_name(office: Office) -> None:
    """`alpha` may be an account's key and an operator's name at once."""
    office.store.users.add(User("alpha", Role.OPERATOR), PASSWORD)
    with pytest.raises(NotAllowedError):
        desk(office, ALPHA.key).people.set_password("alpha", "taken over by key")
    _, session = desk(office, ALPHA.key).people.open_token("script")
    assert (session.user, session.account) == (None, "alpha")


def test_tokens_have_the_rights_of_who_made_them(office: Office) -> None:
    for name, role, user, account in (
        (OPERATOR, Role.OPERATOR, OPERATOR, None),
        (ALPHA.user, Role.CUSTOMER, ALPHA.user, "alpha"),
        (BETA.key, Role.CUSTOMER, None, "beta"),
    ):
        token, session = desk(office, name).people.open_token("script", 60.0)
        assert office.store.sessions.find(token) == session
        assert (session.kind, session.role, session.user, session.account) == (
            SessionKind.TOKEN,
            role,
            user,
            account,
        )


def test_sessions(office: Office) -> None:
    _, mine = desk(office, ALPHA.key).people.open_token("mine")
    _, theirs = desk(office, BETA.user).people.open_token("theirs")
    assert [session.id for session in desk(office, ALPHA.user).people.sessions().sessions] == [mine.id]
    assert len(desk(office, OPERATOR).people.sessions().sessions) == 2
    with pytest.raises(NotFoundError, match="session"):
        desk(office, ALPHA.user).people.revoke_session(theirs.id)
    desk(office, ALPHA.user).people.revoke_session(mine.id)
    desk(office, OPERATOR).people.revoke_session(theirs.id)
    assert desk(office, OPERATOR).people.sessions().sessions == []


def test_the_audit_trail(office: Office) -> None:
    desk(office, ALPHA.key).accounts.rotate_secret("alpha")
    desk(office, BETA.key).accounts.rotate_secret("beta")
    own = desk(office, BETA.user).people.audit()
    assert own[0].action == "rotate-secret"
    assert {entry.account for entry in own} == {"beta"}
    with pytest.raises(NotFoundError):
        desk(office, BETA.user).people.audit(account="alpha")
    everything = desk(office, OPERATOR).people.audit(limit=2)
    assert [entry.account for entry in everything] == ["beta", "alpha"]
    older = desk(office, OPERATOR).people.audit(kind="carrier", before_id=everything[1].id)
    assert [entry.key for entry in older] == ["upstream"]
    give_key_again(office.store, ALPHA)
    since = desk(office, ALPHA.key).people.audit()
    assert [entry.action for entry in since] == ["add"], "the rest was of an earlier customer"


def test_own_sessions(office: Office) -> None:
    opened = {}
    for name in (OPERATOR, "second", ALPHA.user):
        if name == "second":
            office.store.users.add(User(name, Role.OPERATOR), PASSWORD)
        role, account = (Role.CUSTOMER, ALPHA.key) if name == ALPHA.user else (Role.OPERATOR, None)
        _, opened[name] = office.store.sessions.open(role=role, user=name, account=account, lifetime_s=60.0)
    browser = SessionKind.BROWSER
    assert len(desk(office, OPERATOR).people.sessions(browser).sessions) == 3
    assert desk(office, OPERATOR).people.own_sessions(browser).sessions == [opened[OPERATOR]]
    assert desk(office, OPERATOR).people.own_sessions(SessionKind.TOKEN).sessions == []
    assert desk(office, ALPHA.key).people.own_sessions(browser).sessions == [opened[ALPHA.user]]
    assert desk(office, BETA.key).people.own_sessions(browser).sessions == []


def test_users_of_an_account(office: Office) -> None:
    assert [user.name for user in desk(office, OPERATOR).people.users(BETA.key).items] == [BETA.user]
    with pytest.raises(NotFoundError):
        desk(office, ALPHA.key).people.users(BETA.key)
