"""What an operator does on the dashboard, and what it does to calls."""

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Page, expect

from tests.e2e.conftest import Open
from tests.e2e.dialling import DIALLED, dial, guess_until_banned
from tests.e2e.site import OPERATOR, OTHER_KEY, PASSWORDS, Site, running_site
from tests.interop.addresses import wait_for
from tests.interop.node import KEY, Node

PHONE, STRANGER = "127.0.0.44", "127.0.0.45"


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    with running_site(tmp_path_factory.mktemp("operator") / "node", {"limits.ban_failures": 3}) as site:
        yield site


def calls(node: Node) -> list[str]:
    """The ids of those that are over."""
    return [row["call_id"] for row in node.command("calls") if row["verdict"] != "open"]


def dial_and_look(page: Page, node: Node) -> None:
    """A call of the first customer's that comes to nothing, and its page."""
    before = calls(node)
    dial(node, PHONE)
    (made,) = wait_for("its record", lambda: [one for one in calls(node) if one not in before])
    page.goto("/calls")
    row = page.get_by_role("table", name="Calls").get_by_role("row").nth(1)
    row.get_by_role("link").first.click()
    expect(page).to_have_url(re.compile(f"/calls/{made}$"))


def test_carriers_in_the_order_of_a_route(site: Site, open_page: Open) -> None:
    page = open_page(OPERATOR)
    page.get_by_role("link", name="Carriers").click()
    page.get_by_role("link", name="Add a carrier").click()
    page.get_by_label("Name").fill("second")
    page.get_by_label("Gateways").fill("sip:127.0.0.20:9, sip:127.0.0.20:10")
    page.get_by_role("button", name="Add").click()
    expect(page.get_by_text("The carrier was added")).to_be_visible()
    page.get_by_role("link", name="Routes").click()
    page.get_by_role("table", name="Routes").get_by_role("link", name="1", exact=True).click()
    page.get_by_label("Carrier 2", exact=True).select_option("second")
    page.get_by_label("Priority of carrier 1").fill("5")
    page.get_by_label("Priority of carrier 2").fill("1")
    page.get_by_role("button", name="Change the route").click()
    expect(page.get_by_text("The route was changed")).to_be_visible()

    page.get_by_role("link", name="Routes").first.click()
    page.get_by_label("Number", exact=True).fill(f"+{DIALLED}")
    page.get_by_label("As a call of customer").fill(KEY)
    page.get_by_role("button", name="Test").click()
    outcome = page.locator(".outcome")
    expect(outcome).to_contain_text("the call would be placed")

    dial_and_look(page, site.node)
    rows = page.get_by_role("table", name="Attempts").get_by_role("row")
    expect(rows).to_have_count(4)
    expect(rows.nth(1)).to_contain_text("127.0.0.20:9")
    expect(rows.nth(2)).to_contain_text("127.0.0.20:10")
    expect(rows.nth(3)).to_contain_text("main")
    page.goto("/carriers")
    expect(page.get_by_role("row").filter(has_text="second")).to_contain_text("sip:127.0.0.20:10")


def test_a_customer_is_limited_blocked_and_let_go(site: Site, open_page: Open) -> None:
    page = open_page(OPERATOR)
    page.get_by_role("link", name="Customers").click()
    page.get_by_role("link", name=KEY, exact=True).click()
    page.get_by_role("link", name="Limits", exact=True).click()
    page.get_by_label("Calls out at a time").fill("0")
    page.get_by_role("button", name="Change").click()
    expect(page.get_by_text("The limits were changed")).to_be_visible()
    dial_and_look(page, site.node)
    expect(page.locator("#why")).to_contain_text("The account has as many calls up as it may.")
    expect(page.locator("#why")).to_contain_text("Ask the operator to raise the account's limit.")

    page.goto(f"/customers/{KEY}")
    page.locator("summary", has_text="Block").click()
    page.get_by_role("button", name=f"Block {KEY}").click()
    expect(page.get_by_text("The account is blocked")).to_be_visible()
    dial_and_look(page, site.node)
    expect(page.locator("#why")).to_contain_text("The account is blocked.")
    page.goto(f"/customers/{KEY}")
    page.get_by_role("button", name="Unblock").click()
    expect(page.get_by_text("The account is active again")).to_be_visible()

    page.get_by_role("link", name="Audit log").click()
    changes = page.get_by_role("table", name="Changes").get_by_role("row")
    expect(changes.nth(1)).to_contain_text(OPERATOR)
    expect(changes.nth(1)).to_contain_text("status")
    expect(changes.nth(1)).to_contain_text("blocked")
    expect(changes.nth(3)).to_contain_text("max concurrent")
    mine = open_page(KEY)
    mine.goto("/audit")
    expect(mine.get_by_role("table", name="Changes")).to_contain_text("max concurrent")
    theirs = open_page(OTHER_KEY)
    theirs.goto("/audit")
    expect(theirs.locator("main")).not_to_contain_text("max concurrent")
    assert theirs.request.get("/carriers").status == 403


def test_a_ban_is_lifted(site: Site, open_page: Open) -> None:
    page = open_page(OPERATOR)
    page.get_by_role("link", name="Bans").click()
    guess_until_banned(site.node, STRANGER)
    row = page.get_by_role("row").filter(has_text=STRANGER)
    expect(row).to_contain_text("password", timeout=30_000)
    row.get_by_role("button", name=f"Let {STRANGER} in again").click()
    wait_for("the ban to end", lambda: site.node.command("ban", "list") == [])
    expect(page.get_by_role("row").filter(has_text=STRANGER)).to_have_count(0, timeout=30_000)


def test_somebody_is_let_in_and_out_again(site: Site, open_page: Open) -> None:
    page = open_page(OPERATOR)
    page.get_by_role("link", name="Users").click()
    page.get_by_label("E-mail address or name").fill("bob@customer.example")
    page.get_by_label("Customer").fill(OTHER_KEY)
    page.get_by_role("button", name="Add").click()
    password = page.get_by_label("Password of bob@customer.example").inner_text()
    PASSWORDS["bob@customer.example"] = password
    bob = open_page("bob@customer.example")
    expect(bob.locator("header")).to_contain_text("customer")
    page.goto("/users")
    page.get_by_role("button", name="Sign bob@customer.example at 127.0.0.1 out").click()
    expect(page.get_by_text("It is signed out.")).to_be_visible()
    bob.goto("/numbers")
    expect(bob.get_by_role("button", name="Sign in")).to_be_visible()
