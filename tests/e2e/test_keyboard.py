"""The document's path by keyboard alone, in the order in which a screen reader reads it: sign in → Products →
Numbers → the number → Forward to SIP → Update."""

from playwright.sync_api import Page, expect

from tests.e2e.conftest import Open
from tests.e2e.site import NUMBER, PASSWORDS, Site
from tests.interop.node import KEY

MOST_TABS = 60
FOCUS = """() => {
  const held = document.activeElement;
  const before = window.heldBefore;
  window.heldBefore = held;
  const label = held.labels?.length ? held.labels[0].textContent : held.textContent;
  const named = held.ariaLabel || label;
  const box = held.getBoundingClientRect();
  return {
    name: named.trim().replace(/\\s+/g, " "),
    forward: !before || !before.isConnected
      || !!(before.compareDocumentPosition(held) & Node.DOCUMENT_POSITION_FOLLOWING),
    seen: getComputedStyle(held).outlineStyle !== "none" && box.width > 0 && box.height > 0,
  };
}"""


def tab_to(page: Page, name: str) -> list[str]:
    """Press Tab until what has this name is focused. What was passed by: each further on in the document than
    the one before, and each to be seen to have the focus."""
    passed: list[str] = []
    for _ in range(MOST_TABS):
        page.keyboard.press("Tab")
        held = page.evaluate(FOCUS)
        assert held["seen"], f"nobody sees where the focus is: {held}"
        assert held["forward"], f"{held['name']!r} stands before {passed[-1:]}"
        if held["name"] == name:
            return passed
        passed.append(held["name"])
    raise AssertionError(f"no way to {name!r}: {passed}")


def test_the_documents_path(site: Site, open_page: Open) -> None:
    page = open_page(None)
    page.goto("/sign-in")
    expect(page.get_by_label("Account key or e-mail address")).to_be_focused()
    page.keyboard.type(KEY)
    tab_to(page, "Secret or password")
    page.keyboard.type(PASSWORDS[KEY])
    page.keyboard.press("Enter")
    expect(page.get_by_role("button", name="Sign out")).to_be_visible()

    passed = tab_to(page, "Numbers")
    assert passed[0] == "Skip to the content"
    assert passed[-1] == "Overview", "the menu is read from its top"
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Numbers", level=1)).to_be_visible()

    page.keyboard.press("Tab")
    assert page.evaluate(FOCUS)["name"] == "Skip to the content"
    page.keyboard.press("Enter")
    passed = tab_to(page, f"+{NUMBER}")
    assert "Calls" not in passed, "the menu was skipped"
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Forward to SIP")).to_be_visible()
    page.wait_for_load_state()  # its script runs last

    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    tab_to(page, "SIP URI")
    page.keyboard.press("Control+a")
    page.keyboard.type("100@pbx1.example")
    assert tab_to(page, "Port") == []
    page.keyboard.type("5070")
    tab_to(page, "Add an endpoint")
    page.keyboard.press("Enter")
    expect(page.locator('[name="uri"]:focus')).to_have_value("")  # the new row is where one types next
    page.keyboard.type("200@pbx2.example")
    page.keyboard.press("Alt+ArrowUp")
    expect(page.get_by_label("SIP URI").first).to_have_value("200@pbx2.example")
    page.evaluate("window.heldBefore = document.activeElement")
    tab_to(page, "Update")
    page.keyboard.press("Enter")
    expect(page.get_by_text("The forwarding was updated")).to_be_visible()
    expect(page.locator("[role=status]:focus")).to_have_count(1)  # it is read out
    forwarding = site.node.command("number", "show", NUMBER)["forwarding"]
    assert forwarding == ["200@pbx2.example", "100@pbx1.example:5070"]
