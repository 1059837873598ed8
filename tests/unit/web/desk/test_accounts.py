"""Whose accounts are whose."""

from dataclasses import replace

import pytest

from tests.unit.web.customers import ALPHA, BETA, OPERATOR, give_key_again, principal
from tests.unit.web.paper_node import PaperNode
from trunkline.store.errors import NotFoundError
from trunkline.trunk.account import Account
from trunkline.trunk.fraud import Alarm, AlarmKind
from trunkline.web.errors import NotAllowedError
from trunkline.web.office import Office
from trunkline.web.views import Usage


def test_an_operator_sees_all_and_a_customer_the_own(office: Office) -> None:
    assert [account.key for account in office.desk(principal(OPERATOR)).accounts.page().accounts] == [
        "alpha",
        "beta",
    ]
    desk = office.desk(principal(BETA.key)).accounts
    assert [account.key for account in desk.page("alpha").accounts] == ["beta"]
    assert desk.page(after="beta").accounts == []
    assert desk.get("beta").name == "beta Ltd"


def test_anothers_account_does_not_exist(office: Office) -> None:
    desk = office.desk(principal(ALPHA.key)).accounts
    for act in (
        lambda: desk.get(BETA.key),
        lambda: desk.secrets(BETA.key),
        lambda: desk.rotate_secret(BETA.key),
        lambda: desk.add_secret(BETA.key, "another-s3cret"),
        lambda: desk.revoke_secret(BETA.key, 2),
    ):
        with pytest.raises(NotFoundError, match="account 'beta' does not exist"):
            act()
    assert office.store.accounts.verify(BETA.key, BETA.secret) is not None
    assert len(office.store.accounts.secrets(BETA.key)) == 1


def test_what_an_account_may_do_is_the_operators(office: Office) -> None:
    desk = office.desk(principal(ALPHA.key)).accounts
    for act in (
        lambda: desk.add(Account("gamma")),
        lambda: desk.update(ALPHA.key, max_concurrent=None),
        lambda: desk.remove(ALPHA.key),
    ):
        with pytest.raises(NotAllowedError):
            act()


def test_the_operator_adds_changes_and_removes(office: Office) -> None:
    desk = office.desk(principal(OPERATOR)).accounts
    account, secret = desk.add(Account("gamma"))
    assert office.store.accounts.verify("gamma", secret) == account
    assert desk.update("gamma", name="Gamma").name == "Gamma"
    desk.remove("gamma")
    assert [entry.author for entry in office.store.audit.list(key="gamma")] == [OPERATOR] * 3


def test_a_customer_changes_the_own_secrets(office: Office) -> None:
    desk = office.desk(principal(ALPHA.key)).accounts
    made = desk.rotate_secret(ALPHA.key, overlap_s=60.0)
    added = desk.add_secret(ALPHA.key, "another-s3cret")
    verify = office.store.accounts.verify
    assert all(verify(ALPHA.key, secret) for secret in (ALPHA.secret, made, "another-s3cret"))
    desk.revoke_secret(ALPHA.key, added.id)
    assert verify(ALPHA.key, "another-s3cret") is None
    assert len(desk.secrets(ALPHA.key)) == 2


def test_who_ends_a_secret_stays_signed_in_and_nobody_else(office: Office) -> None:
    asking = principal(ALPHA.key)
    tokens = []
    for _ in range(2):
        token, session = office.desk(asking).people.open_token("script")
        tokens.append(token)
    desk = office.desk(replace(asking, session=session)).accounts
    desk.rotate_secret(ALPHA.key, overlap_s=0.0)
    assert [office.store.sessions.find(token) is not None for token in tokens] == [False, True]
    added = desk.add_secret(ALPHA.key, "another-s3cret")
    desk.revoke_secret(ALPHA.key, added.id)
    assert office.store.sessions.find(tokens[1]) is not None
    office.desk(principal(OPERATOR)).accounts.rotate_secret(ALPHA.key, overlap_s=0.0)
    assert office.store.sessions.find(tokens[1]) is None


def test_what_is_used_of_the_limits(office: Office, node: PaperNode) -> None:
    node.used[ALPHA.key] = Usage(3, 2, 11.0, 0.5)
    desk = office.desk(principal(ALPHA.key)).accounts
    assert desk.used(ALPHA.key) == Usage(3, 2, 11.0, 0.5)
    with pytest.raises(NotFoundError):
        desk.used(BETA.key)


def test_alarms_are_ones_own(office: Office) -> None:
    for key in (ALPHA.key, BETA.key):
        office.store.alarms.add(Alarm(key, AlarmKind.SPIKE, 1000.0, "442079460123", "many", blocked=False))
    own = office.desk(principal(ALPHA.key)).accounts
    assert [alarm.account for alarm in own.alarms()] == [ALPHA.key]
    with pytest.raises(NotFoundError):
        own.alarms(BETA.key)
    assert [alarm.account for alarm in office.desk(principal(OPERATOR)).accounts.alarms()] == [
        BETA.key,
        ALPHA.key,
    ]
    give_key_again(office.store, ALPHA)
    assert office.desk(principal(ALPHA.key)).accounts.alarms() == [], "they were of an earlier customer"
