"""Users and their passwords."""

from pathlib import Path

import pytest

from trunkline.errors import StoreError
from trunkline.store.database import Database
from trunkline.store.errors import AlreadyExistsError, NotFoundError
from trunkline.store.store import Store
from trunkline.store.users import Role, User, Users
from trunkline.trunk.account import Account


@pytest.fixture
def users(database: Database) -> Users:
    return Users(database)


def test_a_password_is_known_by_its_hash(users: Users, database: Database, file: Path) -> None:
    users.add(User("Root@Example.net", Role.OPERATOR), "correct horse")
    found = users.verify("root@example.net", "correct horse")
    assert found is not None
    assert (found.name, found.role, found.account) == ("root@example.net", Role.OPERATOR, None)
    assert users.verify("root@example.net", "wrong horse") is None
    assert users.verify("nobody", "correct horse") is None
    database.close()
    stored = b"".join(path.read_bytes() for path in file.parent.glob("trunkline.db*"))
    assert b"$argon2id$" in stored
    assert b"correct horse" not in stored


def test_another_password_ends_the_sessions(store: Store) -> None:
    store.users.add(User("root", Role.OPERATOR), "correct horse")
    token, _ = store.sessions.open(role=Role.OPERATOR, user="root", account=None, lifetime_s=60.0)
    assert store.sessions.find(token) is not None
    store.users.set_password("root", "battery staple")
    assert store.users.verify("root", "battery staple") is not None
    assert store.users.verify("root", "correct horse") is None
    assert store.sessions.find(token) is None


@pytest.mark.parametrize("password", ["short", "x" * 1025])
def test_a_password_of_the_wrong_length_is_refused(users: Users, password: str) -> None:
    with pytest.raises(StoreError, match="at least 10 characters, at most 1024"):
        users.add(User("root", Role.OPERATOR), password)
    assert users.list() == []


@pytest.mark.parametrize("name", ["", "two words", "a:b", "x" * 255, "a\x07b"])
def test_a_name_that_can_not_sign_in_is_refused(name: str) -> None:
    with pytest.raises(StoreError, match="is not a name to sign in with"):
        User(name, Role.OPERATOR)


@pytest.mark.parametrize("name", ["sales/ann", "/", ".", ".."])
def test_no_new_name_is_one_that_no_path_leads_to(users: Users, name: str) -> None:
    with pytest.raises(StoreError, match="can't be part of an address"):
        users.add(User(name, Role.OPERATOR), "correct horse")
    assert users.list() == []


def test_only_a_customers_person_has_an_account(store: Store) -> None:
    with pytest.raises(StoreError, match="needs an account"):
        User("ann", Role.CUSTOMER)
    with pytest.raises(StoreError, match="an operator has none"):
        User("ann", Role.OPERATOR, "acme")
    with pytest.raises(NotFoundError, match="account 'acme' does not exist"):
        store.users.add(User("ann", Role.CUSTOMER, "acme"), "correct horse")


def test_users_of_an_account_go_with_it(store: Store) -> None:
    store.accounts.add(Account("acme"))
    store.users.add(User("ann", Role.CUSTOMER, "acme"), "correct horse")
    store.users.add(User("root", Role.OPERATOR), "correct horse")
    assert [user.name for user in store.users.list("acme")] == ["ann"]
    store.accounts.remove("acme")
    assert [user.name for user in store.users.list()] == ["root"]


def test_a_name_is_given_once(users: Users) -> None:
    users.add(User("root", Role.OPERATOR), "correct horse")
    with pytest.raises(AlreadyExistsError, match="user 'root' exists already"):
        users.add(User("ROOT", Role.OPERATOR), "correct horse")


def test_the_last_operator_stays(users: Users) -> None:
    users.add(User("root", Role.OPERATOR), "correct horse")
    with pytest.raises(StoreError, match="root is the only operator"):
        users.remove("root")
    users.add(User("second", Role.OPERATOR), "correct horse")
    users.remove("root")
    assert users.verify("root", "correct horse") is None
    with pytest.raises(NotFoundError, match="user 'root' does not exist"):
        users.get("root")
