"""Addresses, registrations, bans."""

import pytest

from tests.unit.web.dashboard.conftest import HOSTILE, KEY, OTHER_KEY, Browser
from tests.unit.web.paper_node import PaperNode
from trunkline.config import Settings, render_default
from trunkline.web.control_client import NoNodeError
from trunkline.web.office import Office
from trunkline.web.views import RegistrationView


def test_addresses(customer: Browser) -> None:
    page = customer.get("/addresses")
    assert "n1.sip.example.net" in page
    assert "203.0.113.10" in page
    assert "_sip._udp.sip.example.net.  60 IN SRV   10 100 5060 n1.sip.example.net." in page
    assert "ports 10000 to 20000" in page
    assert "trunkline dns" not in page


def test_an_address_that_nobody_knows(operator: Browser, office: Office) -> None:
    text = render_default({"sip.advertised_host": "sip.example.net"})
    settings = Settings.parse(text, "the test's settings")
    office.settings = office.settings.model_copy(update={"sip": settings.sip})
    page = operator.get("/addresses")
    assert "sip.advertised_host" in page
    assert "Let in" not in page


def test_each_sees_the_own_registrations(operator: Browser, customer: Browser, paper: PaperNode) -> None:
    paper.registered = [
        RegistrationView(KEY, f"<sip:{HOSTILE}@192.0.2.9>", "UDP 192.0.2.9:5060", 4600.0),
        RegistrationView(OTHER_KEY, "<sip:other@192.0.2.10>", "UDP 192.0.2.10:5060", 4600.0),
    ]
    page = customer.get("/registrations")
    assert "192.0.2.9:5060" in page
    assert "&lt;script&gt;alert(1)&lt;/script&gt;␛[31m\\u{202e}" in page
    assert "192.0.2.10" not in page
    assert "192.0.2.10" in operator.get("/registrations")
    paper.registered = []
    assert "No device is registered" in customer.get("/registrations")


def test_bans_are_lifted_by_operators(operator: Browser, customer: Browser, paper: PaperNode) -> None:
    customer.get("/bans", 403)
    customer.post("/bans/lift", 403, source="192.0.2.66")
    assert "wrong passwords" in operator.get("/bans")
    assert "2001:db8::/64 is let in again." in operator.sent("/bans/lift", source="2001:db8::/64")
    assert list(paper.banned) == ["192.0.2.66"]
    operator.post("/bans/lift", 404, source="192.0.2.1")
    operator.sent("/bans/lift", source="192.0.2.66")
    assert "Nobody is banned" in operator.get("/bans")


def test_sources_are_turned_away_by_operators(operator: Browser, customer: Browser, paper: PaperNode) -> None:
    customer.post("/bans", 403, source="192.0.2.7", reason="", hours="1")
    assert "192.0.2.7 is turned away." in operator.sent(
        "/bans", source=" 192.0.2.7 ", reason="calls to +882", hours="0.5"
    )
    operator.sent("/bans", source="192.0.2.8", reason="", hours="")
    assert (paper.banned["192.0.2.7"], paper.banned["192.0.2.8"]) == ("calls to +882", "by hand")
    for hours, why in ("x", "Hours is a number"), ("0", "more than 0 hours"), ("1e6", "at most 87600"):
        page = operator.post("/bans", 422, source="192.0.2.9", reason="kept", hours=hours).text
        assert why in page
        assert 'value="kept"' in page
    page = operator.post("/bans", 422, source="127.0.0.1", hours="1").text
    assert "127.0.0.1 is let in unseen" in page
    assert "192.0.2.9" not in paper.banned


@pytest.mark.parametrize("path", ["/registrations", "/bans"])
def test_without_a_node(
    operator: Browser, office: Office, monkeypatch: pytest.MonkeyPatch, path: str
) -> None:
    def away() -> None:
        raise NoNodeError("no node answers at /x")

    monkeypatch.setattr(office.node, "client", away)
    assert "No node answers at /x." in operator.get(path, 503)
