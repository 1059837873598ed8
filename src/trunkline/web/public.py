"""The HTTP port for machines: is the node alive, does it take calls, what has it counted.

`/healthz` answers while the loop turns: restart the node when it doesn't. `/readyz` says whether new calls
are taken: a node that is being started with its dashboard, draining or overloaded answers 503 with its
reasons. What else is wrong, such as records that can't be written, it says without refusing. `/metrics` is
for Prometheus. No password: the address it is bound to is the operator's choice.
"""

from dataclasses import asdict

from fastapi import FastAPI, Response
from fastapi.responses import JSONResponse, PlainTextResponse

from trunkline.observe.metrics import CONTENT_TYPE
from trunkline.web.node_view import NodeView

_READ = ["GET", "HEAD"]


def public_app(node: NodeView) -> FastAPI:
    """The app of the public port."""
    app = FastAPI(title="Trunkline", docs_url=None, redoc_url=None, openapi_url=None)

    @app.api_route("/healthz", methods=_READ)
    async def healthz() -> Response:
        return PlainTextResponse("ok\n")

    @app.api_route("/readyz", methods=_READ)
    async def readyz() -> Response:
        readiness = node.readiness()
        return JSONResponse(asdict(readiness), 200 if readiness.ready else 503)

    @app.api_route("/metrics", methods=_READ)
    async def metrics() -> Response:
        return Response(node.metrics(), media_type=CONTENT_TYPE)

    return app
