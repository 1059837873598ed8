"""Dataclasses to rows and back, and rows that can't be one."""

from typing import Any

import pytest

from tests.unit.store.entities import ACCOUNT, CARRIER, NUMBER, ROUTE
from trunkline.errors import DirectoryError
from trunkline.store import schema
from trunkline.store.keys import Keyring
from trunkline.store.rows import (
    account_from,
    account_values,
    carrier_from,
    carrier_values,
    endpoint_values,
    gateway_values,
    number_from,
    number_values,
    route_carrier_values,
    route_from,
)


def test_accounts() -> None:
    assert account_from(account_values(ACCOUNT), []) == ACCOUNT


def test_numbers() -> None:
    assert number_from(number_values(NUMBER), endpoint_values(NUMBER)) == NUMBER


def test_carriers(keyring: Keyring) -> None:
    assert carrier_from(carrier_values(CARRIER, keyring), gateway_values(CARRIER), keyring) == CARRIER


def test_routes() -> None:
    assert route_from({"prefix": "44", "price_per_minute": 0.0}, route_carrier_values(ROUTE)) == ROUTE


def test_every_column_is_written(keyring: Keyring) -> None:
    written = {
        schema.account: {*account_values(ACCOUNT), "created_at"},
        schema.number: {*number_values(NUMBER), "created_at"},
        schema.endpoint: set(endpoint_values(NUMBER)[0]),
        schema.carrier: {*carrier_values(CARRIER, keyring), "created_at"},
        schema.gateway: set(gateway_values(CARRIER)[0]),
        schema.route_carrier: set(route_carrier_values(ROUTE)[0]),
    }
    for table, names in written.items():
        assert names == {column.name for column in table.columns}


@pytest.mark.parametrize(
    "damage",
    [
        {"status": "asleep"},
        {"allowed_prefixes": ["x"]},
        {"codecs": 7},
        {"caller_id_policy": None},
        {"codecs": []},
    ],
)
def test_a_row_that_can_not_be_an_account_says_whose_it_is(damage: dict[str, Any]) -> None:
    with pytest.raises(DirectoryError, match="account acme"):
        account_from({**account_values(ACCOUNT), **damage}, [])


def test_a_missing_column_too() -> None:
    with pytest.raises(DirectoryError, match="account acme: its row in the database can't be used"):
        account_from({"key": "acme"}, [])


def test_an_endpoint_that_is_no_uri() -> None:
    endpoints = [{**endpoint_values(NUMBER)[0], "uri": "nonsense"}]
    with pytest.raises(DirectoryError, match="number 441632960001"):
        number_from(number_values(NUMBER), endpoints)


def test_a_carrier_with_a_strange_source(keyring: Keyring) -> None:
    row = {**carrier_values(CARRIER, keyring), "sources": ["192.0.2.0/99"]}
    with pytest.raises(DirectoryError, match="carrier upstream"):
        carrier_from(row, [], keyring)


def test_a_route_without_carriers() -> None:
    with pytest.raises(DirectoryError, match="route '44'"):
        route_from({"prefix": "44"}, [])
