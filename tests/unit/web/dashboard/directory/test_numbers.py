"""The list of numbers and a number's page, for both roles."""

import re
from dataclasses import replace

import pytest

from tests.unit.web.dashboard.conftest import KEY, NUMBER, OTHER_KEY, OTHER_NUMBER, Browser
from tests.unit.web.dashboard.versioned import version
from tests.unit.web.paper_node import HEALTH, PaperNode
from trunkline.call.record import Direction
from trunkline.trunk.health import HealthState
from trunkline.trunk.number import Number
from trunkline.web.control_client import NoNodeError
from trunkline.web.desk import numbers as desk_numbers
from trunkline.web.office import Office


def numbers_of(page: str) -> list[str]:
    return re.findall(r'href="/numbers/(\d+)"', page)


def test_each_sees_the_own_numbers(operator: Browser, customer: Browser, other: Browser) -> None:
    assert numbers_of(operator.get("/numbers")) == [NUMBER, OTHER_NUMBER]
    assert numbers_of(customer.get("/numbers")) == [NUMBER]
    assert numbers_of(other.get("/numbers")) == [OTHER_NUMBER]
    for path in (f"/numbers?account={OTHER_KEY}", f"/numbers/{OTHER_NUMBER}"):
        assert "does not exist" in customer.get(path, 404)


def test_somebody_elses_number_is_like_none(customer: Browser) -> None:
    theirs = customer.get(f"/numbers/{OTHER_NUMBER}", 404)
    nobodys = customer.get("/numbers/15550001111", 404)
    assert theirs.replace(OTHER_NUMBER, "N") == nobodys.replace("15550001111", "N")


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("search=%2B49+30", [OTHER_NUMBER]),
        ("search=0049+(30)", [OTHER_NUMBER]),
        ("search=9460", [NUMBER]),
        ("search=999", []),
        ("search=reception", []),
        ("search=+", [NUMBER, OTHER_NUMBER]),
        ("forwarded=yes", [NUMBER]),
        ("forwarded=no", [OTHER_NUMBER]),
        (f"account={OTHER_KEY}", [OTHER_NUMBER]),
    ],
)
def test_filters(operator: Browser, query: str, found: list[str]) -> None:
    page = operator.get(f"/numbers?{query}")
    assert numbers_of(page) == found
    assert ("No number matches" in page) == (not found)


def test_adding_goes_on_with_the_customer_that_is_looked_at(operator: Browser) -> None:
    assert 'href="/numbers/new"' in operator.get("/numbers")
    assert f'href="/numbers/new?account={KEY}"' in operator.get(f"/numbers?account={KEY}")
    assert f'name="account" type="text" value="{KEY}"' in operator.get(f"/numbers/new?account={KEY}")


def test_pages_by_key(office: Office, operator: Browser) -> None:
    for last in range(60):
        office.store.numbers.add(Number(f"155500000{last:02}", KEY))
    first = operator.get("/numbers?search=1555")
    assert len(numbers_of(first)) == 50
    following = re.search(r'href="([^"]+)" rel="next"', first)
    assert following is not None
    second = operator.get(following[1].replace("&amp;", "&"))
    assert numbers_of(second) == [f"155500000{last:02}" for last in range(50, 60)]
    assert "First page" in second
    assert 'rel="next"' not in second


def test_an_operator_adds_a_number(operator: Browser) -> None:
    assert "Add a number" in operator.get("/numbers/new")
    page = operator.sent("/numbers/new", number="+1 555 000-1111", account=KEY)
    assert "The number was added." in page
    assert "+15550001111" in page
    for number, account, said in (
        ("15550001111", KEY, "exists already"),
        ("12", KEY, "12"),
        ("15550002222", "nobody", "does not exist"),
    ):
        answer = operator.post(
            "/numbers/new",
            409 if "exists already" in said else 404 if "not" in said else 422,
            number=number,
            account=account,
        )
        assert said in answer.text
        assert f'value="{number}"' in answer.text


def test_a_customer_adds_none(customer: Browser) -> None:
    assert "Your operator adds numbers" in customer.get("/numbers/new")
    customer.post("/numbers/new", 403, number="15550001111", account=KEY)
    assert "Add a number" not in customer.get("/numbers")


def test_a_numbers_page(customer: Browser) -> None:
    page = customer.get(f"/numbers/{NUMBER}")
    assert "Forward to SIP" in page
    assert 'value="sip:100@pbx.example"' in page
    assert "1 of the last 4 were good" in page
    assert "OPTIONS: no answer" in page
    assert "No call has come" in page
    assert "Whose number it is" not in page


def test_without_a_node_the_page_says_so(
    customer: Browser, office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away() -> None:
        raise NoNodeError("no node answers at /x")

    monkeypatch.setattr(office.node, "client", away)
    page = customer.get(f"/numbers/{NUMBER}?dry=run")
    assert "Nothing is known of the endpoints: no node answers at /x." in page
    assert "Nobody knows: no node answers at /x." in page


def test_ring_time(customer: Browser, office: Office) -> None:
    path = f"/numbers/{NUMBER}/ring"
    seen = version(customer, f"/numbers/{NUMBER}")
    assert "The ring time was changed." in customer.sent(path, ring_timeout_s="20.5", version=seen)
    assert office.store.numbers.get(NUMBER).ring_timeout_s == 20.5
    assert "changed meanwhile" in customer.post(path, 412, ring_timeout_s="30", version=seen).text
    seen = version(customer, f"/numbers/{NUMBER}")
    for wrong in ("x", "0", "nan", "1e999"):
        answer = customer.post(path, 422, ring_timeout_s=wrong, version=seen)
        assert "ring t" in answer.text
    assert office.store.numbers.get(NUMBER).ring_timeout_s == 20.5
    customer.sent(path, ring_timeout_s="", version=seen)
    assert office.store.numbers.get(NUMBER).ring_timeout_s is None
    customer.post(f"/numbers/{OTHER_NUMBER}/ring", 404, ring_timeout_s="5")


def test_a_number_is_given_away_and_removed_by_operators(
    operator: Browser, customer: Browser, office: Office
) -> None:
    customer.post(f"/numbers/{NUMBER}/account", 403, account=OTHER_KEY)
    customer.post(f"/numbers/{NUMBER}/remove", 403)
    path, seen = f"/numbers/{NUMBER}/account", version(operator, f"/numbers/{NUMBER}")
    assert "does not exist" in operator.post(path, 404, account="nobody", version=seen).text
    assert f"belongs to {OTHER_KEY} now" in operator.sent(path, account=OTHER_KEY, version=seen)
    assert "changed meanwhile" in operator.post(path, 412, account=KEY, version=seen).text
    customer.get(f"/numbers/{NUMBER}", 404)
    assert "was removed" in operator.sent(f"/numbers/{NUMBER}/remove")
    assert [number.e164 for number in office.store.numbers.list()] == [OTHER_NUMBER]


def test_options_now(customer: Browser) -> None:
    assert "Endpoint 2 answered OPTIONS with 200 OK after 4 ms." in customer.sent(
        f"/numbers/{NUMBER}/ping", position="2"
    )
    assert "Endpoint 1 did not answer OPTIONS: no answer." in customer.sent(
        f"/numbers/{NUMBER}/ping", position="1"
    )
    for position in ("3", "0", "-1", "x", "²", ""):
        customer.post(f"/numbers/{NUMBER}/ping", 404, position=position)
    customer.post(f"/numbers/{OTHER_NUMBER}/ping", 404, position="1")


@pytest.mark.parametrize(
    ("results", "words"), [((False,), "failing"), ((True, False), "up"), ((True,), "up")]
)
def test_an_endpoint_that_has_answered_nothing_is_not_up(
    customer: Browser, paper: PaperNode, results: tuple[bool, ...], words: str
) -> None:
    paper.targets = [replace(HEALTH, state=HealthState.UP, results=results)]
    states = re.findall(
        r'data-label="State"><span class="badge \w+">([^<]*)<', customer.get(f"/numbers/{NUMBER}")
    )
    assert states == [words, "not heard of"]


def test_dry_run(customer: Browser, paper: PaperNode) -> None:
    page = customer.get(f"/numbers/{NUMBER}?dry=run&caller=15550009999")
    assert "the number is unknown" in page
    assert "refused with 404" in page
    assert (paper.asked[0].direction, paper.asked[0].called) == (Direction.INBOUND, NUMBER)
    assert paper.asked[0].caller == "15550009999"


def test_test_call(customer: Browser, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(desk_numbers, "RECORD_S", 0.0)
    page = customer.sent(f"/numbers/{NUMBER}/call")
    assert "The test call was answered." in page
    assert "in PCMA: 150 packets came back, 0 were lost, MOS 4.3." in page
    customer.post(f"/numbers/{OTHER_NUMBER}/call", 404)
