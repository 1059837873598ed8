"""A running service with its dashboard, and pages of it in Chromium, driven by Playwright."""

from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright

from tests.e2e.site import Site, running_site
from tests.interop.conftest import sipp as sipp
from tests.programs import require_program

Open = Callable[..., Page]

WIDE, NARROW = (1280, 900), (320, 800)
"""Sizes of a window, and of a small phone's screen (WCAG 2.2, 1.4.10)."""
expect.set_options(timeout=30_000)  # as long as actions may take: a busy machine is no finding


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    """One browser for a module's tests; each page has cookies of its own.

    While Playwright runs, tests of other kinds can't run an event loop.
    """
    path = require_program("chromium")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """The service, for the tests of one module."""
    with running_site(tmp_path_factory.mktemp("site") / "node") as site:
        yield site


@pytest.fixture
def open_page(site: Site, chromium: Browser) -> Iterator[Open]:
    """`open_page("admin")` is a page on which that user, or account, is signed in; None: nobody.

    Whatever a page's console complains of fails the test.
    """
    complaints: list[str] = []
    contexts = []

    def open_one(
        who: str | None, *, scheme: str = "light", size: tuple[int, int] = WIDE, scripts: bool = True
    ) -> Page:
        context = chromium.new_context(
            base_url=site.url,
            color_scheme="dark" if scheme == "dark" else "light",
            viewport={"width": size[0], "height": size[1]},
            java_script_enabled=scripts,
        )
        contexts.append(context)
        page = context.new_page()
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on(
            "console",
            lambda message: complaints.append(message.text) if message.type in ("error", "warning") else None,
        )
        if who is not None:
            site.sign_in(page, who)
        return page

    yield open_one
    for context in contexts:
        context.close()
    assert not complaints
