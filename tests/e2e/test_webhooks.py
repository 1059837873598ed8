"""A customer's webhook on the dashboard: made, told of a call that it does not hear, sent again, removed."""

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page

from tests.e2e.conftest import NARROW, Open
from tests.e2e.peers import RefusingPbx, carrier_call
from tests.e2e.site import NUMBER, Site
from tests.e2e.test_accessibility import SEVERE
from tests.interop.addresses import wait_for
from tests.interop.node import KEY

URL = "https://receiver.invalid/hook"


def shows(page: Page, words: str) -> bool:
    page.reload()
    return page.get_by_text(words).count() > 0


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_webhook_from_its_making_to_its_removal(open_page: Open, site: Site, scheme: str) -> None:
    page = open_page(KEY, scheme=scheme)
    page.get_by_role("link", name="Webhooks").click()
    page.get_by_label("URL").fill(URL)
    page.get_by_label("call.failed").check()
    page.get_by_role("button", name="Add").click()
    page.get_by_text("whsec_").wait_for()
    assert not shows(page, "whsec_")

    with RefusingPbx("486 Busy Here", ()) as pbx:
        site.node.command("number", "forward", NUMBER, pbx.uri)
        carrier_call(site)
    wait_for("the delivery that failed", lambda: shows(page, "receiver.invalid has no address"), within_s=60)
    assert not [item for item in Axe().run(page).response["violations"] if item["impact"] in SEVERE]
    page.get_by_role("button", name="Send a test").click()
    page.get_by_text("A test event is sent").wait_for()
    page.get_by_role("button", name="Send again").first.click()
    page.get_by_text("It is sent again").wait_for()

    page.set_viewport_size({"width": NARROW[0], "height": NARROW[1]})
    over = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
    assert over <= 0
    page.get_by_text("Remove", exact=True).first.click()
    page.get_by_role("button", name="Remove").click()
    page.get_by_text("The webhook was removed").wait_for()
