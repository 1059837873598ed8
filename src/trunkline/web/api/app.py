"""The REST API's app."""

import threading
from typing import Any

from fastapi import FastAPI

from trunkline import __version__
from trunkline.web.api.docs import add_docs
from trunkline.web.api.front import Front
from trunkline.web.api.openapi import describe
from trunkline.web.api.refusals import add_refusals
from trunkline.web.api.resources import (
    accounts,
    calls,
    carriers,
    connecting,
    explaining,
    figures,
    forwarding,
    network,
    nodes,
    numbers,
    people,
    routes,
    secrets,
    stock,
    webhooks,
)
from trunkline.web.office import Office

_MATTERS = (
    accounts,
    secrets,
    numbers,
    forwarding,
    connecting,
    stock,
    carriers,
    routes,
    calls,
    figures,
    explaining,
    network,
    nodes,
    webhooks,
    people,
)


class _Api(FastAPI):
    _describing = threading.Lock()

    def openapi(self) -> dict[str, Any]:
        """From any thread: the first request has it made, which takes a third of a second."""
        with self._describing:
            if self.openapi_schema is None:
                self.openapi_schema = describe(super().openapi())
        return self.openapi_schema


def api_app(office: Office) -> FastAPI:
    """The app. Paths begin with `/v1`."""
    app = _Api(
        title="Trunkline",
        version=__version__,
        openapi_url="/v1/openapi.json",
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        generate_unique_id_function=lambda route: route.name,
    )
    app.state.front = Front(office)
    add_refusals(app)
    for matter in _MATTERS:
        app.include_router(matter.router)
    add_docs(app)
    return app
