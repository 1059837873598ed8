"""Limits & fraud: how much, how fast and whereto an account may call, and what it has used of that."""

from fastapi import APIRouter, Request
from fastapi.responses import Response
from starlette.datastructures import FormData

from trunkline.store.accounts import AccountChanges
from trunkline.trunk.account import MAX_COST, Account, AlarmAction
from trunkline.web.control_client import ControlError
from trunkline.web.dashboard import fields
from trunkline.web.dashboard.browser import Form, Signed, go, office_of, text
from trunkline.web.dashboard.directory.customers import change_account, list_of
from trunkline.web.dashboard.frame import NOT_REFUSED, Refusal, page
from trunkline.web.desk import Desk
from trunkline.web.views import Usage

ALARMS = 20
_ACTIONS = {
    AlarmAction.OFF: "nothing is looked for",
    AlarmAction.NOTE: "an alarm is raised",
    AlarmAction.BLOCK: "an alarm is raised, and blocks the account",
}

router = APIRouter()


@router.get("/limits")
def limits(request: Request, desk: Signed, search: str = "", after: str = "") -> Response:
    if desk.principal.account is not None:
        return _page(request, desk, desk.accounts.get(desk.principal.account))
    alarms = desk.accounts.alarms(limit=ALARMS)
    return list_of(request, desk, "directory/limits_list.html", search, after, alarms=alarms)


@router.get("/limits/{key}")
def limits_of(request: Request, desk: Signed, key: str) -> Response:
    return _page(request, desk, desk.accounts.get(key))


@router.post("/limits/{key}")
def change(request: Request, desk: Signed, form: Form, key: str) -> Response:
    why = change_account(desk, key, form, _changes)
    if why is not None:
        return _page(request, desk, desk.accounts.get(key), shown=fields.Shown(form, why), why=why)
    return go(request, f"/limits/{key}", "The limits were changed; new calls keep to them.")


def _changes(form: FormData) -> AccountChanges:
    changes = AccountChanges(
        max_concurrent=fields.whole(form, "max_concurrent", "the number of calls at a time"),
        max_inbound=fields.whole(form, "max_inbound", "the number of calls to its numbers at a time"),
        max_per_second=fields.whole(form, "max_per_second", "the number of calls in a second"),
        minutes_per_day=fields.whole(form, "minutes_per_day", "the minutes of a day"),
        cost_per_day=fields.decimal(form, "cost_per_day", "the cost of a day", MAX_COST),
        allowed_prefixes=fields.prefixes(form, "allowed_prefixes"),
        denied_prefixes=fields.prefixes(form, "denied_prefixes"),
    )
    if text(form, "alarm"):
        changes["alarm"] = fields.chosen(form, "alarm", AlarmAction)
    return changes


def _page(
    request: Request,
    desk: Desk,
    found: Account,
    *,
    shown: fields.Shown = fields.SAVED,
    why: Refusal = NOT_REFUSED,
) -> Response:
    used, away = _used(desk, found.key)
    return page(
        request,
        "directory/limits.html",
        account=found,
        used=used,
        away=away,
        shown=shown,
        version=shown.version(found),
        alarms=desk.accounts.alarms(found.key, ALARMS),
        actions=[(action.value, words) for action, words in _ACTIONS.items()],
        guarded=office_of(request).settings.limits.guarded_prefixes,
        why=why,
    )


def _used(desk: Desk, key: str) -> tuple[Usage | None, str]:
    """And why it is not known."""
    try:
        return desk.accounts.used(key), ""
    except ControlError as error:
        return None, str(error)
