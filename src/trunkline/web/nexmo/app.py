"""Its app."""

from fastapi import FastAPI

from trunkline.web.office import Office

PREFIXES = ("/account", "/accounts", "/number")


def nexmo_app(office: Office) -> FastAPI:  # noqa: ARG001
    """The app; its paths are Nexmo's."""
    return FastAPI(title="Trunkline", openapi_url=None, docs_url=None, redoc_url=None)
