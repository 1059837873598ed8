"""The API's door: who asks, how often, and the desk where that is served.

A program sends a token (`Authorization: Bearer`), or by Basic authentication an account's key and secret, or
a user's name and password. The challenge of a 401 names Bearer alone: a browser that was asked for a password
would send it along from any other site (CSRF) ever after.
"""

import base64
import binascii
from typing import Annotated

from fastapi import Depends
from fastapi.exceptions import RequestValidationError
from starlette.requests import Request

from trunkline.store.audit import Via
from trunkline.store.sessions import SessionKind
from trunkline.web.callers import caller_of
from trunkline.web.desk import Desk
from trunkline.web.errors import NotSignedInError
from trunkline.web.office import Office
from trunkline.web.principal import Principal

HOW = "send a token (Authorization: Bearer TOKEN), or key and secret by Basic authentication"


class Front:
    """One per app. Safe to share between threads."""

    def __init__(self, office: Office) -> None:
        self._office = office

    def desk(self, request: Request) -> Desk:
        """Of whoever sent `request`. Raises `NotSignedInError`, `TooManyAttemptsError`."""
        return self._office.program_desk(self._principal(request))

    def _principal(self, request: Request) -> Principal:
        scheme, _, rest = request.headers.get("Authorization", "").partition(" ")
        caller = caller_of(request, Via.API)
        match scheme.lower():
            case "bearer":
                return self._office.sign_in.token(caller, rest.strip(), SessionKind.TOKEN)
            case "basic":
                return self._office.sign_in.password(caller, *_name_and_password(rest))
        raise NotSignedInError(HOW)


def _name_and_password(encoded: str) -> tuple[str, str]:
    """What RFC 7617 §2 puts there."""
    try:
        text = base64.b64decode(encoded.strip(), validate=True).decode()
    except (binascii.Error, UnicodeDecodeError):
        raise NotSignedInError("the Basic credentials are no Base64 of UTF-8; " + HOW) from None
    name, _, password = text.partition(":")
    return name, password


def _desk(request: Request) -> Desk:
    front: Front = request.app.state.front
    desk = front.desk(request)
    _check_query(request)
    return desk


def _check_query(request: Request) -> None:
    """Refuse a parameter that is none of the operation's: a filter that is misspelt would let everything
    through."""
    operation = request.app.openapi()["paths"][request.scope["route"].path_format][request.method.lower()]
    known = [one["name"] for one in operation.get("parameters", ()) if one["in"] == "query"]
    unknown = [name for name in request.query_params if name not in known]
    if known and unknown:
        told = f"there is no such parameter here, but {', '.join(known)}"
        raise RequestValidationError(
            [{"type": "extra_forbidden", "loc": ("query", name), "msg": told} for name in unknown]
        )


AtDesk = Annotated[Desk, Depends(_desk)]
"""The desk of whoever asks: every operation has one."""
