"""Users: who signs in with a name and a password, and who is signed in now. The operator's."""

import secrets

from fastapi import APIRouter, Request
from fastapi.responses import Response

from trunkline.errors import TrunklineError
from trunkline.store.users import Role, User
from trunkline.web.dashboard import fields
from trunkline.web.dashboard.browser import Flash, Form, Signed, go, text
from trunkline.web.dashboard.frame import NOT_REFUSED, Refusal, neighbours, page, refusal
from trunkline.web.desk import Desk

PAGE = 50

router = APIRouter()


@router.get("/users")
def users(request: Request, desk: Signed, account: str = "", after: str = "", cursor: str = "") -> Response:
    return _page(request, desk, account=account, after=after, cursor=cursor)


def _page(
    request: Request,
    desk: Desk,
    *,
    account: str = "",
    after: str = "",
    cursor: str = "",
    typed: dict[str, str] | None = None,
    why: Refusal = NOT_REFUSED,
) -> Response:
    kept = {"account": account} if account else {}
    people = desk.people.users(account or None, after=after, limit=PAGE)
    signed_in = desk.people.sessions(cursor=cursor or None, limit=PAGE)
    return page(
        request,
        "people/users.html",
        users=people.items,
        pages=neighbours("/users", kept, after, people.items[-1].name if people.more else None),
        sessions=signed_in.sessions,
        session_pages=neighbours("/users", kept, cursor, signed_in.next_cursor, name="cursor"),
        here=desk.principal.session.id if desk.principal.session is not None else "",
        roles=[(role.value, role.value) for role in Role],
        account=account,
        typed=typed or kept,
        why=why,
    )


@router.post("/users")
def add(request: Request, desk: Signed, form: Form) -> Response:
    typed = {name: text(form, name) for name in ("name", "role", "account")}
    password = secrets.token_urlsafe(12)
    try:
        user = User(typed["name"], fields.chosen(form, "role", Role), typed["account"] or None)
        added = desk.people.add_user(user, password)
    except TrunklineError as error:
        return _page(request, desk, typed=typed, why=refusal(error))
    flash = Flash("The user was added.", secret=password, secret_name=f"Password of {added.name}")
    return go(request, "/users", flash)


@router.post("/users/password")
def set_password(request: Request, desk: Signed, form: Form) -> Response:
    name, password = text(form, "name"), secrets.token_urlsafe(12)
    desk.people.set_password(name, password)
    flash = Flash(
        "There is a new password, and the user is signed out.",
        secret=password,
        secret_name=f"Password of {name}",
    )
    return go(request, "/users", flash)


@router.post("/users/remove")
def remove(request: Request, desk: Signed, form: Form) -> Response:
    name = text(form, "name")
    try:
        desk.people.remove_user(name)
    except TrunklineError as error:
        return _page(request, desk, why=refusal(error))
    return go(request, "/users", f"{name} can't sign in any more.")


@router.post("/users/sessions/revoke")
def revoke(request: Request, desk: Signed, form: Form) -> Response:
    desk.people.revoke_session(text(form, "id"))
    return go(request, "/users", "It is signed out.")
