"""Limits & fraud: how much, how fast and whereto an account may call, and what it has used of that."""

from fastapi import APIRouter, Request
from fastapi.responses import Response

from trunkline.errors import TrunklineError
from trunkline.trunk.account import Account
from trunkline.web.control_client import ControlError
from trunkline.web.dashboard import fields
from trunkline.web.dashboard.browser import Form, Signed, go, text
from trunkline.web.dashboard.directory.customers import list_of
from trunkline.web.dashboard.frame import NOT_REFUSED, Refusal, page, refusal
from trunkline.web.desk import Desk
from trunkline.web.desk.accounts import Used
from trunkline.web.versions import unchanged, version_of

router = APIRouter()


@router.get("/limits")
def limits(request: Request, desk: Signed, search: str = "", after: str = "") -> Response:
    if desk.principal.account is not None:
        return _page(request, desk, desk.accounts.get(desk.principal.account))
    return list_of(request, desk, "directory/limits_list.html", search, after)


@router.get("/limits/{key}")
def limits_of(request: Request, desk: Signed, key: str) -> Response:
    return _page(request, desk, desk.accounts.get(key))


@router.post("/limits/{key}")
def change(request: Request, desk: Signed, form: Form, key: str) -> Response:
    try:
        desk.accounts.update(
            key,
            guard=unchanged(text(form, "version")),
            max_concurrent=fields.whole(form, "max_concurrent", "the number of calls at a time"),
            max_per_second=fields.whole(form, "max_per_second", "the number of calls in a second"),
            minutes_per_day=fields.whole(form, "minutes_per_day", "the minutes of a day"),
            allowed_prefixes=fields.prefixes(form, "allowed_prefixes"),
            denied_prefixes=fields.prefixes(form, "denied_prefixes"),
        )
    except TrunklineError as error:
        return _page(request, desk, desk.accounts.get(key), why=refusal(error))
    return go(request, f"/limits/{key}", "The limits were changed; new calls keep to them.")


def _page(request: Request, desk: Desk, found: Account, *, why: Refusal = NOT_REFUSED) -> Response:
    used, away = _used(desk, found.key)
    return page(
        request,
        "directory/limits.html",
        account=found,
        used=used,
        away=away,
        version=version_of(found),
        why=why,
    )


def _used(desk: Desk, key: str) -> tuple[Used | None, str]:
    """And why it is not known."""
    try:
        return desk.accounts.used(key), ""
    except ControlError as error:
        return None, str(error)
