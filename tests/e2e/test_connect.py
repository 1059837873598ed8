"""Connecting a PBX: files to take along, and seeing it arrive."""

import zipfile
from pathlib import Path

from playwright.sync_api import expect

from tests.e2e.conftest import Open
from tests.e2e.dialling import dial
from tests.e2e.site import NUMBER, Site
from tests.interop.node import KEY, SECRET

PHONE = "127.0.0.41"
PATIENCE_MS = 30_000


def test_the_files_are_filled_in_copied_and_downloaded(open_page: Open, tmp_path: Path) -> None:
    page = open_page(KEY)
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page.get_by_role("link", name="Connect a PBX").first.click()
    page.get_by_label("PBX", exact=True).select_option("freeswitch")
    page.get_by_label("API secret").fill(SECRET)
    page.get_by_label("Signalling over TLS").check()
    page.get_by_role("button", name="Write the files").click()
    expect(page.get_by_role("heading", name="sip_profiles/external/trunkline.xml")).to_be_visible()
    expect(page.locator("#file-1")).to_contain_text(SECRET)
    expect(page.locator("#file-1")).to_contain_text("tls")
    page.get_by_role("button", name="Copy").first.click()
    expect(page.get_by_role("button", name="Copied")).to_be_visible()
    copied = page.evaluate("navigator.clipboard.readText()")
    with page.expect_download() as taken:
        page.get_by_role("button", name="Download all as zip").click()
    with zipfile.ZipFile(taken.value.path()) as archive:
        assert archive.read("sip_profiles/external/trunkline.xml").decode() == copied
        assert NUMBER in archive.read("sip_profiles/external/trunkline.xml").decode()


def test_a_pbx_is_seen_arriving(site: Site, open_page: Open) -> None:
    page = open_page(KEY)
    page.goto("/connect")
    password = page.locator(".findings li", has_text="Password")
    expect(password).to_contain_text("None has come yet")
    dial(site.node, PHONE, "a-wrong-secret")
    expect(password).to_contain_text(f"{PHONE}", timeout=PATIENCE_MS)
    expect(password).to_contain_text("wrong")
    dial(site.node, PHONE)
    expect(password).to_contain_text("The right one has come", timeout=PATIENCE_MS)
    expect(page.locator(".findings li", has_text="Call out")).to_contain_text("wrong", timeout=PATIENCE_MS)
