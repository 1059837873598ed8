"""The forwarding editor, with and without scripts."""

import html
import re
from typing import Any

import pytest

from tests.unit.web.dashboard.conftest import HOSTILE, NUMBER, OTHER_NUMBER, Browser
from tests.unit.web.dashboard.versioned import version
from trunkline.sip.uri import SipUri
from trunkline.store.audit import Via
from trunkline.trunk.carrier import Carrier, Gateway
from trunkline.web.dashboard.directory.forwarding_rows import MAX_ROWS
from trunkline.web.office import Office

PAGE = f"/numbers/{NUMBER}"
PATH = f"{PAGE}/forward"


def fields(page: str, name: str) -> list[str]:
    shown = page.partition("<template")[0]
    return [html.unescape(value) for value in re.findall(rf'name="{name}" value="([^"]*)"', shown)]


def saved(office: Office) -> str:
    return office.store.numbers.get(NUMBER).forwarding.text


def test_update_from_rows(customer: Browser, office: Office) -> None:
    page = customer.sent(
        PATH,
        version=version(customer, PAGE),
        uri=["100@pbx1.example", "", "sips:100@pbx2.example"],
        port=["5070", "", ""],
        transport=["tcp", "", ""],
        timeout=["2500", "", ""],
        media=["", "", "srtp"],
    )
    assert "The forwarding was updated" in page
    assert saved(office) == (
        "100@pbx1.example:5070;transport=tcp;timeout=2500, sips:100@pbx2.example;media=srtp"
    )
    assert fields(page, "uri") == ["100@pbx1.example", "sips:100@pbx2.example"]
    assert fields(page, "port") == ["5070", ""]
    [entry] = office.store.audit.list(kind="number", limit=1)
    assert (entry.via, entry.author) == (Via.DASHBOARD, "abcd1234")


def test_update_from_one_line(customer: Browser, office: Office) -> None:
    line = "14155550100@pbx1.example.com, sips:14155550100@pbx2.example.com;odd"
    page = customer.sent(PATH, version=version(customer, PAGE), list=line)
    assert "is unknown here and is sent as it is" in page
    assert [str(e.uri) for e in office.store.numbers.get(NUMBER).forwarding.endpoints] == [
        "sip:14155550100@pbx1.example.com",
        "sips:14155550100@pbx2.example.com;odd",
    ]


def test_a_line_in_the_first_row_is_a_list(customer: Browser, office: Office) -> None:
    customer.sent(PATH, version=version(customer, PAGE), uri="a@h.example, b@h.example", port="", media="")
    assert len(office.store.numbers.get(NUMBER).forwarding.endpoints) == 2


def test_nothing_means_nowhere(customer: Browser, office: Office) -> None:
    assert "is forwarded nowhere now" in customer.sent(PATH, version=version(customer, PAGE), uri="")
    assert not office.store.numbers.get(NUMBER).forwarding


@pytest.mark.parametrize("name", ["uri", "list"])
def test_what_is_wrong_stays_and_is_not_saved(customer: Browser, office: Office, name: str) -> None:
    before = saved(office)
    answer = customer.post(PATH, 422, version=version(customer, PAGE), **{name: f"{HOSTILE}, b@h"})
    assert "Nothing was saved" in answer.text
    assert 'aria-invalid="true"' in answer.text
    assert "<script>alert" not in answer.text
    assert saved(office) == before


def test_a_line_of_nothing_but_commas_is_bounded(customer: Browser) -> None:
    answer = customer.post(PATH, 422, version=version(customer, PAGE), list=",x" * 2000)
    assert len(fields(answer.text, "uri")) <= MAX_ROWS


def test_a_lost_update_is_stopped_once(customer: Browser, operator: Browser, office: Office) -> None:
    seen = version(customer, PAGE)
    operator.sent(PATH, version=version(operator, PAGE), uri="new@h.example")
    answer = customer.post(PATH, 412, version=seen, uri="mine@h.example")
    assert "Somebody changed this number" in answer.text
    assert fields(answer.text, "uri") == ["mine@h.example"]
    assert saved(office) == "new@h.example"
    [again, *_] = fields(answer.text, "version")
    customer.sent(PATH, version=again, uri="mine@h.example")
    assert saved(office) == "mine@h.example"


@pytest.mark.parametrize(
    ("status", "typed"),
    [(422, {"uri": "<mine>"}), (200, {"uri": ["mine@h.example", "b@h.example"], "do": "up 1"})],
)
def test_a_lost_update_is_stopped_behind_a_form_that_came_back(
    customer: Browser, operator: Browser, office: Office, status: int, typed: dict[str, Any]
) -> None:
    seen = version(customer, PAGE)
    operator.sent(PATH, version=version(operator, PAGE), uri="new@h.example")
    [kept, *_] = fields(customer.post(PATH, status, version=seen, **typed).text, "version")
    assert "Somebody changed this number" in customer.post(PATH, 412, version=kept, uri="mine@h.example").text
    assert saved(office) == "new@h.example"


def test_a_form_without_a_version_changes_nothing(customer: Browser) -> None:
    customer.post(PATH, 412, uri="mine@h.example")


@pytest.mark.parametrize(
    ("do", "uris"),
    [
        ("up 1", ["b@h", "a@h", "c@h"]),
        ("down 1", ["a@h", "c@h", "b@h"]),
        ("up 0", ["a@h", "b@h", "c@h"]),
        ("down 2", ["a@h", "b@h", "c@h"]),
        ("drop 1", ["a@h", "c@h"]),
        ("add", ["a@h", "b@h", "c@h", ""]),
    ],
)
def test_rows_are_moved_without_scripts(customer: Browser, office: Office, do: str, uris: list[str]) -> None:
    before = saved(office)
    answer = customer.post(PATH, 200, version=version(customer, PAGE), uri=["a@h", "b@h", "c@h"], do=do)
    assert fields(answer.text, "uri") == uris
    assert saved(office) == before


@pytest.mark.parametrize("do", ["up 9", "up -1", "up x", "burn 1"])
def test_an_odd_button_is_update(customer: Browser, office: Office, do: str) -> None:
    customer.sent(PATH, version=version(customer, PAGE), uri="a@h.example", do=do)
    assert saved(office) == "a@h.example"


def test_somebody_elses_number_stays(customer: Browser, office: Office) -> None:
    customer.post(f"/numbers/{OTHER_NUMBER}/forward", 404, uri="a@h.example")
    assert not office.store.numbers.get(OTHER_NUMBER).forwarding


def test_a_carriers_gateway_is_warned_of(customer: Browser, office: Office) -> None:
    office.store.carriers.add(Carrier("old", (Gateway(SipUri.parse("sip:192.0.2.50")),), enabled=False))
    checked = customer.post("/forwarding/check", 200, uri=["a@h.example", "88@192.0.2.50"], port=["", "5061"])
    said = "the address is a carrier's gateway; such entries are passed over"
    assert checked.json()["warnings"] == [{"row": 1, "said": said}]
    page = customer.sent(PATH, version=version(customer, PAGE), uri="88@192.0.2.50")
    assert said in html.unescape(page)
    assert office.store.numbers.get(NUMBER).forwarding.warnings == (f"entry 1: {said}",)
    customer.sent(PATH, version=version(customer, PAGE), uri="88@192.0.2.50:5070")
    assert office.store.numbers.get(NUMBER).forwarding.warnings == ()


def test_where_gateways_may_be_forwarded_to_nothing_is_said(customer: Browser, office: Office) -> None:
    office.store.carriers.add(Carrier("host", (Gateway(SipUri.parse("sip:192.0.2.50")),)))
    forwarding = office.settings.forwarding.model_copy(update={"to_gateways": True})
    office.settings = office.settings.model_copy(update={"forwarding": forwarding})
    assert customer.post("/forwarding/check", 200, uri="88@192.0.2.50").json()["warnings"] == []


def test_check(customer: Browser) -> None:
    def check(**sent: object) -> Any:
        return customer.post("/forwarding/check", 200, **sent).json()

    good = check(uri=["a@h.example;timeout=2000", "a@h.example"], port=["", "5060"])
    assert (good["endpoints"], good["errors"]) == (2, [])
    assert good["text"] == "a@h.example;timeout=2000, a@h.example:5060"
    bad = check(uri=["a@h.example", "b"], port="")
    assert bad["endpoints"] is None
    assert [error["row"] for error in bad["errors"]] == [1]
    assert check(list="a@h, b@h;media=srtp")["rows"] == [
        {"uri": "a@h", "port": "", "transport": "", "timeout": "", "media": ""},
        {"uri": "b@h", "port": "", "transport": "", "timeout": "", "media": "srtp"},
    ]
    assert check()["endpoints"] == 0
