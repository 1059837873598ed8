"""Credentials: the secrets of an account, tokens of programs, the own password, and who is signed in.

Whatever is made here is shown once, on the page that follows.
"""

from collections.abc import Sequence

from fastapi import APIRouter, Request
from fastapi.responses import Response
from starlette.datastructures import FormData

from trunkline.errors import DirectoryError, TrunklineError
from trunkline.store.accounts import DEFAULT_OVERLAP_S, MAX_SECRETS, MIN_SECRET_LENGTH
from trunkline.store.audit import Via
from trunkline.store.sessions import SessionKind
from trunkline.store.users import MIN_PASSWORD_LENGTH
from trunkline.web.callers import caller_of
from trunkline.web.dashboard import browser
from trunkline.web.dashboard.browser import Flash, Form, Signed, go, office_of, text
from trunkline.web.dashboard.frame import NOT_REFUSED, Refusal, neighbours, page, refusal
from trunkline.web.dashboard.wording import span
from trunkline.web.desk import Desk
from trunkline.web.errors import NotSignedInError

PAGE = 50
OVERLAPS = (
    ("86400", "a day"),
    ("3600", "an hour"),
    ("604800", "a week"),
    ("0", "no longer: end them, and tokens of the key, at once"),
)
LIFETIMES = (
    ("7776000", "90 days"),
    ("2592000", "30 days"),
    ("86400", "a day"),
    ("31536000", "a year"),
    ("", "until it is revoked"),
)

router = APIRouter()


@router.get("/credentials")
def credentials(request: Request, desk: Signed, tokens: str = "", sessions: str = "") -> Response:
    return _page(request, desk, tokens=tokens, sessions=sessions)


def _page(
    request: Request, desk: Desk, *, tokens: str = "", sessions: str = "", why: Refusal = NOT_REFUSED
) -> Response:
    """`tokens` and `sessions` are cursors into their lists."""
    principal = desk.principal
    made = desk.people.own_sessions(SessionKind.TOKEN, cursor=tokens or None, limit=PAGE)
    signed_in = desk.people.own_sessions(SessionKind.BROWSER, cursor=sessions or None, limit=PAGE)
    return page(
        request,
        "people/credentials.html",
        key=principal.account,
        secrets=[] if principal.account is None else desk.accounts.secrets(principal.account),
        tokens=made.sessions,
        token_pages=neighbours("/credentials", {}, tokens, made.next_cursor, name="tokens"),
        sessions=signed_in.sessions,
        session_pages=neighbours("/credentials", {}, sessions, signed_in.next_cursor, name="sessions"),
        here=principal.session.id if principal.session is not None else "",
        overlaps=OVERLAPS,
        lifetimes=LIFETIMES,
        least_secret=MIN_SECRET_LENGTH,
        most_secrets=MAX_SECRETS,
        least_password=MIN_PASSWORD_LENGTH,
        why=why,
    )


@router.post("/secrets/{key}/rotate")
def rotate(request: Request, desk: Signed, form: Form, key: str) -> Response:
    overlap_s = _among(text(form, "overlap"), OVERLAPS, DEFAULT_OVERLAP_S)
    secret = desk.accounts.rotate_secret(key, overlap_s=overlap_s or 0.0)
    others = f"work for {span(overlap_s)} more" if overlap_s else "work no longer"
    flash = Flash(
        f"A new secret was made; the others {others}.", secret=secret, secret_name=f"Secret of {key}"
    )
    return go(request, _home(desk, key), flash)


@router.post("/secrets/{key}/add")
def add_secret(request: Request, desk: Signed, form: Form, key: str) -> Response:
    try:
        desk.accounts.add_secret(key, text(form, "secret"))
    except TrunklineError as error:
        return go(request, _home(desk, key), _bad(error))
    return go(request, _home(desk, key), "The secret was added beside the others.")


@router.post("/secrets/{key}/revoke")
def revoke_secret(request: Request, desk: Signed, form: Form, key: str) -> Response:
    try:
        desk.accounts.revoke_secret(key, _whole(text(form, "id")))
    except TrunklineError as error:
        return go(request, _home(desk, key), _bad(error))
    return go(request, _home(desk, key), "The secret works no longer.")


@router.post("/credentials/tokens")
def add_token(request: Request, desk: Signed, form: Form) -> Response:
    label = text(form, "label")
    try:
        if not label:
            raise DirectoryError("say what the token is for")
        token, _ = desk.people.open_token(label, _among(text(form, "lifetime"), LIFETIMES, 86400.0))
    except TrunklineError as error:
        return _page(request, desk, why=refusal(error))
    flash = Flash("The token was made. Send it as Authorization: Bearer.", secret=token, secret_name=label)
    return go(request, "/credentials", flash)


@router.post("/credentials/sessions/revoke")
def revoke_session(request: Request, desk: Signed, form: Form) -> Response:
    desk.people.revoke_session(text(form, "id"))
    return go(request, "/credentials", "It is signed out.")


def _retyped(request: Request, desk: Desk, form: FormData) -> None:
    """Whoever changes the password has to know the present one."""
    name, password = desk.principal.user, form.get("password")
    if name is None or not isinstance(password, str):
        raise DirectoryError("an account has no password; make a new secret instead")
    office_of(request).sign_in.password(caller_of(request, Via.DASHBOARD), name, password)


@router.post("/credentials/password")
def set_password(request: Request, desk: Signed, form: Form) -> Response:
    new = form.get("new")
    try:
        _retyped(request, desk, form)
        if not isinstance(new, str) or new != form.get("again"):
            raise DirectoryError("the new password was typed in two different ways")
        desk.people.set_password(desk.principal.name, new)
    except NotSignedInError:
        return _page(request, desk, why=Refusal(422, "the present password is wrong"))
    except TrunklineError as error:
        return _page(request, desk, why=refusal(error))
    response = go(request, "/sign-in?changed=yes")
    browser.drop_session(request, response)
    return response


def _home(desk: Desk, key: str) -> str:
    """The page with the secrets of an account."""
    return f"/customers/{key}#secrets" if desk.principal.operator else "/credentials"


def _bad(error: TrunklineError) -> Flash:
    return Flash(f"Nothing was changed: {refusal(error).words}.", bad=True)


def _among(typed: str, choices: Sequence[tuple[str, str]], default: float) -> float | None:
    """One of the seconds in `choices`; None for the empty one."""
    if typed not in {value for value, _ in choices}:
        return default
    return float(typed) if typed else None


def _whole(typed: str) -> int:
    return int(typed) if typed.isascii() and typed.isdigit() and len(typed) < 16 else 0
