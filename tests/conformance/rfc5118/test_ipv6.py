"""RFC 5118, SIP torture test messages for IPv6: what the parser makes of each of the 12."""

import base64
import ipaddress
import json
from pathlib import Path

import pytest

from trunkline.sip.errors import SipSyntaxError
from trunkline.sip.message import Request, response_to
from trunkline.sip.parse import parse_message
from trunkline.sip.uri import SipUri

DATA = Path(__file__).parent.parent / "data" / "sip" / "rfc-torture.jsonl"
MESSAGES: dict[str, bytes] = {
    row["name"]: base64.b64decode(row["b64"])
    for row in map(json.loads, DATA.read_text().splitlines())
    if row["suite"] == "rfc5118"
}


def read(name: str) -> Request:
    message = parse_message(MESSAGES[name])
    assert isinstance(message, Request)
    again = parse_message(message.to_bytes())
    assert again.headers == message.headers
    assert again.body == message.body
    return message


def request_uri(message: Request) -> SipUri:
    assert isinstance(message.uri, SipUri)
    return message.uri


def test_4_1_a_valid_message() -> None:
    message = read("ipv6-good")
    assert request_uri(message) == SipUri("sip", None, "2001:db8::10")
    assert str(message.uri) == "sip:[2001:db8::10]"
    assert message.top_via.host == "2001:db8::9:1"
    assert message.top_via.sent_by == "[2001:db8::9:1]"
    assert message.contact is not None
    assert str(message.contact.uri) == "sip:caller@[2001:db8::1]"


def test_4_2_an_address_without_brackets_is_refused() -> None:
    with pytest.raises(SipSyntaxError) as caught:
        parse_message(MESSAGES["ipv6-bad"])
    assert (caught.value.status, caught.value.element) == (400, "Request-URI")
    assert caught.value.message is not None
    assert response_to(caught.value.message, 400).to_bytes()


def test_4_3_an_ambiguous_port_is_part_of_the_address() -> None:
    uri = request_uri(read("port-ambiguous"))
    assert (uri.host, uri.port) == ("2001:db8::10:5070", None)


def test_4_4_an_unambiguous_port() -> None:
    uri = request_uri(read("port-unambiguous"))
    assert (uri.host, uri.port) == ("2001:db8::10", 5070)


@pytest.mark.parametrize("name", ["via-received-param-no-delim", "via-received-param-with-delim"])
def test_4_5_received_comes_in_both_forms(name: str) -> None:
    via = read(name).top_via
    assert via.host == "2001:db8::9:1"
    assert via.received == "2001:db8::9:255"


def test_4_6_an_ipv6_address_in_the_body() -> None:
    message = read("ipv6-in-sdp")
    assert message.content_type == "application/sdp"
    assert b"c=IN IP6 2001:db8::20\r\n" in message.body


def test_4_7_both_families_in_the_headers() -> None:
    message = read("mult-ip-in-header")
    assert [via.sent_by for via in message.vias] == ["[2001:db8::9:1]:6050", "192.0.2.1", "[2001:db8::9:255]"]
    assert message.vias[2].received == "192.0.2.200"


def test_4_8_both_families_in_the_body() -> None:
    body = read("mult-ip-in-sdp").body
    assert body.count(b"c=IN IP4") == body.count(b"c=IN IP6") == 1


def test_4_9_mapped_addresses_are_kept_and_can_be_compared() -> None:
    message = read("ipv4-mapped-ipv6")
    hosts = [via.host for via in message.vias]
    assert hosts == ["::ffff:192.0.2.10", "::ffff:192.0.2.2"]
    mapped = ipaddress.IPv6Address(hosts[1]).ipv4_mapped
    assert str(mapped) == "192.0.2.2"


@pytest.mark.parametrize("name", ["ipv6-bug-abnf-3-colons", "ipv6-correct-abnf-2-colons"])
def test_4_10_an_extra_colon_is_tolerated_and_dropped(name: str) -> None:
    message = read(name)
    assert request_uri(message).host == "2001:db8::192.0.2.1"
    assert str(message.to.uri) == "sip:user@[2001:db8::192.0.2.1]"


def test_every_message_is_accounted_for() -> None:
    assert set(MESSAGES) == {
        "ipv6-good", "ipv6-bad", "port-ambiguous", "port-unambiguous", "via-received-param-no-delim",
        "via-received-param-with-delim", "ipv6-in-sdp", "mult-ip-in-header", "mult-ip-in-sdp",
        "ipv4-mapped-ipv6", "ipv6-bug-abnf-3-colons", "ipv6-correct-abnf-2-colons",
    }  # fmt: skip
