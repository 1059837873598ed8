"""Numbers and where they are forwarded to."""

import re
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from tests.unit.store.entities import ACCOUNT, FORWARDING, NUMBER
from trunkline.errors import DirectoryError
from trunkline.store.errors import AlreadyExistsError, NotFoundError
from trunkline.store.loading import page_of_keys
from trunkline.store.numbers import NumberFilter, _conditions
from trunkline.store.store import Store
from trunkline.trunk.account import Account
from trunkline.trunk.directory import Kind
from trunkline.trunk.forwarding import NOT_FORWARDED
from trunkline.trunk.number import Number


@pytest.fixture(autouse=True)
def accounts(store: Store) -> None:
    store.accounts.add(ACCOUNT)
    store.accounts.add(Account("other"))


def test_a_number_comes_back_as_it_was(store: Store) -> None:
    store.numbers.add(NUMBER)
    assert store.numbers.get(NUMBER.e164) == NUMBER


def test_a_number_is_given_once(store: Store) -> None:
    store.numbers.add(NUMBER)
    with pytest.raises(AlreadyExistsError, match="trunkline number list shows whose it is"):
        store.numbers.add(Number(NUMBER.e164, "other"))
    assert store.numbers.get(NUMBER.e164) == NUMBER


def test_a_number_needs_an_account(store: Store) -> None:
    with pytest.raises(NotFoundError, match="account 'nobody' does not exist"):
        store.numbers.add(Number("441632960002", "nobody"))
    store.numbers.add(NUMBER)
    with pytest.raises(NotFoundError, match="account 'nobody' does not exist"):
        store.numbers.update(NUMBER.e164, account="nobody")


def test_an_unknown_number(store: Store) -> None:
    with pytest.raises(NotFoundError, match="number '441632960001' does not exist; trunkline number list"):
        store.numbers.get(NUMBER.e164)
    with pytest.raises(NotFoundError):
        store.numbers.remove(NUMBER.e164)
    with pytest.raises(NotFoundError):
        store.numbers.forward(NUMBER.e164, FORWARDING)


def test_forwarding_replaces_the_list(store: Store) -> None:
    store.numbers.add(Number(NUMBER.e164, "acme"))
    assert store.numbers.get(NUMBER.e164).forwarding == NOT_FORWARDED
    assert store.numbers.forward(NUMBER.e164, FORWARDING).forwarding == FORWARDING
    assert store.numbers.get(NUMBER.e164).forwarding == FORWARDING
    store.numbers.forward(NUMBER.e164, NOT_FORWARDED)
    assert store.numbers.get(NUMBER.e164).forwarding == NOT_FORWARDED


def test_they_are_listed_in_order_all_or_those_of_an_account(store: Store) -> None:
    for e164, account in (("441632960003", "acme"), ("441632960002", "other"), ("441632960001", "acme")):
        store.numbers.add(Number(e164, account))
    assert [number.e164[-1] for number in store.numbers.list()] == ["1", "2", "3"]
    assert [number.e164[-1] for number in store.numbers.list("acme")] == ["1", "3"]
    with pytest.raises(NotFoundError, match="account 'nobody'"):
        store.numbers.list("nobody")


def test_moving_it_to_another_account(store: Store) -> None:
    store.numbers.add(NUMBER)
    moved = store.numbers.update(NUMBER.e164, account="other", ring_timeout_s=None)
    assert moved == store.numbers.get(NUMBER.e164) == Number(NUMBER.e164, "other", FORWARDING)


def test_the_trail_of_a_move_tells_neither_account_of_the_other(store: Store) -> None:
    store.numbers.add(NUMBER)
    store.numbers.update(NUMBER.e164, account="other")
    gone, *_ = store.audit.list(account="acme", kind="number")
    assert (gone.action, gone.after) == ("remove", None)
    assert gone.before is not None
    assert gone.before["account"] == "acme"
    [come] = store.audit.list(account="other", kind="number")
    assert (come.action, come.before) == ("add", None)
    assert come.after is not None
    assert come.after["account"] == "other"


def test_a_change_that_can_not_be_changes_nothing(store: Store) -> None:
    store.numbers.add(NUMBER)
    with pytest.raises(DirectoryError):
        store.numbers.update(NUMBER.e164, ring_timeout_s=0)
    assert store.numbers.get(NUMBER.e164) == NUMBER


def test_removing(store: Store) -> None:
    store.numbers.add(NUMBER)
    store.numbers.remove(NUMBER.e164)
    assert store.numbers.list() == []
    store.numbers.add(NUMBER)
    assert store.numbers.get(NUMBER.e164) == NUMBER


def paged(store: Store, wanted: NumberFilter, limit: int = 2) -> list[str]:
    """Every number of every page."""
    seen: list[str] = []
    more, after = True, ""
    while more:
        numbers, more = store.numbers.page(wanted, after=after, limit=limit)
        seen += [number.e164 for number in numbers]
        assert len(numbers) <= limit
        after = seen[-1] if seen else ""
    return seen


@pytest.mark.parametrize(
    ("wanted", "found"),
    [
        (
            NumberFilter(),
            ["14155550100", "441632960001", "441632960002", "441732960001", "9999999", "99999990"],
        ),
        (NumberFilter(account="acme"), ["14155550100", "441632960001", "9999999", "99999990"]),
        (NumberFilter(starts_with="4416"), ["441632960001", "441632960002"]),
        (NumberFilter(starts_with="9"), ["9999999", "99999990"]),
        (NumberFilter(starts_with="441632960001"), ["441632960001"]),
        (NumberFilter(contains="5550"), ["14155550100"]),
        (NumberFilter(contains="%"), []),
        (NumberFilter(ends_with="0001"), ["441632960001", "441732960001"]),
        (NumberFilter(forwarded=True), ["441632960001"]),
        (NumberFilter(account="acme", forwarded=False), ["14155550100", "9999999", "99999990"]),
    ],
)
def test_pages(store: Store, wanted: NumberFilter, found: list[str]) -> None:
    store.numbers.add(NUMBER)
    for e164, account in (
        ("441632960002", "other"),
        ("14155550100", "acme"),
        ("441732960001", "other"),
        ("9999999", "acme"),
        ("99999990", "acme"),
    ):
        store.numbers.add(Number(e164, account))
    assert paged(store, wanted) == found
    assert store.numbers.page(wanted, limit=1000).numbers == [store.numbers.get(e164) for e164 in found]


def test_a_page_of_nobody(store: Store) -> None:
    with pytest.raises(NotFoundError, match="account 'nobody'"):
        store.numbers.page(NumberFilter(account="nobody"))


@pytest.mark.parametrize("wanted", [NumberFilter(), NumberFilter("acme"), NumberFilter("acme", "4416")])
def test_a_page_is_read_off_an_index(file: Path, store: Store, wanted: NumberFilter) -> None:
    """In order: the page behind a million numbers costs what the first one does."""
    with store.database.read() as connection:
        statements: list[tuple[str, Any]] = []
        sa.event.listen(
            connection,
            "before_cursor_execute",
            lambda _connection, _cursor, text, parameters, _context, _many: statements.append(
                (text, parameters)
            ),
        )
        page_of_keys(connection, Kind.NUMBER, _conditions(wanted), "", 50, first=wanted.starts_with)
        text, parameters = statements[0]
        plan = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {text}", parameters).all()
    assert [row.detail.split(" ")[0] for row in plan] == ["SEARCH"], plan
    assert len(re.findall(r"e164 >=? ", text)) == 1
