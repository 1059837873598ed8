"""Carriers check themselves; numbers are rewritten by rule."""

from typing import Any

import pytest

from tests.unit.trunk.entities import gateway
from trunkline.errors import DirectoryError
from trunkline.trunk.carrier import (
    Carrier,
    CarrierCredentials,
    GatewayTransport,
    Rewrite,
    parse_gateway,
    parse_network,
    rewrite,
)


@pytest.mark.parametrize(
    ("rules", "number", "written"),
    [
        ((), "441632960000", "441632960000"),
        ((Rewrite("", 0, "+"),), "441632960000", "+441632960000"),
        ((Rewrite("44", 2, "0"),), "441632960000", "01632960000"),
        ((Rewrite("44", 2, "0"),), "331908817135", "331908817135"),
        ((Rewrite("44", 2, "0"), Rewrite("", 0, "00")), "331908817135", "00331908817135"),
        ((Rewrite("4416", 0, "#1"), Rewrite("44", 2, "0")), "441632960000", "#1441632960000"),
        ((Rewrite("0", 1, "44"),), "01632960000", "441632960000"),
        ((Rewrite("44", 2, "0"),), "+441632960000", "01632960000"),
        ((Rewrite("1", 0, ""),), "+441632960000", "+441632960000"),
        ((Rewrite("", 15, "9"),), "4416", "9"),
    ],
)
def test_rewrite(rules: tuple[Rewrite, ...], number: str, written: str) -> None:
    assert rewrite(rules, number) == written


@pytest.mark.parametrize(
    ("prefix", "strip", "prepend"),
    [("x", 0, ""), ("", -1, ""), ("", 16, ""), ("", 0, "a"), ("", 0, "1+"), ("", 0, "1\r")],
)
def test_impossible_rules(prefix: str, strip: int, prepend: str) -> None:
    with pytest.raises(DirectoryError):
        Rewrite(prefix, strip, prepend)


@pytest.mark.parametrize(
    "values",
    [
        {"name": "a b"},
        {"codecs": ()},
        {"register": True},
        {"register": True, "credentials": CarrierCredentials("u", "s"), "gateways": ()},
        {"inbound_account": "a b"},
        {"ping_interval_s": 0.5},
        {"ping_interval_s": 3601.0},
        {"response_timeout_ms": 499},
        {"response_timeout_ms": 32001},
        {"ring_timeout_s": 0.0},
        {"ring_timeout_s": 601.0},
        {"from_host": "a b"},
        {"from_host": "a\r\nX: y"},
    ],
)
def test_impossible_carriers(values: dict[str, Any]) -> None:
    with pytest.raises(DirectoryError):
        Carrier(**{"name": "alpha", "gateways": (gateway("sip:gw.example"),), **values})


def test_a_carrier_that_only_brings_calls_needs_no_gateway() -> None:
    assert Carrier("alpha", ()).gateways == ()


def test_gateway_order_is_checked() -> None:
    with pytest.raises(DirectoryError):
        gateway("sip:gw.example", weight=70000)


@pytest.mark.parametrize(
    ("uri", "transport", "request_uri"),
    [
        ("sip:gw.example", GatewayTransport.UDP, "sip:44@gw.example"),
        ("sip:gw.example:5070", GatewayTransport.TCP, "sip:44@gw.example:5070;transport=tcp"),
        ("sip:ignored@gw.example", GatewayTransport.TLS, "sip:44@gw.example;transport=tls"),
        ("sip:gw.example;transport=udp", GatewayTransport.TLS, "sip:44@gw.example;transport=udp"),
        ("sips:gw.example", GatewayTransport.TLS, "sips:44@gw.example"),
        ("sip:[2001:db8::1]", GatewayTransport.UDP, "sip:44@[2001:db8::1]"),
    ],
)
def test_request_uri_at_a_gateway(uri: str, transport: GatewayTransport, request_uri: str) -> None:
    carrier = Carrier("alpha", (gateway(uri),), transport=transport)
    assert str(carrier.uri_of(carrier.gateways[0], "44")) == request_uri
    assert carrier.uri_of(carrier.gateways[0]).user is None


def test_the_secret_is_not_shown() -> None:
    assert "hush" not in repr(CarrierCredentials("user", "hush"))


def test_parse_network() -> None:
    assert str(parse_network("192.0.2.1")) == "192.0.2.1/32"
    assert str(parse_network(" 2001:db8::/32 ")) == "2001:db8::/32"
    for text in ("192.0.2.1/24", "gw.example", ""):
        with pytest.raises(DirectoryError):
            parse_network(text)


def test_parse_rewrite() -> None:
    for text, rule in (
        ("44:2:0", Rewrite("44", 2, "0")),
        ("::+", Rewrite("", 0, "+")),
        ("+1:1:", Rewrite("1", 1, "")),
    ):
        assert Rewrite.parse(text) == rule
        assert Rewrite.parse(str(rule)) == rule
    for text in ("44", "44:2", "44:x:0", "44:²:0", "44:999:0", "x:1:0"):
        with pytest.raises(DirectoryError):
            Rewrite.parse(text)


def test_parse_gateway() -> None:
    assert str(parse_gateway("gw.example:5070")) == "sip:gw.example:5070"
    assert str(parse_gateway("SIPS:gw.example")) == "sips:gw.example"
    with pytest.raises(DirectoryError, match="gateway"):
        parse_gateway("gw example")
