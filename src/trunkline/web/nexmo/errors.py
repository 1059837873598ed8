"""How Nexmo says no: `error-code` and `error-code-label` under `/account` and `/number`, problem details
under `/accounts`.

Statuses are 401 for wrong credentials, 420 for what can't be done, 429 for too much. Labels begin with
Nexmo's own words, which clients look for, and go on with ours.
"""

import uuid

from fastapi import FastAPI
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException
from starlette.requests import Request

from trunkline.errors import TrunklineError
from trunkline.store.errors import DatabaseError
from trunkline.web.control_client import ControlError
from trunkline.web.errors import NotSignedInError, TooManyAttemptsError, WebError
from trunkline.web.problems import problem_of

METHOD_FAILED = 420
"""Nexmo's status for a request that was understood and can't be done."""
PROBLEM = "application/problem+json"
_ERRORS = "https://developer.nexmo.com/api-errors"
"""What `type` names: clients look for these very words."""


class MethodFailedError(WebError):
    """The parameters can't be, or what they ask for can't be done."""


class SecretProblemError(WebError):
    """A problem of `/accounts/…/secrets`, in Nexmo's words."""

    def __init__(self, status: int, slug: str, title: str, detail: str, invalid: str | None = None) -> None:
        """`slug` ends the type; `invalid` is the reason why the parameter `secret` can't be."""
        super().__init__(detail)
        self.status = status
        self.slug = slug
        self.title = title
        self.invalid = invalid


def success() -> dict[str, str]:
    """What a number operation answers when it worked."""
    return {"error-code": "200", "error-code-label": "success"}


def add_error_handlers(app: FastAPI) -> None:
    """See the module."""

    @app.exception_handler(TrunklineError)
    def failed(request: Request, error: TrunklineError) -> JSONResponse:
        if _is_of_secrets(request):
            return _problem(error)
        return _code(error)

    @app.exception_handler(HTTPException)
    def unknown(request: Request, error: HTTPException) -> JSONResponse:
        if _is_of_secrets(request):
            return _problem(SecretProblemError(error.status_code, "#not-found", error.detail, error.detail))
        return JSONResponse(_body(error.status_code, error.detail), error.status_code, error.headers)


def _is_of_secrets(request: Request) -> bool:
    return request.url.path.startswith("/accounts/")


def _code(error: TrunklineError) -> JSONResponse:
    if isinstance(error, NotSignedInError):
        return JSONResponse(_body(401, "authentication failed"), 401)
    if isinstance(error, TooManyAttemptsError):
        retry = {"Retry-After": str(error.retry_after_s)}
        return JSONResponse(_body(429, f"too many requests: {error}"), 429, retry)
    if isinstance(error, (DatabaseError, ControlError)):
        return JSONResponse(_body(503, f"try again later: {error}"), 503)
    words = str(error) if isinstance(error, MethodFailedError) else problem_of(error).detail
    return JSONResponse(_body(METHOD_FAILED, f"method failed: {words}"), METHOD_FAILED)


def _body(status: int, label: str) -> dict[str, str]:
    return {"error-code": str(status), "error-code-label": label}


def _problem(error: TrunklineError) -> JSONResponse:
    body: dict[str, object]
    headers: dict[str, str] = {}
    if isinstance(error, SecretProblemError):
        status = error.status
        body = {"type": f"{_ERRORS}{error.slug}", "title": error.title, "detail": str(error)}
        if error.invalid is not None:
            body["invalid_parameters"] = [{"name": "secret", "reason": error.invalid}]
    elif isinstance(error, NotSignedInError):
        status = 401
        body = {
            "type": f"{_ERRORS}#unauthorized",
            "title": "Unauthorized",
            "detail": "You did not provide correct credentials.",
        }
    elif isinstance(error, MethodFailedError):
        status = 400
        body = {"type": f"{_ERRORS}#bad-request", "title": "Bad Request", "detail": str(error)}
    else:
        found = problem_of(error)
        status = found.status
        body = {"type": f"{_ERRORS}#{found.slug}", "title": found.title, "detail": found.detail}
        if found.retry_after_s is not None:
            headers["Retry-After"] = str(found.retry_after_s)
    body["instance"] = uuid.uuid4().hex
    return JSONResponse(body, status, headers, PROBLEM)
