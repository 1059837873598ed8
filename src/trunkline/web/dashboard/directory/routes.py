"""Routes: which carriers take the numbers of a prefix, and which one a number would take."""

from collections.abc import Sequence
from typing import NamedTuple

from fastapi import APIRouter, Request
from fastapi.responses import Response
from starlette.datastructures import FormData

from trunkline.call.record import Direction
from trunkline.errors import DirectoryError, TrunklineError
from trunkline.trunk.e164 import checked_prefix, normalise
from trunkline.trunk.routes import ALL, Route, RouteCarrier
from trunkline.web.control_client import ControlError
from trunkline.web.dashboard import fields
from trunkline.web.dashboard.browser import Form, Signed, go, text
from trunkline.web.dashboard.directory.rows import BLANK_ROWS, columns, order
from trunkline.web.dashboard.frame import NOT_REFUSED, Refusal, neighbours, page, refusal
from trunkline.web.desk import Desk
from trunkline.web.versions import unchanged, version_of
from trunkline.web.views import Explanation, Question

PAGE = 50

router = APIRouter()


class CarrierRow(NamedTuple):
    """One carrier of a route as the fields of a form have it."""

    carrier: str = ""
    priority: str = ""
    weight: str = ""


class Trial(NamedTuple):
    """What was found out about a number."""

    digits: str = ""
    route: Route | None = None
    explanation: Explanation | None = None
    said: str = ""
    """Why it was not found out."""


@router.get("/routes")
def routes(
    request: Request, desk: Signed, number: str = "", account: str = "", caller: str = "", after: str = ""
) -> Response:
    trial = _trial(desk, number, account, caller) if number else None
    found = desk.routes.page(after=_digits(after) if after else None, limit=PAGE)
    return page(
        request,
        "directory/routes.html",
        routes=found.items,
        pages=neighbours("/routes", {}, after, (found.items[-1].prefix or ALL) if found.more else None),
        all=ALL,
        trial=trial,
        number=number,
        account=account,
        caller=caller,
    )


@router.get("/routes/new")
def new(request: Request, desk: Signed) -> Response:
    return _page(request, desk, None, "", [], "0")


@router.post("/routes/new")
def add(request: Request, desk: Signed, form: Form) -> Response:
    typed, rows = text(form, "prefix"), _rows(form)
    try:
        added = desk.routes.add(_route(_digits(typed), rows, form))
    except TrunklineError as error:
        return _page(request, desk, None, typed, rows, _price(form), why=refusal(error))
    return go(request, f"/routes/{added.prefix or ALL}", "The route was added; new calls take it.")


@router.get("/routes/{prefix}")
def route(request: Request, desk: Signed, prefix: str) -> Response:
    return _saved(request, desk, prefix)


@router.post("/routes/{prefix}")
def change(request: Request, desk: Signed, form: Form, prefix: str) -> Response:
    rows = _rows(form)
    try:
        desk.routes.update(_route(_digits(prefix), rows, form), guard=unchanged(text(form, "version")))
    except TrunklineError as error:
        return _refused(request, desk, prefix, rows, form, refusal(error))
    return go(request, f"/routes/{prefix}", "The route was changed; new calls take it.")


@router.post("/routes/{prefix}/remove")
def remove(request: Request, desk: Signed, _form: Form, prefix: str) -> Response:
    desk.routes.remove(_digits(prefix))
    return go(request, "/routes", f"The route of {prefix} was removed.")


def _saved(request: Request, desk: Desk, prefix: str) -> Response:
    found = desk.routes.get(_digits(prefix))
    shown = [CarrierRow(item.carrier, str(item.priority), str(item.weight)) for item in found.carriers]
    return _page(
        request, desk, found, prefix, shown, f"{found.price_per_minute:g}", version=version_of(found)
    )


def _refused(
    request: Request, desk: Desk, prefix: str, rows: Sequence[CarrierRow], form: FormData, why: Refusal
) -> Response:
    found = desk.routes.get(_digits(prefix))
    version = fields.Shown(form, why).version(found)
    return _page(request, desk, found, prefix, rows, _price(form), version=version, why=why)


def _page(
    request: Request,
    desk: Desk,
    found: Route | None,
    prefix: str,
    rows: Sequence[CarrierRow],
    price: str,
    *,
    version: str = "",
    why: Refusal = NOT_REFUSED,
) -> Response:
    """The editor of a route; `found` is None for a new one."""
    return page(
        request,
        "directory/route.html",
        route=found,
        prefix=prefix,
        price=price,
        all=ALL,
        rows=[*rows, *[CarrierRow()] * BLANK_ROWS],
        carriers=[("", "none"), *((item.name, item.name) for item in desk.carriers.list())],
        version=version,
        why=why,
    )


def _rows(form: FormData) -> list[CarrierRow]:
    rows = [CarrierRow(*cells) for cells in columns(form, ("carrier", "priority", "weight"))]
    return [row for row in rows if row.carrier]


def _price(form: FormData) -> str:
    return text(form, "price_per_minute")


def _route(prefix: str, rows: Sequence[CarrierRow], form: FormData) -> Route:
    return Route(
        prefix,
        tuple(
            RouteCarrier(row.carrier, order(row.priority, place), order(row.weight, 1))
            for place, row in enumerate(rows)
        ),
        fields.decimal(form, "price_per_minute", "the price of a minute") or 0.0,
    )


def _digits(prefix: str) -> str:
    """Raises `DirectoryError`."""
    if not prefix:
        raise DirectoryError(f"say which prefix: digits, or {ALL!r} for every number")
    return "" if prefix == ALL else checked_prefix(prefix)


def _trial(desk: Desk, number: str, account: str, caller: str) -> Trial:
    """Which route the number takes; for a customer's call, all that would happen to it."""
    try:
        digits = normalise(number)
        if not account:
            return Trial(digits, desk.routes.find(digits))
        question = Question(Direction.OUTBOUND, number, account, caller or None)
        return Trial(digits, desk.routes.find(digits), desk.network.explain(question))
    except (DirectoryError, ControlError) as error:
        return Trial(said=str(error))
