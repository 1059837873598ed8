"""Its app."""

from fastapi import FastAPI
from fastapi.responses import PlainTextResponse

from trunkline.web.office import Office


def dashboard_app(office: Office) -> FastAPI:
    """The app of the pages."""
    app = FastAPI(title="Trunkline", openapi_url=None, docs_url=None, redoc_url=None)

    @app.get("/")
    def overview() -> PlainTextResponse:
        return PlainTextResponse(office.settings.service.product)

    return app
