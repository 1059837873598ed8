"""The dashboard's app: its routers, its static files, and the page that every error ends in.

A group of pages is a module with a router. All but the door stand behind `checked_form`: without a session
nothing is served, and without the session's word nothing is changed, whatever an endpoint asks for itself.
"""

import contextlib
from http import HTTPStatus

from fastapi import Depends, FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import PlainTextResponse, RedirectResponse, Response
from starlette.exceptions import HTTPException

from trunkline.errors import TrunklineError
from trunkline.store.errors import NotFoundError
from trunkline.web.dashboard import browser, connect, live, network, nodes, overview, signing, webhooks
from trunkline.web.dashboard.browser import checked_form
from trunkline.web.dashboard.calls import pages as calls
from trunkline.web.dashboard.directory import carriers, customers, forwarding, limits, numbers, routes
from trunkline.web.dashboard.frame import STATIC, asset, page
from trunkline.web.dashboard.people import audit, credentials, users
from trunkline.web.errors import NotSignedInError
from trunkline.web.office import Office
from trunkline.web.problems import problem_of

PAGES = (
    signing.inside,
    overview.router,
    numbers.router,
    forwarding.router,
    calls.router,
    live.router,
    connect.router,
    network.router,
    nodes.router,
    carriers.router,
    routes.router,
    customers.router,
    limits.router,
    credentials.router,
    webhooks.router,
    users.router,
    audit.router,
)
_TYPES = {
    "trunkline.css": "text/css; charset=utf-8",
    "trunkline.js": "text/javascript; charset=utf-8",
    "calls.css": "text/css; charset=utf-8",
    "live.js": "text/javascript; charset=utf-8",
    "icon.svg": "image/svg+xml",
}
_FOR_EVER = "public, max-age=31536000, immutable"


def dashboard_app(office: Office) -> FastAPI:
    """The app of the pages."""
    app = FastAPI(title="Trunkline", openapi_url=None, docs_url=None, redoc_url=None)
    app.state.office = office
    app.include_router(signing.door)
    for router in PAGES:
        app.include_router(router, dependencies=[Depends(checked_form)])
    app.add_api_route("/static/{digest}/{name}", _static)
    _add_errors(app)
    return app


def _static(digest: str, name: str) -> Response:
    if name not in _TYPES or asset(name) != f"/static/{digest}/{name}":
        raise NotFoundError("file", name)
    return Response((STATIC / name).read_bytes(), 200, {"Cache-Control": _FOR_EVER}, _TYPES[name])


def _add_errors(app: FastAPI) -> None:
    @app.exception_handler(NotSignedInError)
    def unknown(request: Request, error: NotSignedInError) -> Response:
        if "text/html" not in request.headers.get("Accept", ""):
            return PlainTextResponse(f"{error}\n", 401)
        response = RedirectResponse(signing.way_in(request), 303)
        if browser.token_of(request):
            browser.drop_session(request, response)
        return response

    @app.exception_handler(TrunklineError)
    def refused(request: Request, error: TrunklineError) -> Response:
        problem = problem_of(error)
        return _failure(request, problem.status, problem.title, signing.sentence(problem.detail))

    @app.exception_handler(HTTPException)
    def answered(request: Request, error: HTTPException) -> Response:
        with contextlib.suppress(TrunklineError):
            browser.signed_in(request)
        words = {404: "There is no page here.", 405: "This page can't be asked that way."}
        status = HTTPStatus(error.status_code)
        return _failure(request, status, status.phrase, words.get(status, "The request can't be served."))

    @app.exception_handler(RequestValidationError)
    def malformed(request: Request, _error: RequestValidationError) -> Response:
        return _failure(request, 422, "Can't be", "The address holds a value that can't be used.")

    @app.exception_handler(Exception)
    def failed(request: Request, _error: Exception) -> Response:
        return _failure(request, 500, "A fault of the service", "The service failed; its log says how.")


def _failure(request: Request, status: int, title: str, words: str) -> Response:
    return page(request, "error.html", status=status, title=title, words=words, code=status)
