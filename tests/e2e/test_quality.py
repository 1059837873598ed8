"""How a call sounded over its time: a caller whose packets get lost for a while, seen while it talks and
after."""

import base64
import re
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect

from tests.e2e.conftest import NARROW, Open
from tests.e2e.site import CARRIER, NUMBER, Site
from tests.e2e.test_accessibility import SEVERE
from tests.interop.addresses import free_port, wait_for
from tests.interop.conftest import Start
from tests.interop.node import HOST, KEY, SECRET
from tests.interop.sipp.scenario import Callee, Caller

PBX = "127.0.0.30"
TALK_MS = 17_500
GOOD_S = 6.0
"""From the first packet on; then every fourth is lost."""
PACKET_S = 0.02


def body(host: str, port: int) -> str:
    return f"v=0\no=phone 1 1 IN IP4 {host}\ns=-\nc=IN IP4 {host}\nt=0 0\nm=audio {port} RTP/AVP 8"


@contextmanager
def speaking(media: socket.socket, to: tuple[str, int]) -> Iterator[None]:
    """G.711 from `media`, of which more is lost than should be."""
    stop = threading.Event()

    def speak() -> None:
        began = time.monotonic()
        for number in range(100_000):
            due = began + number * PACKET_S
            if stop.wait(max(0.0, due - time.monotonic())):
                return
            if due - began < GOOD_S or number % 4:
                head = bytes((0x80, 8)) + (number & 0xFFFF).to_bytes(2) + (160 * number).to_bytes(4) + b"ssrc"
                media.sendto(head + b"\xd5" * 160, to)

    thread = threading.Thread(target=speak)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()


def port_told(site: Site, call_id: str) -> int | None:
    """Where the node wants the caller's audio, by its answer to the caller."""
    for message in site.node.command("calls", call_id)["messages"]:
        if message["leg"] == 0 and message["sent"] and message["text"].startswith("SIP/2.0 200"):
            found = re.search(r"m=audio (\d+) ", message["text"])
            return None if found is None else int(found[1])
    return None


def live_call(site: Site) -> str | None:
    calls = site.node.command("calls", "--number", NUMBER, "--limit", "1")
    return calls[0]["call_id"] if calls and calls[0]["verdict"] == "open" else None


def points(page: Page) -> int:
    return page.get_by_role("table", name="Audio over time").get_by_role("row").count() - 1


def test_loss_jitter_and_mos_over_time(site: Site, open_page: Open, sipp: Start) -> None:
    sip, rtp = free_port(PBX), free_port(CARRIER)
    site.node.command("number", "forward", NUMBER, f"sip:100@{PBX}:{sip}")
    callee = Callee(body=body(PBX, free_port(PBX)))
    callee.invited()
    callee.accept()
    callee.hung_up()
    pbx = sipp(callee, host=PBX, port=sip, within_s=90)
    caller = Caller(NUMBER, caller="442071838750", body=body(CARRIER, rtp))
    caller.invite()
    caller.answered()
    caller.pause(TALK_MS)
    caller.bye()
    page = open_page(KEY)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as media:
        media.bind((CARRIER, rtp))
        phone = sipp(caller, host=CARRIER, to=(HOST, site.node.port), within_s=60)
        call_id = wait_for("the call", lambda: live_call(site))
        port = wait_for("the answer to the caller", lambda: port_told(site, call_id))
        with speaking(media, (HOST, port)):
            page.goto(f"/calls/{call_id}")
            expect(page.get_by_role("img", name="Packets lost")).to_be_visible(timeout=30_000)
            expect(page.locator("#audio")).to_contain_text("So far.")
            phone.done(60)
    pbx.done()
    site.node.record(phone.call_id)
    expect(page.get_by_text("Why it ended")).to_be_visible(timeout=30_000)
    for name in ("Packets lost", "Jitter", "Listening quality (MOS)"):
        expect(page.locator("#audio").get_by_role("img", name=name)).to_be_visible()
    expect(page.locator("summary", has_text="Hang up")).to_have_count(0)
    page.get_by_text("The figures as a table").click()
    assert points(page) == 4

    shown = page.request.get(f"/v1/calls/{call_id}/quality", headers=basic())
    quality = shown.json()
    good, bad = quality["caller"][0], quality["caller"][2]
    assert good["lost"] == 0
    assert good["mos"] > 4
    assert 0.15 < bad["lost"] / (bad["lost"] + bad["received"]) < 0.35
    assert bad["mos"] < 3
    assert all(point["mos"] is None for point in quality["callee"]), "the callee never spoke"
    assert not [item for item in Axe().run(page).response["violations"] if item["impact"] in SEVERE]

    page.set_viewport_size({"width": NARROW[0], "height": NARROW[1]})
    over = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
    assert over <= 0


def basic() -> dict[str, str]:
    """The customer's key and secret, as a program sends them."""
    return {"Authorization": f"Basic {base64.b64encode(f'{KEY}:{SECRET}'.encode()).decode()}"}
