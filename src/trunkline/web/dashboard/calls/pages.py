"""Calls: those under way, the list of past ones and its export, and the page of one call."""

import io
import time
from collections.abc import Iterator, Sequence
from itertools import chain

from fastapi import APIRouter, Request
from fastapi.responses import Response, StreamingResponse

from trunkline.call.quality import Quality
from trunkline.call.record import CallRecord, RecordState
from trunkline.errors import DirectoryError
from trunkline.observe.message import LadderMessage
from trunkline.observe.pcap import write_pcap
from trunkline.web.control_client import ControlError
from trunkline.web.dashboard.browser import Form, Signed, go
from trunkline.web.dashboard.calls.ending import ending
from trunkline.web.dashboard.calls.ladder_picture import ladder_picture, steps
from trunkline.web.dashboard.calls.quality_picture import quality_plots
from trunkline.web.dashboard.calls.records_csv import csv_lines
from trunkline.web.dashboard.calls.timeline_picture import timeline_picture
from trunkline.web.dashboard.calls.wanted import RESULTS, unfiltered, wanted_of
from trunkline.web.dashboard.frame import page
from trunkline.web.desk import Desk
from trunkline.web.places import Places
from trunkline.web.views import CallAudio

PAGE = 50
MAX_LIVE = 200
"""Calls under way on one page."""
MAX_EXPORTS = 3
"""At a time, in the whole process: each keeps the database busy for as long as it takes."""
EXPORT_RETRY_S = 30

router = APIRouter()
_exports = Places(MAX_EXPORTS, 1, "exports", EXPORT_RETRY_S)


@router.get("/calls")
def calls(request: Request, desk: Signed, cursor: str = "") -> Response:
    refused = ""
    try:
        wanted = wanted_of(request.query_params)
    except DirectoryError as error:
        wanted, refused = unfiltered(request.query_params), str(error)
    found = None if refused else desk.calls.page(wanted.filter, cursor=cursor or None, limit=PAGE)
    return page(
        request,
        "calls/calls.html",
        status=422 if refused else 200,
        refused=refused,
        calls=() if found is None else found.calls,
        wanted=wanted,
        results=RESULTS,
        first=wanted.link("/calls") if cursor else "",
        next=wanted.link("/calls", cursor=found.next_cursor) if found and found.next_cursor else "",
        export=wanted.link("/calls/export.csv"),
    )


@router.get("/calls/export.csv")
def export(request: Request, desk: Signed) -> Response:
    pages = desk.calls.all(wanted_of(request.query_params).filter)
    lines = _exported(pages, desk.principal.account)
    name = time.strftime("calls-%Y%m%d-%H%M%S.csv", time.gmtime())
    headers = {"Content-Disposition": f'attachment; filename="{name}"'}
    return StreamingResponse(lines, media_type="text/csv; charset=utf-8", headers=headers)


def _exported(pages: Iterator[Sequence[CallRecord]], account: str | None) -> Iterator[bytes]:
    """The file, a part at a time. Raises `TooManyAttemptsError` at once when others are being written."""
    _exports.take(account)
    lines = _released(csv_lines(pages), account)
    # Only a generator that has begun runs its end when a client goes away before the first part.
    return chain([next(lines)], lines)


def _released(lines: Iterator[bytes], account: str | None) -> Iterator[bytes]:
    try:
        yield from lines
    finally:
        _exports.give_back(account)


@router.get("/calls/live")
def live(request: Request, desk: Signed) -> Response:
    try:
        up, away = desk.calls.live(), ""
    except ControlError as error:
        up, away = (), str(error)
    return page(
        request, "calls/live.html", calls=up[-MAX_LIVE:][::-1], number=len(up), away=away, now=time.time()
    )


@router.get("/calls/{call_id}")
def call(request: Request, desk: Signed, call_id: str) -> Response:
    detail = desk.calls.get(call_id)
    messages, away = _ladder(desk, call_id)
    up = detail.call.state is RecordState.OPEN
    audio = _audio(desk, call_id) if up else None
    course = _quality(desk, call_id)
    ladder = steps(messages)
    return page(
        request,
        "calls/call.html",
        call=detail.call,
        attempts=detail.attempts,
        up=up,
        audio=audio or CallAudio(detail.call.caller_media, detail.call.callee_media),
        so_far=audio is not None,
        course=course.moments(),
        course_plots=quality_plots(course),
        ending=ending(detail.call, detail.attempts, messages, pbx=_pbx(desk)),
        timeline=timeline_picture(detail.call, detail.attempts, time.time()),
        ladder=ladder,
        picture=ladder_picture(ladder) if messages else "",
        away=away,
    )


@router.get("/calls/{call_id}/pcap")
def pcap(desk: Signed, call_id: str) -> Response:
    file = io.BytesIO()
    write_pcap(file, desk.calls.ladder(call_id))
    name = "".join(character for character in call_id[:64] if character.isalnum())
    headers = {"Content-Disposition": f'attachment; filename="call-{name}.pcap"'}
    return Response(file.getvalue(), media_type="application/vnd.tcpdump.pcap", headers=headers)


@router.post("/calls/{call_id}/hang-up")
def hang_up(request: Request, desk: Signed, _form: Form, call_id: str) -> Response:
    desk.calls.hang_up(call_id)
    return go(request, "/calls/live", "The call is being ended.")


def _ladder(desk: Desk, call_id: str) -> tuple[Sequence[LadderMessage], str]:
    """The SIP messages, and why there are none if the node can't be asked."""
    try:
        return desk.calls.ladder(call_id), ""
    except ControlError as error:
        return (), str(error)


def _audio(desk: Desk, call_id: str) -> CallAudio | None:
    """The audio so far; None when the call is over, or nobody knows."""
    try:
        return desk.calls.audio(call_id)
    except ControlError:
        return None


def _quality(desk: Desk, call_id: str) -> Quality:
    """How the audio went; no points when nobody knows."""
    try:
        return desk.calls.quality(call_id)
    except ControlError:
        return Quality()


def _pbx(desk: Desk) -> str:
    return "The customer's PBX" if desk.principal.operator else "Your PBX"
