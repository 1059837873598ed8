"""Secrets of accounts: what a PBX signs in with."""

from typing import Annotated

from fastapi import APIRouter, Path
from starlette.responses import Response

from trunkline.store.accounts import StoredSecret, new_secret
from trunkline.web.api.front import AtDesk
from trunkline.web.api.models.account import MadeSecret, NewSecret, Rotation, SecretList, SecretView
from trunkline.web.api.models.base import MAX_INT
from trunkline.web.api.once import Made, OnlyOnce
from trunkline.web.api.resources.parameters import KeyPath

router = APIRouter(prefix="/v1/accounts/{key}/secrets", tags=["Secrets"])


@router.get("")
def list_secrets(desk: AtDesk, key: KeyPath) -> SecretList:
    """The secrets that work now, oldest first: not what they are."""
    return SecretList(items=[SecretView.model_validate(one) for one in desk.accounts.secrets(key)])


@router.post("", status_code=201, response_model=MadeSecret)
def add_secret(desk: AtDesk, once: OnlyOnce, key: KeyPath, new: NewSecret) -> Response:
    """Add a secret beside those that the account has. It is shown once, here."""

    def make() -> Made:
        secret = new.secret or new_secret()
        return _made(key, desk.accounts.add_secret(key, secret), secret)

    return once.make(make)


@router.post("/rotate", status_code=201, response_model=MadeSecret)
def rotate_secret(desk: AtDesk, once: OnlyOnce, key: KeyPath, rotation: Rotation) -> Response:
    """Replace all secrets by a new one; the old ones work a while longer. It is shown once, here."""

    def make() -> Made:
        secret = desk.accounts.rotate_secret(key, rotation.secret, overlap_s=rotation.overlap_s)
        return _made(key, desk.accounts.secrets(key)[-1], secret)

    return once.make(make)


@router.delete("/{secret_id}", status_code=204)
def revoke_secret(
    desk: AtDesk, key: KeyPath, secret_id: Annotated[int, Path(ge=1, le=MAX_INT, examples=[7])]
) -> None:
    """End a secret at once; the last one stays. The browsers and tokens that the account's key has signed in
    end too, but for the one that asks."""
    desk.accounts.revoke_secret(key, secret_id)


def _made(key: str, stored: StoredSecret, secret: str) -> Made:
    shown = SecretView.model_validate(stored)
    return Made(MadeSecret(**dict(shown), secret=secret), f"/v1/accounts/{key}/secrets/{stored.id}")
