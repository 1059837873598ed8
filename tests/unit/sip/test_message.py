"""`trunkline.sip.message`: headers as values, responses to requests, bytes."""

import pytest

from trunkline.sip.errors import SipBuildError, SipSyntaxError
from trunkline.sip.headers import Headers
from trunkline.sip.message import (
    CSeq,
    RAck,
    Reason,
    Request,
    Response,
    SessionExpires,
    response_to,
)
from trunkline.sip.parse import parse_message
from trunkline.sip.uri import OtherUri, SipUri
from trunkline.sip.via import Via


def request(*fields: tuple[str, str], body: bytes = b"") -> Request:
    headers = Headers(
        [
            ("Via", "SIP/2.0/UDP a;branch=z9hG4bK1, SIP/2.0/UDP b;branch=z9hG4bK2"),
            ("Via", "SIP/2.0/UDP c;branch=z9hG4bK3"),
            ("From", '"A" <sip:a@a>;tag=f'),
            ("To", "<sip:b@b>"),
            ("Call-ID", "id@a"),
            ("CSeq", "7 INVITE"),
            *fields,
        ]
    )
    return Request("INVITE", "sip:b@b", headers, body)


def test_routing_headers() -> None:
    message = request(("Max-Forwards", "0070"))
    assert message.top_via.branch == "z9hG4bK1"
    assert [via.host for via in message.vias] == ["a", "b", "c"]
    assert message.from_.display == "A"
    assert (message.from_tag, message.to_tag) == ("f", None)
    assert message.call_id == "id@a"
    assert message.cseq == CSeq(7, "INVITE")
    assert str(message.cseq) == "7 INVITE"
    assert message.max_forwards == 70
    assert isinstance(message.uri, SipUri)
    assert message.uri.user == "b"


def test_absent_headers() -> None:
    message = request()
    assert message.max_forwards is None
    assert message.contact is None
    assert message.contacts == message.route == message.record_route == []
    assert message.content_type is None
    for name in ("expires", "rseq", "rack", "session_expires", "min_se"):
        assert getattr(message, name) is None
    assert message.require == message.supported == message.allow == frozenset()
    assert message.reason_header == []
    assert not message.contact_is_star


@pytest.mark.parametrize("name", ["top_via", "from_", "to", "from_tag", "to_tag", "call_id", "cseq"])
def test_a_missing_mandatory_header_is_named(name: str) -> None:
    with pytest.raises(SipSyntaxError, match="missing"):
        getattr(Request("INVITE", "sip:b", Headers()), name)


def test_header_values() -> None:
    message = request(
        ("Contact", "<sip:a@a>;q=0.5, <sip:b@a>"),
        ("m", "<sip:c@a>"),
        ("Route", "<sip:p1;lr>,<sip:p2;lr>"),
        ("Record-Route", "<sip:p3;lr>"),
        ("Content-Type", "Application/SDP ; charset=x"),
        ("Expires", "3600"),
        ("Require", "100rel, Timer"),
        ("k", "replaces"),
        ("Supported", "timer,,100rel"),
        ("Unsupported", "Foo"),
        ("Allow", "INVITE, ACK,BYE"),
        ("RSeq", "988789"),
        ("RAck", "776656 1 INVITE"),
        ("x", "1800 ;Refresher=UAC"),
        ("Min-SE", "90;x=y"),
        ("Reason", 'Q.850 ;cause=16 ;text="Normal \\"call\\" clearing", SIP;cause=600'),
        ("Reason", "oops;;; , preemption ;text=x"),
    )
    assert [str(contact.uri) for contact in message.contacts] == ["sip:a@a", "sip:b@a", "sip:c@a"]
    assert message.contact == message.contacts[0]
    assert [str(route.uri) for route in message.route] == ["sip:p1;lr", "sip:p2;lr"]
    assert len(message.record_route) == 1
    assert message.content_type == "application/sdp"
    assert message.expires == 3600
    assert message.require == {"100rel", "timer"}
    assert message.supported == {"replaces", "timer", "100rel"}
    assert message.allow == {"INVITE", "ACK", "BYE"}
    assert message.rseq == 988789
    assert message.rack == RAck(776656, 1, "INVITE")
    assert str(message.rack) == "776656 1 INVITE"
    assert message.session_expires == SessionExpires(1800, "uac")
    assert str(message.session_expires) == "1800;refresher=uac"
    assert str(SessionExpires(90, None)) == "90"
    assert message.min_se == 90
    assert message.reason_header == [
        Reason("Q.850", 16, 'Normal "call" clearing'),
        Reason("SIP", 600, None),
        Reason("PREEMPTION", None, "x"),
    ]


@pytest.mark.parametrize(
    ("name", "value", "attribute"),
    [
        ("Contact", "<sip:a@a", "contacts"),
        ("Contact", "sip:user@example.com?Route=%3Csip:sip.example.com%3E", "contacts"),
        ("Route", "x", "route"),
        ("Record-Route", "<sip:a>;;", "record_route"),
        ("Expires", "soon", "expires"),
        ("Expires", "4294967296", "expires"),
        ("Expires", "-1", "expires"),
        ("Expires", "१", "expires"),
        ("Max-Forwards", "256", "max_forwards"),
        ("Max-Forwards", "", "max_forwards"),
        ("RSeq", "4294967296", "rseq"),
        ("RAck", "1 2", "rack"),
        ("RAck", "4294967296 2 INVITE", "rack"),
        ("RAck", "1 2147483648 INVITE", "rack"),
        ("Session-Expires", "x", "session_expires"),
        ("Session-Expires", "1800;;", "session_expires"),
        ("Session-Expires", "99999999999", "session_expires"),
        ("Min-SE", "", "min_se"),
        ("Require", "a," * 200, "require"),
        ("Allow", "A," * 200, "allow"),
        ("Route", "<sip:a>," * 200, "route"),
        ("Via", "SIP/2.0/UDP h," * 200, "vias"),
    ],
)
def test_malformed_headers_raise_when_read_and_name_themselves(name: str, value: str, attribute: str) -> None:
    message = request((name, value))
    for _ in range(2):
        with pytest.raises(SipSyntaxError) as caught:
            getattr(message, attribute)
        assert caught.value.element == name
        assert str(caught.value).startswith(f"{name}: ")


def test_a_malformed_reason_kills_nothing() -> None:
    assert request(("Reason", 'SIP;cause="x')).reason_header == []
    assert request(("Reason", ",,,")).reason_header == []
    assert request(("Reason", "SIP," * 200)).reason_header == []
    assert request(("Reason", "SIP;cause=999999999999999999999")).reason_header == [Reason("SIP", None, None)]


def test_contact_star() -> None:
    message = request(("Contact", "*"))
    assert message.contact_is_star
    assert message.contacts == []
    assert message.contact is None


def test_values_are_read_once_and_again_after_a_change() -> None:
    message = request(("Contact", "<sip:a@a>"), ("Allow", "INVITE"))
    assert message.from_ is message.from_
    assert message.cseq is message.cseq
    assert message.top_via is message.top_via
    assert message.contacts == message.contacts
    message.headers.set("from", "<sip:x@x>;tag=new")
    message.headers.set("cseq", "8 INVITE")
    message.headers.prepend("via", "SIP/2.0/UDP z")
    message.headers.set("Contact", "<sip:z@z>")
    message.headers.add("Allow", "BYE")
    assert message.from_tag == "new"
    assert message.cseq.number == 8
    assert message.top_via.host == "z"
    assert str(message.contacts[0].uri) == "sip:z@z"
    assert message.allow == {"INVITE", "BYE"}


def test_a_list_that_was_handed_out_may_be_changed() -> None:
    message = request(("Route", "<sip:a;lr>, <sip:b;lr>"))
    message.route.clear()
    assert len(message.route) == 2


def test_the_top_via_is_replaced_alone() -> None:
    message = request()
    message.set_top_via(message.top_via.with_params(received="192.0.2.1"))
    assert message.headers.all("via") == [
        "SIP/2.0/UDP a;branch=z9hG4bK1;received=192.0.2.1",
        "SIP/2.0/UDP b;branch=z9hG4bK2",
        "SIP/2.0/UDP c;branch=z9hG4bK3",
    ]
    assert message.top_via.received == "192.0.2.1"
    message.headers.remove("via")
    message.set_top_via(Via("UDP", "q", None, {}))
    assert message.top_via.host == "q"


def test_a_request_uri_can_be_replaced() -> None:
    message = request()
    message.uri = SipUri.parse("sip:c@c;lr")
    assert message.uri_text == "sip:c@c;lr"
    assert message.to_bytes().startswith(b"INVITE sip:c@c;lr SIP/2.0\r\n")
    assert isinstance(Request("INVITE", "tel:+1", Headers()).uri, OtherUri)
    with pytest.raises(SipSyntaxError, match="Request-URI"):
        _ = Request("INVITE", "<x>", Headers()).uri


def test_bytes_of_a_request() -> None:
    message = Request(
        "INFO", "sip:b@b", Headers([("l", "999"), ("To", "<sip:b@b>"), ("X-y", "\udcff")]), b"a\r\n"
    )
    assert message.to_bytes() == (
        b"INFO sip:b@b SIP/2.0\r\nTo: <sip:b@b>\r\nX-y: \xff\r\nContent-Length: 3\r\n\r\na\r\n"
    )
    assert repr(message) == "<Request INFO sip:b@b>"


def test_bytes_of_a_response() -> None:
    assert Response(200).to_bytes() == b"SIP/2.0 200 OK\r\nContent-Length: 0\r\n\r\n"
    assert Response(299, "").to_bytes() == b"SIP/2.0 299 \r\nContent-Length: 0\r\n\r\n"
    assert Response(299).reason == ""
    assert repr(Response(180)) == "<Response 180 Ringing>"


@pytest.mark.parametrize(
    ("reason", "words"),
    [
        (None, "404 Not Found"),
        ("", "404"),
        ("Nicht verf\udcfcgbar", "404 Nicht verfügbar"),
        ("a\tb", "404 a b"),
    ],
)
def test_a_response_in_words(reason: str | None, words: str) -> None:
    assert Response(404, reason).in_words == words


@pytest.mark.parametrize("reason", ["x\r\nX: y", "x\ny", "x\ry"])
def test_a_reason_phrase_can_not_break_its_line(reason: str) -> None:
    with pytest.raises(SipBuildError):
        Response(200, reason).to_bytes()


@pytest.mark.parametrize(
    ("method", "uri"),
    [
        ("INVITE", "sip:a SIP/2.0\r\nX: y"),
        ("INVITE", "sip:a\nb"),
        ("INVITE", "sip:a b"),
        ("INVITE", ""),
        ("IN VITE", "sip:a"),
        ("INVITE\r\n", "sip:a"),
        ("", "sip:a"),
    ],
)
def test_a_request_line_can_not_be_broken(method: str, uri: str) -> None:
    with pytest.raises(SipBuildError):
        Request(method, uri, Headers()).to_bytes()


def test_a_response_copies_what_rfc_3261_section_8_2_6_names() -> None:
    invite = request(("Timestamp", "54"), ("Record-Route", "<sip:p>"), ("Subject", "x"))
    response = response_to(invite, 100)
    assert list(response.headers.fields()) == [
        ("Via", "SIP/2.0/UDP a;branch=z9hG4bK1, SIP/2.0/UDP b;branch=z9hG4bK2"),
        ("Via", "SIP/2.0/UDP c;branch=z9hG4bK3"),
        ("From", '"A" <sip:a@a>;tag=f'),
        ("To", "<sip:b@b>"),
        ("Call-ID", "id@a"),
        ("CSeq", "7 INVITE"),
        ("Timestamp", "54"),
    ]
    assert (response.status, response.reason, response.body) == (100, "Trying", b"")
    assert "timestamp" not in response_to(invite, 180).headers


def test_a_response_has_a_tag_headers_and_a_body_when_given() -> None:
    response = response_to(
        request(),
        488,
        "Nope",
        to_tag="t1",
        headers=[("Warning", '399 a "b"'), ("X-A", "1")],
        body=b"v=0",
        content_type="application/sdp",
    )
    assert response.to_tag == "t1"
    assert response.headers.get("to") == "<sip:b@b>;tag=t1"
    assert response.reason == "Nope"
    assert response.content_type == "application/sdp"
    assert response.to_bytes().endswith(
        b'Warning: 399 a "b"\r\nX-A: 1\r\nContent-Type: application/sdp\r\nContent-Length: 3\r\n\r\nv=0'
    )
    assert parse_message(response.to_bytes()).to_tag == "t1"


def test_a_tag_is_not_added_to_one_that_is_there() -> None:
    bye = request()
    bye.headers.set("to", "<sip:b@b>;tag=old")
    assert response_to(bye, 200, to_tag="new").to_tag == "old"
    bye.headers.set("to", '"unbalanced')
    assert response_to(bye, 400, to_tag="new").headers.get("to") == '"unbalanced'
    bye.headers.remove("to")
    assert "to" not in response_to(bye, 400, to_tag="new").headers


def test_a_response_does_not_change_the_request() -> None:
    invite = request()
    before = invite.to_bytes()
    response = response_to(invite, 200, to_tag="x")
    response.set_top_via(Via("UDP", "q", None, {}))
    response.headers.remove("from")
    assert invite.to_bytes() == before


def test_injection_through_a_response_is_refused() -> None:
    with pytest.raises(SipBuildError):
        response_to(request(), 200, headers=[("Subject", "a\r\nX-Evil: 1")])
    with pytest.raises(SipBuildError):
        response_to(request(), 200, to_tag="a\r\nX-Evil: 1")
    with pytest.raises(SipBuildError):
        response_to(request(), 200, content_type="a\nb")
