"""The "Forward to SIP" field: what is accepted, warned about, refused, and where the fault is."""

import pytest

from trunkline.trunk.forwarding import (
    MAX_ENDPOINTS,
    MAX_TEXT,
    MAX_URI,
    NOT_FORWARDED,
    ForwardingList,
    ForwardingSyntaxError,
    MediaProtection,
)


def test_the_list_of_the_document() -> None:
    text = "1234567890@mydomain.com, 1234567890@my2domain.com, 1234567890@my3domain.com"
    forwarding = ForwardingList.parse(text)
    assert [str(endpoint.uri) for endpoint in forwarding.endpoints] == [
        "sip:1234567890@mydomain.com",
        "sip:1234567890@my2domain.com",
        "sip:1234567890@my3domain.com",
    ]
    assert forwarding.text == text
    assert forwarding.warnings == ()
    assert forwarding


@pytest.mark.parametrize(
    ("text", "uri"),
    [
        ("100@pbx.example", "sip:100@pbx.example"),
        (" 100@pbx.example ", "sip:100@pbx.example"),
        ("sip:100@pbx.example", "sip:100@pbx.example"),
        ("SIP:100@PBX.example", "sip:100@pbx.example"),
        ("sips:100@pbx.example", "sips:100@pbx.example"),
        ("sips:1234567890@mydomain.com:5062", "sips:1234567890@mydomain.com:5062"),
        ("100@192.0.2.1:5080", "sip:100@192.0.2.1:5080"),
        ("100@[2001:db8::1]:5080", "sip:100@[2001:db8::1]:5080"),
        ("sip:pbx.example", "sip:pbx.example"),
        ("+441632960000@pbx.example", "sip:+441632960000@pbx.example"),
        ("a%2Cb@pbx.example", "sip:a%2Cb@pbx.example"),
        ("100@pbx.example;transport=tls", "sip:100@pbx.example;transport=tls"),
        ("100@pbx.example;transport=TCP;timeout=3000", "sip:100@pbx.example;transport=TCP"),
        ("100@pbx.example;timeout=3000;media=srtp;transport=tls", "sip:100@pbx.example;transport=tls"),
    ],
)
def test_what_goes_on_the_wire(text: str, uri: str) -> None:
    [endpoint] = ForwardingList.parse(text).endpoints
    assert str(endpoint.uri) == uri
    assert endpoint.text == text.strip()


def test_parameters() -> None:
    text = "a@x.example;timeout=2000,b@x.example;timeout=20000;media=SRTP;transport=tls,c@x.example"
    first, second, third = ForwardingList.parse(text).endpoints
    assert (first.timeout_ms, first.media) == (2000, MediaProtection.RTP)
    assert (second.timeout_ms, second.media) == (20000, MediaProtection.SRTP)
    assert (third.timeout_ms, third.media) == (None, MediaProtection.RTP)


@pytest.mark.parametrize("text", ["", "   ", "\n\t"])
def test_nothing_typed(text: str) -> None:
    assert ForwardingList.parse(text) is NOT_FORWARDED
    assert not NOT_FORWARDED


@pytest.mark.parametrize(
    ("text", "warning"),
    [
        ("a@x.example;foo=1", "entry 1: the parameter 'foo' is unknown here and is sent as it is"),
        ("b@x.example,a:pw@x.example", "entry 2: the password stands"),
        ("a@x.example;media=srtp", "entry 1: media=srtp without TLS"),
        ("a@x.example,A@x.example,sip:a@X.example", "entry 3: the same address"),
        ("a@127.0.0.1", "entry 1: the address is this machine's own"),
    ],
)
def test_warnings(text: str, warning: str) -> None:
    [given] = ForwardingList.parse(text).warnings
    assert given.startswith(warning)


def test_an_unknown_parameter_is_kept() -> None:
    [endpoint] = ForwardingList.parse("a@x.example;foo=1;timeout=2000").endpoints
    assert str(endpoint.uri) == "sip:a@x.example;foo=1"


@pytest.mark.parametrize("text", ["sips:a@x.example;media=srtp", "a@x.example;media=srtp;transport=tls"])
def test_srtp_over_tls_is_fine(text: str) -> None:
    assert ForwardingList.parse(text).warnings == ()


@pytest.mark.parametrize(
    ("text", "entry", "position", "reason"),
    [
        ("pbx.example", 1, 0, "no '@'"),
        ("1234567", 1, 0, "no '@'"),
        ("a@x.example,", 2, 12, "is empty"),
        ("a@x.example,, b@x.example", 2, 12, "is empty"),
        (",a@x.example", 1, 0, "is empty"),
        ("a@x.example, tel:+441632960000", 2, 13, "not a SIP URI"),
        ("http://x.example/", 1, 0, "not a SIP URI"),
        ("a@x.example, b c@x.example", 2, 13, "space"),
        ("b\u00e9@x.example", 1, 0, "character"),
        ("a@x.example\x00", 1, 0, "character"),
        ("sip:a@", 1, 4, "not a SIP URI"),
        ("b@x.example,a@x.example:99999", 2, 12, "port"),
        ("a@[2001:db8::zz]", 1, 0, "not a SIP URI"),
        ("a@999.1.1.1", 1, 2, "not an IP address"),
        ("a@0.0.0.0", 1, 2, "not the address of a host"),
        ("a@0.1.2.3", 1, 2, "not the address of a host"),
        ("a@224.0.0.1", 1, 2, "not the address of a host"),
        ("a@255.255.255.255", 1, 2, "not the address of a host"),
        ("a@[::]", 1, 3, "not the address of a host"),
        ("b@x.example, a@x.example?X-H=1", 2, 24, "headers"),
        ("a@x.example;method=BYE", 1, 12, "method"),
        ("a@x.example;transport=sctp", 1, 12, "udp, tcp or tls"),
        ("a@x.example;transport", 1, 12, "needs a value"),
        ("sips:a@x.example;transport=udp", 1, 17, "can't go over UDP"),
        ("a@x.example;timeout=1999", 1, 12, "2000 to 20000"),
        ("a@x.example;timeout=20001", 1, 12, "2000 to 20000"),
        ("a@x.example;timeout=5s", 1, 12, "milliseconds"),
        ("a@x.example;timeout", 1, 12, "milliseconds"),
        ("a@x.example;foo=1;timeout=-1", 1, 18, "milliseconds"),
        ("a@x.example;timeout=2000;timeout=3000", 1, 0, "repeated"),
        ("a@x.example;media=zrtp", 1, 12, "srtp"),
        ("a@x.example;media", 1, 12, "srtp"),
    ],
)
def test_refused_with_the_position(text: str, entry: int, position: int, reason: str) -> None:
    with pytest.raises(ForwardingSyntaxError, match=reason) as caught:
        ForwardingList.parse(text)
    assert (caught.value.entry, caught.value.position) == (entry, position)


def test_bounds() -> None:
    assert len(ForwardingList.parse(",".join(f"{n}@x.example" for n in range(MAX_ENDPOINTS))).endpoints) == 10
    with pytest.raises(ForwardingSyntaxError, match=r"^the list has more than 10 entries$"):
        ForwardingList.parse(",".join(["a@x.example"] * (MAX_ENDPOINTS + 1)))
    with pytest.raises(ForwardingSyntaxError, match="longer"):
        ForwardingList.parse("a" * (MAX_TEXT + 1))
    longest = "a" * (MAX_URI - len("sip:@x.example"))
    assert len(str(ForwardingList.parse(f"{longest}@x.example;timeout=5000").endpoints[0].uri)) == MAX_URI
    with pytest.raises(ForwardingSyntaxError, match=r"entry 2: is longer than 2000"):
        ForwardingList.parse(f"a@x.example, {longest}a@x.example")


def test_keys_that_are_not_the_accounts_are_warned_of_once() -> None:
    typed = ForwardingList.parse("trunk1@sip.example.net, a@pbx.example, trunk2@SIP.example.net;timeout=2000")
    judged = typed.warned_of_keys("trunk1", "sip.example.net")
    assert judged.warnings == (
        "entry 3: at sip.example.net, trunk1@ alone reaches devices; such entries are passed over",
    )
    assert judged.warned_of_keys("trunk1", "sip.example.net") is judged
    assert (judged.endpoints, judged.text) == (typed.endpoints, typed.text)
    assert typed.warned_of_keys("trunk1", "sip.other.example") is typed
