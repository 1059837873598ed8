"""What an error means to an HTTP client: one table for the API, the Nexmo API and the dashboard."""

from typing import NamedTuple

from trunkline.errors import ConfigError, DirectoryError, SipError, StoreError, TrunklineError
from trunkline.pbx.trunk_facts import PbxError
from trunkline.store.answers import KeyReusedError, PendingError
from trunkline.store.errors import (
    AlreadyExistsError,
    CreditError,
    DatabaseError,
    InUseError,
    NotForSaleError,
    NotFoundError,
)
from trunkline.web.control_client import ControlError
from trunkline.web.errors import (
    ChangedMeanwhileError,
    InvalidError,
    NotAllowedError,
    NotSignedInError,
    TooManyAttemptsError,
)


class Problem(NamedTuple):
    """An error as RFC 9457 has it."""

    status: int
    slug: str
    """Its stable name: the last part of `type`."""
    title: str
    detail: str
    """One line for a person: what is wrong, and what to do."""
    retry_after_s: int | None = None


FAULT = Problem(500, "fault", "A fault of the service", "the service failed; its log says how")


_KINDS: tuple[tuple[type[TrunklineError], int, str, str], ...] = (
    (NotSignedInError, 401, "not-signed-in", "Not signed in"),
    (NotAllowedError, 403, "not-allowed", "Not allowed"),
    (ChangedMeanwhileError, 412, "changed-meanwhile", "Changed meanwhile"),
    (TooManyAttemptsError, 429, "too-many-attempts", "Too many attempts"),
    (NotFoundError, 404, "not-found", "Not found"),
    (AlreadyExistsError, 409, "already-exists", "Exists already"),
    (InUseError, 409, "in-use", "Still in use"),
    (NotForSaleError, 409, "not-for-sale", "Not for sale"),
    (CreditError, 402, "no-credit", "Not enough credit"),
    (PendingError, 409, "pending", "Under way"),
    (KeyReusedError, 422, "key-reused", "The key came before"),
    (DatabaseError, 503, "database-away", "The database is away"),
    (ControlError, 503, "node-away", "The node can't be asked"),
    (DirectoryError, 422, "invalid", "Can't be"),
    (SipError, 422, "invalid", "Can't be"),
    (StoreError, 422, "invalid", "Can't be"),
    (InvalidError, 422, "invalid", "Can't be"),
    (PbxError, 422, "invalid", "Can't be"),
    (ConfigError, 503, "not-set-up", "Not set up yet"),
)
"""The first that fits; anything else is a fault of ours."""


def problem_of(error: TrunklineError) -> Problem:
    """What to answer to `error`."""
    for kind, status, slug, title in _KINDS:
        if isinstance(error, kind):
            wait_s = error.retry_after_s if isinstance(error, TooManyAttemptsError) else None
            return Problem(status, slug, title, _detail(error), wait_s)
    return FAULT


def _detail(error: TrunklineError) -> str:
    """A thing of somebody else's and one that nobody has are answered in the same words."""
    return error.fact if isinstance(error, NotFoundError | AlreadyExistsError) else str(error)


def kinds() -> list[Problem]:
    """Every kind of problem, without what is special to one."""
    return [*(Problem(status, slug, title, "") for _, status, slug, title in _KINDS), FAULT]
