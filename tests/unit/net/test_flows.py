"""How addresses are written and grouped."""

import pytest

from trunkline.errors import DirectoryError
from trunkline.net.flows import address_of, is_loopback, is_wildcard, packed, parse_source, source_key
from trunkline.sip.ports import Address


@pytest.mark.parametrize(
    ("sockaddr", "address"),
    [
        (("192.0.2.1", 5060), Address("192.0.2.1", 5060)),
        (("2001:db8::1", 5060, 0, 0), Address("2001:db8::1", 5060)),
        (("::ffff:192.0.2.1", 5060, 0, 0), Address("192.0.2.1", 5060)),
        (("fe80::1%eth0", 5060, 0, 2), Address("fe80::1", 5060)),
        (("::ffff:0:1", 5060, 0, 0), Address("::ffff:0:1", 5060)),
    ],
)
def test_a_socket_address_as_an_address(sockaddr: tuple[str, int], address: Address) -> None:
    assert address_of(sockaddr) == address


@pytest.mark.parametrize(
    ("host", "size"),
    [
        ("192.0.2.1", 4),
        ("2001:db8::1", 16),
        ("pbx.example.com", None),
        ("192.0.2", None),
        ("192.0.2.256", None),
        ("1.2.3.4.", None),
        ("", None),
        ("fe80::1%eth0", None),
    ],
)
def test_only_literals_are_packed(host: str, size: int | None) -> None:
    address = packed(host)
    assert (None if address is None else len(address)) == size


def test_one_source_is_an_ipv4_address_or_an_ipv6_subnet() -> None:
    assert source_key("192.0.2.1") == "192.0.2.1"
    assert source_key("2001:db8:1:2:3:4:5:6") == "2001:db8:1:2::/64"
    assert source_key("2001:db8:1:2::9") == source_key("2001:db8:1:2:ffff::1")
    assert source_key("2001:db8:1:3::9") != source_key("2001:db8:1:2::9")
    assert source_key("not:an:address") == "not:an:address"


def test_loopback_and_wildcard() -> None:
    assert is_loopback("127.0.0.1")
    assert is_loopback("127.255.0.1")
    assert is_loopback("::1")
    assert not is_loopback("128.0.0.1")
    assert is_wildcard("0.0.0.0")
    assert is_wildcard("::")
    assert not is_wildcard("::1")


def test_a_person_names_a_source_by_an_address() -> None:
    assert parse_source("192.0.2.1") == "192.0.2.1"
    assert {parse_source(text) for text in ("::FFFF:192.0.2.1", "0:0:0:0:0:ffff:c000:201")} == {"192.0.2.1"}
    assert parse_source("2001:db8:1:2::9") == parse_source("2001:db8:1:2::/64") == "2001:db8:1:2::/64"
    for text in "", "host.example", "192.0.2.0/24", "192.0.2.1/64", "2001:db8::/32", "192.0.2", "::1/", "1\n":
        with pytest.raises(DirectoryError, match="is no source"):
            parse_source(text)
