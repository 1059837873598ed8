"""Every refusal is a problem (RFC 9457), whoever refuses: the desk, the validation of a request, or the
framework. `type` leads to the problem's paragraph of the documentation."""

from collections.abc import Mapping, Sequence
from typing import Any

from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException
from starlette.requests import Request

from trunkline.errors import TrunklineError
from trunkline.trunk.forwarding import ForwardingSyntaxError
from trunkline.web.problems import FAULT, Problem, problem_of

PROBLEM = "application/problem+json"
MAX_ERRORS = 20
"""Told of one request; a body of a megabyte can have very many."""

MALFORMED = Problem(400, "malformed", "Malformed", "the body is no JSON")
NO_SUCH_PATH = Problem(404, "no-such-path", "No such path", "nothing is here; /v1/docs lists what there is")
NOT_HERE = Problem(405, "method-not-allowed", "Method not allowed", "the Allow header says what can be done")
NO_JSON = Problem(
    422, "invalid", "Can't be", "the body is read as JSON only with Content-Type: application/json"
)
INVALID = Problem(422, "invalid", "Can't be", "the request does not say what it has to")


def add_refusals(app: FastAPI) -> None:
    """Answer every error of `app` with a problem."""

    @app.exception_handler(TrunklineError)
    def refused(_request: Request, error: TrunklineError) -> JSONResponse:
        more = {}
        if isinstance(error, ForwardingSyntaxError):
            more = {"entry": error.entry, "position": error.position}
        return _answer(problem_of(error), more)

    @app.exception_handler(RequestValidationError)
    def invalid(request: Request, error: RequestValidationError) -> JSONResponse:
        errors = error.errors()
        if isinstance(error.body, bytes) and "json" not in request.headers.get("Content-Type", ""):
            return _answer(NO_JSON)
        if any(one["type"] == "json_invalid" for one in errors):
            return _answer(MALFORMED)
        told = [_error(one["loc"], one["msg"]) for one in errors[:MAX_ERRORS]]
        return _answer(INVALID, {"errors": told})

    @app.exception_handler(HTTPException)
    def framework(request: Request, error: HTTPException) -> JSONResponse:
        if error.status_code == 405:
            return _answer(NOT_HERE, headers={**(error.headers or {}), **_allowed(app, request)})
        return _answer(NO_SUCH_PATH if error.status_code == 404 else MALFORMED)

    @app.exception_handler(Exception)
    def failed(_request: Request, _error: Exception) -> JSONResponse:
        return _answer(FAULT)


def _allowed(app: FastAPI, request: Request) -> dict[str, str]:
    """Every method of a documented path (RFC 9110 §10.2.1): the framework names those of one operation."""
    path = getattr(request.scope.get("route"), "path_format", None)
    methods = app.openapi()["paths"].get(path)
    return {} if methods is None else {"Allow": ", ".join(sorted(method.upper() for method in methods))}


def _answer(
    problem: Problem, more: Mapping[str, Any] | None = None, headers: Mapping[str, str] | None = None
) -> JSONResponse:
    body = {
        "type": f"/v1/docs#{problem.slug}",
        "title": problem.title,
        "status": problem.status,
        "detail": problem.detail,
        **(more or {}),
    }
    sent = dict(headers or {})
    if problem.status == 401:
        sent["WWW-Authenticate"] = 'Bearer realm="trunkline"'
    if problem.retry_after_s is not None:
        sent["Retry-After"] = str(problem.retry_after_s)
    return JSONResponse(body, problem.status, sent, PROBLEM)


def _error(place: Sequence[int | str], what: str) -> dict[str, str]:
    """Where in the request, as a JSON pointer into the body (RFC 6901) or the name of a parameter."""
    kind, *rest = place
    if kind == "body":
        pointer = "".join("/" + str(step).replace("~", "~0").replace("/", "~1") for step in rest)
        return {"detail": what, "pointer": f"#{pointer}"}
    return {"detail": what, "parameter": str(rest[-1] if rest else kind)}
