"""The dashboard and the APIs as one app.

`/v1` is the REST API; `/account`, `/accounts` and `/number` are what Nexmo's clients speak; everything else
is the dashboard, whose page of accounts is therefore `/customers`.
"""

from starlette.types import ASGIApp

from trunkline.web.api.app import api_app
from trunkline.web.asgi import Doors, Guard
from trunkline.web.dashboard.app import dashboard_app
from trunkline.web.nexmo.app import PREFIXES, nexmo_app
from trunkline.web.office import Office


def web_app(office: Office) -> ASGIApp:
    """See the module."""
    nexmo = nexmo_app(office)
    apps: dict[str, ASGIApp] = {"/v1": api_app(office), **dict.fromkeys(PREFIXES, nexmo)}
    return Guard(Doors(apps, dashboard_app(office)))
