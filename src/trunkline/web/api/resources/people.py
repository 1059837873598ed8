"""Users, sessions and tokens, and the audit log."""

from typing import Annotated
from urllib.parse import quote

from fastapi import APIRouter, Path, Query
from starlette.responses import Response

from trunkline.store.sessions import SessionKind
from trunkline.store.users import MAX_NAME_LENGTH, Role, User
from trunkline.web.api.front import AtDesk
from trunkline.web.api.models.base import PRINTABLE
from trunkline.web.api.models.people import (
    USER_NAME,
    AuditEntryView,
    AuditPage,
    MadeToken,
    Me,
    NewPassword,
    NewToken,
    NewUser,
    SessionPage,
    SessionView,
    UserPage,
    UserView,
)
from trunkline.web.api.once import Made, OnlyOnce
from trunkline.web.api.resources.parameters import AccountQuery, Cursor, Limit

router = APIRouter(prefix="/v1", tags=["People"])

UserPath = Annotated[
    str,
    Path(
        max_length=MAX_NAME_LENGTH,
        pattern=USER_NAME,
        description="The user's name.",
        examples=["ann@example.net"],
    ),
]
"""Of a user who was added before a slash was refused, it has one: hence `:path` in the routes."""


@router.get("/me")
def get_me(desk: AtDesk) -> Me:
    """Who asks."""
    return Me(name=desk.principal.name, role=desk.principal.role, account=desk.principal.account)


@router.get("/users")
def list_users(
    desk: AtDesk,
    account: AccountQuery = None,
    after: Annotated[
        str,
        Query(max_length=MAX_NAME_LENGTH, pattern=PRINTABLE, description="`next` of the page before."),
    ] = "",
    limit: Limit = 50,
) -> UserPage:
    """Who may sign in with a password, by name; a customer's own people."""
    found = desk.people.users(account, after=after, limit=limit)
    return UserPage(
        items=[UserView.model_validate(one) for one in found.items],
        next=found.items[-1].name if found.more else None,
    )


@router.post("/users", status_code=201, response_model=UserView)
def add_user(desk: AtDesk, once: OnlyOnce, new: NewUser) -> Response:
    """Add a user (operators)."""

    def make() -> Made:
        role = Role.OPERATOR if new.account is None else Role.CUSTOMER
        added = desk.people.add_user(User(new.name, role, new.account), new.password)
        return Made(UserView.model_validate(added), f"/v1/users/{quote(added.name, safe='@')}")

    return once.make(make)


@router.put("/users/{name:path}/password", status_code=204)
def set_password(desk: AtDesk, name: UserPath, new: NewPassword) -> None:
    """Give a user another password, and end the user's sessions and tokens. An operator may do so to anybody,
    everybody to the own."""
    desk.people.set_password(name, new.password)


@router.delete("/users/{name:path}", status_code=204)
def remove_user(desk: AtDesk, name: UserPath) -> None:
    """Remove a user (operators). The last operator stays."""
    desk.people.remove_user(name)


@router.get("/sessions")
def list_sessions(
    desk: AtDesk, kind: SessionKind | None = None, cursor: Cursor = None, limit: Limit = 50
) -> SessionPage:
    """Browsers that are signed in, and tokens, newest first; a customer's own."""
    found = desk.people.sessions(kind, cursor=cursor, limit=limit)
    return SessionPage(
        items=[SessionView.model_validate(one) for one in found.sessions], next=found.next_cursor
    )


@router.delete("/sessions/{session_id}", status_code=204)
def revoke_session(
    desk: AtDesk, session_id: Annotated[str, Path(pattern=r"^[0-9a-f]{64}$", examples=["5e88" * 16])]
) -> None:
    """Sign a browser out, or revoke a token."""
    desk.people.revoke_session(session_id)


@router.post("/tokens", status_code=201, response_model=MadeToken)
def add_token(desk: AtDesk, once: OnlyOnce, new: NewToken) -> Response:
    """Make a token with the rights of who asks. It is shown once, here; it is listed and revoked as a
    session."""

    def make() -> Made:
        token, session = desk.people.open_token(new.label, new.lifetime_s)
        shown = SessionView.model_validate(session)
        return Made(MadeToken(**dict(shown), token=token), f"/v1/sessions/{session.id}")

    return once.make(make)


@router.get("/audit")
def list_changes(
    desk: AtDesk,
    account: AccountQuery = None,
    kind: Annotated[str | None, Query(max_length=32, pattern=PRINTABLE, examples=["number"])] = None,
    key: Annotated[str | None, Query(max_length=254, pattern=PRINTABLE, examples=["442079460123"])] = None,
    before: Annotated[int | None, Query(ge=0, le=2**63 - 1, description="`next` of the page before.")] = None,
    limit: Limit = 50,
) -> AuditPage:
    """Who changed what, newest first; what concerns a customer's own account."""
    found = desk.people.audit(account=account, kind=kind, key=key, before_id=before, limit=limit)
    return AuditPage(
        items=[AuditEntryView.model_validate(one) for one in found],
        next=found[-1].id if len(found) == limit else None,
    )
