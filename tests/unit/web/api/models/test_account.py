"""Accounts and secrets as bodies."""

from dataclasses import fields

import pytest
from pydantic import ValidationError

from tests.unit.store.entities import ACCOUNT
from trunkline.store.accounts import AccountChanges
from trunkline.trunk.account import Account
from trunkline.web.api.models.account import (
    AccountFields,
    AccountUpdate,
    AccountView,
    NewAccount,
    NewSecret,
    Rotation,
)


def test_an_account_is_shown_whole_but_for_its_secrets() -> None:
    shown = AccountView.model_validate(ACCOUNT)
    assert next(iter(AccountView.model_fields)) == "key"
    kept = {field.name for field in fields(Account)} - {"credentials"}
    assert set(AccountView.model_fields) == kept
    for name in kept:
        assert getattr(shown, name) == getattr(ACCOUNT, name)


def test_everything_that_can_be_changed_has_a_field_with_the_same_default() -> None:
    assert set(AccountFields.model_fields) == set(AccountChanges.__annotations__)
    new = Account("k")
    for name, field in AccountFields.model_fields.items():
        assert field.default == getattr(new, name), name


def test_a_change_names_what_it_changes() -> None:
    assert AccountUpdate.model_validate({"max_concurrent": None}).model_fields_set == {"max_concurrent"}
    assert all("default" not in field for field in AccountUpdate.model_json_schema()["properties"].values())


@pytest.mark.parametrize(
    "body",
    [
        {"secret": "short"},
        {"secret": "with a space"},
        {"max_concurrent": -1},
        {"max_inbound": -1},
        {"max_per_second": 2**31},
        {"status": "gone"},
        {"allowed_prefixes": ["1"] * 1001},
        {"denied_prefixes": [""]},
        {"codecs": ["PCMA"] * 7},
        {"name": None},
    ],
)
def test_what_can_not_be_is_refused(body: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        NewAccount.model_validate(body)


def test_an_overlap_is_bounded() -> None:
    assert (Rotation.model_validate({}).overlap_s, NewSecret.model_validate({}).secret) == (86400.0, None)
    for overlap_s in (-1, 1e9, float("nan")):
        with pytest.raises(ValidationError):
            Rotation.model_validate({"overlap_s": overlap_s})
