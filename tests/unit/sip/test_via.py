"""`trunkline.sip.via`: RFC 3261 §20.42, RFC 3581."""

import pytest

from trunkline.sip.errors import SipSyntaxError
from trunkline.sip.via import Via


def test_every_part_is_read() -> None:
    via = Via.parse("SIP/2.0/UDP First.Example.com:4000;ttl=16;maddr=224.2.0.1;branch=z9hG4bKa7c6a8dlze.1")
    assert (via.protocol, via.transport, via.host, via.port) == ("SIP/2.0", "UDP", "first.example.com", 4000)
    assert via.branch == "z9hG4bKa7c6a8dlze.1"
    assert via.params["ttl"] == "16"
    assert via.sent_by == "first.example.com:4000"


@pytest.mark.parametrize(
    ("text", "printed"),
    [
        ("SIP  / 2.0  / TCP     spindle.example.com   ;  branch  =   z9hG4bK9ikj8  ",
         "SIP/2.0/TCP spindle.example.com;branch=z9hG4bK9ikj8"),
        ("sip/2.0/udp 192.0.2.2", "SIP/2.0/UDP 192.0.2.2"),
        ("SIP/2.0/TLS-SCTP h : 5061 ;branch=x", "SIP/2.0/TLS-SCTP h:5061;branch=x"),
        ("SIP/2.0/UDP [2001:DB8::9:1]:5060;received=2001:db8::1;rport", None),
        ("SIP/2.0/UNKNOWN t5.example.com;branch=x", "SIP/2.0/UNKNOWN t5.example.com;branch=x"),
        ("SIP/7.0/UDP c;branch=x", "SIP/7.0/UDP c;branch=x"),
    ],
)  # fmt: skip
def test_odd_forms_print_in_the_usual_one(text: str, printed: str | None) -> None:
    via = Via.parse(text)
    if printed is not None:
        assert str(via) == printed
    assert Via.parse(str(via)) == via


@pytest.mark.parametrize(
    "text",
    [
        "",
        "SIP/2.0/UDP",
        "SIP/2.0/UDP ",
        "SIP/2.0 UDP h",
        "2.0/UDP h",
        "SIP/2.0/UDP h h",
        "SIP/2.0/UDP h:0",
        "SIP/2.0/UDP h:65536",
        "SIP/2.0/UDP h:",
        "SIP/2.0/UDP :5060",
        "SIP/2.0/UDP 2001:db8::1",
        "SIP/2.0/UDP [2001:db8:::1]",
        "SIP/2.0/UDP [h]",
        "SIP/2.0/UDP 192.0.2.15;;,;,,",
        "SIP/2.0/UDP h;branch=a;branch=b",
        "SIP/2.0/UDP h, SIP/2.0/UDP i",
        "SIP/2.0/UDP h;branch=a b",
        "SIP/2.0/UDP h\x00",
    ],
)
def test_malformed_vias_are_refused(text: str) -> None:
    with pytest.raises(SipSyntaxError):
        Via.parse(text)


def test_rport_and_received() -> None:
    via = Via.parse("SIP/2.0/UDP 10.1.1.1:4540;rport;branch=z9hG4bKkjshdyff")
    assert via.params["rport"] is None
    filled = via.with_params(received="192.0.2.1", rport="9988")
    assert str(filled) == "SIP/2.0/UDP 10.1.1.1:4540;rport=9988;branch=z9hG4bKkjshdyff;received=192.0.2.1"
    assert filled.received == "192.0.2.1"


def test_received_comes_with_and_without_brackets() -> None:
    for text in ("2001:db8::9:255", "[2001:db8::9:255]"):
        assert Via.parse(f"SIP/2.0/UDP h;received={text}").received == "2001:db8::9:255"
    assert Via.parse("SIP/2.0/UDP h").received is None


def test_an_empty_branch_is_none() -> None:
    assert Via.parse("SIP/2.0/UDP h;branch=").branch is None
    assert Via.parse("SIP/2.0/UDP h").branch is None
