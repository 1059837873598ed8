"""Accounts: stored whole, their secrets as hashes only."""

from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from tests.unit.store.entities import ACCOUNT, CARRIER, NUMBER
from tests.unit.virtual_clock import FakeClock
from trunkline.errors import DirectoryError, StoreError
from trunkline.sip.digest import Algorithm, ha1
from trunkline.store.accounts import MAX_SECRETS, Accounts, new_key, new_secret
from trunkline.store.database import Database
from trunkline.store.errors import AlreadyExistsError, InUseError, NotFoundError
from trunkline.store.sessions import Session, SessionKind
from trunkline.store.store import Store
from trunkline.store.users import Role, User
from trunkline.trunk.account import Account, CallerIdPolicy

REALM = "sip.example.net"


@pytest.fixture
def accounts(database: Database, clock: FakeClock) -> Accounts:
    return Accounts(database, REALM, clock.wall)


def test_an_account_comes_back_as_it_was(accounts: Accounts) -> None:
    accounts.add(ACCOUNT)
    assert replace(accounts.get("acme"), credentials=()) == ACCOUNT


def test_more_than_an_account_may_have_is_refused(accounts: Accounts) -> None:
    with pytest.raises(DirectoryError, match="at most 200 characters"):
        accounts.add(replace(ACCOUNT, name="n" * 201))
    accounts.add(ACCOUNT)
    with pytest.raises(DirectoryError, match="allowed prefixes: at most 1000"):
        accounts.update("acme", allowed_prefixes=tuple(str(1000 + at) for at in range(1001)))
    assert replace(accounts.get("acme"), credentials=()) == ACCOUNT


def test_the_secret_works_and_is_nowhere_in_the_file(
    accounts: Accounts, database: Database, file: Path
) -> None:
    secret = accounts.add(Account("a"), "wonderful-s3cret")
    assert secret == "wonderful-s3cret"
    [credential] = accounts.get("a").credentials
    assert credential.ha1_md5 == ha1("a", REALM, secret, Algorithm.MD5)
    assert credential.ha1_sha256 == ha1("a", REALM, secret, Algorithm.SHA_256)
    database.close()
    stored = b"".join(path.read_bytes() for path in file.parent.glob("trunkline.db*"))
    assert credential.ha1_md5.encode() in stored
    assert secret.encode() not in stored


def test_a_secret_is_made_unless_given(accounts: Accounts) -> None:
    first, second = accounts.add(Account("a")), accounts.add(Account("b"))
    assert first != second
    assert len(first) == 16
    assert first.isalnum()


def test_keys_and_secrets_are_random() -> None:
    assert len({new_key() for _ in range(100)}) == 100
    assert len({new_secret() for _ in range(100)}) == 100


def test_a_short_secret_is_refused_and_nothing_is_stored(accounts: Accounts) -> None:
    with pytest.raises(StoreError, match="at least 8 characters"):
        accounts.add(Account("a"), "short")
    assert accounts.list() == []


def test_a_key_is_given_once(accounts: Accounts) -> None:
    accounts.add(Account("a"))
    with pytest.raises(AlreadyExistsError, match="account 'a' exists already"):
        accounts.add(Account("a"))


def test_an_unknown_account(accounts: Accounts) -> None:
    with pytest.raises(NotFoundError, match="account 'x' does not exist; trunkline account list shows them"):
        accounts.get("x")
    for change in (accounts.block, accounts.remove, accounts.rotate_secret):
        with pytest.raises(NotFoundError):
            change("x")


def test_they_are_listed_by_key(accounts: Accounts) -> None:
    for key in ("b", "a", "c"):
        accounts.add(Account(key))
    assert [account.key for account in accounts.list()] == ["a", "b", "c"]


def test_some_fields_are_changed(accounts: Accounts) -> None:
    accounts.add(Account("a", name="A"))
    changed = accounts.update("a", allowed_prefixes=("44",), max_concurrent=2)
    assert changed == accounts.get("a")
    assert (changed.name, changed.allowed_prefixes, changed.max_concurrent) == ("A", ("44",), 2)
    accounts.update("a", max_concurrent=None, max_per_second=3, minutes_per_day=None)
    assert (accounts.get("a").max_concurrent, accounts.get("a").max_per_second) == (None, 3)


def test_a_change_that_contradicts_itself_changes_nothing(accounts: Accounts) -> None:
    accounts.add(Account("a"))
    with pytest.raises(DirectoryError, match="needs a number"):
        accounts.update("a", caller_id_policy=CallerIdPolicy.REPLACE)
    assert accounts.get("a").caller_id_policy is CallerIdPolicy.ANY


def test_blocking_and_unblocking(accounts: Accounts) -> None:
    accounts.add(Account("a"))
    assert accounts.block("a").blocked
    assert accounts.get("a").blocked
    assert not accounts.unblock("a").blocked


def test_an_old_secret_works_for_a_while(accounts: Accounts, clock: FakeClock) -> None:
    old = accounts.add(Account("a"))
    new = accounts.rotate_secret("a", overlap_s=3600)
    account = accounts.get("a")
    hashes = [ha1("a", REALM, secret, Algorithm.MD5) for secret in (old, new)]
    assert [one.ha1_md5 for one in account.living(clock.wall() + 3599)] == hashes
    assert [one.ha1_md5 for one in account.living(clock.wall() + 3600)] == hashes[1:]


def test_no_secret_is_taken_for_one_that_it_replaces(accounts: Accounts, clock: FakeClock) -> None:
    """SQLite gives the id of the last row, once that is gone, to the next."""
    accounts.add(Account("a"))
    names = set()
    for _ in range(3):
        (credential,) = accounts.get("a").credentials
        names.add(credential.name)
        clock.advance(1)
        accounts.rotate_secret("a", overlap_s=0)
    assert len(names) == 3


def test_rotating_twice_does_not_prolong_an_old_secret(accounts: Accounts, clock: FakeClock) -> None:
    accounts.add(Account("a"))
    accounts.rotate_secret("a", overlap_s=100)
    clock.advance(50)
    accounts.rotate_secret("a", overlap_s=1000)
    first, second, third = accounts.get("a").credentials
    assert first.expires_at == clock.wall() + 50
    assert second.expires_at == clock.wall() + 1000
    assert third.expires_at is None


def test_rotating_goes_on_only_while_there_is_room_for_the_old_ones(accounts: Accounts) -> None:
    """All of them are in each node's memory, and tried for each call."""
    accounts.add(Account("a"))
    for _ in range(MAX_SECRETS - 1):
        accounts.rotate_secret("a")
    with pytest.raises(InUseError, match="10 secrets already"):
        accounts.rotate_secret("a")
    assert len(accounts.secrets("a")) == MAX_SECRETS
    accounts.rotate_secret("a", overlap_s=0)
    assert len(accounts.secrets("a")) == 1


def test_secrets_past_their_time_are_deleted_at_the_next_change(accounts: Accounts, clock: FakeClock) -> None:
    accounts.add(Account("a"))
    accounts.rotate_secret("a", overlap_s=100)
    clock.advance(100)
    accounts.rotate_secret("a")
    assert len(accounts.get("a").credentials) == 2


def test_an_old_secret_can_end_at_once(accounts: Accounts) -> None:
    accounts.add(Account("a"))
    secret = accounts.rotate_secret("a", "another-s3cret", overlap_s=0)
    [credential] = accounts.get("a").credentials
    assert credential.ha1_md5 == ha1("a", REALM, secret, Algorithm.MD5)


def test_an_account_in_use_stays(store: Store) -> None:
    store.accounts.add(ACCOUNT)
    store.numbers.add(NUMBER)
    store.carriers.add(CARRIER)
    with pytest.raises(InUseError, match="still has numbers"):
        store.accounts.remove("acme")
    store.numbers.remove(NUMBER.e164)
    with pytest.raises(InUseError, match="or a carrier names it"):
        store.accounts.remove("acme")
    store.carriers.remove("upstream")
    store.accounts.remove("acme")
    assert store.accounts.list() == []


def test_accounts_of_an_earlier_service_domain_are_named(database: Database, accounts: Accounts) -> None:
    accounts.add(Account("new"))
    Accounts(database, "old.example.net").add(Account("old"))
    assert accounts.of_other_realm() == ["old"]
    accounts.rotate_secret("old")
    assert accounts.of_other_realm() == []


def test_key_and_secret_sign_in(store: Store) -> None:
    secret = store.accounts.add(Account("acme"))
    store.accounts.add(Account("other"))
    found = store.accounts.verify("acme", secret)
    assert found is not None
    assert found.key == "acme"
    for key, wrong in (("acme", "wrong"), ("other", secret), ("unknown", secret)):
        assert store.accounts.verify(key, wrong) is None


def test_a_second_secret_works_until_it_is_revoked(store: Store) -> None:
    first = store.accounts.add(Account("acme"))
    added = store.accounts.add_secret("acme", "second-secret")
    assert [item.id for item in store.accounts.secrets("acme")][-1] == added.id
    assert store.accounts.verify("acme", first) is not None
    assert store.accounts.verify("acme", "second-secret") is not None
    with pytest.raises(InUseError, match="has 2 secrets already"):
        store.accounts.add_secret("acme", "third-secret", most=2)
    store.accounts.revoke_secret("acme", added.id)
    assert store.accounts.verify("acme", "second-secret") is None
    with pytest.raises(NotFoundError, match="secret"):
        store.accounts.revoke_secret("acme", added.id)
    with pytest.raises(InUseError, match="at least one secret"):
        store.accounts.revoke_secret("acme", store.accounts.secrets("acme")[0].id)


class SignedIn(NamedTuple):
    """Tokens, and the session of the one that asks."""

    browser: str
    program: str
    person: str
    asking: str
    keep: str


def signed_in(store: Store) -> SignedIn:
    """Signs in with the key of `acme`, and one person of it."""
    store.users.add(User("ann", Role.CUSTOMER, "acme"), "correct horse")

    def opened(kind: SessionKind, user: str | None = None) -> tuple[str, Session]:
        lifetime_s = None if kind is SessionKind.TOKEN else 3600.0
        return store.sessions.open(
            role=Role.CUSTOMER, user=user, account="acme", kind=kind, lifetime_s=lifetime_s
        )

    asking, session = opened(SessionKind.BROWSER)
    browser, program, person = (
        opened(SessionKind.BROWSER),
        opened(SessionKind.TOKEN),
        opened(SessionKind.BROWSER, "ann"),
    )
    return SignedIn(browser[0], program[0], person[0], asking, session.id)


@pytest.mark.parametrize("way", ["rotate", "revoke"])
def test_a_secret_that_ends_at_once_signs_out_what_it_may_have_signed_in(store: Store, way: str) -> None:
    store.accounts.add(Account("acme"))
    store.accounts.add(Account("other"))
    who = signed_in(store)
    foreign, _ = store.sessions.open(role=Role.CUSTOMER, user=None, account="other", lifetime_s=60.0)
    if way == "rotate":
        store.accounts.rotate_secret("acme", overlap_s=0.0, keep=who.keep)
    else:
        added = store.accounts.add_secret("acme", "second-secret")
        store.accounts.revoke_secret("acme", added.id, keep=who.keep)
    living = [token for token in (*who[:4], foreign) if store.sessions.find(token) is not None]
    assert living == [who.person, who.asking, foreign]


def test_browsers_are_signed_out_when_the_overlap_of_their_secret_ends(store: Store) -> None:
    store.accounts.add(Account("acme"))
    who = signed_in(store)
    store.accounts.rotate_secret("acme", overlap_s=60.0, keep=who.keep)
    ends = {token: session.expires_at for token in who[:4] if (session := store.sessions.find(token))}
    overlap_ends = store.accounts.secrets("acme")[0].expires_at
    assert ends[who.browser] == overlap_ends
    assert ends[who.program] is None
    for token in (who.person, who.asking):
        assert (ends[token] or 0.0) > (overlap_ends or 0.0) + 3000.0
    store.accounts.rotate_secret("acme", overlap_s=600.0)
    session = store.sessions.find(who.browser)
    assert session is not None
    assert session.expires_at == overlap_ends


def test_pages_with_what_was_searched_for_in_key_or_name(store: Store) -> None:
    names = (("a1", "Acme Ltd"), ("b2", "100% Phones"), ("c3", ""), ("acme2", ""), ("d4", "Österreich"))
    for key, name in names:
        store.accounts.add(Account(key, name=name), "s3cret-enough")

    def keys(search: str = "", **where: Any) -> tuple[list[str], bool]:
        found = store.accounts.page(search, **where)
        return [account.key for account in found.accounts], found.more

    assert keys() == (["a1", "acme2", "b2", "c3", "d4"], False)
    assert keys(limit=2) == (["a1", "acme2"], True)
    assert keys(after="acme2", limit=2) == (["b2", "c3"], True)
    assert keys("ACME") == (["a1", "acme2"], False)
    assert keys("österreich") == keys("ÖSTER") == (["d4"], False)
    assert keys("%") == (["b2"], False)
