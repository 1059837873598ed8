"""Addresses, host names, lists of them, tones."""

from typing import Annotated, Any

import pytest
from pydantic import TypeAdapter, ValidationError

from trunkline.config.values import (
    AddressOfIpv4,
    AddressOfIpv6,
    Cadence,
    Host,
    HostAndPort,
    HostOfIpv4,
    HostOfIpv6,
    IpAddress,
    IpAddresses,
    ListenAddress,
    ListenAddresses,
    LiveUrl,
    NamedAddress,
    Prefixes,
    RtpengineAddress,
    RtpengineAddresses,
    SocketAddress,
    ToneCadence,
)


def read(kind: Any, value: object) -> Any:
    return TypeAdapter(Annotated[kind, None]).validate_python(value)


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("0.0.0.0:5060", SocketAddress("0.0.0.0", 5060)),
        ("[::]:5060", SocketAddress("::", 5060)),
        (" [2001:DB8::1]:0 ", SocketAddress("2001:db8::1", 0)),
    ],
)
def test_listen_address(text: str, address: SocketAddress) -> None:
    assert read(ListenAddress, text) == address
    assert read(ListenAddress, str(address)) == address


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("homer.example.net:9060", NamedAddress("homer.example.net", 9060)),
        (" Homer:1 ", NamedAddress("homer", 1)),
        ("192.0.2.1:65535", NamedAddress("192.0.2.1", 65535)),
        ("[2001:DB8::1]:9060", NamedAddress("2001:db8::1", 9060)),
    ],
)
def test_named_address(text: str, address: NamedAddress) -> None:
    assert read(HostAndPort, text) == address
    assert read(HostAndPort, str(address)) == address


@pytest.mark.parametrize(
    "text",
    ["", "9060", ":9060", "homer", "homer:", "homer:0", "homer:65536", "ho mer:1", "::1:1", "[::1]"],
)
def test_what_is_no_named_address(text: str) -> None:
    with pytest.raises(ValidationError, match="must be"):
        read(HostAndPort, text)


@pytest.mark.parametrize(
    ("host", "exposed"),
    [
        ("0.0.0.0", True),
        ("::", True),
        ("8.8.8.8", True),
        ("2600::1", True),
        ("127.0.0.1", False),
        ("::1", False),
        ("10.1.2.3", False),
        ("192.168.1.5", False),
        ("100.64.0.1", False),
        ("fd00::1", False),
        ("fe80::1", False),
    ],
)
def test_whom_a_listener_can_be_reached_by(host: str, exposed: bool) -> None:
    assert SocketAddress(host, 80).exposed is exposed


@pytest.mark.parametrize(
    "text",
    ["", "5060", ":5060", "::5060", "1.2.3.4", "1.2.3.4:", "1.2.3.4:65536", "1.2.3.4:x", "host:1", "[::1]"],
)
def test_what_is_no_listen_address(text: str) -> None:
    with pytest.raises(ValidationError, match="must be"):
        read(ListenAddress, text)


@pytest.mark.parametrize(
    "value", ["127.0.0.1:1, [::1]:2", '["127.0.0.1:1", "[::1]:2"]', ["127.0.0.1:1", "[::1]:2"]]
)
def test_lists_come_joined_by_commas_as_json_or_as_they_are(value: object) -> None:
    assert read(ListenAddresses, value) == (SocketAddress("127.0.0.1", 1), SocketAddress("::1", 2))


def test_a_lone_ipv6_listener_is_not_taken_for_json() -> None:
    assert read(ListenAddresses, "[::]:5060") == (SocketAddress("::", 5060),)


@pytest.mark.parametrize(
    ("text", "host"),
    [
        ("SIP.Example.NET", "sip.example.net"),
        ("[2001:DB8::1]", "2001:db8::1"),
        ("10.0.0.1", "10.0.0.1"),
        ("a-b", "a-b"),
        ("ns1.example.net.", "ns1.example.net"),
    ],
)
def test_host(text: str, host: str) -> None:
    assert read(Host, text) == host


@pytest.mark.parametrize(
    ("kind", "right", "wrong"),
    [
        (HostOfIpv4, ["203.0.113.1", "edge.example.net"], ["2001:db8::1", "0.0.0.0"]),
        (HostOfIpv6, ["2001:db8::1", "edge.example.net"], ["203.0.113.1", "::"]),
        (AddressOfIpv4, ["203.0.113.1"], ["2001:db8::1", "edge.example.net", "0.0.0.0"]),
        (AddressOfIpv6, ["2001:db8::1"], ["203.0.113.1", "edge.example.net", "::"]),
    ],
)
def test_what_peers_are_told_is_of_their_family(kind: Any, right: list[str], wrong: list[str]) -> None:
    for text in right:
        assert read(kind, text) == text
    for text in wrong:
        with pytest.raises(ValidationError):
            read(kind, text)


@pytest.mark.parametrize(
    "text", ["", "a..b", "-a.b", "a_b", "10.0.0", "1.2.3.4.5", "::g", "ä.b", "a" * 64, "a b", ".", "a.."]
)
def test_what_is_no_host(text: str) -> None:
    with pytest.raises(ValidationError):
        read(Host, text)


def test_ip_addresses() -> None:
    assert read(IpAddresses, "1.1.1.1,::1") == ("1.1.1.1", "::1")
    assert read(IpAddress, "2001:DB8::1") == "2001:db8::1"
    with pytest.raises(ValidationError, match="not a name"):
        read(IpAddress, "localhost")


def test_rtpengines_with_transport_and_share() -> None:
    local, other = SocketAddress("127.0.0.1", 2223), SocketAddress("2001:db8::1", 2224)
    text = "udp:127.0.0.1:2223, TCP:[2001:db8::1]:2224; weight = 3, udp:127.0.0.1:2223; region = EU;weight=2"
    read_back = read(RtpengineAddresses, text)
    assert read_back == (
        RtpengineAddress("udp", local),
        RtpengineAddress("tcp", other, 3),
        RtpengineAddress("udp", local, 2, "eu"),
    )
    assert read(RtpengineAddresses, [str(item) for item in read_back]) == read_back
    assert str(read_back[1]) == "tcp:[2001:db8::1]:2224;weight=3"
    assert str(read_back[2]) == "udp:127.0.0.1:2223;weight=2;region=eu"


@pytest.mark.parametrize(
    "text",
    [
        "127.0.0.1:2223",
        "udp:2223",
        "udp:localhost:2223",
        "sctp:127.0.0.1:2223",
        "udp:127.0.0.1:2223;weight",
        "udp:127.0.0.1:2223;weight=0",
        "udp:127.0.0.1:2223;weight=1001",
        "udp:127.0.0.1:2223;weight=-1",
        "udp:127.0.0.1:2223;share=2",
        "udp:127.0.0.1:2223;weight=1;weight=2",
        "udp:127.0.0.1:2223;region=",
        "udp:127.0.0.1:2223;region=eu west",
        "udp:127.0.0.1:2223;",
    ],
)
def test_what_is_no_rtpengine(text: str) -> None:
    with pytest.raises(ValidationError, match="must be"):
        read(RtpengineAddresses, [text])


def test_prefixes() -> None:
    assert read(Prefixes, "870, +4470") == read(Prefixes, ["870", "4470"]) == ("870", "4470")
    assert read(Prefixes, "") == ()


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("", "the first digits"),
        ("+", "the first digits"),
        ("4a", "no.* prefix"),
        ("1" * 16, "up to 15 digits"),
    ],
)
def test_what_is_no_prefix(text: str, complaint: str) -> None:
    """One without digits would be of every number."""
    with pytest.raises(ValidationError, match=complaint):
        read(Prefixes, ["870", text])


@pytest.mark.parametrize(
    ("text", "cadence"),
    [
        ("425:1000/4000", Cadence((425.0,), 1000, 4000)),
        (" 440+480:2000/4000 ", Cadence((440.0, 480.0), 2000, 4000)),
    ],
)
def test_a_tone_that_comes_and_goes(text: str, cadence: Cadence) -> None:
    assert read(ToneCadence, text) == read(ToneCadence, cadence) == cadence
    assert str(cadence) == text.strip()


@pytest.mark.parametrize("text", ["", "425", "425:1000", "20:1000/4000", "4000:1/1", "425:0/1", "1+2+3:1/1"])
def test_what_is_no_such_tone(text: str) -> None:
    with pytest.raises(ValidationError, match="must be"):
        read(ToneCadence, text)


@pytest.mark.parametrize(
    "text",
    [
        "valkey://valkey.example.net",
        "redis://:secret@127.0.0.1:6379/2",
        "rediss://user:secret@[2001:db8::1]:6380?ssl_ca_certs=/etc/ca.pem",
        "valkeys://h/0",
    ],
)
def test_live_url(text: str) -> None:
    url = read(LiveUrl, text)
    assert url.get_secret_value() == text
    assert "secret" not in repr(url)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "h:6379",
        "http://:secret@h",
        "redis://",
        "redis://:secret@h:x/0",
        "redis://h:0",
        "redis://h/secret",
    ],
)
def test_what_is_no_live_url(text: str) -> None:
    with pytest.raises(ValidationError, match="must be valkey://") as caught:
        read(LiveUrl, text)
    assert "secret" not in caught.value.errors()[0]["msg"]
