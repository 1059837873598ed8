"""`received`, `rport`, and the way back."""

import pytest

from tests.unit.sip.fake_wire import FakeFlow, incoming
from trunkline.sip.message import Request
from trunkline.sip.parse import parse_message
from trunkline.sip.ports import Address, Target, Transport
from trunkline.sip.response_path import mark_source, may_answer, reply_path

SOURCE = Address("192.0.2.10", 40000)


def request(via: str, *more: str) -> Request:
    extra = "".join(f"Via: {one}\n" for one in more)
    message = parse_message(incoming("OPTIONS", via=via, branch="z9hG4bK1", extra=extra))
    assert isinstance(message, Request)
    return message


@pytest.mark.parametrize(
    ("via", "expected"),
    [
        ("SIP/2.0/UDP 192.0.2.10:5060", "SIP/2.0/UDP 192.0.2.10:5060;branch=z9hG4bK1"),
        ("SIP/2.0/UDP 10.1.1.1", "SIP/2.0/UDP 10.1.1.1;branch=z9hG4bK1;received=192.0.2.10"),
        ("SIP/2.0/UDP pbx.example.com", "SIP/2.0/UDP pbx.example.com;branch=z9hG4bK1;received=192.0.2.10"),
        (
            "SIP/2.0/UDP 192.0.2.10:5060;rport",
            "SIP/2.0/UDP 192.0.2.10:5060;rport=40000;branch=z9hG4bK1;received=192.0.2.10",
        ),
        (
            "SIP/2.0/TCP 10.1.1.1;rport",
            "SIP/2.0/TCP 10.1.1.1;rport=40000;branch=z9hG4bK1;received=192.0.2.10",
        ),
        (
            "SIP/2.0/UDP 192.0.2.10;received=203.0.113.9",
            "SIP/2.0/UDP 192.0.2.10;received=192.0.2.10;branch=z9hG4bK1",
        ),
        (
            "SIP/2.0/UDP 192.0.2.10;rport=53;received=203.0.113.9",
            "SIP/2.0/UDP 192.0.2.10;rport=40000;received=192.0.2.10;branch=z9hG4bK1",
        ),
    ],
)
def test_mark_source(via: str, expected: str) -> None:
    message = request(via)
    mark_source(message, SOURCE)
    assert message.headers.get("via") == expected


def test_mark_source_touches_the_top_via_only() -> None:
    below = "SIP/2.0/UDP 10.9.9.9;branch=z9hG4bK2, SIP/2.0/UDP 10.8.8.8;branch=z9hG4bK3"
    message = request("SIP/2.0/UDP 10.1.1.1", below)
    mark_source(message, SOURCE)
    assert message.headers.all("via") == [
        "SIP/2.0/UDP 10.1.1.1;branch=z9hG4bK1;received=192.0.2.10",
        below,
    ]


def test_mark_source_takes_a_nul_in_a_quoted_pair() -> None:
    """RFC 4475 §3.1.1.2 allows any character but CR and LF there."""
    message = request('SIP/2.0/UDP 10.1.1.1;odd="\\\0";rport')
    mark_source(message, SOURCE)
    assert message.top_via.params["rport"] == str(SOURCE.port)
    assert b'odd="\\\0"' in message.to_bytes()


def test_mark_source_writes_ipv6_without_brackets() -> None:
    message = request("SIP/2.0/UDP [2001:db8::1]:5060;rport")
    mark_source(message, Address("2001:db8::2", 5062))
    assert (message.top_via.received, message.top_via.params["rport"]) == ("2001:db8::2", "5062")
    assert "received=2001:db8::2" in (message.headers.get("via") or "")


@pytest.mark.parametrize(
    ("via", "expected"),
    [
        ("SIP/2.0/UDP 192.0.2.10:5062;rport", None),
        ("SIP/2.0/UDP pbx.example.com;rport", None),
        ("SIP/2.0/UDP 192.0.2.10:40000", None),
        ("SIP/2.0/UDP 192.0.2.10:5062", Address("192.0.2.10", 5062)),
        ("SIP/2.0/UDP 192.0.2.10", Address("192.0.2.10", 5060)),
        ("SIP/2.0/UDP 10.1.1.1:5070", Address("192.0.2.10", 5070)),
        ("SIP/2.0/UDP 10.1.1.1:5070;maddr=203.0.113.9", Address("192.0.2.10", 5070)),
        ("SIP/2.0/UDP 224.0.1.75;received=203.0.113.9", Address("192.0.2.10", 5060)),
        ("SIP/2.0/UDP 192.0.2.10;maddr=224.0.1.75;rport", None),
    ],
)
def test_udp_answers_go_to_the_source(via: str, expected: Address | None) -> None:
    """`expected` None: on the very flow that the request came on."""
    flow = FakeFlow(Transport.UDP, SOURCE)
    message = request(via)
    mark_source(message, SOURCE)
    assert reply_path(message, flow) == (flow if expected is None else Target(Transport.UDP, expected))


@pytest.mark.parametrize("transport", [Transport.TCP, Transport.TLS])
def test_streams_answer_on_the_same_connection(transport: Transport) -> None:
    flow = FakeFlow(transport, SOURCE)
    assert reply_path(request(f"SIP/2.0/{transport} 10.1.1.1:5070;maddr=203.0.113.9"), flow) is flow


@pytest.mark.parametrize(
    ("transport", "sent_by", "port"),
    [
        (Transport.TCP, "10.1.1.1:5070", 5070),
        (Transport.TCP, "10.1.1.1", 5060),
        (Transport.TLS, "pbx.example.com", 5061),
        (Transport.TLS, "pbx.example.com:5063;rport", 5063),
    ],
)
def test_a_closed_connection_is_replaced_by_one_to_the_source_and_the_sent_by_port(
    transport: Transport, sent_by: str, port: int
) -> None:
    flow = FakeFlow(transport, SOURCE)
    flow.closed = True
    target = reply_path(request(f"SIP/2.0/{transport} {sent_by}"), flow)
    assert target == Target(transport, Address(SOURCE.host, port))


@pytest.mark.parametrize(
    ("host", "port", "allowed"),
    [
        ("192.0.2.1", 5060, True),
        ("127.0.0.1", 5060, True),
        ("2001:db8::1", 5060, True),
        ("192.0.2.1", 0, False),
        ("255.255.255.255", 5060, False),
        ("224.0.1.75", 5060, False),
        ("239.255.255.255", 5060, False),
        ("0.0.0.0", 5060, False),
        ("::", 5060, False),
        ("ff02::1", 5060, False),
        ("pbx.example.com", 5060, False),
    ],
)
def test_may_answer(host: str, port: int, allowed: bool) -> None:
    assert may_answer(Address(host, port)) is allowed


@pytest.mark.parametrize("host", ["255.255.255.255", "224.0.1.75", "0.0.0.0", "::", "ff02::1"])
@pytest.mark.parametrize("via", ["SIP/2.0/UDP 192.0.2.10;rport", "SIP/2.0/UDP 192.0.2.10"])
def test_no_way_back_to_what_is_no_unicast_source(host: str, via: str) -> None:
    assert reply_path(request(via), FakeFlow(Transport.UDP, Address(host, 5060))) is None


def test_no_way_back_to_port_0() -> None:
    flow = FakeFlow(Transport.UDP, Address("192.0.2.10", 0))
    assert reply_path(request("SIP/2.0/UDP 192.0.2.10;rport"), flow) is None
