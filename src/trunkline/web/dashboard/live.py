"""The stream by which pages learn that something happened (server-sent events, WHATWG HTML §9.2).

It says that calls took a step and which, whether the node answers, and when the session has ended. It says
nothing about the calls themselves: the page asks for its own parts again, through the same door as before.
"""

import json
import time
from collections.abc import AsyncIterator

from fastapi import APIRouter, Request
from fastapi.responses import PlainTextResponse, Response, StreamingResponse
from starlette.concurrency import run_in_threadpool

from trunkline.store.errors import DatabaseError
from trunkline.web.call_feed import TooManyListenersError
from trunkline.web.dashboard.browser import Signed, office_of, signed_in
from trunkline.web.errors import NotSignedInError
from trunkline.web.live_feed import News

HEARTBEAT_S = 10.0
"""So often a quiet stream shows that it lives, and the session is looked at."""
RETRY_S = 10

router = APIRouter()


@router.get("/live/events")
async def events(request: Request, desk: Signed) -> Response:
    principal = desk.principal
    try:
        news = office_of(request).live.listen(
            lambda call: principal.sees(call.account), idle_s=HEARTBEAT_S, whose=principal.account
        )
    except TooManyListenersError:
        return PlainTextResponse("too many pages are open\n", 503, {"Retry-After": str(RETRY_S)})
    return StreamingResponse(
        _told(request, news), media_type="text/event-stream", headers={"X-Accel-Buffering": "no"}
    )


async def _told(request: Request, news: AsyncIterator[News | None]) -> AsyncIterator[bytes]:
    yield b"retry: 3000\n\n"
    here: bool | None = None
    checked = time.monotonic()
    async for one in news:
        if time.monotonic() - checked >= HEARTBEAT_S or one is None:
            checked = time.monotonic()
            if not await run_in_threadpool(_is_signed_in, request):
                yield _event("ended", "")
                return
        if one is None:
            yield b": still here\n\n"
            continue
        if one.here != here:
            here = one.here
            yield _event("node", "here" if here else "away")
        yield _event("calls", json.dumps(None if one.calls is None else sorted(one.calls)))


def _is_signed_in(request: Request) -> bool:
    try:
        signed_in(request)
    except NotSignedInError:
        return False
    except DatabaseError:
        return True
    return True


def _event(name: str, data: str) -> bytes:
    return f"event: {name}\ndata: {data}\n\n".encode()
