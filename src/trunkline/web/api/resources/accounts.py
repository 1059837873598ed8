"""Accounts: customers, and what they may do."""

from typing import Annotated, cast

from fastapi import APIRouter, Query
from starlette.responses import Response

from trunkline.store.accounts import AccountChanges, new_key
from trunkline.trunk.account import Account
from trunkline.trunk.e164 import normalise
from trunkline.web.api.front import AtDesk
from trunkline.web.api.models.account import (
    AccountFields,
    AccountPage,
    AccountUpdate,
    AccountView,
    MadeAccount,
    NewAccount,
)
from trunkline.web.api.models.base import PRINTABLE
from trunkline.web.api.once import Made, OnlyOnce
from trunkline.web.api.resources.parameters import After, KeyPath, Limit
from trunkline.web.api.tags import IfMatch, guard_of, tag_of, tagged

router = APIRouter(prefix="/v1/accounts", tags=["Accounts"])


@router.get("")
def list_accounts(
    desk: AtDesk,
    search: Annotated[
        str, Query(max_length=100, pattern=PRINTABLE, description="In key or name, upper case or lower.")
    ] = "",
    after: After = "",
    limit: Limit = 50,
) -> AccountPage:
    """Accounts by key; a customer's own."""
    found = desk.accounts.page(search, after=after, limit=limit)
    return AccountPage(
        items=[AccountView.shown(one) for one in found.accounts],
        next=found.accounts[-1].key if found.more else None,
    )


@router.post("", status_code=201, response_model=MadeAccount)
def add_account(desk: AtDesk, once: OnlyOnce, new: NewAccount) -> Response:
    """Add a customer (operators). The secret is shown once, here."""

    def make() -> Made:
        account = Account(new.key or new_key(), **_changes(new))
        added, secret = desk.accounts.add(account, new.secret)
        made = MadeAccount.shown(added, secret=secret)
        return Made(made, f"/v1/accounts/{added.key}", tag_of(added))

    return once.make(make)


@router.get("/{key}")
def get_account(desk: AtDesk, key: KeyPath, response: Response) -> AccountView:
    """One account."""
    return _shown(response, desk.accounts.get(key))


@router.patch("/{key}")
def change_account(
    desk: AtDesk, key: KeyPath, update: AccountUpdate, response: Response, if_match: IfMatch = None
) -> AccountView:
    """Change what an account may do (operators)."""
    return _shown(response, desk.accounts.update(key, guard=guard_of(if_match), **_changes(update)))


@router.delete("/{key}", status_code=204)
def remove_account(desk: AtDesk, key: KeyPath, if_match: IfMatch = None) -> None:
    """Remove an account that has no numbers any more (operators)."""
    desk.accounts.remove(key, guard=guard_of(if_match))


def _shown(response: Response, account: Account) -> AccountView:
    tagged(response, account)
    return AccountView.shown(account)


def _changes(fields: AccountFields) -> AccountChanges:
    """The fields that were given."""
    known = fields.model_fields_set & AccountChanges.__annotations__.keys()
    given = {name: getattr(fields, name) for name in known}
    if given.get("caller_id_number") is not None:
        given["caller_id_number"] = normalise(given["caller_id_number"])
    return cast("AccountChanges", given)
