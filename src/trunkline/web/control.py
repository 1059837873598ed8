"""The control socket's app: what the command line asks a running node, and tells it.

Whoever may open the socket (mode 0600: the node's own user, and root) may do everything here, so there is no
password. `trunkline.web.control_client` is the other end; the two are of one version, the paths are no
public interface.
"""

from collections.abc import AsyncIterator
from dataclasses import asdict
from typing import Annotated

from fastapi import FastAPI, Query, Response
from fastapi.responses import JSONResponse, StreamingResponse
from starlette.requests import Request

from trunkline.call.quality import Quality
from trunkline.errors import DirectoryError, TrunklineError
from trunkline.web.call_feed import TooManyListenersError
from trunkline.web.control_format import CALL_EVENT, HEARTBEAT_S, LADDER, TARGETS
from trunkline.web.node_view import NodeView
from trunkline.web.views import (
    BanView,
    CallAudio,
    CallEvent,
    DirectoryStats,
    Explanation,
    Glance,
    LiveCall,
    MediaPorts,
    NodeStats,
    PbxView,
    PingAnswer,
    Question,
    RegistrationView,
    TrialCall,
    Usage,
)


def control_app(node: NodeView) -> FastAPI:
    """The app of the control socket."""
    app = FastAPI(title="Trunkline control", docs_url=None, redoc_url=None, openapi_url=None)
    _add_errors(app)
    _add_calls(app, node)
    _add_peers(app, node)
    _add_node(app, node)
    return app


def _problem(status: int, detail: str) -> JSONResponse:
    return JSONResponse({"detail": detail}, status)


def _add_errors(app: FastAPI) -> None:
    @app.exception_handler(TrunklineError)
    @app.exception_handler(OSError)
    async def failed(_request: Request, error: Exception) -> JSONResponse:
        return _problem(503, str(error))


def _add_calls(app: FastAPI, node: NodeView) -> None:
    @app.get("/calls")
    async def calls() -> list[LiveCall]:
        return node.calls()

    @app.get("/calls/follow")
    async def follow() -> Response:
        try:
            events = node.feed.listen(idle_s=HEARTBEAT_S)
        except TooManyListenersError:
            return _problem(503, "too many follow already")
        return StreamingResponse(_lines(events), media_type="application/x-ndjson")

    @app.post("/calls/{call_id}/hang-up")
    async def hang_up(call_id: str) -> Response:
        return (
            Response(status_code=204) if node.hang_up(call_id) else _problem(404, f"no call {call_id} is up")
        )

    @app.get("/calls/{call_id}/audio")
    async def audio(call_id: str) -> CallAudio | None:
        return node.audio(call_id)

    @app.get("/calls/{call_id}/quality")
    async def quality(call_id: str) -> Quality | None:
        return node.quality(call_id)

    @app.get("/calls/{call_id}/ladder")
    async def ladder(call_id: str) -> Response:
        return Response(LADDER.dump_json(await node.ladder(call_id)), media_type="application/json")


async def _lines(events: AsyncIterator[CallEvent | None]) -> AsyncIterator[bytes]:
    async for event in events:
        yield b"\n" if event is None else CALL_EVENT.dump_json(event) + b"\n"


def _add_peers(app: FastAPI, node: NodeView) -> None:
    @app.get("/registrations")
    async def registrations() -> list[RegistrationView]:
        return node.registrations()

    @app.get("/pbx/{account}")
    async def pbx(account: str, host: Annotated[list[str], Query()] = []) -> PbxView:  # noqa: B006 - read only
        return node.pbx(account, host)

    @app.get("/glance")
    async def glance(
        account: str | None = None,
        host: Annotated[list[str], Query()] = [],  # noqa: B006 - read only
    ) -> Glance:
        return await node.glance(account, host)

    @app.get("/health")
    async def health(owner: str | None = None) -> Response:
        return Response(TARGETS.dump_json(await node.health(owner)), media_type="application/json")

    @app.post("/ping")
    async def ping(uri: str) -> PingAnswer:
        return await node.ping(uri)

    @app.post("/trial-call")
    async def trial_call(number: str) -> TrialCall:
        return await node.trial_call(number)

    @app.get("/usage/{account}")
    async def usage(account: str) -> Usage:
        return node.usage(account)

    @app.get("/bans")
    async def bans() -> list[BanView]:
        return node.bans()

    @app.put("/bans")
    async def ban(source: str, reason: str, for_s: float) -> Response:
        try:
            return JSONResponse(asdict(node.ban(source, reason, for_s)))
        except DirectoryError as error:
            return _problem(409, str(error))

    @app.delete("/bans/{source:path}")
    async def lift_ban(source: str) -> Response:
        return (
            Response(status_code=204) if node.lift_ban(source) else _problem(404, f"{source} is not banned")
        )


def _add_node(app: FastAPI, node: NodeView) -> None:
    @app.get("/stats")
    async def stats() -> NodeStats:
        return node.stats()

    @app.get("/media-ports")
    async def media_ports() -> MediaPorts:
        return node.media_ports()

    @app.post("/drain")
    async def drain(timeout_s: float | None = None) -> NodeStats:
        node.drain(timeout_s)
        return node.stats()

    @app.post("/directory/refresh")
    async def refresh_directory() -> DirectoryStats:
        return await node.refresh_directory()

    @app.post("/explain")
    async def explain(question: Question) -> Explanation:
        return node.explain(question)
