"""Via and Contact per flow, around bytes that are made once."""

import pytest

from tests.unit.sip.fake_wire import OURS, FakeFlow, outgoing
from trunkline.sip.errors import SipBuildError
from trunkline.sip.message import Request
from trunkline.sip.outgoing import ContactSpec, OutgoingBytes, via_on
from trunkline.sip.parse import parse_message
from trunkline.sip.ports import Address, Transport

BRANCH = "z9hG4bKb"


def on(flow: FakeFlow, request: Request, contact: ContactSpec | None = None) -> Request:
    message = parse_message(OutgoingBytes(request, contact).on(flow, via_on(flow, BRANCH)))
    assert isinstance(message, Request)
    return message


@pytest.mark.parametrize("transport", list(Transport))
@pytest.mark.parametrize("sent_by", [OURS, Address("sip.example.com", 5080), Address("2001:db8::1", 5060)])
def test_via(transport: Transport, sent_by: Address) -> None:
    via = on(FakeFlow(transport, sent_by=sent_by), outgoing()).top_via
    assert (via.transport, via.host, via.port, via.branch) == (transport, *sent_by, BRANCH)
    assert "rport" in via.params


def test_via_stands_above_everything_and_the_rest_is_untouched() -> None:
    request = outgoing("INVITE", "sip:bob@example.com", ("X-Odd", "caf\u00e9 \udcff"), body=b"\x00\r\n\r\n")
    flow = FakeFlow()
    data = OutgoingBytes(request, None).on(flow, via_on(flow, BRANCH))
    start, via, rest = data.split(b"\r\n", 2)
    assert via == f"Via: SIP/2.0/UDP {OURS};rport;branch={BRANCH}".encode()
    assert start + b"\r\n" + rest == request.to_bytes()


def test_the_same_bytes_serve_every_flow() -> None:
    wire = OutgoingBytes(outgoing(), ContactSpec("u"))
    udp = wire.on(FakeFlow(), "one")
    wire.on(FakeFlow(Transport.TLS), "two")
    assert wire.on(FakeFlow(), "one") == udp


@pytest.mark.parametrize(
    ("spec", "transport", "sips", "expected"),
    [
        (ContactSpec(), Transport.UDP, False, "<sip:198.51.100.1:5060>"),
        (ContactSpec("u"), Transport.UDP, False, "<sip:u@198.51.100.1:5060>"),
        (ContactSpec("u"), Transport.TCP, False, "<sip:u@198.51.100.1:5060;transport=tcp>"),
        (ContactSpec("u"), Transport.TLS, False, "<sip:u@198.51.100.1:5060;transport=tls>"),
        (ContactSpec("u"), Transport.TLS, True, "<sips:u@198.51.100.1:5060>"),
        (
            ContactSpec("u", ";ob", ";expires=60"),
            Transport.TCP,
            False,
            "<sip:u@198.51.100.1:5060;transport=tcp;ob>;expires=60",
        ),
    ],
)
def test_contact_spec(spec: ContactSpec, transport: Transport, sips: bool, expected: str) -> None:
    assert spec.text(FakeFlow(transport), sips=sips) == expected


def test_contact_of_an_ipv6_flow_has_brackets() -> None:
    assert (
        ContactSpec("u").text(FakeFlow(sent_by=Address("2001:db8::1", 5060))) == "<sip:u@[2001:db8::1]:5060>"
    )


@pytest.mark.parametrize(
    ("uri", "extra", "scheme"),
    [
        ("sip:bob@example.com", (), b"<sip:"),
        ("sips:bob@example.com", (), b"<sips:"),
        ("SIPS:bob@example.com", (), b"<sips:"),
        ("sip:bob@example.com", (("Route", "<sips:proxy.example.com;lr>"),), b"<sips:"),
        (
            "sip:bob@example.com",
            (("Route", "<sip:proxy.example.com;lr>, <sips:b.example.com;lr>"),),
            b"<sip:",
        ),
    ],
)
def test_a_sips_request_has_a_sips_contact(
    uri: str, extra: tuple[tuple[str, str], ...], scheme: bytes
) -> None:
    flow = FakeFlow(Transport.TLS)
    data = OutgoingBytes(outgoing("INVITE", uri, *extra), ContactSpec("u")).on(flow, via_on(flow, BRANCH))
    assert b"\r\nContact: " + scheme in data


@pytest.mark.parametrize("part", ["user", "uri_params", "params"])
@pytest.mark.parametrize("breaker", ["\r\nX: y", "\n", "\r", "\0"])
def test_a_contact_cannot_end_its_line(part: str, breaker: str) -> None:
    with pytest.raises(SipBuildError):
        ContactSpec(**{part: "x" + breaker})
