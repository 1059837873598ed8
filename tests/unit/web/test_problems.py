"""What an error means to an HTTP client."""

import pytest

from trunkline.errors import ConfigError, DirectoryError, NetError, StoreError, TrunklineError
from trunkline.pbx.trunk_facts import PbxError
from trunkline.sip.errors import SipSyntaxError
from trunkline.sip.uri import SipUri
from trunkline.store.answers import KeyReusedError, PendingError
from trunkline.store.errors import (
    AlreadyExistsError,
    CreditError,
    DatabaseError,
    InUseError,
    NotForSaleError,
    NotFoundError,
    SchemaError,
)
from trunkline.trunk.forwarding import ForwardingSyntaxError
from trunkline.web.control_client import ControlError, NoNodeError
from trunkline.web.errors import InvalidError, NotAllowedError, NotSignedInError, TooManyAttemptsError
from trunkline.web.problems import problem_of


def malformed_uri() -> TrunklineError:
    try:
        SipUri.parse("nonsense")
    except SipSyntaxError as error:
        return error
    raise AssertionError


@pytest.mark.parametrize(
    ("error", "status", "slug"),
    [
        (NotSignedInError("x"), 401, "not-signed-in"),
        (NotAllowedError("x"), 403, "not-allowed"),
        (NotFoundError("number", "1"), 404, "not-found"),
        (AlreadyExistsError("number", "1"), 409, "already-exists"),
        (InUseError("x"), 409, "in-use"),
        (NotForSaleError("1"), 409, "not-for-sale"),
        (CreditError("x"), 402, "no-credit"),
        (InvalidError("x"), 422, "invalid"),
        (PendingError("x"), 409, "pending"),
        (KeyReusedError("x"), 422, "key-reused"),
        (TooManyAttemptsError("x", 3), 429, "too-many-attempts"),
        (DatabaseError("x"), 503, "database-away"),
        (SchemaError("x"), 503, "database-away"),
        (ControlError("x"), 503, "node-away"),
        (NoNodeError("x"), 503, "node-away"),
        (ForwardingSyntaxError("x", 1, 2), 422, "invalid"),
        (DirectoryError("x"), 422, "invalid"),
        (StoreError("x"), 422, "invalid"),
        (malformed_uri(), 422, "invalid"),
        (PbxError("x"), 422, "invalid"),
        (ConfigError("x"), 503, "not-set-up"),
        (NetError("x"), 500, "fault"),
    ],
)
def test_statuses(error: TrunklineError, status: int, slug: str) -> None:
    problem = problem_of(error)
    assert (problem.status, problem.slug) == (status, slug)


def test_words_and_waiting() -> None:
    problem = problem_of(TooManyAttemptsError("too many requests", 3))
    assert problem.detail == "too many requests; try again in 3 s"
    assert problem.retry_after_s == 3
    assert problem_of(InUseError("x")).retry_after_s is None


def test_what_is_somebody_elses_can_not_be_told_from_what_nobody_has() -> None:
    """The store adds a hint for the command line, the desk does not."""
    there, nowhere = NotFoundError("number", "1"), NotFoundError("number", "1", "trunkline number list …")
    assert problem_of(there) == problem_of(nowhere)
    assert problem_of(AlreadyExistsError("user", "a", "hint")).detail == "user 'a' exists already"


def test_our_own_faults_are_not_explained_to_strangers() -> None:
    assert "secret" not in problem_of(NetError("secret path")).detail
