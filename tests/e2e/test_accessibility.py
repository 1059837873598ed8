"""Every page in both themes: axe-core finds nothing serious, and nothing is wider than a phone."""

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import expect

from tests.e2e.conftest import NARROW, Open
from tests.e2e.site import NUMBER, OPERATOR, Site
from tests.interop.node import KEY
from trunkline.store.audit import Via
from trunkline.store.users import Role
from trunkline.web.dashboard.navigation import menu
from trunkline.web.principal import Principal

SEVERE = {"serious", "critical"}
MORE = {
    Role.OPERATOR: (
        f"/numbers/{NUMBER}?dry=run",
        "/numbers/new",
        "/carriers/main",
        "/carriers/-/new",
        "/routes/1",
        "/routes/new",
        "/routes?number=12125550100",
        f"/customers/{KEY}",
        "/customers/-/new",
        f"/limits/{KEY}",
    ),
    Role.CUSTOMER: (f"/numbers/{NUMBER}", f"/customers/{KEY}", "/users"),
}
"""Pages beside those of the menu."""


def paths(role: Role) -> list[str]:
    """Every page of a role."""
    account = None if role is Role.OPERATOR else KEY
    principal = Principal("x", role, account, Via.DASHBOARD, "127.0.0.1")
    return [entry.path for group in menu(principal, "/") for entry in group.entries] + list(MORE[role])


@pytest.fixture(scope="module", autouse=True)
def endpoints(site: Site) -> None:
    """What the pages show."""
    site.node.command("number", "forward", NUMBER, "sip:100@127.0.0.30:5999, sips:100@127.0.0.30;media=srtp")


@pytest.mark.timeout(300)  # some thirty pages
@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize(("who", "role"), [(OPERATOR, Role.OPERATOR), (KEY, Role.CUSTOMER)])
def test_axe_finds_nothing_serious(open_page: Open, who: str, role: Role, scheme: str) -> None:
    page = open_page(who, scheme=scheme)
    found = []
    for path in paths(role):
        page.goto(path)
        for violation in Axe().run(page).response["violations"]:
            if violation["impact"] in SEVERE:
                where = [node["html"][:200] for node in violation["nodes"][:3]]
                found.append((path, violation["id"], where))
    assert not found


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_door(open_page: Open, scheme: str) -> None:
    page = open_page(None, scheme=scheme)
    page.goto("/sign-in")
    assert not [item for item in Axe().run(page).response["violations"] if item["impact"] in SEVERE]


@pytest.mark.parametrize(("who", "role"), [(OPERATOR, Role.OPERATOR), (KEY, Role.CUSTOMER)])
def test_nothing_is_wider_than_a_phone(open_page: Open, who: str, role: Role) -> None:
    page = open_page(who, size=NARROW)
    wide = []
    for path in paths(role):
        page.goto(path)
        over = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
        if over > 0:
            wide.append((path, over))
    assert not wide


def test_the_menu_of_a_phone_works_by_keys(open_page: Open) -> None:
    page = open_page(KEY, size=NARROW)
    menu_button = page.get_by_role("button", name="Menu")
    menu_button.focus()
    page.keyboard.press("Enter")
    entry = page.get_by_role("link", name="Numbers")
    expect(entry).to_be_visible()
    page.keyboard.press("Escape")
    expect(entry).to_be_hidden()
    page.keyboard.press("Tab")
    page.goto("/numbers")
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Skip to the content")).to_be_focused()


def test_a_long_name_leaves_the_links_beside_it_whole(site: Site, open_page: Open) -> None:
    site.node.command("account", "add", "--key", "long", "--name", "W" * 150)
    page = open_page(OPERATOR)
    page.goto("/customers")
    box = page.get_by_role("link", name=f"Numbers of {KEY}").bounding_box()
    assert box is not None
    assert box["height"] < box["width"], "one line"


def test_a_change_can_be_read_on_a_tablet(open_page: Open) -> None:
    page = open_page(OPERATOR, size=(800, 900))
    page.goto("/audit?kind=number")
    box = page.locator("dl.changes dd", has_text="100@127.0.0.30").first.bounding_box()
    assert box is not None
    assert box["width"] > 120


@pytest.mark.parametrize("path", ["/numbers/new", "/carriers/-/new", "/customers/-/new"])
def test_no_gap_between_the_fields_of_a_form(open_page: Open, path: str) -> None:
    page = open_page(OPERATOR)
    page.goto(path)
    for field in page.locator("main .form.column > .field").all():
        [frame, last] = [one.bounding_box() for one in (field, field.locator("> :last-child"))]
        assert frame is not None
        assert last is not None
        assert frame["y"] + frame["height"] - (last["y"] + last["height"]) < 2


def test_on_paper_there_is_what_was_looked_up_dark_on_light(open_page: Open) -> None:
    page = open_page(OPERATOR, scheme="dark")
    page.goto("/numbers")
    on_screen = page.evaluate("getComputedStyle(document.body).backgroundColor")
    page.emulate_media(media="print")
    assert (on_screen, page.evaluate("getComputedStyle(document.body).backgroundColor")) == (
        "rgb(17, 18, 22)",
        "rgb(246, 246, 243)",
    )
    expect(page.get_by_role("table")).to_be_visible()
    for part in (page.locator("header.bar"), page.locator("nav.menu"), page.locator("form.filters")):
        expect(part).to_be_hidden()
