"""Calls: records of past ones, live ones, their messages."""

import io
from typing import Annotated

from fastapi import APIRouter, Query
from starlette.responses import Response

from trunkline.call.record import Direction, RecordState
from trunkline.errors import DirectoryError
from trunkline.observe.pcap import write_pcap
from trunkline.store.calls import CallFilter
from trunkline.store.errors import NotFoundError
from trunkline.trunk.verdict import Slug
from trunkline.web.api.front import AtDesk
from trunkline.web.api.models.base import KEY, PRINTABLE, Moment
from trunkline.web.api.models.call import (
    SLUGS,
    AudioView,
    CallDetailView,
    CallPage,
    CallView,
    LadderView,
    LiveCallList,
    LiveCallView,
    MessageView,
    QualityView,
)
from trunkline.web.api.resources.parameters import AccountQuery, CallPath, Cursor, Limit

router = APIRouter(prefix="/v1", tags=["Calls"])

PCAP = "application/vnd.tcpdump.pcap"


ErrorIdQuery = Annotated[
    str | None, Query(max_length=64, pattern=KEY, description="An error id.", examples=["no-route"])
]


@router.get("/calls")
def list_calls(
    desk: AtDesk,
    account: AccountQuery = None,
    number: Annotated[str | None, Query(pattern=r"^[0-9]{1,15}$", examples=["442079460123"])] = None,
    carrier: Annotated[str | None, Query(pattern=KEY, examples=["upstream"])] = None,
    direction: Direction | None = None,
    state: RecordState | None = None,
    verdict: ErrorIdQuery = None,
    unanswered: Annotated[
        bool, Query(description="Those alone that ended without an answer, whatever the reason.")
    ] = False,
    sip_call_id: Annotated[
        str | None,
        Query(max_length=1000, pattern=PRINTABLE, description="SIP Call-ID of any leg."),
    ] = None,
    since: Annotated[Moment | None, Query(description="Set up at or after this moment …")] = None,
    until: Annotated[Moment | None, Query(description="… and before this one.")] = None,
    cursor: Cursor = None,
    limit: Limit = 50,
) -> CallPage:
    """Calls, newest first; a customer's own. By account, number and time it is quick."""
    wanted = CallFilter(
        account=account,
        number=number,
        carrier=carrier,
        direction=direction,
        state=state,
        slug=None if verdict is None else _slug(verdict),
        unanswered=unanswered,
        sip_call_id=sip_call_id,
        since_at=None if since is None else since.timestamp(),
        until_at=None if until is None else until.timestamp(),
    )
    page = desk.calls.page(wanted, cursor=cursor, limit=limit)
    return CallPage(items=[CallView.of(one) for one in page.calls], next=page.next_cursor)


@router.get("/calls/{call_id}")
def get_call(desk: AtDesk, call_id: CallPath) -> CallDetailView:
    """One call with its attempts."""
    return CallDetailView.of(desk.calls.get(call_id))


@router.get("/calls/{call_id}/quality")
def get_quality(desk: AtDesk, call_id: CallPath) -> QualityView:
    """How its audio went over time: loss, jitter and MOS of both sides; of a call under way until now."""
    return QualityView.of(desk.calls.quality(call_id))


@router.get("/calls/{call_id}/ladder")
def get_ladder(desk: AtDesk, call_id: CallPath) -> LadderView:
    """Its SIP messages, secrets masked."""
    return LadderView(items=[MessageView.of(one) for one in desk.calls.ladder(call_id)])


@router.get(
    "/calls/{call_id}/ladder.pcap",
    response_class=Response,
    responses={200: {"content": {PCAP: {"schema": {"type": "string", "format": "binary"}}}}},
)
def get_capture(desk: AtDesk, call_id: CallPath) -> Response:
    """The same messages as a packet capture, for Wireshark."""
    file = io.BytesIO()
    write_pcap(file, desk.calls.ladder(call_id))
    headers = {"Content-Disposition": f'attachment; filename="{call_id}.pcap"'}
    return Response(file.getvalue(), headers=headers, media_type=PCAP)


@router.get("/live-calls")
def list_live_calls(desk: AtDesk) -> LiveCallList:
    """Calls under way, oldest first."""
    return LiveCallList(items=[LiveCallView.model_validate(one) for one in desk.calls.live()])


@router.get("/live-calls/{call_id}/audio")
def get_audio(desk: AtDesk, call_id: CallPath) -> AudioView:
    """How the audio of a call under way is so far."""
    audio = desk.calls.audio(call_id)
    if audio is None:
        raise NotFoundError("live call", call_id)
    return AudioView.model_validate(audio)


@router.delete("/live-calls/{call_id}", status_code=204)
def hang_up(desk: AtDesk, call_id: CallPath) -> None:
    """Hang a call up."""
    desk.calls.hang_up(call_id)


def _slug(text: str) -> Slug:
    slug = SLUGS.get(text)
    if slug is None:
        raise DirectoryError(f"{text!r} is no error id; /v1/error-ids lists them")
    return slug
