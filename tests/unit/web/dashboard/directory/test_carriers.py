"""Carriers: the operator's alone."""

import re
from dataclasses import replace

import pytest

from tests.unit.web.dashboard.conftest import HOSTILE, KEY, Browser
from tests.unit.web.dashboard.versioned import version
from tests.unit.web.paper_node import HEALTH, PaperNode
from trunkline.sip.uri import SipUri
from trunkline.trunk.carrier import Carrier, Gateway, Rewrite
from trunkline.web.office import Office

PAGE = "/carriers/upstream"


@pytest.mark.parametrize("path", ["/carriers", "/carriers/-/new", PAGE])
def test_customers_see_nothing(customer: Browser, path: str) -> None:
    assert "Only an operator may do this." in customer.get(path, 403)


@pytest.mark.parametrize("what", ["gateways", "state", "settings", "credentials", "remove"])
def test_customers_change_nothing(customer: Browser, office: Office, what: str) -> None:
    before = office.store.carriers.get("upstream")
    fields = {"srtp": "allowed", "dtmf": "auto", "transport": "udp", "codecs": "PCMA"}
    customer.post(f"{PAGE}/{what}", 403, **fields)
    assert office.store.carriers.get("upstream") == before


def test_the_list(operator: Browser, paper: PaperNode) -> None:
    paper.targets = [replace(HEALTH, uri="sip:sbc.example", number=None, account=None, carrier="upstream")]
    page = operator.get("/carriers")
    assert "upstream" in page
    assert "sip:sbc.example" in page
    assert 'class="badge bad">down' in page


def test_add(operator: Browser, office: Office) -> None:
    page = operator.sent(
        "/carriers/-/new",
        name="new",
        gateways="sip:a.example\nb.example:5070",
        sources="192.0.2.0/24 2001:db8::1",
    )
    assert "The carrier was added." in page
    made = office.store.carriers.get("new")
    assert [(str(item.uri), item.priority) for item in made.gateways] == [
        ("sip:a.example", 0),
        ("sip:b.example:5070", 1),
    ]
    assert [str(network) for network in made.sources] == ["192.0.2.0/24", "2001:db8::1/128"]
    assert "exists already" in operator.post("/carriers/-/new", 409, name="new").text
    refused = operator.post("/carriers/-/new", 422, name=HOSTILE, gateways="gw:x")
    assert "<script>alert" not in refused.text


def test_gateways(operator: Browser, office: Office) -> None:
    page = operator.sent(
        f"{PAGE}/gateways",
        version=version(operator, PAGE),
        uri=["sip:b.example", "", "a.example;transport=tcp", ""],
        priority=["5", "", "", ""],
        weight=["2", "9", "", ""],
    )
    assert "The gateways were changed" in page
    assert office.store.carriers.get("upstream").gateways == (
        Gateway(SipUri.parse("sip:b.example"), 5, 2),
        Gateway(SipUri.parse("sip:a.example;transport=tcp"), 1, 1),
    )


def test_gateways_that_are_none(operator: Browser, office: Office) -> None:
    before = office.store.carriers.get("upstream")
    seen = version(operator, PAGE)
    for fields in (
        {"uri": "gw example"},
        {"uri": "a.example", "priority": "-1"},
        {"uri": "a", "weight": "70000"},
    ):
        answer = operator.post(f"{PAGE}/gateways", 422, version=seen, **fields)
        assert f'value="{fields["uri"]}"' in answer.text
    assert "changed meanwhile" in operator.post(f"{PAGE}/gateways", 412, version="", uri="a.example").text
    assert office.store.carriers.get("upstream") == before


def test_a_lost_update_of_gateways_is_stopped_behind_a_refusal(operator: Browser, office: Office) -> None:
    seen = version(operator, PAGE)
    operator.sent(f"{PAGE}/gateways", version=seen, uri="b.example")
    refused = operator.post(f"{PAGE}/gateways", 422, version=seen, uri="a.example", weight="x").text
    assert f'name="version" value="{seen}"' in refused
    operator.post(f"{PAGE}/gateways", 412, version=seen, uri="a.example")
    assert [str(one.uri) for one in office.store.carriers.get("upstream").gateways] == ["sip:b.example"]


def test_off_and_on(operator: Browser, office: Office) -> None:
    assert "takes no calls from now on" in operator.sent(f"{PAGE}/state", enabled="no")
    assert not office.store.carriers.get("upstream").enabled
    operator.sent(f"{PAGE}/state", enabled="yes")
    assert office.store.carriers.get("upstream").enabled


def test_credentials_are_kept_and_not_shown(operator: Browser, office: Office) -> None:
    typed = {"user": "us", "secret": "hush-hush", "realm": "", "register": "yes"}
    seen = version(operator, PAGE)
    page = operator.sent(f"{PAGE}/credentials", **typed, version=seen)
    assert "hush-hush" not in page
    carrier = office.store.carriers.get("upstream")
    assert carrier.credentials is not None
    assert (carrier.credentials.user, carrier.credentials.secret, carrier.register) == (
        "us",
        "hush-hush",
        True,
    )
    assert "go together" in operator.post(f"{PAGE}/credentials", 422, user="us").text
    late = operator.post(f"{PAGE}/credentials", 412, user="", secret="", version=seen)
    assert "changed meanwhile" in late.text
    assert office.store.carriers.get("upstream").credentials is not None
    operator.sent(f"{PAGE}/credentials", user="", secret="", version=version(operator, PAGE))
    assert office.store.carriers.get("upstream").credentials is None


def test_what_was_typed_stays_when_it_is_refused(operator: Browser) -> None:
    seen = version(operator, PAGE)
    sent = {
        "sources": "here",
        "from_host": "mine.example",
        "srtp": "required",
        "trusted": "yes",
        "codecs": "G729",
    }
    page = operator.post(f"{PAGE}/settings", 422, version=seen, **sent).text
    assert "here</textarea>" in page
    assert 'name="from_host" type="text" value="mine.example"' in page
    assert '<option value="required" selected>' in page
    assert re.findall(r'name="(\w+)" type="checkbox" value="yes" checked', page) == ["trusted"]
    page = operator.post(f"{PAGE}/credentials", 422, version=seen, user="us", realm="r", register="yes").text
    assert 'name="user" type="text" value="us"' in page
    assert 'name="realm" type="text" value="r"' in page
    ticked = re.findall(r'name="(\w+)" type="checkbox" value="yes" checked', page)
    assert ticked == ["register", "transcoding", "pings"], "the other form shows what is saved"
    page = operator.post(f"{PAGE}/credentials", 422, version=seen, secret="s3cret-typed").text
    assert "s3cret-typed" not in page


def test_settings_are_sent_as_they_are_shown(operator: Browser, office: Office) -> None:
    carrier = Carrier(
        "odd",
        (),
        called_rules=(Rewrite("44", 2, "0"), Rewrite("", 0, "+")),
        codecs=("G729", "PCMA"),
        ping_interval_s=15.5,
        response_timeout_ms=900,
        ring_timeout_s=90.0,
        from_host="example.org",
        trusted=True,
        pings=False,
    )
    office.store.carriers.add(carrier)
    form = (
        operator.get("/carriers/odd").partition('action="/carriers/odd/settings"')[2].partition("</form>")[0]
    )
    sent = dict(re.findall(r'<input [^>]*name="(\w+)" type="text" value="([^"]*)"', form))
    sent |= dict.fromkeys(re.findall(r'name="(\w+)" type="checkbox" value="yes" checked', form), "yes")
    sent |= dict(re.findall(r'<select [^>]*name="(\w+)".*?value="([^"]*)" selected', form, re.DOTALL))
    seen = version(operator, "/carriers/odd")
    operator.sent("/carriers/odd/settings", version=seen, **sent)
    assert office.store.carriers.get("odd") == carrier
    sent |= {"sources": "192.0.2.1", "inbound_account": KEY, "trusted": ""}
    operator.sent("/carriers/odd/settings", version=seen, **sent)
    changed = office.store.carriers.get("odd")
    assert (str(changed.sources[0]), changed.inbound_account, changed.trusted) == ("192.0.2.1/32", KEY, False)
    for wrong in ({"called_rules": "44"}, {"srtp": "maybe"}, {"codecs": "MP3"}, {"sources": "here"}):
        operator.post(
            "/carriers/odd/settings", 422, version=version(operator, "/carriers/odd"), **{**sent, **wrong}
        )


def test_remove(operator: Browser, office: Office) -> None:
    assert "still in a route" in operator.post(f"{PAGE}/remove", 409).text
    office.store.routes.remove("44")
    assert "Carrier upstream was removed." in operator.sent(f"{PAGE}/remove")
    assert "There are no carriers yet" in operator.get("/carriers")
