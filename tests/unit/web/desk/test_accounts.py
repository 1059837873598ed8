"""Whose accounts are whose."""

from dataclasses import replace

import pytest

from tests.unit.web.customers import ALPHA, BETA, OPERATOR, principal
from tests.unit.web.paper_node import CALL, PaperNode
from trunkline.call.record import Direction
from trunkline.store.errors import NotFoundError
from trunkline.trunk.account import Account
from trunkline.web.errors import NotAllowedError
from trunkline.web.office import Office


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


def test_what_is_used_of_the_limits(office: Office, node: PaperNode) -> None:
    wall = 86_400.0 * 3 + 600
    day_began = wall - 600
    node.live = [
        replace(CALL, account=ALPHA.key, setup_at=day_began - 30, answered_at=day_began - 20),
        replace(CALL, account=ALPHA.key, setup_at=wall - 70, answered_at=wall - 60),
        replace(CALL, account=ALPHA.key, setup_at=wall - 5, answered_at=None),
        replace(CALL, account=ALPHA.key, direction=Direction.INBOUND),
        replace(CALL, account=BETA.key),
    ]
    desk = office.desk(principal(ALPHA.key)).accounts
    desk._wall = lambda: wall
    assert desk.used(ALPHA.key) == (3, 11.0)
    with pytest.raises(NotFoundError):
        desk.used(BETA.key)
