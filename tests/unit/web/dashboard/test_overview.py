"""The first page."""

import html
import re
import time
from dataclasses import replace
from types import SimpleNamespace

import pytest

from tests.unit.store.entities import call_record, ended_call
from tests.unit.web.dashboard.conftest import KEY, OTHER_KEY, Browser
from tests.unit.web.paper_node import CALL, PaperNode
from trunkline.call.record import CallRecord
from trunkline.store.figures import Stretch
from trunkline.store.group_commit import Group, GroupWriter
from trunkline.store.record_rows import call_row
from trunkline.trunk.verdict import Slug, Verdict
from trunkline.web.control_client import ControlClient, NoNodeError
from trunkline.web.dashboard import overview
from trunkline.web.dashboard.overview import bar_of, failures
from trunkline.web.office import Office
from trunkline.web.views import MediaPorts, Usage

NOON = 1_795_867_200.0
"""A day's noon (UTC), some minutes past it."""


@pytest.fixture(autouse=True)
def noon(monkeypatch: pytest.MonkeyPatch) -> None:
    stopped = SimpleNamespace(time=lambda: NOON + 300, gmtime=time.gmtime, strftime=time.strftime)
    monkeypatch.setattr(overview, "time", stopped)


def write(office: Office, *records: CallRecord) -> None:
    writer = GroupWriter(office.store.database)
    writer.write([Group({"call": [call_row(record, "run") for record in records]}, {})])
    writer.close()


def failed(call_id: str, slug: Slug, setup_at: float, account: str = KEY) -> CallRecord:
    record = call_record(call_id, setup_at=setup_at, account=account)
    record.ended_at, record.verdict = setup_at + 1, Verdict.of(slug)
    return record


@pytest.fixture
def day(office: Office) -> None:
    """Calls of the last day and before."""
    write(
        office,
        ended_call("a", setup_at=NOON, account=KEY),
        failed("b", Slug.UNREACHABLE, NOON - 7200),
        failed("c", Slug.BUSY, NOON - 7200),
        failed("d", Slug.CODEC_MISMATCH, NOON - 13 * 3600),
        ended_call("e", setup_at=NOON - 2 * 86_400, account=KEY),
        failed("f", Slug.NO_ROUTE, NOON - 60, OTHER_KEY),
    )


def figure(page: str, name: str) -> str:
    return page.split(f"<dt>{name}</dt>")[1].split("</dd>")[0].split(">")[-2].split("<")[0].strip()


@pytest.mark.usefixtures("day")
def test_each_sees_the_own_figures(operator: Browser, customer: Browser, other: Browser) -> None:
    for browser, today, failed_today in ((operator, "4", "2"), (customer, "3", "1"), (other, "1", "1")):
        page = browser.get("/")
        assert figure(page, "Calls today") == today
        assert figure(page, "Failed today") == failed_today
    page = customer.get("/")
    assert "The far end can&#39;t be reached." in page
    assert 'href="/calls?result=codec-mismatch&amp;since=2026-11-27T13%3A00%3A00"' in page, "of a day"
    assert "no-route" not in page


@pytest.mark.usefixtures("day")
def test_figures_of_today_lead_to_calls_of_today(customer: Browser) -> None:
    page = customer.get("/")
    today, failed_today = re.findall(r'<dd><a href="(/calls\?[^"]*)">', page)
    assert re.findall(r'href="/calls/(\w)"', customer.get(html.unescape(today))) == ["a", "c", "b"]
    assert re.findall(r'href="/calls/(\w)"', customer.get(html.unescape(failed_today))) == ["b"]
    assert figure(page, "Failed today") == "1"


def test_money_has_its_cents(office: Office, paper: PaperNode, other: Browser) -> None:
    office.store.accounts.update(OTHER_KEY, cost_per_day=2.5)
    paper.used[OTHER_KEY] = Usage(0, 0, 7.0, 2.3)
    page = other.get("/")
    assert "Cost today: 2.30 of 2.50 are used." in page
    assert '<dd>2.30<span class="of"> of 2.50</span>' in page


def test_calls_now_and_limits(office: Office, paper: PaperNode, customer: Browser, other: Browser) -> None:
    paper.live = [
        CALL,
        *(replace(CALL, call_id=f"c{n}", account=OTHER_KEY, answered_at=None) for n in range(2, 6)),
    ]
    paper.used[OTHER_KEY] = Usage(4, 1, 7.0, 1.5)
    assert figure(customer.get("/"), "Calls now") == "1"
    page = other.get("/")
    assert figure(page, "Calls now") == "4"
    assert "Calls out at a time: 4 of 4 are used." in page
    assert "Minutes today" in page
    assert "Cost today" in page


def test_a_warning_of_a_limit_leads_to_where_that_limit_is(
    office: Office,
    paper: PaperNode,
    operator: Browser,
    other: Browser,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(paper, "media_ports", lambda: MediaPorts(10000, 20000, 4800, 0, 200))
    narrow = office.settings.limits.model_copy(update={"max_calls": 1})
    office.settings = office.settings.model_copy(update={"limits": narrow})
    paper.live = [CALL]
    paper.used[OTHER_KEY] = Usage(4, 1, 7.0, 1.5)
    links = dict(re.findall(r'<a href="([^"]*)">([^:<]*): [0-9]+ of [0-9]+ are used', operator.get("/")))
    assert links == {"/nodes": "Calls of the node", "/addresses": "Media ports"}
    ports = operator.get("/addresses")
    assert "ports 10000 to 20000" in ports
    assert '<a href="/limits">Calls out at a time: 4 of 4 are used' in other.get("/")
    office.store.accounts.update(OTHER_KEY, max_inbound=1)
    assert '<a href="/limits">Calls in at a time: 1 of 1 are used' in other.get("/")


def test_the_node_is_the_operators(operator: Browser, customer: Browser) -> None:
    page = operator.get("/")
    assert "Node n1" in page
    assert "Banned: 192.0.2.66" in page
    assert "TLS certificate can&#39;t be read" in page
    assert "Endpoint sip:100@pbx.example of +442079460000 is down" in page
    assert f"The PBX of account {KEY} at 192.0.2.9 spoke TLSv1" in page
    page = customer.get("/")
    assert f"The PBX of account {KEY} at 192.0.2.9 spoke TLSv1" in page
    assert "Node n1" not in page
    assert "Banned" not in page
    assert "certificate" not in page
    assert "Endpoint sip:100@pbx.example of +442079460000 is down" in page


def test_without_a_node(office: Office, operator: Browser, monkeypatch: pytest.MonkeyPatch) -> None:
    def nobody() -> None:
        raise NoNodeError("no node answers at x")

    monkeypatch.setattr(office.node, "client", nobody)
    page = operator.get("/")
    assert "The node does not answer: no node answers at x." in page
    assert figure(page, "Calls today") == "0"


def test_the_node_is_asked_once(office: Office, operator: Browser, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []
    client = office.node.client

    def one() -> ControlClient:
        asked.append(True)
        return client()

    monkeypatch.setattr(office.node, "client", one)
    operator.get("/")
    assert len(asked) == 1


def test_a_customer_without_calls_is_shown_the_way(customer: Browser) -> None:
    assert 'href="/connect"' in customer.get("/")


def test_who_was_busy_is_no_failure() -> None:
    hour = Stretch(0.0, 10, {Slug.BUSY: 2, Slug.CANCELLED: 1, Slug.UNREACHABLE: 3}, None)
    assert bar_of(hour) == ("00:00", 4, 3, 3)
    assert failures([hour, hour]) == [(Slug.UNREACHABLE, 6)]
