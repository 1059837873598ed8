"""The API's reference page: read with a keyboard, in both themes, on a phone."""

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import expect

from tests.e2e.conftest import NARROW, Open

SEVERE = {"serious", "critical"}


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_serious(open_page: Open, scheme: str) -> None:
    page = open_page(None, scheme=scheme)
    page.goto("/v1/docs")
    page.evaluate("for (const one of document.querySelectorAll('details')) one.open = true")
    violations = Axe().run(page).response["violations"]
    assert [one["id"] for one in violations if one["impact"] in SEVERE] == []


def test_nothing_is_wider_than_a_phone(open_page: Open) -> None:
    page = open_page(None, size=NARROW, scripts=False)
    page.goto("/v1/docs")
    page.locator("summary", has_text="/v1/numbers/{e164}/forwarding").first.click()
    assert page.locator("body").bounding_box()["width"] <= NARROW[0]  # type: ignore[index]
    for width in page.locator("details[open] > *").evaluate_all("all => all.map(one => one.scrollWidth)"):
        assert width <= NARROW[0]


def test_an_operation_is_opened_by_keyboard(open_page: Open) -> None:
    page = open_page(None)
    page.goto("/v1/docs")
    assert page.title() == "Trunkline API"
    operation = page.locator("#set_forwarding")
    operation.locator("summary").focus()
    page.keyboard.press("Enter")
    expect(operation.get_by_text("SIP URIs in order").first).to_be_visible()
