"""Secrets, tokens, the own password, sessions."""

import re

import pytest

from tests.unit.web.dashboard.conftest import (
    KEY,
    OPERATOR,
    OTHER_KEY,
    PASSWORD,
    SECRET,
    Browser,
    Open,
    sign_in,
)
from trunkline.store.sessions import SessionKind
from trunkline.web.office import Office


def revealed(page: str) -> str:
    found = re.search(r"<output[^>]*>([^<]+)<", page)
    assert found is not None
    return found[1]


def ids(office: Office) -> list[int]:
    return [secret.id for secret in office.store.accounts.secrets(KEY)]


@pytest.mark.parametrize("overlap", ["86400", "0", "nonsense"])
def test_rotate(customer: Browser, office: Office, overlap: str) -> None:
    page = customer.sent(f"/secrets/{KEY}/rotate", overlap=overlap)
    secret = revealed(page)
    assert office.store.accounts.verify(KEY, secret) is not None
    assert (office.store.accounts.verify(KEY, SECRET) is None) == (overlap == "0")
    assert secret not in customer.get("/credentials")


def test_add_and_revoke(customer: Browser, office: Office) -> None:
    assert "was added" in customer.sent(f"/secrets/{KEY}/add", secret="one-of-my-own")
    assert office.store.accounts.verify(KEY, "one-of-my-own") is not None
    first, second = ids(office)
    assert "works no longer" in customer.sent(f"/secrets/{KEY}/revoke", id=first)
    assert ids(office) == [second]
    for wrong in (second, first, "x", "²"):
        assert "Nothing was changed" in customer.sent(f"/secrets/{KEY}/revoke", id=wrong)
    assert "Nothing was changed: a secret needs at least" in customer.sent(f"/secrets/{KEY}/add", secret="x")


def test_an_operator_changes_anybodys_secrets_and_a_customer_the_own(
    operator: Browser, other: Browser, office: Office
) -> None:
    answer = operator.post(f"/secrets/{KEY}/rotate", overlap="86400")
    assert answer.headers["Location"] == f"/customers/{KEY}#secrets"
    assert office.store.accounts.verify(KEY, revealed(operator.get(f"/customers/{KEY}"))) is not None
    before = ids(office)
    other.post(f"/secrets/{KEY}/rotate", 404)
    for what, fields in (("add", {"secret": "one-of-my-own"}), ("revoke", {"id": str(before[0])})):
        assert "Nothing was changed" in other.sent(f"/secrets/{KEY}/{what}", **fields)
    assert ids(office) == before


def test_tokens(customer: Browser, other: Browser, office: Office) -> None:
    page = customer.sent("/credentials/tokens", label="<b>Robot", lifetime="")
    token = revealed(page)
    session = office.store.sessions.find(token)
    assert session is not None
    assert (session.kind, session.account, session.expires_at) == (SessionKind.TOKEN, KEY, None)
    assert "&lt;b&gt;Robot" in customer.get("/credentials")
    assert "Robot" not in other.get("/credentials")
    other.post("/credentials/sessions/revoke", 404, id=session.id)
    customer.sent("/credentials/sessions/revoke", id=session.id)
    assert office.store.sessions.find(token) is None
    assert "what the token is for" in customer.post("/credentials/tokens", 422, label=" ").text


def test_sessions(stranger: Open, customer: Browser, office: Office) -> None:
    second = sign_in(stranger(), KEY, SECRET)
    page = customer.get("/credentials")
    assert page.count('name="id" value=') == 1
    found = re.search(r'name="id" value="(\w{64})"', page)
    assert found is not None
    assert "It is signed out." in customer.sent("/credentials/sessions/revoke", id=found[1])
    second.get("/", 303)


def test_an_operator_sees_the_own_sessions_here(operator: Browser, customer: Browser) -> None:
    assert KEY not in operator.get("/credentials")
    assert "API secrets" not in operator.get("/credentials")
    assert OTHER_KEY not in customer.get("/credentials")


def test_the_own_password(operator: Browser, stranger: Open) -> None:
    def change(status: int, **fields: str) -> str:
        answer = operator.post("/credentials/password", status, **fields)
        return answer.text or answer.headers["Location"]

    new = "another long one"
    assert "present password is wrong" in change(422, password="wrong-wrong", new=new, again=new)
    assert "two different ways" in change(422, password=PASSWORD, new=new, again="x")
    assert "at least 10 characters" in change(422, password=PASSWORD, new="x", again="x")
    assert change(303, password=PASSWORD, new=new, again=new) == "/sign-in?changed=yes"
    assert "Your password was changed." in operator.get("/sign-in?changed=yes")
    operator.get("/", 303)
    sign_in(stranger(), OPERATOR, new)


def test_an_account_has_no_password(customer: Browser) -> None:
    assert "Your password" not in customer.get("/credentials")
    answer = customer.post("/credentials/password", 422, password=SECRET, new="x" * 12, again="x" * 12)
    assert "an account has no password" in answer.text.lower()
