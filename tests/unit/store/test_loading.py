"""Reading entities with what belongs to them."""

import pytest

from tests.unit.store.entities import ACCOUNT, CARRIER, NUMBER, ROUTE
from trunkline.store import schema
from trunkline.store.errors import NotFoundError
from trunkline.store.loading import (
    ROWS_AT_ONCE,
    SHAPES,
    check_exists,
    load_accounts,
    load_carriers,
    load_groups,
    load_numbers,
    load_routes,
)
from trunkline.store.rows import account_values
from trunkline.store.store import Store
from trunkline.trunk.account import Account
from trunkline.trunk.directory import Kind


@pytest.fixture(autouse=True)
def entities(store: Store) -> None:
    store.accounts.add(Account("zeta"))
    store.accounts.add(ACCOUNT)
    store.accounts.rotate_secret("acme")
    store.numbers.add(NUMBER)
    store.carriers.add(CARRIER)
    store.routes.add(ROUTE)


def test_everything(store: Store) -> None:
    with store.database.read() as connection:
        assert [account.key for account in load_accounts(connection)] == ["acme", "zeta"]
        assert load_numbers(connection) == [NUMBER]
        assert load_carriers(connection, store.keyring) == [CARRIER]
        assert load_routes(connection) == [ROUTE]


def test_those_that_are_asked_for_and_exist(store: Store) -> None:
    with store.database.read() as connection:
        assert [account.key for account in load_accounts(connection, ["zeta", "nobody"])] == ["zeta"]
        assert load_numbers(connection, []) == []


def test_each_gets_its_own_rows(store: Store) -> None:
    with store.database.read() as connection:
        groups = load_groups(connection, Kind.ACCOUNT)
    assert [(row["key"], len(credentials)) for row, credentials in groups] == [("acme", 2), ("zeta", 1)]


@pytest.mark.parametrize("kind", Kind)
def test_what_does_not_exist_is_named_with_the_command_that_lists(store: Store, kind: Kind) -> None:
    with (
        store.database.read() as connection,
        pytest.raises(NotFoundError, match=f"trunkline {kind.value} list"),
    ):
        check_exists(connection, kind, "nothing")


def test_shapes_name_columns_that_exist() -> None:
    for shape in SHAPES.values():
        assert shape.key in shape.parent.c
        assert {shape.owner, shape.order} <= set(shape.child.c.keys())


def test_a_long_read_pauses(store: Store) -> None:
    values = {**account_values(Account("x")), "created_at": 1.0}
    with store.database.write() as connection:
        connection.execute(
            schema.account.insert(), [{**values, "key": f"a{number:03}"} for number in range(248)]
        )
    pauses: list[int] = []
    with store.database.read() as connection:
        groups = load_groups(connection, Kind.ACCOUNT, pause=lambda: pauses.append(1))
    assert len(groups) == 250
    assert len(pauses) == 250 // ROWS_AT_ONCE
