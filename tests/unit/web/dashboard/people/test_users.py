"""Users: the operator's."""

import re

from tests.unit.web.dashboard.conftest import KEY, OPERATOR, OTHER_KEY, Browser, Open, sign_in
from trunkline.store.users import Role, User
from trunkline.web.office import Office


def test_add_sign_in_remove(operator: Browser, stranger: Open, office: Office) -> None:
    page = operator.sent("/users", name="Ann@Example.com", role="customer", account=KEY)
    password = re.search(r"<output[^>]*>([^<]+)<", page)
    assert password is not None
    ann = sign_in(stranger(), "ann@example.com", password[1])
    assert KEY in ann.get("/")
    assert "ann@example.com" in operator.get(f"/customers/{KEY}")
    assert "can&#39;t sign in any more" in operator.sent("/users/remove", name="ann@example.com")
    ann.get("/", 303)


def test_those_of_one_customer(operator: Browser, office: Office) -> None:
    office.store.users.add(User("ann", Role.CUSTOMER, KEY), "first password")
    office.store.users.add(User("ben", Role.CUSTOMER, OTHER_KEY), "first password")
    assert f'href="/users?account={KEY}"' in operator.get(f"/customers/{KEY}")
    page = operator.get(f"/users?account={KEY}")
    assert ("ann" in page, "ben" in page) == (True, False)
    assert f'name="account" type="text" value="{KEY}"' in page
    assert "Show all" in page
    assert "Show all" not in operator.get("/users")


def test_a_new_password_ends_the_sessions(operator: Browser, stranger: Open, office: Office) -> None:
    office.store.users.add(User("ann", Role.CUSTOMER, KEY), "first password")
    ann = sign_in(stranger(), "ann", "first password")
    page = operator.sent("/users/password", name="ann")
    ann.get("/", 303)
    password = re.search(r"<output[^>]*>([^<]+)<", page)
    assert password is not None
    sign_in(ann, "ann", password[1])


def test_sessions_are_ended(operator: Browser, customer: Browser) -> None:
    page = operator.get("/users")
    found = re.search(r'name="id" value="(\w{64})"', page)
    assert found is not None
    assert "It is signed out." in operator.sent("/users/sessions/revoke", id=found[1])
    customer.get("/", 303)


def test_what_cannot_be(operator: Browser) -> None:
    for fields, status, said in (
        ({"name": "a b", "role": "operator"}, 422, "not a name to sign in with"),
        ({"name": "ann", "role": "customer"}, 422, "needs an account"),
        ({"name": "ann", "role": "customer", "account": "nobody"}, 404, "does not exist"),
        ({"name": "ann", "role": "king"}, 422, "can&#39;t be chosen"),
        ({"name": OPERATOR, "role": "operator"}, 409, "exists already"),
    ):
        assert said in operator.post("/users", status, **fields).text
    assert "only operator" in operator.post("/users/remove", 422, name=OPERATOR).text
    operator.post("/users/remove", 404, name="nobody")


def test_a_customer_manages_nobody(customer: Browser, office: Office) -> None:
    office.store.users.add(User("theirs", Role.CUSTOMER, OTHER_KEY), "first password")
    page = customer.get("/users")
    assert "Add a user" not in page
    assert "theirs" not in page
    customer.post("/users", 403, name="ann", role="operator")
    customer.post("/users/password", 403, name="theirs")
    customer.post("/users/remove", 403, name="theirs")
    assert [user.name for user in office.store.users.list()] == [OPERATOR, "theirs"]
