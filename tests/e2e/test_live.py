"""Pages that change by themselves, and say so when they can't."""

import contextlib
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.e2e.conftest import Open
from tests.e2e.site import NUMBER, Site, running_site
from tests.interop.addresses import free_port, wait_for
from tests.interop.node import HOST, KEY, ROOT, SECRET, Node

PHONE = "127.0.0.40"
TONE = "9992000"
PATIENCE_MS = 30_000


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """With the simulated carrier, which has numbers that talk."""
    pstn = f"{HOST}:{free_port()}"
    settings = {"pstn.enabled": True, "pstn.bind": pstn}
    with running_site(tmp_path_factory.mktemp("live") / "node", settings) as site:
        site.node.command("carrier", "add", "pstn", "--gateway", f"sip:{pstn}")
        site.node.command("route", "add", "999", "--carrier", "pstn")
        yield site


@contextmanager
def talking(node: Node) -> Iterator[None]:
    """A call of the customer's that lasts until the far end, or the service, hangs up."""
    command = [sys.executable, "-m", "trunkline.cli", "--config", str(node.settings_file), "dial", TONE]
    command += ["--key", KEY, "--secret", SECRET, "--bind", PHONE, "--for", "60"]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL) as phone:
        try:
            yield
            phone.wait(60)
        finally:
            phone.kill()


def hang_up_all(site: Site) -> None:
    """As the operator does at a terminal, until no call is left (a record comes a moment after its call)."""

    def ended() -> bool:
        for call in site.node.command("calls", "--limit", "5"):
            if call["verdict"] == "open":
                with contextlib.suppress(AssertionError):  # it has ended meanwhile
                    site.node.run("calls", call["call_id"], "--hang-up")
        return site.node.gauge("active_calls") == 0

    wait_for("every call to end", ended, within_s=60, every_s=0.2)


def test_a_call_comes_is_shown_and_is_hung_up(site: Site, open_page: Open) -> None:
    page, overview = open_page(KEY), open_page(KEY)
    overview.goto("/")
    page.goto("/calls/live")
    expect(page.get_by_text("No call is under way")).to_be_visible()
    with talking(site.node):
        row = page.get_by_role("row").filter(has_text=TONE)
        expect(row).to_contain_text("answered", timeout=PATIENCE_MS)
        expect(row).to_contain_text("PCMA")
        expect(overview.locator(".figure", has_text="Calls now")).to_contain_text("1", timeout=PATIENCE_MS)
        row.get_by_role("link").first.click()
        expect(page.locator("#audio")).to_contain_text("So far.")
        page.locator("summary", has_text="Hang up").click()
        page.get_by_role("button", name="Hang up now").click()
        expect(page.get_by_text("The call is being ended")).to_be_visible()
        expect(page.get_by_text("No call is under way")).to_be_visible(timeout=PATIENCE_MS)


def test_what_somebody_uses_is_not_pulled_away(site: Site, open_page: Open) -> None:
    page = open_page(KEY)
    page.goto("/calls/live")
    with talking(site.node):
        page.locator("summary", has_text="Hang up").click(timeout=PATIENCE_MS)
        button = page.get_by_role("button", name="Hang up now")
        with talking(site.node):
            wait_for("the second call", lambda: site.node.gauge("active_calls") == 2)
            expect(button).to_be_visible()
            hang_up_all(site)
    page.locator("summary", has_text="Hang up").click()
    expect(page.get_by_text("No call is under way")).to_be_visible(timeout=PATIENCE_MS)


def test_the_focus_stays_where_it_is(site: Site, open_page: Open) -> None:
    page = open_page(KEY)
    page.goto("/calls/live")
    with talking(site.node):
        page.locator("summary", has_text="Hang up").focus(timeout=PATIENCE_MS)
        with talking(site.node):
            expect(page.get_by_text("2 calls under way")).to_be_visible(timeout=PATIENCE_MS)
            expect(page.locator("summary:focus")).to_have_count(1)
            hang_up_all(site)


def test_signing_out_ends_the_stream(site: Site, open_page: Open) -> None:
    page = open_page(KEY)
    page.goto("/calls/live")
    other = page.context.new_page()
    other.goto("/calls")
    other.get_by_role("button", name="Sign out").click()
    expect(page.get_by_role("status").first).to_contain_text("You are signed out", timeout=PATIENCE_MS)


def test_a_lost_connection_is_said_and_caught_up_with(tmp_path: Path, chromium: Browser) -> None:
    with (
        running_site(tmp_path / "lost") as site,
        chromium.new_context(base_url=site.url, timezone_id="Asia/Kolkata") as context,
    ):
        page = signed_in(site, context.new_page())
        page.goto("/calls/live")
        state = page.locator("#live-state")
        expect(state).to_have_attribute("aria-live", "polite")
        expect(state).to_be_empty()
        site.node.kill()
        expect(state).to_contain_text("The connection to the service is lost", timeout=PATIENCE_MS)
        known = re.search(r"known at (\d\d:\d\d):\d\d UTC", state.inner_text())
        assert known is not None
        assert known[1] in [time.strftime("%H:%M", time.gmtime(time.time() - late)) for late in (0, 60, 120)]
        site.node.start()
        expect(state).to_be_empty(timeout=PATIENCE_MS)
        expect(page.get_by_text("No call is under way")).to_be_visible()


def test_a_page_that_refused_a_form_goes_on_changing(site: Site, chromium: Browser) -> None:
    site.node.command("number", "forward", NUMBER, "100@192.0.2.1")
    with chromium.new_context(base_url=site.url) as context:
        page = signed_in(site, context.new_page())
        page.goto(f"/numbers/{NUMBER}")
        page.get_by_label("SIP URI").fill("no good")
        page.get_by_role("button", name="Update", exact=True).first.click()
        expect(page.get_by_text("Nothing was saved.")).to_be_visible()
        with page.expect_response(lambda answer: "/numbers/" in answer.url, timeout=PATIENCE_MS) as asked:
            pass
        assert (asked.value.status, asked.value.url) == (200, f"{site.url}/numbers/{NUMBER}")


def signed_in(site: Site, page: Page) -> Page:
    """The page, on which the customer is signed in."""
    site.sign_in(page, KEY)
    return page
