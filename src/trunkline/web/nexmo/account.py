"""`/account/…`: what an account owns, and what it has left."""

from typing import Any

from fastapi import APIRouter

from trunkline.store.stock import OwnedNumber
from trunkline.web.nexmo.credentials import Given, TheDesk, account_of
from trunkline.web.nexmo.searching import page_of, search_of

router = APIRouter(prefix="/account")


@router.get("/get-balance")
def balance(desk: TheDesk, given: Given) -> dict[str, float | bool]:
    """The credit. There is no automatic reloading."""
    cents = desk.stock.balance_cents(account_of(desk, given))
    return {"value": cents / 100, "autoReload": False}


@router.get("/numbers")
def numbers(desk: TheDesk, given: Given) -> dict[str, Any]:
    """The account's numbers. There are no applications, so none of them has one."""
    page = page_of(given)
    account = account_of(desk, given)
    of_application = given.get("has_application", "").lower() == "true" or given.get("application_id")
    found = desk.stock.owned(account, search_of(given), offset=page.offset, limit=page.size)
    if of_application:
        return {"count": 0, "numbers": []}
    return {"count": found.total, "numbers": [_shown(one) for one in found.numbers]}


def _shown(owned: OwnedNumber) -> dict[str, Any]:
    shown: dict[str, Any] = {
        "country": owned.country,
        "msisdn": owned.number.e164,
        "moHttpUrl": "",
        "type": owned.kind.value,
        "features": [feature.value for feature in owned.features],
    }
    if owned.country is None:
        del shown["country"]
    if owned.number.forwarding:
        shown["voiceCallbackType"] = "sip"
        shown["voiceCallbackValue"] = owned.number.forwarding.text
    return shown
