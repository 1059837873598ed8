"""The REST API's app: its errors are problem details (RFC 9457), whoever raises them."""

from typing import Annotated

from fastapi import Depends, FastAPI
from fastapi.responses import JSONResponse
from starlette.requests import Request

from trunkline import __version__
from trunkline.errors import TrunklineError
from trunkline.store.audit import Via
from trunkline.store.sessions import SessionKind
from trunkline.web.callers import caller_of
from trunkline.web.desk import Desk
from trunkline.web.errors import NotSignedInError
from trunkline.web.office import Office
from trunkline.web.problems import problem_of

PROBLEM = "application/problem+json"


def api_app(office: Office) -> FastAPI:
    """The app. Paths begin with `/v1`."""
    app = FastAPI(
        title="Trunkline", version=__version__, openapi_url="/v1/openapi.json", docs_url=None, redoc_url=None
    )

    @app.exception_handler(TrunklineError)
    def failed(_request: Request, error: TrunklineError) -> JSONResponse:
        problem = problem_of(error)
        body = {
            "type": f"/v1/problems/{problem.slug}",
            "title": problem.title,
            "status": problem.status,
            "detail": problem.detail,
        }
        headers = {} if problem.retry_after_s is None else {"Retry-After": str(problem.retry_after_s)}
        return JSONResponse(body, problem.status, headers, PROBLEM)

    def desk(request: Request) -> Desk:
        scheme, _, rest = request.headers.get("Authorization", "").partition(" ")
        if scheme.lower() != "bearer":
            raise NotSignedInError("send a token: Authorization: Bearer TOKEN")
        caller = caller_of(request, Via.API)
        return office.desk(office.sign_in.token(caller, rest.strip(), SessionKind.TOKEN))

    @app.get("/v1/me")
    def me(desk: Annotated[Desk, Depends(desk)]) -> dict[str, str | None]:
        return {"name": desk.principal.name, "role": desk.principal.role, "account": desk.principal.account}

    return app
