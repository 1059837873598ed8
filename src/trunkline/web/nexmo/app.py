"""Its app."""

from fastapi import FastAPI

from trunkline.web.nexmo import account, numbers, secrets
from trunkline.web.nexmo.errors import add_error_handlers
from trunkline.web.office import Office

PREFIXES = ("/account", "/accounts", "/number")


def nexmo_app(office: Office) -> FastAPI:
    """The app; its paths are Nexmo's."""
    app = FastAPI(title="Trunkline", openapi_url=None, docs_url=None, redoc_url=None, redirect_slashes=False)
    app.state.office = office
    add_error_handlers(app)
    app.include_router(account.router)
    app.include_router(numbers.router)
    app.include_router(secrets.router)
    return app
