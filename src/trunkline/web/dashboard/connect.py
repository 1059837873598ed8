"""Connect a PBX: its configuration filled in, and a live check of what has come from it.

The secret is known to nobody but its owner (only digests are stored): it is typed, or a new one is made.
Pages with a secret are answers to a form and stand in no address; nothing keeps them.
"""

import io
import zipfile
from collections.abc import Sequence
from dataclasses import replace

from fastapi import APIRouter, Request
from fastapi.responses import Response
from markupsafe import escape
from starlette.datastructures import FormData

from trunkline.errors import ConfigError, DirectoryError, TrunklineError
from trunkline.pbx.sighting import Finding
from trunkline.pbx.trunk_facts import UNKNOWN_SECRET
from trunkline.pbx.writer import ConfigFile, Kind, about, title
from trunkline.store.numbers import NumberFilter
from trunkline.web.control_client import ControlError
from trunkline.web.dashboard.browser import Form, Signed, text
from trunkline.web.dashboard.frame import page, refusal
from trunkline.web.desk import Desk
from trunkline.web.desk.connect import Setup

MAX_NUMBERS = 200
"""Numbers to choose from; others are typed into the PBX."""

router = APIRouter()


@router.get("/connect")
def ask(request: Request, desk: Signed, account: str = "") -> Response:
    key = account or desk.principal.account
    if key is None:
        return page(request, "connect_account.html", refused="")
    return _shown(request, desk, desk.accounts.get(key).key, Setup(Kind.ASTERISK_PJSIP))


@router.post("/connect")
def fill(request: Request, desk: Signed, form: Form) -> Response:
    """The page with the files as wanted, with a new secret if that was asked for."""
    key = _account(desk, form)
    setup, fresh = _setup(form), bool(text(form, "new_secret"))
    try:
        if fresh:
            # Whatever was typed counts no more; and nothing is made for files that can't be.
            desk.connect.files(key, replace(setup, secret=UNKNOWN_SECRET))
            setup = replace(setup, secret=desk.accounts.rotate_secret(key))
        files = desk.connect.files(key, setup)
    except TrunklineError as error:
        status, words = _refusal(error)
        return _shown(request, desk, key, setup, refused=words, status=status)
    return _shown(request, desk, key, setup, files=files, fresh=fresh)


@router.post("/connect/files.zip")
def download(request: Request, desk: Signed, form: Form) -> Response:
    key = _account(desk, form)
    setup = _setup(form)
    try:
        files = desk.connect.files(key, setup)
    except TrunklineError as error:
        status, words = _refusal(error)
        return _shown(request, desk, key, setup, refused=words, status=status)
    headers = {"Content-Disposition": f'attachment; filename="trunkline-{setup.kind}.zip"'}
    return Response(zipped(files), media_type="application/zip", headers=headers)


def zipped(files: Sequence[ConfigFile]) -> bytes:
    """The files with their folders, and where each of them goes."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for file in files:
            archive.writestr(file.name, file.text)
        archive.writestr("WHERE.txt", "".join(f"{file.name}\n    {file.place}\n" for file in files))
    return buffer.getvalue()


def _shown(
    request: Request,
    desk: Desk,
    key: str,
    setup: Setup,
    *,
    files: Sequence[ConfigFile] | None = None,
    fresh: bool = False,
    refused: str = "",
    status: int = 200,
) -> Response:
    """The page. `fresh`: the secret was made just now."""
    if files is None and not refused:
        try:
            files = desk.connect.files(key, setup)
        except TrunklineError as error:
            status, refused = _refusal(error)
    numbers = desk.numbers.page(NumberFilter(account=key), limit=MAX_NUMBERS).numbers
    seen, away = _findings(desk, key)
    known = setup.secret != UNKNOWN_SECRET
    return page(
        request,
        "connect.html",
        status=status,
        account=key,
        setup=setup,
        secret=setup.secret if known else "",
        kinds=[(str(kind), title(kind)) for kind in Kind],
        about=about(setup.kind),
        numbers=[("", "The first"), *((number.e164, f"+{number.e164}") for number in numbers)],
        files=[(file, escape(file.text)) for file in files or ()],
        known=known,
        fresh=fresh,
        refused=refused,
        findings=seen,
        away=away,
    )


def _findings(desk: Desk, key: str) -> tuple[Sequence[Finding], str]:
    try:
        return desk.connect.findings(key), ""
    except ControlError as error:
        return (), str(error)


def _account(desk: Desk, form: FormData) -> str:
    return desk.accounts.get(text(form, "account") or desk.principal.account or "").key


def _setup(form: FormData) -> Setup:
    kind = text(form, "kind")
    if kind not in set(Kind):
        raise DirectoryError(f"there is no PBX of the kind {kind[:40]!r}")
    return Setup(
        Kind(kind),
        tls=bool(text(form, "tls")),
        srtp=bool(text(form, "srtp")),
        number=text(form, "number") or None,
        secret=text(form, "secret") or UNKNOWN_SECRET,
    )


def _refusal(error: TrunklineError) -> tuple[int, str]:
    """As `frame.refusal`, and what no configuration can be written for."""
    return (422, str(error)) if isinstance(error, ConfigError) else refusal(error)
