"""Gathering the facts about a PBX."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from tests.unit.store.entities import call_record, ended_call
from tests.unit.web.customers import make_old
from tests.unit.web.paper_node import PaperNode
from trunkline.call.record import Direction
from trunkline.config import Settings
from trunkline.pbx.trunk_facts import PbxError
from trunkline.store.errors import NotFoundError
from trunkline.store.group_commit import Group, GroupWriter
from trunkline.store.record_rows import call_row
from trunkline.store.store import Store
from trunkline.trunk.account import Account
from trunkline.trunk.number import Number
from trunkline.web.control_client import ControlClient
from trunkline.web.pbx_setup import check_secret, sighting, trunk_facts
from trunkline.web.views import PbxView

SETTINGS = Settings.parse('[sip]\nadvertised_host = "203.0.113.5"\nudp = []\n')


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    store = Store.initialise(f"sqlite:///{tmp_path}/t.db", tmp_path / "key", "sip.example.net")
    store.accounts.add(Account("acme", codecs=("G722",)), "s3cret-of-acme")
    store.numbers.add(Number("442079460000", "acme"))
    store.numbers.add(Number("442079460001", "acme"))
    yield store
    store.close()


def test_a_secret_of_another_account_is_none(store: Store) -> None:
    store.accounts.add(Account("other"), "s3cret-of-other")
    check_secret(store, "acme", "s3cret-of-acme")
    for secret in ("s3cret-of-other", ""):
        with pytest.raises(PbxError, match="not the secret of account acme: give the right one"):
            check_secret(store, "acme", secret)


class Line(ControlClient):
    """A line to a node of paper."""

    def __init__(self) -> None:
        self._node = PaperNode()

    def pbx(self, account: str, hosts: Sequence[str] = ()) -> PbxView:
        return self._node.pbx(account, hosts)


def test_the_facts_are_those_of_settings_and_account(store: Store) -> None:
    facts = trunk_facts(SETTINGS, store, "acme", tls=False, srtp=False)
    assert facts.numbers == ("442079460000", "442079460001")
    assert facts.codecs == ("G722",)
    assert facts.addresses == ("203.0.113.5",)
    assert (facts.udp_port, facts.tcp_port, facts.transport) == (None, 5060, "tcp")


def test_the_number_to_present_comes_first(store: Store) -> None:
    facts = trunk_facts(
        SETTINGS, store, "acme", tls=True, srtp=True, number="+44 20 7946 0001", pbx_port=5099
    )
    assert facts.numbers == ("442079460001", "442079460000")
    assert (facts.number, facts.listens_on) == ("442079460001", 5099)


@pytest.mark.parametrize("number", ["+442079460009", "+4420794600", "+442079461111"])
def test_a_number_that_is_not_the_accounts_is_not_presented(store: Store, number: str) -> None:
    store.accounts.add(Account("other"))
    store.numbers.add(Number("442079461111", "other"))
    with pytest.raises(PbxError, match="is not a number of account acme"):
        trunk_facts(SETTINGS, store, "acme", tls=False, srtp=False, number=number)


def test_what_was_seen(store: Store) -> None:
    inbound = call_record("in", setup_at=3.0)
    inbound.direction = Direction.INBOUND
    rows = [
        call_row(record, "run") for record in (ended_call("old", setup_at=1.0), ended_call("new"), inbound)
    ]
    GroupWriter(store.database).write([Group({"call": rows}, {})])
    seen = sighting(store, Line(), "acme", 5000.0)
    assert (seen.out, seen.in_) == (None, None), "they are of an account that had the key before"
    make_old(store)
    seen = sighting(store, Line(), "acme", 5000.0)
    assert seen.out == ended_call("new")
    assert seen.in_ == inbound
    assert (seen.now, seen.blocked) == (5000.0, False)
    assert seen.contacts == ()
    assert seen.refused_at == 950.0


def test_an_unknown_account(store: Store) -> None:
    with pytest.raises(NotFoundError):
        sighting(store, Line(), "nobody", 0.0)
