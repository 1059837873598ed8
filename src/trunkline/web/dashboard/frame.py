"""A page: a template in the frame of the dashboard."""

import hashlib
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from typing import Any, NamedTuple
from urllib.parse import urlencode

from jinja2 import Environment, PackageLoader, StrictUndefined
from starlette.requests import Request
from starlette.responses import HTMLResponse

from trunkline.errors import TrunklineError
from trunkline.web.dashboard import browser, wording
from trunkline.web.dashboard.navigation import menu
from trunkline.web.desk import Desk
from trunkline.web.problems import problem_of

STATIC = files("trunkline.web.dashboard") / "static"


class Refusal(NamedTuple):
    """Why a form is shown again."""

    status: int = 200
    words: str = ""


NOT_REFUSED = Refusal()


def page(
    request: Request, template: str, *, status: int = 200, why: Refusal = NOT_REFUSED, **values: Any
) -> HTMLResponse:
    """The template rendered with `values`, and with the frame's own: `principal`, `menu`, `word`, `flash`,
    `product`. Text is escaped, and made visible (`wording.visible`).

    `why` a form is shown again sets the status, and `refused` for `ui.refused`.
    """
    desk: Desk | None = getattr(request.state, "desk", None)
    flash = None if desk is None else browser.take_flash(request)
    shown = (
        _environment()
        .get_template(template)
        .render(
            principal=None if desk is None else desk.principal,
            menu=() if desk is None else menu(desk.principal, request.url.path),
            word=browser.word_of(request),
            word_field=browser.WORD_FIELD,
            flash=flash,
            product=browser.office_of(request).settings.service.product,
            path=request.url.path,
            **{"refused": why.words, **values},
        )
    )
    response = HTMLResponse(shown, status if why is NOT_REFUSED else why.status)
    if flash is not None:
        browser.drop_flash(request, response)
    return response


def refusal(error: TrunklineError) -> Refusal:
    """What a form is refused for. Errors that are not about what was typed are raised again, for the page of
    errors."""
    problem = problem_of(error)
    if problem.status not in (404, 409, 412, 422):
        raise error
    return Refusal(problem.status, problem.detail)


class Neighbours(NamedTuple):
    """Paths of other pages of a list; empty where there is none."""

    first: str
    next: str


def neighbours(
    path: str, kept: Mapping[str, str], after: object, following: object, *, name: str = "after"
) -> Neighbours:
    """Of the page behind the key `after` (empty: the first one) of a list with the filter `kept`; the next
    one is behind the key `following` (None: there is none). `name` is the parameter that holds a key."""
    onward = "" if following is None else f"{path}?{urlencode({**kept, name: following})}"
    return Neighbours(f"{path}?{urlencode(kept)}" if after else "", onward)


@cache
def asset(name: str) -> str:
    """The path of a static file: with a part of its hash, so that a browser may keep it for ever."""
    digest = hashlib.sha256((STATIC / name).read_bytes()).hexdigest()[:12]
    return f"/static/{digest}/{name}"


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("trunkline.web.dashboard"),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=wording.visible,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {
        "short": wording.short,
        "moment": wording.moment,
        "iso": wording.iso,
        "span": wording.span,
        "ago": wording.ago,
        "phone": wording.phone,
    }
    environment.globals["asset"] = asset
    return environment
