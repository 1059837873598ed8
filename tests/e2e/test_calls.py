"""Calls as a customer looks at them: why one failed, its ladder, capture and export; and hostile peers."""

import csv
import io
from collections.abc import Iterator
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Dialog, Page, expect

from tests.e2e.conftest import NARROW, Open
from tests.e2e.peers import PBX, RefusingPbx, carrier_call
from tests.e2e.site import NUMBER, OPERATOR, OTHER_KEY, Site
from tests.interop.node import KEY

SEVERE = {"serious", "critical"}
G726 = (
    "v=0\r\no=- 1 1 IN IP4 127.0.0.31\r\ns=-\r\nc=IN IP4 127.0.0.31\r\nt=0 0\r\n"
    "m=audio 0 RTP/AVP 2\r\na=rtpmap:2 G726-32/8000\r\n"
)
HOSTILE_CALL_ID = "+<script>alert(1)</script>@evil"
HOSTILE_FROM = '"=1+1<script>alert(2)</script>\u202e" <sip:=HYPERLINK(1)@evil.example>'
HOSTILE_AGENT = f"User-Agent: <img src=x onerror=alert(3)>{'A' * 24_000}"
HOSTILE_REASON = 'Reason: SIP;cause=403;text="<script>alert(4)</script>\\\x1b[31m"'


@pytest.fixture(scope="module")
def refused_call(site: Site) -> Iterator[str]:
    """The Call-ID of a call that the customer's PBX refused, after a dead endpoint."""
    with RefusingPbx(
        "488 Not Acceptable Here", ('Warning: 305 pbx "Incompatible media format"',), G726
    ) as pbx:
        site.node.command("number", "forward", NUMBER, f"sip:100@{PBX}:9;timeout=2000, {pbx.uri}")
        call_id, status = carrier_call(site)
        assert status == 488
        site.node.record(call_id)
        yield call_id


@pytest.fixture(scope="module")
def hostile_call(site: Site) -> str:
    """The Call-ID of a call in which everything that a peer may write is hostile."""
    with RefusingPbx("403 <b>No</b>", (HOSTILE_REASON, HOSTILE_AGENT)) as pbx:
        site.node.command("number", "forward", NUMBER, pbx.uri)
        call_id, status = carrier_call(site, call_id=HOSTILE_CALL_ID, from_=HOSTILE_FROM, more=HOSTILE_AGENT)
        assert status == 403
        site.node.record(call_id)
        return call_id


def find(page: Page, call_id: str) -> None:
    """Calls, searched for the Call-ID, and the one that is found."""
    page.get_by_role("link", name="Calls", exact=True).first.click()
    page.get_by_label("SIP Call-ID").fill(call_id)
    page.get_by_role("button", name="Find").click()
    rows = page.get_by_role("row")
    expect(rows).to_have_count(2)
    rows.nth(1).get_by_role("link").first.click()
    expect(page.get_by_role("heading", name="Why it ended")).to_be_visible()


def test_why_a_call_failed_and_what_to_change(open_page: Open, refused_call: str) -> None:
    page = open_page(KEY)
    find(page, refused_call)
    why = page.locator("#why")
    expect(why).to_contain_text("Your PBX answered 488: it offers only G726-32.")
    expect(why).to_contain_text("Incompatible media format")
    expect(why).to_contain_text("Allow PCMA or PCMU in the trunk of the PBX.")
    attempts = page.get_by_role("table", name="Attempts").get_by_role("row")
    expect(attempts).to_have_count(3)
    expect(attempts.nth(1)).to_contain_text("can't be reached")
    expect(page.get_by_role("img", name="Timeline")).to_be_visible()


def test_an_arrow_of_the_ladder_opens_its_message(open_page: Open, refused_call: str) -> None:
    page = open_page(KEY)
    find(page, refused_call)
    arrows = page.locator("#ladder svg a")
    refusal = page.get_by_role("link", name="Attempt 2 → Trunkline: 488")
    expect(refusal).to_be_visible()
    message = page.locator(str(refusal.get_attribute("href")))
    expect(message).to_be_hidden()
    refusal.click()
    expect(message).to_be_visible()
    expect(message).to_contain_text("Warning: 305")
    table = page.get_by_role("table", name="Messages of the ladder")
    assert table.get_by_role("row").count() == arrows.count() + 1


def test_without_scripts_everything_is_there(open_page: Open, refused_call: str) -> None:
    page = open_page(KEY, scripts=False)
    find(page, refused_call)
    page.get_by_role("link", name="Attempt 2 → Trunkline: 488").click()
    expect(page.get_by_text("Warning: 305").first).to_be_visible()


def test_the_capture_and_the_export(open_page: Open, refused_call: str) -> None:
    page = open_page(KEY)
    find(page, refused_call)
    with page.expect_download() as taken:
        page.get_by_role("link", name="Download pcap").click()
    assert Path(taken.value.path()).read_bytes()[:4] == b"\xd4\xc3\xb2\xa1"
    page.goto(f"/calls?call_id={refused_call}")
    with page.expect_download() as taken:
        page.get_by_role("link", name="Export as CSV").click()
    assert taken.value.suggested_filename.startswith("calls-")
    (row,) = csv.DictReader(io.StringIO(Path(taken.value.path()).read_text()))
    assert (row["sip_call_id"], row["status"], row["verdict"]) == (refused_call, "488", "codec-mismatch")


def test_filters_lead_to_what_was_asked_for(open_page: Open, refused_call: str) -> None:
    page = open_page(KEY)
    page.goto("/calls")
    page.get_by_label("Result").select_option("codec-mismatch")
    page.get_by_label("Direction").select_option("inbound")
    page.get_by_role("button", name="Find").click()
    expect(page.get_by_role("table", name="Calls").get_by_role("row")).to_have_count(2)
    page.get_by_label("Direction").select_option("outbound")
    page.get_by_role("button", name="Find").click()
    expect(page.get_by_text("No call matches")).to_be_visible()


def test_another_customer_finds_nothing(open_page: Open, refused_call: str) -> None:
    mine, theirs = open_page(KEY), open_page(OTHER_KEY)
    find(mine, refused_call)
    path = mine.url.partition(mine.evaluate("location.origin"))[2]
    theirs.goto(f"/calls?call_id={refused_call}")
    expect(theirs.get_by_text("No call matches")).to_be_visible()
    for address in (path, f"{path}/pcap"):
        answer = theirs.request.get(address)
        assert answer.status == 404
        assert refused_call not in answer.text()


@pytest.mark.parametrize("who", [KEY, OPERATOR])
def test_hostile_peers_write_nothing_but_text(open_page: Open, hostile_call: str, who: str) -> None:
    page = open_page(who)
    dialogs: list[Dialog] = []
    page.on("dialog", lambda dialog: dialogs.append(dialog))
    find(page, hostile_call)
    call = page.url
    for summary in page.locator("details.message > summary").all():
        summary.click()
    table = page.get_by_role("table", name="Messages of the ladder")
    invite = table.get_by_role("row").filter(has_text="Caller → Trunkline").first
    expect(invite).to_contain_text("INVITE")
    expect(invite).to_contain_text("A" * 1000)
    for text in ("<script>alert(1)</script>", "<script>alert(2)</script>", "<img src=x onerror=alert(3)>"):
        expect(page.get_by_text(text).first).to_be_visible()
    expect(page.locator("#why")).to_contain_text("<script>alert(4)</script>")
    for path in (call, "/calls", "/calls?result=refused", "/", f"/numbers/{NUMBER}", "/calls/live"):
        page.goto(path)
        assert page.locator("script:not([src]), img[onerror], b:text('No')").count() == 0
        assert "\x1b" not in page.content()
        assert "\u202e" not in page.content()
    assert not dialogs


def test_hostile_peers_write_no_formulas(open_page: Open, hostile_call: str) -> None:
    page = open_page(KEY)
    text = page.request.get("/calls/export.csv").text()
    (row,) = (row for row in csv.DictReader(io.StringIO(text)) if "<script>" in row["sip_call_id"])
    assert row["sip_call_id"] == f"'{HOSTILE_CALL_ID}"
    for cell in row.values():
        assert not cell.startswith(("=", "+", "-", "@", "\t", "\r"))
    assert not any(ord(character) < 32 and character not in "\r\n" for character in text)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_serious(open_page: Open, refused_call: str, scheme: str) -> None:
    page = open_page(KEY, scheme=scheme)
    find(page, refused_call)
    page.locator("details.message > summary").first.click()
    found = [item for item in Axe().run(page).response["violations"] if item["impact"] in SEVERE]
    assert not [(item["id"], item["nodes"][0]["html"][:200]) for item in found]


def test_a_calls_page_fits_a_phone(open_page: Open, hostile_call: str) -> None:
    page = open_page(KEY, size=NARROW)
    page.goto("/calls?result=refused")
    page.get_by_role("table", name="Calls").get_by_role("link").first.click()
    expect(page.get_by_role("heading", name="Why it ended")).to_be_visible()
    over = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
    assert over <= 0
