"""A page: a template in the frame of the dashboard."""

import hashlib
from functools import cache
from importlib.resources import files
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from starlette.requests import Request
from starlette.responses import HTMLResponse

from trunkline.errors import TrunklineError
from trunkline.web.dashboard import browser, wording
from trunkline.web.dashboard.navigation import menu
from trunkline.web.desk import Desk
from trunkline.web.problems import problem_of

STATIC = files("trunkline.web.dashboard") / "static"


def page(request: Request, template: str, *, status: int = 200, **values: Any) -> HTMLResponse:
    """The template rendered with `values`, and with the frame's own: `principal`, `menu`, `word`, `flash`,
    `product`. Text is escaped, and made visible (`wording.visible`)."""
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
            **values,
        )
    )
    response = HTMLResponse(shown, status)
    if flash is not None:
        browser.drop_flash(request, response)
    return response


def refusal(error: TrunklineError) -> tuple[int, str]:
    """The status and words with which a form is shown again. Errors that are not about what was typed are
    raised again, for the page of errors."""
    problem = problem_of(error)
    if problem.status not in (404, 409, 412, 422):
        raise error
    return problem.status, problem.detail


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
