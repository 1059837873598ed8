"""The service as its operator runs it, with the dashboard on a free port; and who can sign in there."""

import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import Page

from tests.interop.addresses import free_port
from tests.interop.node import HOST, KEY, SECRET, Node

OPERATOR = "ann@operator.example"
OTHER_KEY = "5e0dd611"
PASSWORDS = {OPERATOR: "a password for operators", KEY: SECRET, OTHER_KEY: "an0ther-customers-secret"}
NUMBER, OTHER_NUMBER = "12125550200", "12125550300"
CARRIER = "127.0.0.20"
"""Calls that come from there are the carrier's."""


class Site:
    """A node and its dashboard."""

    def __init__(self, directory: Path, settings: Mapping[str, object] | None = None) -> None:
        self.port = free_port()
        self.url = f"http://{HOST}:{self.port}"
        web = {"web.enabled": True, "web.bind": f"{HOST}:{self.port}", **(settings or {})}
        self.node = Node(directory, web)

    def furnish(self) -> None:
        """An operator, two customers with a number each, a carrier and a route."""
        node = self.node
        node.command("user", "add", OPERATOR, "--password", PASSWORDS[OPERATOR])
        node.command("account", "add", "--key", OTHER_KEY, "--secret", PASSWORDS[OTHER_KEY])
        node.command("number", "add", NUMBER, "--account", KEY)
        node.command("number", "add", OTHER_NUMBER, "--account", OTHER_KEY)
        node.command("carrier", "add", "main", "--source", CARRIER, "--gateway", f"sip:{CARRIER}:5099")
        node.command("route", "add", "1", "--carrier", "main")

    def answers(self) -> bool:
        """Whether the dashboard is there."""
        try:
            with urllib.request.urlopen(f"{self.url}/sign-in", timeout=30) as answer:
                return bool(answer.status == 200)
        except OSError:
            return False

    def sign_in(self, page: Page, who: str) -> None:
        """By the sign-in page, as a person does."""
        page.goto("/sign-in")
        page.get_by_label("Account key or e-mail address").fill(who)
        page.get_by_label("Secret or password").fill(PASSWORDS[who])
        page.get_by_role("button", name="Sign in").click()
        page.get_by_role("button", name="Sign out").wait_for()


@contextmanager
def running_site(directory: Path, settings: Mapping[str, object] | None = None) -> Iterator[Site]:
    """A site that is up; stopped, and its log looked through, at the end."""
    site = Site(directory, settings)
    try:
        site.node.init()
        site.furnish()
        site.node.start()
        assert site.answers(), "the node said that it was ready"
        yield site
        site.node.stop()
    finally:
        site.node.close()
