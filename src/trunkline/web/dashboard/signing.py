"""Signing in and out."""

import re
from typing import Annotated
from urllib.parse import urlencode

from fastapi import APIRouter, Depends, Request
from fastapi.responses import Response
from starlette.datastructures import FormData

from trunkline.store.audit import Via
from trunkline.web.callers import caller_of
from trunkline.web.dashboard import browser
from trunkline.web.dashboard.browser import Form, Signed, office_of, text
from trunkline.web.dashboard.frame import page
from trunkline.web.errors import NotSignedInError, TooManyAttemptsError
from trunkline.web.problems import problem_of

_LOCAL = re.compile(r"/(?![/\\])[\x21-\x5b\x5d-\x7e]{0,500}", re.ASCII)

UNSAVED = "You were signed out meanwhile, and what you sent was not saved. Sign in, and send it again."

door = APIRouter()
"""For those who are not signed in."""
inside = APIRouter()


@door.get("/sign-in")
def ask(
    request: Request,
    next: str = "/",  # noqa: A002 - the name in the address
    changed: str = "",
    unsaved: str = "",
) -> Response:
    told = "Your password was changed. Sign in with the new one." if changed else ""
    return page(
        request, "sign_in.html", then=local(next), name="", said=UNSAVED if unsaved else "", told=told
    )


async def sent(request: Request) -> FormData:
    """The form of somebody who has no session yet, so that only its origin can be looked at."""
    browser.check_origin(request)
    return await browser.read_form(request, 10)


@door.post("/sign-in")
def begin(request: Request, form: Annotated[FormData, Depends(sent)]) -> Response:
    name, password, then = text(form, "name"), form.get("password"), local(text(form, "next"))
    caller = caller_of(request, Via.DASHBOARD)
    try:
        token, _ = office_of(request).sign_in.begin(
            caller, name, password if isinstance(password, str) else ""
        )
    except (NotSignedInError, TooManyAttemptsError) as error:
        problem = problem_of(error)
        shown = page(
            request,
            "sign_in.html",
            status=problem.status,
            then=then,
            name=name,
            said=sentence(problem.detail),
            told="",
        )
        if problem.retry_after_s is not None:
            shown.headers["Retry-After"] = str(problem.retry_after_s)
        return shown
    response = browser.go(request, then)
    browser.keep_session(request, response, token)
    return response


@inside.post("/sign-out")
def end(request: Request, desk: Signed, _form: Form) -> Response:
    session = desk.principal.session
    if session is not None:
        desk.people.revoke_session(session.id)
    response = browser.go(request, "/sign-in")
    browser.drop_session(request, response)
    return response


def local(path: str) -> str:
    """`path` if it leads to one of our own pages, else the first one."""
    return path if _LOCAL.fullmatch(path) else "/"


def way_in(request: Request) -> str:
    """The sign-in page that leads to what was asked for; for a form, to the page that it was on, saying that
    it was not saved."""
    if request.method == "GET":
        return f"/sign-in?{urlencode({'next': _way_back(request.url.path, request.url.query)})}"
    if request.url.path == "/sign-out":
        return "/sign-in"
    form = browser.here(request, request.headers.get("Referer", ""))
    then = "/" if form is None else _way_back(form.path, form.query)
    return f"/sign-in?{urlencode({'next': then, 'unsaved': 'yes'})}"


def _way_back(path: str, query: str) -> str:
    """With its filter as far as there is room."""
    path = local(path)
    whole = f"{path}?{query}" if query else path
    return whole if local(whole) == whole else path


def sentence(words: str) -> str:
    """An error's words as a sentence."""
    return f"{words[:1].upper()}{words[1:]}" + ("" if words.endswith((".", "!", "?")) else ".")
