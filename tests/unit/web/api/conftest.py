"""The API in front of two customers, and a client for each who asks: signed in with a token."""

import httpx
import pytest
from starlette.types import ASGIApp

from tests.unit.web.customers import ALPHA, BETA, OPERATOR, principal
from tests.unit.web.in_process import client
from trunkline.web.app import web_app
from trunkline.web.office import Office


@pytest.fixture
def app(office: Office) -> ASGIApp:
    return web_app(office)


def signed_in(office: Office, app: ASGIApp, name: str) -> httpx.Client:
    """A client with a new token of `name`."""
    token, _ = office.desk(principal(name)).people.open_token("test")
    made = client(app)
    made.headers["Authorization"] = f"Bearer {token}"
    return made


@pytest.fixture
def operator(office: Office, app: ASGIApp) -> httpx.Client:
    return signed_in(office, app, OPERATOR)


@pytest.fixture
def alpha(office: Office, app: ASGIApp) -> httpx.Client:
    return signed_in(office, app, ALPHA.key)


@pytest.fixture
def beta(office: Office, app: ASGIApp) -> httpx.Client:
    return signed_in(office, app, BETA.user)
