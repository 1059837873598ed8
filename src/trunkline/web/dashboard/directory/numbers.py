"""Products → Numbers: the list, and everything of a number but its forwarding editor (`forwarding`)."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from fastapi import APIRouter, Request
from fastapi.responses import Response

from trunkline.call.record import CallRecord, Direction
from trunkline.errors import DirectoryError, TrunklineError
from trunkline.store.calls import CallFilter
from trunkline.store.numbers import NumberFilter
from trunkline.trunk.e164 import normalise
from trunkline.trunk.number import MAX_RING_TIMEOUT_S, MIN_RING_TIMEOUT_S, Number
from trunkline.web.control_client import ControlError
from trunkline.web.dashboard.browser import Flash, Form, Signed, go, office_of, text
from trunkline.web.dashboard.directory.forwarding_rows import Row, judge, rows_of
from trunkline.web.dashboard.frame import NOT_REFUSED, Refusal, neighbours, page, refusal
from trunkline.web.desk import Desk
from trunkline.web.versions import unchanged, version_of
from trunkline.web.views import Explanation, Question, TargetHealth

PAGE = 50
RECENT = 10
_NOT_DIGITS = re.compile(r"\D", re.ASCII)

router = APIRouter()


@dataclass(frozen=True, slots=True)
class EndpointHealth:
    """One saved endpoint as the number's page shows it."""

    position: int
    uri: str
    health: TargetHealth | None
    """None: nothing is known of it."""


@router.get("/numbers")
def numbers(
    request: Request, desk: Signed, search: str = "", forwarded: str = "", account: str = "", after: str = ""
) -> Response:
    wanted = NumberFilter(
        account=account or None,
        contains=(_NOT_DIGITS.sub("", search).removeprefix("00") or search.strip())[:15],
        forwarded={"yes": True, "no": False}.get(forwarded),
    )
    found = desk.numbers.page(wanted, after=after, limit=PAGE)
    kept = {"search": search, "forwarded": forwarded, "account": account}
    kept = {name: value for name, value in kept.items() if value}
    return page(
        request,
        "directory/numbers.html",
        numbers=found.numbers,
        search=search,
        forwarded=forwarded,
        account=account,
        filtered=bool(kept),
        pages=neighbours("/numbers", kept, after, found.numbers[-1].e164 if found.more else None),
    )


@router.get("/numbers/new")
def new(request: Request, desk: Signed, account: str = "") -> Response:
    return _new(request, desk, "", account)


def _new(request: Request, desk: Desk, number: str, account: str, why: Refusal = NOT_REFUSED) -> Response:
    return page(
        request,
        "directory/number_new.html",
        number=number,
        account=account,
        why=why,
        allowed=desk.principal.operator,
    )


@router.post("/numbers/new")
def add(request: Request, desk: Signed, form: Form) -> Response:
    number, account = text(form, "number"), text(form, "account")
    try:
        added = desk.numbers.add(Number(normalise(number), account))
    except TrunklineError as error:
        return _new(request, desk, number, account, refusal(error))
    return go(request, f"/numbers/{added.e164}", "The number was added. Say where its calls go.")


@router.get("/numbers/{e164}")
def number(request: Request, desk: Signed, e164: str, dry: str = "", caller: str = "") -> Response:
    found = desk.numbers.get(e164)
    explanation = _explained(desk, e164, caller) if dry else None
    return number_page(request, desk, found, explanation=explanation, caller=caller)


def number_page(
    request: Request,
    desk: Desk,
    found: Number,
    *,
    rows: Sequence[Row] | None = None,
    seen: str | None = None,
    why: Refusal = NOT_REFUSED,
    explanation: Explanation | str | None = None,
    caller: str = "",
) -> Response:
    """The number's page. `rows` is an editor whose content isn't saved (None: what is saved), filled from
    the version `seen` (None: the present one)."""
    shown = rows_of(found.forwarding) if rows is None else rows
    endpoints, away = _endpoints(desk, found)
    return page(
        request,
        "directory/number.html",
        number=found,
        rows=shown,
        blank=Row(),
        usual_timeout_ms=office_of(request).settings.forwarding.default_timeout_ms,
        judged=judge(shown),
        version=version_of(found) if seen is None else seen,
        why=why,
        endpoints=endpoints,
        away=away,
        explanation=explanation,
        caller=caller,
        calls=_recent(desk, found),
        least_ring_s=MIN_RING_TIMEOUT_S,
        most_ring_s=MAX_RING_TIMEOUT_S,
    )


@router.post("/numbers/{e164}/ring")
def ring(request: Request, desk: Signed, form: Form, e164: str) -> Response:
    typed = text(form, "ring_timeout_s")
    try:
        try:
            seconds = float(typed) if typed else None
        except ValueError:
            raise DirectoryError("the ring time is a number of seconds") from None
        desk.numbers.set_ring_timeout(e164, seconds, guard=unchanged(text(form, "version")))
    except TrunklineError as error:
        return number_page(request, desk, desk.numbers.get(e164), why=refusal(error))
    return go(request, f"/numbers/{e164}", "The ring time was changed.")


@router.post("/numbers/{e164}/account")
def move(request: Request, desk: Signed, form: Form, e164: str) -> Response:
    try:
        guard = unchanged(text(form, "version"))
        moved = desk.numbers.update(e164, guard=guard, account=text(form, "account"))
    except TrunklineError as error:
        return number_page(request, desk, desk.numbers.get(e164), why=refusal(error))
    return go(request, f"/numbers/{e164}", f"The number belongs to {moved.account} now.")


@router.post("/numbers/{e164}/remove")
def remove(request: Request, desk: Signed, _form: Form, e164: str) -> Response:
    desk.numbers.remove(e164)
    return go(request, "/numbers", f"+{e164} was removed.")


@router.post("/numbers/{e164}/ping")
def ping(request: Request, desk: Signed, form: Form, e164: str) -> Response:
    position = text(form, "position")
    answer = desk.numbers.ping(e164, int(position) if position.isascii() and position.isdigit() else 0)
    if answer.status is None:
        flash = Flash(f"Endpoint {position} did not answer OPTIONS: {answer.reason}.", bad=True)
    else:
        flash = Flash(
            f"Endpoint {position} answered OPTIONS with {answer.status} {answer.reason} after "
            f"{answer.after_ms:.0f} ms."
        )
    return go(request, f"/numbers/{e164}", flash)


@router.post("/numbers/{e164}/call")
def trial(request: Request, desk: Signed, _form: Form, e164: str) -> Response:
    report, call_id = desk.numbers.trial_call(e164)
    notes = [f"{at_s:.1f} s: {what}" for at_s, what in report.steps]
    if report.answered:
        mos = "" if report.mos is None else f", MOS {report.mos:.1f}"
        notes.append(
            f"Talked for {report.talk_s:.1f} s in {report.codec}: {report.packets_received} packets came "
            f"back, {report.packets_lost} were lost{mos}."
        )
    said = "The test call was answered." if report.answered else f"The test call failed: {report.outcome}."
    link = "" if call_id is None else f"/calls/{call_id}"
    return go(
        request, f"/numbers/{e164}", Flash(said, bad=not report.answered, notes=tuple(notes), link=link)
    )


def _explained(desk: Desk, e164: str, caller: str) -> Explanation | str:
    """What would happen to a call, or why nobody knows."""
    try:
        return desk.network.explain(Question(Direction.INBOUND, e164, caller=caller or None))
    except ControlError as error:
        return str(error)


def _endpoints(desk: Desk, found: Number) -> tuple[list[EndpointHealth], str]:
    """The saved endpoints with their health, and why that is not known."""
    away = ""
    known: dict[str, TargetHealth] = {}
    if found.forwarding:
        try:
            health = desk.network.health(found.e164)
            known = {item.uri: item for item in health if item.number == found.e164}
        except ControlError as error:
            away = str(error)
    endpoints = [
        EndpointHealth(position, str(endpoint.uri), known.get(str(endpoint.uri)))
        for position, endpoint in enumerate(found.forwarding.endpoints, 1)
    ]
    return endpoints, away


def _recent(desk: Desk, found: Number) -> Sequence[CallRecord]:
    wanted = CallFilter(number=found.e164, direction=Direction.INBOUND)
    return desk.calls.page(wanted, limit=RECENT).calls
