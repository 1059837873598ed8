"""`/accounts/{key}/secrets`: an account's secrets, several at a time, so that one can be replaced without a
call lost. None of them can be read back."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any, Final

from fastapi import APIRouter, Response

from trunkline.store.accounts import MAX_SECRETS, StoredSecret
from trunkline.store.errors import InUseError, NotFoundError
from trunkline.web.desk import Desk
from trunkline.web.nexmo.credentials import Given, TheDesk
from trunkline.web.nexmo.errors import SecretProblemError

MIN_LENGTH: Final = 8
MAX_LENGTH: Final = 25
_NEEDED: Final = tuple(re.compile(pattern, re.ASCII) for pattern in ("[a-z]", "[A-Z]", "[0-9]"))
_MANAGEMENT: Final = "/account/secret-management"

router = APIRouter(prefix="/accounts/{key}/secrets")


@router.get("")
def list_(desk: TheDesk, key: str) -> dict[str, Any]:
    """All of them, oldest first."""
    shown = [_shown(key, secret) for secret in _secrets(desk, key)]
    return {"_links": _links(key), "_embedded": {"secrets": shown}}


@router.post("", status_code=201)
def create(desk: TheDesk, key: str, given: Given) -> dict[str, Any]:
    """One more: 8 to 25 characters, a small letter, a capital one and a digit among them."""
    _secrets(desk, key)
    secret = given.get("secret", "")
    if not MIN_LENGTH <= len(secret) <= MAX_LENGTH or not all(needed.search(secret) for needed in _NEEDED):
        raise SecretProblemError(
            400,
            f"{_MANAGEMENT}#validation",
            "Bad Request",
            "The request failed due to validation errors",
            "Does not meet complexity requirements",
        )
    try:
        return _shown(key, desk.accounts.add_secret(key, secret))
    except InUseError:
        raise SecretProblemError(
            403,
            f"{_MANAGEMENT}#maximum-secrets-allowed",
            "Maximum number of secrets already met",
            f"This account has reached maximum number of '{MAX_SECRETS}' allowed secrets",
        ) from None


@router.get("/{id_}")
def show(desk: TheDesk, key: str, id_: str) -> dict[str, Any]:
    """One of them."""
    return _shown(key, _secret(desk, key, id_))


@router.delete("/{id_}")
def revoke(desk: TheDesk, key: str, id_: str) -> Response:
    """End one at once; the last one stays."""
    secret = _secret(desk, key, id_)
    try:
        with _named(f"ID '{id_[:64]}' could not be found", "#invalid-id", "Invalid ID"):
            desk.accounts.revoke_secret(key, secret.id)
    except InUseError:
        raise SecretProblemError(
            403,
            f"{_MANAGEMENT}#delete-last-secret",
            "Secret Deletion Forbidden",
            "Can not delete the last secret. "
            "The account must always have at least 1 secret active at any time",
        ) from None
    return Response(status_code=204)


def _secrets(desk: Desk, key: str) -> list[StoredSecret]:
    with _named(f"API key '{key[:64]}' not found", "#invalid-api-key", "Invalid API Key"):
        return list(desk.accounts.secrets(key))


def _secret(desk: Desk, key: str, id_: str) -> StoredSecret:
    with _named(f"ID '{id_[:64]}' could not be found", "#invalid-id", "Invalid ID"):
        found = next((secret for secret in _secrets(desk, key) if str(secret.id) == id_), None)
        if found is None:
            raise NotFoundError("secret", id_)
        return found


@contextmanager
def _named(detail: str, slug: str, title: str) -> Iterator[None]:
    try:
        yield
    except NotFoundError:
        raise SecretProblemError(404, slug, title, detail) from None


def _links(key: str, id_: int | None = None) -> dict[str, Any]:
    path = f"/accounts/{key}/secrets"
    return {"self": {"href": path if id_ is None else f"{path}/{id_}"}}


def _shown(key: str, secret: StoredSecret) -> dict[str, Any]:
    created = datetime.fromtimestamp(secret.created_at, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    return {"_links": _links(key, secret.id), "id": str(secret.id), "created_at": created}
