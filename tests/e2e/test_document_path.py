"""A customer's way: sign in → Products → Numbers → the number → Forward to SIP → Update; and a call that
takes the new forwarding."""

import time

from playwright.sync_api import Page, Route, expect

from tests.e2e.conftest import NARROW, Open
from tests.e2e.site import CARRIER, NUMBER, OTHER_NUMBER, Site
from tests.interop.addresses import free_port
from tests.interop.conftest import Start
from tests.interop.node import HOST, KEY
from tests.interop.sipp.scenario import Callee, Caller

PBX = "127.0.0.30"
BODY = """v=0
o=phone 1 1 IN IP4 127.0.0.20
s=-
c=IN IP4 127.0.0.20
t=0 0
m=audio 30000 RTP/AVP 0 8"""


def to_the_number(page: Page) -> None:
    """Products → Numbers → the number."""
    products = page.get_by_role("list", name="Products")
    products.get_by_role("link", name="Numbers").click()
    page.get_by_role("link", name=f"+{NUMBER}").click()
    expect(page.get_by_role("heading", name="Forward to SIP")).to_be_visible()
    page.wait_for_load_state()  # its script runs last


def call(sipp: Start, site: Site, port: int) -> str:
    """A call of the carrier's to the number, answered at `port` of the PBX; its Call-ID."""
    callee = Callee(body=BODY)
    callee.invited()
    callee.ring()
    callee.accept()
    callee.hung_up()
    pbx = sipp(callee, host=PBX, port=port)
    caller = Caller(NUMBER, caller="442071838750", body=BODY)
    caller.invite()
    caller.answered()
    caller.pause(200)
    caller.bye()
    phone = sipp(caller, host=CARRIER, to=(HOST, site.node.port))
    phone.done()
    pbx.done()
    return phone.call_id


def test_from_signing_in_to_a_call_that_takes_the_new_forwarding(
    site: Site, open_page: Open, sipp: Start
) -> None:
    port, spare = free_port(PBX), free_port(PBX)
    page = open_page(KEY)
    to_the_number(page)
    row = page.get_by_role("listitem").filter(has=page.get_by_label("SIP URI"))
    row.get_by_label("SIP URI").fill("100@pbx")
    row.get_by_label("Timeout (ms)").fill("1")
    expect(page.get_by_text("timeout is 2000 to 20000 milliseconds")).to_be_visible()
    row.get_by_label("Timeout (ms)").fill("3000")
    row.get_by_label("SIP URI").fill(f"100@{PBX}")
    row.get_by_label("Port", exact=True).fill(str(port))
    expect(page.get_by_text("timeout is")).to_have_count(0)
    page.get_by_role("button", name="Update").first.click()
    expect(page.get_by_text("The forwarding was updated")).to_be_visible()

    record = site.node.record(call(sipp, site, port))
    assert record["verdict"] == "answered"
    assert record["attempt_records"][0]["target"] == f"sip:100@{PBX}:{port}"
    expect(page.locator("#calls").get_by_text("answered")).to_be_visible(timeout=20_000)

    # Another endpoint comes before it, and the next call takes that one.
    page.get_by_role("button", name="Add an endpoint").click()
    page.get_by_label("SIP URI").nth(1).fill(f"200@{PBX}:{spare}")
    page.get_by_role("button", name="Move endpoint 2 up").click()
    expect(page.get_by_label("SIP URI").first).to_have_value(f"200@{PBX}:{spare}")
    page.get_by_role("button", name="Update").first.click()
    expect(page.get_by_text("The forwarding was updated")).to_be_visible()
    record = site.node.record(call(sipp, site, spare))
    assert record["attempt_records"][0]["target"] == f"sip:200@{PBX}:{spare}"


def test_the_same_way_without_scripts_on_a_phone(site: Site, open_page: Open) -> None:
    page = open_page(KEY, size=NARROW, scripts=False)
    page.goto("/")
    page.get_by_role("button", name="Menu").click()
    to_the_number(page)
    page.get_by_text("As one line").click()
    page.get_by_label("Forward to SIP").fill("100@pbx1.example, sips:100@pbx2.example;timeout=2500")
    page.get_by_role("button", name="Update").last.click()
    expect(page.get_by_text("The forwarding was updated")).to_be_visible()
    page.get_by_role("button", name="Move endpoint 2 up").click()
    expect(page.get_by_label("SIP URI").first).to_have_value("sips:100@pbx2.example")
    page.get_by_role("button", name="Update").first.click()
    forwarding = site.node.command("number", "show", NUMBER)["forwarding"]
    assert forwarding == ["sips:100@pbx2.example;timeout=2500", "100@pbx1.example"]


def test_a_pasted_list_becomes_rows_that_keys_and_mouse_move(site: Site, open_page: Open) -> None:
    site.node.command("number", "forward", NUMBER, "a@pbx.example")
    page = open_page(KEY)
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    to_the_number(page)
    uris = page.get_by_label("SIP URI")
    page.evaluate(
        "navigator.clipboard.writeText('a@pbx.example:5070, b@pbx.example;media=srtp, c@pbx.example')"
    )
    uris.first.fill("")
    uris.first.press("Control+v")
    expect(uris).to_have_count(3, timeout=20_000)
    assert uris.evaluate_all("fields => fields.map(field => field.value)") == [
        "a@pbx.example",
        "b@pbx.example",
        "c@pbx.example",
    ]
    expect(page.get_by_label("Port", exact=True).first).to_have_value("5070")
    expect(page.get_by_label("Audio").nth(1)).to_have_value("srtp")
    expect(page.get_by_text("media=srtp without TLS sends the keys readable")).to_be_visible()

    uris.nth(2).press("Alt+ArrowUp")
    expect(uris.nth(1)).to_have_value("c@pbx.example")
    expect(uris.nth(1)).to_be_focused()
    page.locator("[data-place]").nth(1).drag_to(page.locator("[data-place]").first)
    expect(uris.first).to_have_value("c@pbx.example")
    page.get_by_role("button", name="Remove endpoint 2").click()
    expect(uris).to_have_count(2)
    page.get_by_role("button", name="Update").first.click()
    expect(page.get_by_text("The forwarding was updated")).to_be_visible()
    forwarding = site.node.command("number", "show", NUMBER)["forwarding"]
    assert forwarding == ["c@pbx.example", "b@pbx.example;media=srtp"]


def test_a_pasted_list_is_read_however_slow_the_service_is(site: Site, open_page: Open) -> None:
    site.node.command("number", "forward", NUMBER, "a@pbx.example")
    page = open_page(KEY)
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])

    def slowly(route: Route) -> None:
        time.sleep(0.6)
        route.continue_()

    page.route("**/check", slowly)
    to_the_number(page)
    page.evaluate("navigator.clipboard.writeText('a@pbx.example, b@pbx.example')")
    uris = page.get_by_label("SIP URI")
    uris.first.fill("")
    uris.first.press("Control+v")
    expect(uris).to_have_count(2, timeout=20_000)


def test_options_and_a_real_test_call(site: Site, open_page: Open, sipp: Start) -> None:
    port = free_port(PBX)
    site.node.command("number", "forward", NUMBER, f"sip:100@{PBX}:{port}")
    callee = Callee(body=BODY.replace("127.0.0.20", PBX))
    callee.invited()
    callee.ring()
    callee.accept()
    callee.hung_up()
    pbx = sipp(callee, host=PBX, port=port)
    page = open_page(KEY)
    to_the_number(page)
    page.get_by_role("button", name="Run dry").click()
    expect(page.get_by_text("the call would be placed")).to_be_visible()
    page.get_by_role("button", name="Call now").click()
    expect(page.get_by_text("The test call was answered.")).to_be_visible(timeout=40_000)
    pbx.done()
    page.get_by_role("button", name="Send OPTIONS to endpoint 1 now").click()
    expect(page.get_by_text("Endpoint 1 did not answer OPTIONS")).to_be_visible(timeout=40_000)


def test_somebody_elses_number_is_not_there(site: Site, open_page: Open) -> None:
    page = open_page(KEY)
    assert OTHER_NUMBER not in page.goto("/numbers").text()  # type: ignore[union-attr]
    answer = page.request.get(f"/numbers/{OTHER_NUMBER}")
    assert answer.status == 404


def test_a_secret_is_revealed_once(site: Site, open_page: Open) -> None:
    page = open_page(KEY)
    page.get_by_role("link", name="Credentials").click()
    page.get_by_role("button", name="Rotate").click()
    secret = page.get_by_label(f"Secret of {KEY}").inner_text()
    assert len(secret) == 16
    page.reload()
    expect(page.get_by_text(secret)).to_have_count(0)
