"""The audit log: who changed what, from where, and what it was before and after."""

import json
from collections.abc import Mapping
from typing import NamedTuple

from fastapi import APIRouter, Request
from fastapi.responses import Response

from trunkline.store.audit import AuditEntry
from trunkline.web.dashboard.browser import Signed
from trunkline.web.dashboard.fields import Behind
from trunkline.web.dashboard.frame import neighbours, page

PAGE = 50
KINDS = ("account", "number", "carrier", "route", "user", "session", "ban", "webhook", "stock", "node")

router = APIRouter()


class Difference(NamedTuple):
    """One field that a change touched."""

    name: str
    before: str | None
    """None: there was nothing."""
    after: str | None


class Line(NamedTuple):
    """One change."""

    entry: AuditEntry
    differences: list[Difference]


@router.get("/audit")
def audit(
    request: Request,
    desk: Signed,
    account: str = "",
    kind: str = "",
    key: str = "",
    after: Behind = None,
) -> Response:
    entries = desk.people.audit(
        account=account or None, kind=kind or None, key=key or None, before_id=after, limit=PAGE + 1
    )
    kept = {"account": account, "kind": kind, "key": key}
    kept = {name: value for name, value in kept.items() if value}
    return page(
        request,
        "people/audit.html",
        lines=[Line(entry, differences(entry.before, entry.after)) for entry in entries[:PAGE]],
        account=account,
        kind=kind,
        key=key,
        kinds=[("", "all"), *((item, item) for item in KINDS)],
        filtered=bool(kept),
        pages=neighbours("/audit", kept, after, entries[PAGE - 1].id if len(entries) > PAGE else None),
    )


def differences(before: Mapping[str, object] | None, after: Mapping[str, object] | None) -> list[Difference]:
    """Field by field; those that say nothing on either side are left out."""
    names = dict.fromkeys([*(before or ()), *(after or ())])
    found = [Difference(name, _shown(before, name), _shown(after, name)) for name in names]
    return [item for item in found if item.before is not None or item.after is not None]


def _shown(values: Mapping[str, object] | None, name: str) -> str | None:
    value = None if values is None else values.get(name)
    if value is None or value in ("", [], {}):
        return None
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, str | int | float):
        return str(value)
    if isinstance(value, list) and all(isinstance(item, str) for item in value):
        return ", ".join(value)
    return json.dumps(value, ensure_ascii=False)
