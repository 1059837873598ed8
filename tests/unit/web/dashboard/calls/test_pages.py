"""The pages of calls, for both roles."""

import csv
import io
import re
from dataclasses import replace

import pytest

from tests.unit.store.entities import call_record, ended_attempt, ended_call
from tests.unit.store.test_calls import write_course
from tests.unit.web.dashboard.conftest import HOSTILE, KEY, OTHER_KEY, Browser
from tests.unit.web.paper_node import CALL, PaperNode
from trunkline.call.record import CallRecord, Direction
from trunkline.store.group_commit import Group, GroupWriter
from trunkline.store.record_rows import attempt_row, call_row
from trunkline.trunk.verdict import Slug, Verdict
from trunkline.web.control_client import NoNodeError
from trunkline.web.dashboard.calls import pages
from trunkline.web.office import Office


def write(office: Office, *records: CallRecord) -> None:
    put = {
        "call": [call_row(record, "run") for record in records],
        "attempt": [attempt_row(ended_attempt(record.call_id), "run") for record in records],
    }
    writer = GroupWriter(office.store.database)
    writer.write([Group(put, {})])
    writer.close()


def shown(page: str) -> list[str]:
    return re.findall(r'<td data-label="When"><a href="/calls/([^"]+)"', page)


@pytest.fixture(autouse=True)
def records(office: Office) -> None:
    refused = call_record("c1", setup_at=2000.0, account=KEY)
    refused.direction, refused.ended_at = Direction.INBOUND, 2001.0
    refused.verdict = Verdict.of(Slug.NO_FORWARDING)
    refused.number = "442079460000"
    write(office, ended_call("ok", account=KEY), refused, ended_call("theirs", account=OTHER_KEY))


def test_each_sees_the_own_calls(operator: Browser, customer: Browser, other: Browser) -> None:
    assert shown(operator.get("/calls")) == ["c1", "theirs", "ok"]
    assert shown(customer.get("/calls")) == ["c1", "ok"]
    assert shown(other.get("/calls")) == ["theirs"]
    customer.get(f"/calls?account={OTHER_KEY}", 404)


@pytest.mark.parametrize("path", ["/calls/{}", "/calls/{}/pcap"])
def test_somebody_elses_call_is_like_none(customer: Browser, path: str) -> None:
    theirs = customer.get(path.format("theirs"), 404)
    nobodys = customer.get(path.format("nobody"), 404)
    assert theirs.replace("theirs", "N") == nobodys.replace("nobody", "N")
    customer.post("/calls/theirs/hang-up", 404)


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("result=unanswered", ["c1"]),
        ("result=no-forwarding", ["c1"]),
        ("result=answered", ["ok"]),
        ("direction=inbound", ["c1"]),
        ("number=%2B44+20+7946+0000", ["c1"]),
        ("party=%2B1+415+555+0100", ["c1", "ok"]),
        ("party=15550100", []),
        ("since=1970-01-01T00:20", ["c1"]),
        ("until=1970-01-01T00:20", ["ok"]),
        ("call_id=ok%40pbx", ["ok"]),
        ("call_id=ok-leg-1", ["ok"]),
        ("call_id=theirs%40pbx", []),
    ],
)
def test_filters(customer: Browser, query: str, found: list[str]) -> None:
    page = customer.get(f"/calls?{query}")
    assert shown(page) == found
    assert ("No call matches" in page) == (not found)


def test_a_filter_that_can_not_be(customer: Browser) -> None:
    page = customer.get("/calls?since=%3Cb%3E", 422)
    assert "Since is a date and time in UTC" in page
    assert 'value="&lt;b&gt;"' in page


def test_pages_by_key(office: Office, customer: Browser) -> None:
    write(
        office, *(ended_call(f"m{number:02}", setup_at=3000.0 + number, account=KEY) for number in range(60))
    )
    first = customer.get("/calls?result=answered")
    assert shown(first) == [f"m{number:02}" for number in range(59, 9, -1)]
    following = re.search(r'href="([^"]+)" rel="next"', first)
    assert following is not None
    second = customer.get(following[1].replace("&amp;", "&"))
    assert shown(second) == [*(f"m{number:02}" for number in range(9, -1, -1)), "ok"]
    assert 'href="/calls?result=answered"' in second


def test_export(office: Office, customer: Browser, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("trunkline.web.desk.calls.MAX_PAGE", 2)
    evil = ended_call("evil", setup_at=5000.0, account=KEY)
    evil.caller = "=1+1"
    write(office, evil)
    answer = customer.client.get("/calls/export.csv")
    assert answer.headers["Content-Type"] == "text/csv; charset=utf-8"
    assert "attachment" in answer.headers["Content-Disposition"]
    rows = list(csv.DictReader(io.StringIO(answer.text)))
    assert [row["call_id"] for row in rows] == ["evil", "c1", "ok"]
    assert rows[0]["caller"] == "'=1+1"
    filtered = customer.client.get("/calls/export.csv?result=unanswered").text
    assert [row["call_id"] for row in csv.DictReader(io.StringIO(filtered))] == ["c1"]
    customer.get(f"/calls/export.csv?account={OTHER_KEY}", 404)


def test_one_customers_exports_are_bounded(customer: Browser, operator: Browser) -> None:
    running = pages._exported(iter([]), KEY)
    assert "try again in 30 s" in customer.get("/calls/export.csv", 429)
    operator.get("/calls/export.csv")
    del running
    for _ in range(3):
        assert len(customer.client.get("/calls/export.csv").text.splitlines()) == 3, "given back after each"


def test_an_export_that_nobody_fetches_gives_its_place_back() -> None:
    for _ in range(2):
        pages._exported(iter([]), KEY)
    for _ in range(2):
        next(pages._exported(iter([]), KEY))


def test_a_calls_page(customer: Browser) -> None:
    page = customer.get("/calls/ok")
    assert "The call was answered. The called side hung up after 1 min." in page
    assert "PCMA" in page
    assert "G729" in page
    assert 'id="timeline-title"' in page
    assert "not kept any more" in page
    assert "data-live" not in page


def test_a_failed_call_says_what_to_change(customer: Browser) -> None:
    page = customer.get("/calls/c1")
    assert page.count("The number is not forwarded anywhere.") == 1
    assert "Set Forward to SIP." in page
    assert 'href="#message-1"' in page
    assert "INVITE sip:1@h SIP/2.0" in page
    assert "\x00" not in page
    assert "error id no-forwarding" in page


def test_the_capture(customer: Browser) -> None:
    answer = customer.client.get("/calls/c1/pcap")
    assert answer.content[:4] in (b"\xd4\xc3\xb2\xa1", b"\xa1\xb2\xc3\xd4")
    assert b"INVITE sip:1@h SIP/2.0" in answer.content


def test_hostile_text_is_text(office: Office, customer: Browser) -> None:
    evil = ended_call("evil", account=KEY)
    evil.caller = evil.dialled = evil.sip_call_id = evil.source = HOSTILE * 2000
    evil.called = ""
    evil.verdict = Verdict.of(Slug.REFUSED, detail=HOSTILE * 100)
    evil.answered_at = None
    write(office, evil)
    for path in ("/calls", "/calls/evil"):
        page = customer.get(path)
        assert "<script>alert" not in page
        assert "&lt;script&gt;alert(1)" in page
        assert "\x1b" not in page
        assert "\u202e" not in page
        assert len(page) < 100_000


def test_calls_under_way(paper: PaperNode, operator: Browser, customer: Browser, other: Browser) -> None:
    paper.live = [CALL, replace(CALL, call_id="c9", account=OTHER_KEY, caller=HOSTILE)]
    assert "2 calls under way" in operator.get("/calls/live")
    page = customer.get("/calls/live")
    assert "1 call under way" in page
    assert "PCMA ↔ PCMU" in page
    assert 'data-live="1"' in page
    assert "&lt;script&gt;alert" in other.get("/calls/live")


def test_a_call_under_way_can_be_ended(
    office: Office, paper: PaperNode, customer: Browser, other: Browser
) -> None:
    write(office, call_record("c1", account=KEY))
    assert "Hang up now" in customer.get("/calls/c1")
    page = customer.get("/calls/c1")
    assert 'data-live-call="c1"' in page
    assert "So far." in page
    assert "1 (1.0 %)" in page
    assert "4.25" in page
    other.post("/calls/c1/hang-up", 404)
    assert paper.live
    assert "The call is being ended" in customer.sent("/calls/c1/hang-up")
    assert not paper.live


def test_without_a_node(office: Office, customer: Browser, monkeypatch: pytest.MonkeyPatch) -> None:
    def nobody() -> None:
        raise NoNodeError("no node answers at x")

    monkeypatch.setattr(office.node, "client", nobody)
    assert "The calls under way are not known: no node answers at x." in customer.get("/calls/live")
    assert "The messages are not known" in customer.get("/calls/ok")
    assert shown(customer.get("/calls")) == ["c1", "ok"]


def test_the_audio_over_time(office: Office, customer: Browser, node: PaperNode) -> None:
    page = customer.get("/calls/ok")
    assert "Too short to show" in page
    write_course(office.store.database, ended_call("ok", account=KEY))
    page = customer.get("/calls/ok")
    for name in ("Packets lost", "Jitter", "Listening quality (MOS)"):
        assert f">{name}</title>" in page
    assert "Audio over time" in page
    assert '<td data-label="Caller: received">2750</td>' in page
    node.live = [replace(CALL, call_id="c1", account=KEY)]
    up = call_record("c1", setup_at=2000.0, account=KEY)
    up.answered_at = 2001.0
    write(office, up)
    page = customer.get("/calls/c1")
    assert "So far." in page
    assert '<td data-label="Caller: lost">125</td>' in page
