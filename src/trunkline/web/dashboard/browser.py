"""What a browser brings and takes away: the cookie of its session, the word that proves a form to be ours,
and the message that the next page shows.

The form's word (CSRF) is a hash of the session's token, so it needs no storage, is another one for each
session, and can't be had without the cookie. Requests that change something must also come from our own pages
by the browser's own account (Sec-Fetch-Site, Origin). The message, which may hold a new secret, travels
encrypted in a cookie of its own, is bound to the session, and is good for one page within two minutes.
"""

import hashlib
import hmac
import json
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from typing import Annotated
from urllib.parse import SplitResult, urlsplit

from fastapi import Depends
from starlette.datastructures import FormData
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from trunkline.store.audit import Via
from trunkline.store.errors import KeyFileError
from trunkline.store.sessions import SessionKind
from trunkline.web.callers import caller_of
from trunkline.web.desk import Desk
from trunkline.web.errors import InvalidError, NotAllowedError, NotSignedInError
from trunkline.web.office import Office

WORD_FIELD = "form_word"
"""The hidden field of every form; a script sends it as a field too."""
FLASH_S = 120.0
MAX_SAID, MAX_NAME, MAX_NOTES = 300, 60, 1000
"""Characters, and bytes of the notes: encrypted, a message has to fit into the 4096 of a cookie (RFC 6265
§6.1)."""
MAX_FIELDS = 500
_READING = frozenset({"GET", "HEAD"})


@dataclass(frozen=True, slots=True)
class Flash:
    """What the next page says once."""

    said: str
    bad: bool = False
    secret: str = ""
    """Something that is shown now and never again."""
    secret_name: str = ""
    notes: tuple[str, ...] = ()
    link: str = ""
    """The page that tells more."""


def office_of(request: Request) -> Office:
    """The office that this app serves."""
    office: Office = request.app.state.office
    return office


def token_of(request: Request) -> str:
    """The session's token; empty without one."""
    return request.cookies.get(_cookie_name(request, "session"), "")


def signed_in(request: Request) -> Desk:
    """The desk of whoever is signed in. Raises `NotSignedInError`."""
    token = token_of(request)
    if not token:
        raise NotSignedInError("sign in first")
    office = office_of(request)
    principal = office.sign_in.token(caller_of(request, Via.DASHBOARD), token, SessionKind.BROWSER)
    desk = office.desk(principal)
    request.state.desk = desk
    return desk


Signed = Annotated[Desk, Depends(signed_in)]
"""The desk, for endpoints of signed-in people."""


def word_of(request: Request) -> str:
    """What proves a form of this session to be ours."""
    return hmac.new(token_of(request).encode(), b"form", hashlib.sha256).hexdigest()


def check_origin(request: Request) -> None:
    """Raise `NotAllowedError` for a change that another site's page sent."""
    site = request.headers.get("Sec-Fetch-Site")
    origin = request.headers.get("Origin")
    foreign = site not in (None, "same-origin", "none")
    if site is None and origin is not None:
        foreign = here(request, origin) is None
    if foreign:
        raise NotAllowedError("the form came from another site; open the page here and send it again")


def here(request: Request, url: str) -> SplitResult | None:
    """The parts of `url`; None: it is no address of ours."""
    try:
        parts = urlsplit(url)
    except ValueError:  # such as http://[
        return None
    return parts if parts.netloc == request.headers.get("Host", "") else None


async def read_form(request: Request, most: int) -> FormData:
    """Up to `most` fields, in the one form that our pages send. Raises `InvalidError`."""
    kind = request.headers.get("Content-Type", "").partition(";")[0].strip().lower()
    if kind == "multipart/form-data":
        raise InvalidError("send the form as application/x-www-form-urlencoded")
    return await request.form(max_fields=most, max_files=0)


async def checked_form(request: Request, _desk: Signed) -> FormData:
    """The fields of a form of ours; none when the request only reads. Raises `NotAllowedError`."""
    if request.method in _READING:
        return FormData()
    check_origin(request)
    form = await read_form(request, MAX_FIELDS)
    word = form.get(WORD_FIELD)
    if not isinstance(word, str) or not hmac.compare_digest(word.encode(), word_of(request).encode()):
        raise NotAllowedError("the form is not of this session; open the page again and send it once more")
    return form


Form = Annotated[FormData, Depends(checked_form)]


def text(form: FormData, name: str) -> str:
    """A field without the spaces around it; empty when it is missing."""
    value = form.get(name)
    return value.strip() if isinstance(value, str) else ""


def texts(form: FormData, name: str) -> list[str]:
    """All fields of a name, in their order."""
    return [value.strip() for value in form.getlist(name) if isinstance(value, str)]


def go(request: Request, path: str, flash: Flash | str | None = None) -> RedirectResponse:
    """See `path` next (303), and have it say `flash`."""
    response = RedirectResponse(path, 303)
    if flash is not None:
        value = Flash(flash) if isinstance(flash, str) else flash
        value = replace(
            value,
            said=value.said[:MAX_SAID],
            secret_name=value.secret_name[:MAX_NAME],
            notes=_fitting(value.notes),
        )
        whole = {"at": time.time(), "word": word_of(request), **asdict(value)}
        sealed = office_of(request).store.keyring.encrypt(json.dumps(whole, ensure_ascii=False))
        _set(request, response, "flash", sealed, int(FLASH_S))
    return response


def _fitting(notes: Sequence[str]) -> tuple[str, ...]:
    """As many of them as a cookie has room for."""
    kept: list[str] = []
    room = MAX_NOTES
    for note in notes:
        room -= len(note.encode())
        if room < 0:
            return (*kept, f"… and {len(notes) - len(kept)} more.")
        kept.append(note)
    return tuple(kept)


def take_flash(request: Request) -> Flash | None:
    """What this page has to say; whoever says it calls `drop_flash`. Nothing when a script asks for the page,
    which another page of the browser may do between a form and its answer."""
    if request.headers.get("Sec-Fetch-Dest", "document") != "document":
        return None
    sealed = request.cookies.get(_cookie_name(request, "flash"))
    if sealed is None:
        return None
    try:
        whole = json.loads(office_of(request).store.keyring.decrypt(sealed, "a message"))
    except (KeyFileError, ValueError):
        return None
    if whole.pop("word") != word_of(request) or time.time() - whole.pop("at") > FLASH_S:
        return None
    return Flash(**{**whole, "notes": tuple(whole["notes"])})


def drop_flash(request: Request, response: Response) -> None:
    """It is said once."""
    _drop(request, response, "flash")


def keep_session(request: Request, response: Response, token: str) -> None:
    """Give the browser its session."""
    _set(request, response, "session", token, int(office_of(request).settings.web.session_s))


def drop_session(request: Request, response: Response) -> None:
    """Take it away."""
    _drop(request, response, "session")


def _secure(request: Request) -> bool:
    return office_of(request).settings.web.url.startswith("https:")


def _cookie_name(request: Request, what: str) -> str:
    # RFC 6265bis §4.1.3.2: with this prefix no other host can set it, and only over HTTPS.
    return f"__Host-trunkline-{what}" if _secure(request) else f"trunkline-{what}"


def _set(request: Request, response: Response, what: str, value: str, max_age_s: int) -> None:
    response.set_cookie(
        _cookie_name(request, what),
        value,
        max_age=max_age_s,
        path="/",
        secure=_secure(request),
        httponly=True,
        samesite="lax",
    )


def _drop(request: Request, response: Response, what: str) -> None:
    response.delete_cookie(
        _cookie_name(request, what), path="/", secure=_secure(request), httponly=True, samesite="lax"
    )
