"""Forward to SIP: the editor of a number's forwarding list.

Each endpoint is a row of fields; or the list is one line, as it always was. While somebody types, a script
has the server's own parser look at it (`check`). Ordering and removing rows works without scripts too: the
page comes back with the rows changed and nothing saved.
"""

from collections.abc import Sequence

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse, Response
from starlette.datastructures import FormData

from trunkline.errors import TrunklineError
from trunkline.trunk.forwarding import MAX_TEXT, ForwardingList, ForwardingSyntaxError
from trunkline.web.dashboard.browser import Flash, Form, Signed, go, text, texts
from trunkline.web.dashboard.directory.forwarding_rows import (
    MAX_ROWS,
    Judgement,
    Row,
    judge,
    rows_from,
    rows_of,
)
from trunkline.web.dashboard.directory.numbers import number_page
from trunkline.web.dashboard.frame import Refusal, refusal
from trunkline.web.errors import ChangedMeanwhileError
from trunkline.web.versions import unchanged

router = APIRouter()

_LOST = (
    "Somebody changed this number since you opened the page. Below is what you typed, not saved; Update "
    "again replaces what is saved now"
)


@router.post("/numbers/{e164}/forward")
def update(request: Request, desk: Signed, form: Form, e164: str) -> Response:
    number = desk.numbers.get(e164)
    rows = _rows(form)
    edited = _edited(rows, form)
    seen = text(form, "version")
    if edited is not None:
        return number_page(request, desk, number, rows=edited, seen=seen)
    judged = judge(rows)
    if judged.forwarding is None:
        why = Refusal(422, "Nothing was saved")
        return number_page(request, desk, number, rows=rows, seen=seen, why=why)
    try:
        saved = desk.numbers.forward(e164, judged.forwarding, guard=unchanged(seen))
    except ChangedMeanwhileError:
        return number_page(request, desk, desk.numbers.get(e164), rows=rows, why=Refusal(412, _LOST))
    except TrunklineError as error:
        return number_page(request, desk, number, rows=rows, seen=seen, why=refusal(error))
    said = "The forwarding was updated; new calls take it from now on."
    if not saved.forwarding:
        said = "The number is forwarded nowhere now; its callers hear that it is not available."
    return go(request, f"/numbers/{e164}", Flash(said, notes=saved.forwarding.warnings))


@router.post("/forwarding/check")
def check(desk: Signed, form: Form) -> JSONResponse:
    """What the parser says of the rows of a form, and the rows that it makes of them."""
    rows = _rows(form)
    return JSONResponse(_told(rows, judge(rows, desk.numbers.barred())))


def _rows(form: FormData) -> list[Row]:
    """Those of the fields; or of the list, where that was sent."""
    line = text(form, "list")
    if line:
        try:
            return rows_of(ForwardingList.parse(line))
        except ForwardingSyntaxError:
            return [Row(piece.strip()) for piece in line[:MAX_TEXT].split(",")[:MAX_ROWS]]
    return rows_from({name: texts(form, name) for name in Row.__slots__})


def _edited(rows: Sequence[Row], form: FormData) -> list[Row] | None:
    """The rows after a button of theirs was pressed; None: it was another one."""
    action, _, place = text(form, "do").partition(" ")
    at = int(place) if place.isascii() and place.isdigit() and len(place) < 4 else -1
    changed = list(rows)
    if action == "add":
        return [*changed, Row()]
    if action not in ("up", "down", "drop") or not 0 <= at < len(changed):
        return None
    row = changed.pop(at)
    if action != "drop":
        changed.insert(max(0, at - 1) if action == "up" else at + 1, row)
    return changed


def _told(rows: Sequence[Row], judged: Judgement) -> dict[str, object]:
    saved = judged.forwarding
    return {
        "text": judged.text,
        "endpoints": None if saved is None else len(saved.endpoints),
        "errors": [{"row": row, "said": said} for row, said in judged.errors.items()],
        "warnings": [{"row": row, "said": said} for row, said in judged.warnings],
        "rows": [_cells(row) for row in (rows if saved is None else rows_of(saved))],
    }


def _cells(row: Row) -> dict[str, str]:
    return {name: getattr(row, name) for name in Row.__slots__}
