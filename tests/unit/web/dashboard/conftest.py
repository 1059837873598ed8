"""The whole web app over a database of its own and a node of paper; and browsers that are signed in there."""

import re
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.unit.web.customers import make_old
from tests.unit.web.in_process import InProcess, client
from tests.unit.web.paper_node import PaperNode
from trunkline.config import Settings, render_default
from trunkline.sip.uri import SipUri
from trunkline.store.keys import Keyring
from trunkline.store.migrate import upgrade
from trunkline.store.store import Store
from trunkline.store.users import Role, User
from trunkline.trunk.account import Account
from trunkline.trunk.carrier import Carrier, Gateway
from trunkline.trunk.forwarding import ForwardingList
from trunkline.trunk.number import Number
from trunkline.trunk.routes import Route, RouteCarrier
from trunkline.web.app import web_app
from trunkline.web.control import control_app
from trunkline.web.control_client import ControlClient
from trunkline.web.node_line import NodeLine
from trunkline.web.office import Office

KEY, SECRET = "abcd1234", "s3cret-of-abcd"
OTHER_KEY, OTHER_SECRET = "ffff0000", "s3cret-of-ffff"
NUMBER, OTHER_NUMBER = "442079460000", "493012345678"
OPERATOR, PASSWORD = "admin", "correct horse battery"
HOSTILE = "<script>alert(1)</script>\x1b[31m\u202e\"'&"
"""What a name may not do to a page; as an account's, one that was kept before there was a bound."""
HOSTILE_NAME = HOSTILE.replace("\x1b", "")
"""The worst that an account is still given."""


@pytest.fixture(scope="session")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory with key file and database: two customers with a number each, a carrier, an operator."""
    home = tmp_path_factory.mktemp("filled")
    url = f"sqlite:///{home}/trunkline.db"
    upgrade(url)
    Keyring.create(home / "secret.key")
    store = Store.open(url, home / "secret.key", "sip.example.net")
    store.accounts.add(Account(KEY, "First & Sons"), SECRET)
    with pytest.MonkeyPatch.context() as before_bounds:
        before_bounds.setattr("trunkline.store.accounts.check_bounds", lambda _account: None)
        store.accounts.add(Account(OTHER_KEY, HOSTILE, max_concurrent=4), OTHER_SECRET)
    make_old(store)
    store.numbers.add(Number(NUMBER, KEY, ForwardingList.parse("sip:100@pbx.example, sips:100@up.example")))
    store.numbers.add(Number(OTHER_NUMBER, OTHER_KEY))
    store.carriers.add(Carrier("upstream", (Gateway(SipUri.parse("sip:sbc.example"), 0, 1),)))
    store.routes.add(Route("44", (RouteCarrier("upstream"),)))
    store.users.add(User(OPERATOR, Role.OPERATOR), PASSWORD)
    store.close()
    return home


@pytest.fixture
def paper() -> PaperNode:
    return PaperNode()


@pytest.fixture
def office(filled: Path, tmp_path: Path, paper: PaperNode) -> Iterator[Office]:
    """The office of one test."""
    home = tmp_path / "data"
    shutil.copytree(filled, home)
    text = render_default(
        {
            "service.domain": "sip.example.net",
            "node.data_dir": str(home),
            "node.name": "n1",
            "sip.advertised_host": "203.0.113.10",
        }
    )
    settings = Settings.parse(text, "the test's settings")
    store = Store.open(f"sqlite:///{home}/trunkline.db", home / "secret.key", "sip.example.net")
    line = NodeLine(home / "control.sock")
    line._client = ControlClient(Path(), transport=InProcess(control_app(paper)))
    office = Office(settings, store, line)
    yield office
    office.close()


@dataclass
class Browser:
    """One browser. Doesn't follow redirects by itself: `follow` does."""

    client: httpx.Client

    def get(self, path: str, status: int = 200) -> str:
        """The page at `path`."""
        answer = self.client.get(path, headers={"Accept": "text/html"})
        assert answer.status_code == status, (path, answer.status_code, answer.text)
        return answer.text

    def word(self) -> str:
        """The session's, as any page has it."""
        found = re.search(r'name="form_word" value="([0-9a-f]+)"', self.get("/"))
        assert found is not None
        return found[1]

    def post(self, path: str, status: int = 303, /, **fields: Any) -> httpx.Response:
        """Send a form of the page's; `status` is the answer's."""
        answer = self.client.post(path, data={"form_word": self.word(), **fields})
        assert answer.status_code == status, (path, answer.status_code, answer.text)
        return answer

    def sent(self, path: str, /, **fields: Any) -> str:
        """Send a form that is taken, and return the page that it leads to."""
        return self.get(self.post(path, **fields).headers["Location"])


Open = Callable[[], Browser]


@pytest.fixture
def stranger(office: Office) -> Open:
    """Makes a browser that is not signed in."""

    def open_one() -> Browser:
        return Browser(client(web_app(office)))

    return open_one


def sign_in(browser: Browser, name: str, password: str) -> Browser:
    """The same browser, signed in."""
    answer = browser.client.post("/sign-in", data={"name": name, "password": password, "next": "/"})
    assert answer.status_code == 303, answer.text
    return browser


def admitted(office: Office, browser: Browser, role: Role, user: str | None, account: str | None) -> Browser:
    """The same browser with a session, without the time that checking a password takes."""
    token, _ = office.store.sessions.open(role=role, user=user, account=account, lifetime_s=3600.0)
    browser.client.cookies.set("trunkline-session", token, domain="127.0.0.1")
    return browser


@pytest.fixture
def operator(office: Office, stranger: Open) -> Browser:
    return admitted(office, stranger(), Role.OPERATOR, OPERATOR, None)


@pytest.fixture
def customer(office: Office, stranger: Open) -> Browser:
    return admitted(office, stranger(), Role.CUSTOMER, None, KEY)


@pytest.fixture
def other(office: Office, stranger: Open) -> Browser:
    """The other customer."""
    return admitted(office, stranger(), Role.CUSTOMER, None, OTHER_KEY)
