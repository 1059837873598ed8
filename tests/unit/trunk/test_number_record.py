"""A number as one short text. That `pack` and `unpack` are inverse is a property: tests/property."""

import pytest

from tests.unit.trunk.entities import NUMBER
from trunkline.errors import DirectoryError
from trunkline.trunk.forwarding import ForwardingList
from trunkline.trunk.number import Number
from trunkline.trunk.number_record import (
    Checker,
    EndpointValues,
    account_of,
    pack,
    pack_values,
    server_of,
    servers_of,
    unpack,
    values_of,
)

USUAL: EndpointValues = ("sip:100@pbx1.example", None, "rtp", "100@pbx1.example")


def test_what_the_list_says_is_not_said_twice() -> None:
    record = pack(NUMBER)
    assert record.count("pbx1.example") == 1
    assert unpack(NUMBER.e164, record) == NUMBER
    assert account_of(record) == NUMBER.account


@pytest.mark.parametrize("separator", "\x1d\x1e\x1f")
def test_a_separator_within_a_text_has_no_record(separator: str) -> None:
    assert pack_values("acme", None, f"a{separator}", (), []) is None
    assert pack_values("acme", None, "", (f"a{separator}",), []) is None
    with pytest.raises(DirectoryError, match="number 4930123456: its forwarding holds a control character"):
        pack(Number("4930123456", "acme", ForwardingList((), (), separator)))


def test_a_part_of_a_record_is_none() -> None:
    record = pack_values("acme", 20.0, "100@pbx1.example", (), [USUAL])
    assert record is not None
    for length in range(len(record)):
        if record[:length].count("\x1f") not in (3, 7):
            with pytest.raises(ValueError, match=r"record|unpack"):
                values_of(record[:length])


def test_a_server_has_no_user_and_stands_once() -> None:
    number = Number(
        "4930123456", "acme", ForwardingList.parse("sips:a:b@PBX.example:5061;transport=tls, a@x, b@x")
    )
    assert servers_of(number) == ("sips:pbx.example:5061;transport=tls", "sip:x")
    assert server_of(number.forwarding.endpoints[1].uri) == "sip:x"


def test_the_checker_knows_the_usual() -> None:
    checker = Checker()
    shouting: EndpointValues = ("sip:+1-0_0.0@PBX1.example", 2000, "srtp", "")
    assert checker.servers("4930123456", "acme", None, []) == []
    assert checker.servers("4930123456", "acme", 20.5, [USUAL, shouting]) == ["sip:pbx1.example"]


@pytest.mark.parametrize(
    ("e164", "account", "ring_timeout_s", "endpoint"),
    [
        ("0930123456", "acme", None, USUAL),
        ("493012", "acme", None, USUAL),
        ("4930123456789012", "acme", None, USUAL),
        ("+4930123456", "acme", None, USUAL),
        ("493012345²", "acme", None, USUAL),
        ("4930123456", "", None, USUAL),
        ("4930123456", "acme", 0.5, USUAL),
        ("4930123456", "acme", 601.0, USUAL),
        ("4930123456", "acme", float("nan"), USUAL),
        ("4930123456", "acme", None, ("sip:1@pbx1@example", None, "rtp", "")),
        ("4930123456", "acme", None, ("sip:1@pbx1_!example", None, "rtp", "")),
        ("4930123456", "acme", None, ("sip:1@", None, "rtp", "")),
        ("4930123456", "acme", None, ("sip:pbx1.example", None, "rtp", "")),
        ("4930123456", "acme", None, ("tel:1@pbx1.example", None, "rtp", "")),
        ("4930123456", "acme", None, ("sip:1%zz@pbx1.example", None, "rtp", "")),
        ("4930123456", "acme", None, ("sip:1@pbx1.example", "soon", "rtp", "")),
        ("4930123456", "acme", None, ("sip:1@pbx1.example", None, "zrtp", "")),
    ],
)
def test_the_checker_says_nothing_of_what_it_does_not_know(
    e164: str, account: str, ring_timeout_s: float | None, endpoint: EndpointValues
) -> None:
    assert Checker().servers(e164, account, ring_timeout_s, [endpoint]) is None
