"""Which places count as a carrier's gateway."""

from dataclasses import replace

import pytest

from tests.unit.trunk.entities import ALPHA, BETA, directory
from trunkline.sip.ports import Address
from trunkline.sip.uri import SipUri
from trunkline.trunk.carrier import GatewayTransport
from trunkline.trunk.forwarding import ForwardingList
from trunkline.trunk.gateway_addresses import NONE_BARRED, WARNING, gateway_uris, place_of, places_of, warned


def places(*gateways: str) -> frozenset[Address]:
    return places_of(map(SipUri.parse, gateways))


@pytest.mark.parametrize(
    ("uri", "place"),
    [
        ("sip:a@192.0.2.1", Address("192.0.2.1", 5060)),
        ("sip:a@192.0.2.1:5070", Address("192.0.2.1", 5070)),
        ("sips:a@GW.example.", Address("gw.example", 5060)),
        ("sip:a@[2001:DB8:0::1]:5061", Address("2001:db8::1", 5061)),
        ("sip:a@[::ffff:192.0.2.1]", Address("192.0.2.1", 5060)),
        ("sip:a@gw.example;maddr=192.0.2.9", Address("192.0.2.9", 5060)),
    ],
)
def test_where_a_uri_leads(uri: str, place: Address) -> None:
    assert place_of(SipUri.parse(uri)) == place


@pytest.mark.parametrize("gateway", ["sip:192.0.2.1", "sip:192.0.2.1:5061", "sips:192.0.2.1;transport=tcp"])
def test_a_gateway_at_a_standard_port_has_both(gateway: str) -> None:
    assert places(gateway) == {Address("192.0.2.1", 5060), Address("192.0.2.1", 5061)}


def test_one_at_another_port_has_that_alone() -> None:
    assert places("sip:192.0.2.1:5070") == {Address("192.0.2.1", 5070)}


def test_what_was_found_counts_likewise() -> None:
    found = [Address("192.0.2.7", 5061), Address("2001:db8::7", 5080)]
    assert places_of([], found) == {
        Address("192.0.2.7", 5060),
        Address("192.0.2.7", 5061),
        Address("2001:db8::7", 5080),
    }


def test_the_gateways_of_all_carriers_count() -> None:
    beta = replace(BETA, enabled=False, transport=GatewayTransport.TCP)
    assert [str(uri) for uri in gateway_uris(directory(carriers=(ALPHA, beta)))] == [
        "sip:gw1.alpha.example",
        "sip:gw2.alpha.example:5070",
        "sip:192.0.2.50;transport=tcp",
    ]


def test_entries_that_name_a_gateway_are_warned_of_once() -> None:
    typed = ForwardingList.parse("a@192.0.2.1, b@192.0.2.1:5080, c@gw.example;colour=blue")
    barred = places("sip:192.0.2.1", "sip:gw.example")
    judged = warned(typed, barred)
    assert judged.warnings == (*typed.warnings, f"entry 1: {WARNING}", f"entry 3: {WARNING}")
    assert warned(judged, barred) is judged
    assert (judged.endpoints, judged.text) == (typed.endpoints, typed.text)
    assert warned(typed, NONE_BARRED) is typed
