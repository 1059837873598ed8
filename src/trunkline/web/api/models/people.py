"""Users, sessions, tokens, and the audit log."""

from datetime import datetime
from typing import Annotated, Any

from pydantic import Field, StringConstraints

from trunkline.store.sessions import SessionKind
from trunkline.store.users import MAX_NAME_LENGTH, MAX_PASSWORD_LENGTH, MIN_PASSWORD_LENGTH, Role
from trunkline.web.api.models.base import PRINTABLE, Body, Key, Line, Real

USER_NAME = r"^[^\x00-\x20\x7f-\xa0:]+$"
MAX_LIFETIME_S = 315_360_000.0
"""Ten years."""

UserName = Annotated[str, StringConstraints(max_length=MAX_NAME_LENGTH, pattern=USER_NAME)]
Password = Annotated[
    str,
    StringConstraints(min_length=MIN_PASSWORD_LENGTH, max_length=MAX_PASSWORD_LENGTH, pattern=PRINTABLE),
]


class Me(Body):
    """Who asks."""

    name: str = Field(description="A user's name, or an account's key.", examples=["trunk1"])
    role: Role
    account: str | None = Field(description="The one account that a customer sees.", examples=["trunk1"])


class UserView(Body):
    """Somebody who signs in with a password."""

    name: str = Field(examples=["ann@example.net"])
    role: Role
    account: str | None = Field(description="null for an operator.", examples=["trunk1"])
    created_at: datetime


class UserPage(Body):
    """Some users by name."""

    items: list[UserView]
    next: str | None = Field(description="`after` of the page behind; null: that was the last.")


class NewPassword(Body):
    """A password."""

    password: Password = Field(examples=["a long password"])


class NewUser(NewPassword):
    """Somebody who will sign in."""

    name: UserName = Field(description="An e-mail address, or one word.", examples=["ann@example.net"])
    account: Key | None = Field(
        None, description="Whose person it is. null: an operator.", examples=["trunk1"]
    )


class NewToken(Body):
    """A token for a program, with the rights of who asks for it."""

    label: Annotated[Line, StringConstraints(min_length=1)] = Field(
        description="What it is for.", examples=["nightly report"]
    )
    lifetime_s: Annotated[Real | None, Field(gt=0, le=MAX_LIFETIME_S)] = Field(
        None, description="null: it works until it is revoked.", examples=[2592000.0]
    )


class SessionView(Body):
    """A browser that is signed in, or a token."""

    id: str = Field(examples=["5e884898da28047151d0e56f8dc6292773603d0d6aabbdd62a11ef721d1542d8"])
    kind: SessionKind
    role: Role
    user: str | None = Field(description="null: the account itself, by key and secret.")
    account: str | None = Field(examples=["trunk1"])
    label: str = Field(description="The browser's User-Agent, or what the token is for.")
    source: str = Field(description="The address that it was made from.", examples=["198.51.100.1"])
    created_at: datetime
    seen_at: datetime
    expires_at: datetime | None = Field(description="null: when it is revoked.")


class MadeToken(SessionView):
    """A token just made, which nothing shows again."""

    token: str = Field(examples=["Xk3v9pZq0aQ2xw3n8cJdF1mB7tYhLrUe5sGoIiKz4V0"])


class SessionPage(Body):
    """Some living sessions and tokens, newest first."""

    items: list[SessionView]
    next: str | None = Field(description="`cursor` of the page behind; null: that was the last.")


class AuditEntryView(Body):
    """One change."""

    id: int = Field(examples=[1042])
    made_at: datetime
    author: str = Field(examples=["ann@example.net"])
    via: str = Field(description="The door that it came through.", examples=["api"])
    source: str = Field(examples=["198.51.100.1"])
    action: str = Field(examples=["change"])
    kind: str = Field(examples=["number"])
    key: str = Field(examples=["442079460123"])
    account: str | None = Field(examples=["trunk1"])
    before: dict[str, Any] | None = Field(description="The fields that changed, as they were.")
    after: dict[str, Any] | None = Field(description="The same fields, as they became.")


class AuditPage(Body):
    """Some changes, newest first."""

    items: list[AuditEntryView]
    next: int | None = Field(description="`before` of the page behind; null: that was the last.")
