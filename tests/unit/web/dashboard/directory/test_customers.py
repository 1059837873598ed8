"""Customers: changed by operators; each sees the own one."""

import re

import pytest

from tests.unit.web.dashboard.conftest import HOSTILE, HOSTILE_NAME, KEY, NUMBER, OTHER_KEY, Browser
from tests.unit.web.dashboard.versioned import version
from trunkline.trunk.account import Account, CallerIdPolicy
from trunkline.web.office import Office

FIELDS = {
    "caller_id_policy": "any",
    "codecs": "PCMA",
    "srtp": "allowed",
    "dtmf": "auto",
    "ringback": "far-end",
}


def test_the_list(operator: Browser, customer: Browser, office: Office) -> None:
    page = operator.get("/customers")
    assert "First &amp; Sons" in page
    assert "&lt;script&gt;alert(1)&lt;/script&gt;␛[31m\\u{202e}&#34;&#39;&amp;" in page
    assert "<script>alert" not in page
    assert OTHER_KEY not in operator.get("/customers?search=sons")
    assert "No customer matches" in operator.get("/customers?search=nobody")
    assert OTHER_KEY not in customer.get("/customers")
    for number in range(60):
        office.store.accounts.add(Account(f"b{number:03}"))
    following = re.search(r'href="([^"]+)" rel="next"', operator.get("/customers"))
    assert following is not None
    assert OTHER_KEY in operator.get(following[1])


def test_what_comes_next_is_about_the_same_customer(operator: Browser) -> None:
    page = operator.get(f"/customers/{KEY}")
    for path in ("/numbers", "/connect", "/users"):
        assert f'href="{path}?account={KEY}"' in page
    assert "pjsip" in operator.get(f"/connect?account={KEY}")


def test_a_customer_sees_the_own_account_alone(customer: Browser) -> None:
    page = customer.get(f"/customers/{KEY}")
    assert "Caller ID you may show" in page
    assert "<form" not in page.partition("<main")[2]
    customer.get(f"/customers/{OTHER_KEY}", 404)
    assert "Your operator adds customers." in customer.get("/customers/-/new")


def test_a_customer_changes_nothing(customer: Browser, office: Office) -> None:
    before = office.store.accounts.list()
    customer.post("/customers/-/new", 403, key="mine")
    customer.post(f"/customers/{KEY}", 403, **FIELDS)
    customer.post(f"/customers/{KEY}/state", 403, state="blocked")
    customer.post(f"/customers/{KEY}/remove", 403)
    assert office.store.accounts.list() == before


def test_add_shows_the_secret_once(operator: Browser, office: Office) -> None:
    page = operator.sent("/customers/-/new", key="new", name="New & Co")
    secret = re.search(r"<output[^>]*>([^<]+)<", page)
    assert secret is not None
    assert office.store.accounts.verify("new", secret[1]) is not None
    assert secret[1] not in operator.get("/customers/new")
    assert "exists already" in operator.post("/customers/-/new", 409, key="new").text
    assert "is not a key" in operator.post("/customers/-/new", 422, key="no key").text
    assert operator.post("/customers/-/new", name="made").headers["Location"].startswith("/customers/")


def test_change(operator: Browser, office: Office) -> None:
    path = f"/customers/{KEY}"
    seen = version(operator, path)
    changed = {
        **FIELDS,
        "name": HOSTILE_NAME,
        "caller_id_policy": "replace",
        "caller_id_number": "+44 20 7946 0000",
        "codecs": "G729, PCMA",
        "refer_enabled": "yes",
    }
    page = operator.sent(path, version=seen, **changed)
    assert "The customer was changed." in page
    assert "<script>alert" not in page
    account = office.store.accounts.get(KEY)
    assert account.caller_id_policy is CallerIdPolicy.REPLACE
    assert (account.caller_id_number, account.codecs) == (NUMBER, ("G729", "PCMA"))
    assert (account.refer_enabled, account.transcoding, account.name) == (True, False, HOSTILE_NAME)
    assert "changed meanwhile" in operator.post(path, 412, version=seen, **FIELDS).text


@pytest.mark.parametrize(
    "wrong",
    [
        {"caller_id_policy": "replace"},
        {"caller_id_number": "12"},
        {"codecs": "MP3"},
        {"codecs": ""},
        {"srtp": "maybe"},
        {"name": HOSTILE},
    ],
)
def test_what_cannot_be(operator: Browser, wrong: dict[str, str]) -> None:
    path = f"/customers/{KEY}"
    operator.post(path, 422, version=version(operator, path), **{**FIELDS, **wrong})


def test_what_was_typed_stays_when_it_is_refused(operator: Browser, office: Office) -> None:
    path = f"/customers/{KEY}"
    seen = version(operator, path)
    office.store.accounts.update(KEY, refer_enabled=True)
    typed = {**FIELDS, "name": "Mine", "caller_id_number": "12", "announcements": "yes"}
    page = operator.post(path, 422, version=seen, **typed).text
    assert 'name="name" type="text" value="Mine"' in page
    assert 'name="caller_id_number" type="text" value="12"' in page
    assert re.findall(r'name="(\w+)" type="checkbox" value="yes" checked', page) == ["announcements"]
    assert f'name="version" value="{seen}"' in page, "somebody else's change is not lost"
    assert "refer_enabled" in re.findall(
        r'name="(\w+)" type="checkbox" value="yes" checked', operator.get(path)
    )


def test_block_and_remove(operator: Browser, office: Office) -> None:
    assert "is blocked" in operator.sent(f"/customers/{KEY}/state", state="blocked")
    assert office.store.accounts.get(KEY).blocked
    assert "is active again" in operator.sent(f"/customers/{KEY}/state", state="active")
    assert "still has numbers" in operator.post(f"/customers/{KEY}/remove", 409).text
    office.store.numbers.remove(NUMBER)
    assert f"Customer {KEY} was removed." in operator.sent(f"/customers/{KEY}/remove")
    operator.get(f"/customers/{KEY}", 404)
