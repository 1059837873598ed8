"""Who asks: an account's key and secret, as Basic authentication (RFC 7617) or as the parameters `api_key`
and `api_secret`. Basic wins when both are there. Operators may sign in with name and password, and say whose
things they mean.
"""

import base64
import binascii
from typing import Annotated

from fastapi import Depends
from starlette.requests import Request

from trunkline.store.audit import Via
from trunkline.web.callers import caller_of
from trunkline.web.desk import Desk
from trunkline.web.errors import NotSignedInError
from trunkline.web.nexmo.errors import MethodFailedError
from trunkline.web.nexmo.parameters import Parameters, parameters
from trunkline.web.office import Office

MAX_CREDENTIAL = 512
"""Characters of a name or a secret."""

Given = Annotated[Parameters, Depends(parameters)]


def credentials(authorization: str, given: Parameters) -> tuple[str, str]:
    """Name and secret of a request. Raises `NotSignedInError` when there are none."""
    scheme, _, rest = authorization.partition(" ")
    if scheme.lower() == "basic":
        try:
            name, colon, secret = base64.b64decode(rest.strip(), validate=True).decode().partition(":")
        except (binascii.Error, UnicodeDecodeError):
            colon = ""
    else:
        name, colon, secret = given.get("api_key", ""), ":", given.get("api_secret", "")
    if not colon or not name or not secret or max(len(name), len(secret)) > MAX_CREDENTIAL:
        raise NotSignedInError("send api_key and api_secret, or Basic authentication")
    return name, secret


def desk(request: Request, given: Given) -> Desk:
    """A dependency: the desk of whoever asks. Raises `NotSignedInError`, `TooManyAttemptsError`."""
    office: Office = request.app.state.office
    name, secret = credentials(request.headers.get("Authorization", ""), given)
    return office.program_desk(office.sign_in.password(caller_of(request, Via.NEXMO), name, secret))


TheDesk = Annotated[Desk, Depends(desk)]


def account_of(desk: Desk, given: Parameters) -> str:
    """Whose things are meant: `target_api_key`, or the account that asks. Raises `MethodFailedError`."""
    account = given.get("target_api_key", "").strip() or desk.principal.account
    if account is None:
        raise MethodFailedError("target_api_key is missing: an operator has no account of its own")
    return account
