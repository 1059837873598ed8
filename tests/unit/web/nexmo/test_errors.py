"""How Nexmo says no."""

import httpx
import pytest
from fastapi import FastAPI

from tests.unit.web import in_process
from trunkline.errors import TrunklineError
from trunkline.store.errors import CreditError, DatabaseError, InUseError
from trunkline.web.errors import NotAllowedError, NotSignedInError, TooManyAttemptsError
from trunkline.web.nexmo.errors import MethodFailedError, add_error_handlers


def answer_to(error: TrunklineError, path: str) -> httpx.Response:
    app = FastAPI()
    add_error_handlers(app)

    @app.get(path)
    def fail() -> None:
        raise error

    with in_process.client(app) as client:
        return client.get(path)


@pytest.mark.parametrize(
    ("error", "status", "secrets_status"),
    [
        (NotSignedInError("x"), 401, 401),
        (TooManyAttemptsError("x", 7), 429, 429),
        (MethodFailedError("x"), 420, 400),
        (CreditError("x"), 420, 402),
        (InUseError("x"), 420, 409),
        (NotAllowedError("x"), 420, 403),
        (DatabaseError("x"), 503, 503),
    ],
)
def test_statuses(error: TrunklineError, status: int, secrets_status: int) -> None:
    answer = answer_to(error, "/account/x")
    assert (answer.status_code, answer.json()["error-code"]) == (status, str(status))
    problem = answer_to(error, "/accounts/x")
    assert problem.status_code == secrets_status
    assert set(problem.json()) == {"type", "title", "detail", "instance"}


def test_too_much_says_when_to_come_back() -> None:
    for path in ("/account/x", "/accounts/x"):
        assert answer_to(TooManyAttemptsError("x", 7), path).headers["Retry-After"] == "7"
