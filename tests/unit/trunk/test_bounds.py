"""What is given is bounded; what was kept before stays, and stands in no other change's way."""

from dataclasses import replace
from typing import Any

import pytest

from tests.unit.trunk.entities import ACME, ALPHA, gateway
from trunkline.errors import DirectoryError
from trunkline.trunk.bounds import (
    MAX_GATEWAY_URI,
    MAX_GATEWAYS,
    MAX_NAME,
    MAX_PREFIXES,
    MAX_ROUTE_CARRIERS,
    MAX_RULES,
    MAX_SOURCES,
    check_bounds,
)
from trunkline.trunk.carrier import Rewrite, parse_network
from trunkline.trunk.routes import Route, RouteCarrier

PREFIXES = tuple(str(1000 + at) for at in range(MAX_PREFIXES + 1))
RULES = (Rewrite("44", 2, "0"),) * (MAX_RULES + 1)
SOURCES = (parse_network("192.0.2.0/24"),) * (MAX_SOURCES + 1)
GATEWAYS = tuple(gateway(f"sip:gw{at}.alpha.example") for at in range(MAX_GATEWAYS + 1))
FAR = gateway("sip:" + "a." * ((MAX_GATEWAY_URI - len("sip:") + 1) // 2) + "b")
CARRIERS = tuple(RouteCarrier(f"c{at}") for at in range(MAX_ROUTE_CARRIERS + 1))


@pytest.mark.parametrize("field", ["allowed_prefixes", "denied_prefixes"])
def test_prefixes_of_an_account(field: str) -> None:
    fields: dict[str, Any] = {field: PREFIXES[1:]}
    check_bounds(replace(ACME, **fields))
    fields[field] = PREFIXES
    with pytest.raises(DirectoryError, match="at most 1000, and these are 1001"):
        check_bounds(replace(ACME, **fields))


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("gateways", GATEWAYS),
        ("called_rules", RULES),
        ("caller_rules", RULES),
        ("inbound_called_rules", RULES),
        ("inbound_caller_rules", RULES),
        ("sources", SOURCES),
    ],
)
def test_lists_of_a_carrier(field: str, value: tuple[Any, ...]) -> None:
    fields: dict[str, Any] = {field: value[1:]}
    check_bounds(replace(ALPHA, **fields))
    fields[field] = value
    with pytest.raises(DirectoryError, match=f"{field.replace('_', ' ')}: at most {len(value) - 1}"):
        check_bounds(replace(ALPHA, **fields))


def test_carriers_of_a_route() -> None:
    check_bounds(Route("", CARRIERS[1:]))
    with pytest.raises(DirectoryError, match="carriers: at most 100"):
        check_bounds(Route("", CARRIERS))


def test_the_uri_of_a_gateway() -> None:
    assert len(str(FAR.uri)) == MAX_GATEWAY_URI + 1
    with pytest.raises(DirectoryError, match="at most 300 characters"):
        check_bounds(replace(ALPHA, gateways=(FAR,)))


@pytest.mark.parametrize("name", ["n" * (MAX_NAME + 1), "two\nlines", "\x1b[31m", "\x85"])
def test_the_name_of_an_account(name: str) -> None:
    with pytest.raises(DirectoryError, match="account acme: its name"):
        check_bounds(replace(ACME, name=name))
    check_bounds(replace(ACME, name="ü" * MAX_NAME))


@pytest.mark.parametrize(
    ("before", "change"),
    [
        (replace(ACME, name="n" * 1000, allowed_prefixes=PREFIXES), {"max_concurrent": 3}),
        (replace(ALPHA, gateways=(*GATEWAYS, FAR), sources=SOURCES), {"enabled": False}),
        (Route("", CARRIERS), {"price_per_minute": 0.1}),
    ],
)
def test_what_there_was_before_stays(before: Any, change: dict[str, Any]) -> None:
    check_bounds(replace(before, **change), before)
    with pytest.raises(DirectoryError):
        check_bounds(before)
