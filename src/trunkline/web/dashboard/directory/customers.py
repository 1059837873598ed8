"""Customers: the accounts, and what each may do. A customer sees the own one, and changes nothing of it."""

from collections.abc import Callable
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import Response
from starlette.datastructures import FormData

from trunkline.errors import TrunklineError
from trunkline.sdp.codecs import CODEC_NAMES
from trunkline.store.accounts import MAX_SECRETS, MIN_SECRET_LENGTH, AccountChanges, new_key
from trunkline.trunk.account import Account, AccountStatus, CallerIdPolicy, Ringback
from trunkline.trunk.e164 import normalise
from trunkline.trunk.media_policy import DtmfMode, SrtpPolicy
from trunkline.web.dashboard import fields
from trunkline.web.dashboard.browser import Flash, Form, Signed, go, text
from trunkline.web.dashboard.frame import NOT_REFUSED, Refusal, neighbours, page, refusal
from trunkline.web.dashboard.people.credentials import OVERLAPS
from trunkline.web.desk import Desk
from trunkline.web.versions import unchanged

PAGE = 50
_CALLER_ID = {
    CallerIdPolicy.ANY: "whatever it sends",
    CallerIdPolicy.OWNED: "its own numbers only",
    CallerIdPolicy.REPLACE: "always the number below",
}
_RINGBACK = {
    Ringback.FAR_END: "the far end",
    Ringback.AT_ONCE: "the service, at once",
    Ringback.TONE: "the service, with a tone where the far end rings in silence",
}

router = APIRouter()


@router.get("/customers")
def customers(request: Request, desk: Signed, search: str = "", after: str = "") -> Response:
    return list_of(request, desk, "directory/customers.html", search, after)


def list_of(request: Request, desk: Desk, template: str, search: str, after: str, **more: Any) -> Response:
    """A page of accounts as `template` shows them, with `more` beside."""
    found = desk.accounts.page(search, after=after, limit=PAGE)
    kept = {"search": search} if search else {}
    following = found.accounts[-1].key if found.more else None
    pages = neighbours(request.url.path, kept, after, following)
    return page(request, template, accounts=found.accounts, search=search, pages=pages, **more)


@router.get("/customers/-/new")
def new(request: Request, _desk: Signed) -> Response:
    return page(request, "directory/customer_new.html", typed={})


@router.post("/customers/-/new")
def add(request: Request, desk: Signed, form: Form) -> Response:
    typed = {name: text(form, name) for name in ("key", "name")}
    try:
        account, secret = desk.accounts.add(Account(typed["key"] or new_key(), typed["name"]))
    except TrunklineError as error:
        return page(request, "directory/customer_new.html", typed=typed, why=refusal(error))
    flash = Flash("The customer was added.", secret=secret, secret_name=f"Secret of {account.key}")
    return go(request, f"/customers/{account.key}", flash)


@router.get("/customers/{key}")
def customer(request: Request, desk: Signed, key: str) -> Response:
    return _page(request, desk, desk.accounts.get(key))


@router.post("/customers/{key}")
def change(request: Request, desk: Signed, form: Form, key: str) -> Response:
    why = change_account(desk, key, form, _changes)
    if why is not None:
        return _page(request, desk, desk.accounts.get(key), shown=fields.Shown(form, why), why=why)
    return go(request, f"/customers/{key}", "The customer was changed.")


def change_account(
    desk: Desk, key: str, form: FormData, read: Callable[[FormData], AccountChanges]
) -> Refusal | None:
    """Change an account as `read` reads it off the form, unless it was changed meanwhile. Why that is
    refused, if it is."""
    try:
        desk.accounts.update(key, guard=unchanged(text(form, "version")), **read(form))
    except TrunklineError as error:
        return refusal(error)
    return None


@router.post("/customers/{key}/state")
def set_state(request: Request, desk: Signed, form: Form, key: str) -> Response:
    blocked = text(form, "state") == AccountStatus.BLOCKED
    desk.accounts.update(key, status=AccountStatus.BLOCKED if blocked else AccountStatus.ACTIVE)
    said = "blocked: its calls are refused from now on" if blocked else "active again"
    return go(request, f"/customers/{key}", f"The account is {said}.")


@router.post("/customers/{key}/remove")
def remove(request: Request, desk: Signed, _form: Form, key: str) -> Response:
    try:
        desk.accounts.remove(key)
    except TrunklineError as error:
        return _page(request, desk, desk.accounts.get(key), why=refusal(error))
    return go(request, "/customers", f"Customer {key} was removed.")


def _page(
    request: Request,
    desk: Desk,
    found: Account,
    *,
    shown: fields.Shown = fields.SAVED,
    why: Refusal = NOT_REFUSED,
) -> Response:
    return page(
        request,
        "directory/customer.html",
        account=found,
        secrets=desk.accounts.secrets(found.key),
        users=desk.people.users(found.key, limit=PAGE).items,
        shown=shown,
        version=shown.version(found),
        why=why,
        caller_id=[(policy.value, words) for policy, words in _CALLER_ID.items()],
        ringback=[(item.value, words) for item, words in _RINGBACK.items()],
        srtp=[(item.value, item.value) for item in SrtpPolicy],
        dtmf=[(item.value, item.value) for item in DtmfMode],
        codecs=CODEC_NAMES,
        overlaps=OVERLAPS,
        least_secret=MIN_SECRET_LENGTH,
        most_secrets=MAX_SECRETS,
    )


def _changes(form: FormData) -> AccountChanges:
    number = text(form, "caller_id_number")
    return AccountChanges(
        name=text(form, "name"),
        caller_id_policy=fields.chosen(form, "caller_id_policy", CallerIdPolicy),
        caller_id_number=normalise(number) if number else None,
        codecs=fields.several(form, "codecs"),
        transcoding=fields.checked(form, "transcoding"),
        srtp=fields.chosen(form, "srtp", SrtpPolicy),
        dtmf=fields.chosen(form, "dtmf", DtmfMode),
        ringback=fields.chosen(form, "ringback", Ringback),
        announcements=fields.checked(form, "announcements"),
        refer_enabled=fields.checked(form, "refer_enabled"),
    )
