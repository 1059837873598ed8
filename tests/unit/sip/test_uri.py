"""`trunkline.sip.uri`: RFC 3261 §19.1."""

import pytest

from trunkline.sip import limits
from trunkline.sip.errors import SipBuildError, SipSyntaxError
from trunkline.sip.uri import OtherUri, SipUri, escape_user, is_address, is_ipv6, parse_uri


def test_every_part_is_read() -> None:
    uri = SipUri.parse(
        "SIPS:alice:secret%40@Atlanta.COM:5061;Transport=TCP;lr;maddr=[2001:DB8::1]?subject=x&b=%20"
    )
    assert uri.scheme == "sips"
    assert uri.user == "alice"
    assert uri.password == "secret%40"
    assert uri.host == "atlanta.com"
    assert uri.port == 5061
    assert uri.params == {"transport": "TCP", "lr": None, "maddr": "[2001:DB8::1]"}
    assert uri.headers == "subject=x&b=%20"
    assert uri.transport == "tcp"
    assert uri.lr
    assert uri.maddr == "2001:db8::1"
    assert uri.hostport == "atlanta.com:5061"


def test_absent_parts_are_none() -> None:
    uri = SipUri.parse("sip:example.com")
    assert (uri.user, uri.password, uri.port, uri.headers) == (None, None, None, "")
    assert uri.params == {}
    assert uri.transport is None
    assert uri.maddr is None
    assert not uri.lr
    assert uri.hostport == "example.com"


@pytest.mark.parametrize(
    "text",
    [
        "sip:a@b",
        "sips:a@b:5061",
        "sip:+1-212-555-1212:1234@gateway.com;user=phone",
        "sip:atlanta.com;method=REGISTER?to=alice%40atlanta.com",
        "sip:alice;day=tuesday@atlanta.com",
        "sip:[2001:db8::10]:5070",
        "sip:a@[2001:db8::10:5070]",
        "sip:1_unusual.URI~(to-be!sure)&isn't+it$/crazy?,/;;*@example.com",
        "sip:null-%00-null@example.com",
        "sip:*55#@10.0.0.1",
        "sip:a@under_score.local;x=a%20b",
        "sip:a@b.",
        "sip:%E2%82%AC@b",
    ],
)
def test_a_uri_prints_as_it_was(text: str) -> None:
    assert str(SipUri.parse(text)) == text
    assert str(parse_uri(text)) == text


@pytest.mark.parametrize(
    "text",
    [
        "",
        "sip:",
        "sip",
        "sip:@b",
        "sip: a@b",
        "sip:a@b ",
        "sip:a b@c",
        "sip:a@b@c",
        "sip:a@",
        "sip:a@b:",
        "sip:a@b:0",
        "sip:a@b:65536",
        "sip:a@b:123456",
        "sip:a@b:x",
        "sip:a@b;",
        "sip:a@b;;lr",
        "sip:a@b;=x",
        "sip:a@b;lr;LR",
        "sip:a@b;x=%zz",
        "sip:%4@b",
        "sip:%zz@b",
        "sip:a@2001:db8::10",
        "sip:2001:db8::10",
        "sip:a@[2001:db8::1",
        "sip:a@[2001:db8:::1]",
        "sip:a@[1.2.3.4]",
        "sip:a@b?x=<y>",
        "sip:a@b?x=%1",
        'sip:"a"@b',
        "<sip:a@b>",
        "sip:a@b\r\nX: y",
        "sip:a\n@b",
        "sip:a\x00b@c",
        "sip:a@b\x00",
        "sip:ü@b",
        "sip:a@b..c",
        "sip:a@.b",
        "sip:a@b" + ";p" * (limits.PARAMETERS + 1),
    ],
)
def test_malformed_uris_are_refused(text: str) -> None:
    with pytest.raises(SipSyntaxError) as caught:
        parse_uri(text)
    assert caught.value.status == 400
    with pytest.raises(SipSyntaxError):
        SipUri.parse(text)


def test_another_scheme_is_opaque() -> None:
    uri = parse_uri("TEL:+49891234;phone-context=x")
    assert isinstance(uri, OtherUri)
    assert (uri.scheme, uri.opaque, uri.user) == ("tel", "+49891234;phone-context=x", "+49891234")
    assert parse_uri("isbn:2983792873").user is None
    assert parse_uri("tel:1@2").user is None
    assert uri.equivalent(parse_uri("tel:+49891234;Phone-Context=X"))
    assert not uri.equivalent(SipUri.parse("sip:a@b"))
    assert uri == parse_uri("tel:+49891234;phone-context=x")
    assert hash(uri) == hash(parse_uri("tel:+49891234;phone-context=x"))
    with pytest.raises(SipSyntaxError) as caught:
        SipUri.parse("tel:+49891234")
    assert caught.value.status == 416


@pytest.mark.parametrize("text", ["tel:", "tel:a b", ":x", "1x:y", "mailto", "urn:a<b", "http://x\r\ny"])
def test_malformed_other_uris_are_refused(text: str) -> None:
    with pytest.raises(SipSyntaxError):
        parse_uri(text)


@pytest.mark.parametrize(
    "text",
    ["sip:h:%@h", "sip:h:%4@h", "sip:h:a%zz@h", "sip:a%@h", "sip:a%4@h", "sip:h;x=a%", "sip:h?a=%&b=%2"],
)
def test_a_percent_that_escapes_nothing_is_refused(text: str) -> None:
    """The first and the fourth were taken by Debian 12's Python (found by tests/fuzz)."""
    with pytest.raises(SipSyntaxError):
        SipUri.parse(text)


# RFC 3261 §19.1.4, its own examples.
@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("sip:%61lice@atlanta.com;transport=TCP", "sip:alice@AtLanTa.CoM;Transport=tcp"),
        ("sip:carol@chicago.com", "sip:carol@chicago.com;newparam=5"),
        ("sip:carol@chicago.com", "sip:carol@chicago.com;security=on"),
        (
            "sip:biloxi.com;transport=tcp;method=REGISTER?to=sip:bob%40biloxi.com",
            "sip:biloxi.com;method=REGISTER;transport=tcp?to=sip:bob%40biloxi.com",
        ),
        (
            "sip:alice@atlanta.com?subject=project%20x&priority=urgent",
            "sip:alice@atlanta.com?priority=urgent&subject=project%20x",
        ),
        ("sip:a@[2001:db8::1]", "sip:a@[2001:DB8:0::0:1]"),
    ],
)
def test_equivalent_uris(one: str, other: str) -> None:
    assert SipUri.parse(one).equivalent(SipUri.parse(other))
    assert SipUri.parse(other).equivalent(SipUri.parse(one))


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("SIP:ALICE@AtLanTa.CoM;Transport=udp", "sip:alice@AtLanTa.CoM;Transport=UDP"),
        ("sip:bob@biloxi.com", "sip:bob@biloxi.com:5060"),
        ("sip:bob@biloxi.com", "sip:bob@biloxi.com;transport=udp"),
        ("sip:bob@biloxi.com", "sip:bob@biloxi.com:6000;transport=tcp"),
        ("sip:carol@chicago.com", "sip:carol@chicago.com?Subject=next%20meeting"),
        ("sip:bob@phone21.boxesbybob.com", "sip:bob@192.0.2.4"),
        ("sip:carol@chicago.com;security=on", "sip:carol@chicago.com;security=off"),
        ("sip:a@b", "sips:a@b"),
        ("sip:a:x@b", "sip:a:y@b"),
        ("sip:a@b", "sip:b"),
        ("sip:a%2Cb@c", "sip:a,b@c"),
    ],
)
def test_different_uris(one: str, other: str) -> None:
    assert not SipUri.parse(one).equivalent(SipUri.parse(other))
    assert not SipUri.parse(other).equivalent(SipUri.parse(one))


def test_escapes_are_resolved_on_request() -> None:
    assert SipUri.parse("sip:%2B49%2089@b").user_unescaped == "+49 89"
    assert SipUri.parse("sip:a%00b@c").user_unescaped == "a\0b"
    assert SipUri.parse("sip:plain@c").user_unescaped == "plain"
    assert SipUri.parse("sip:c").user_unescaped is None


def test_a_copy_with_other_parts() -> None:
    uri = SipUri.parse("sip:a:pw@b:5070;lr?x=y")
    assert str(uri.with_(user="c", host="[2001:DB8::1]", port=5080)) == "sip:c@[2001:db8::1]:5080;lr?x=y"
    assert str(uri.with_(scheme="sips", params={"transport": "tcp"}, headers="")) == (
        "sips:a:pw@b:5070;transport=tcp"
    )
    assert str(uri.without("user", "port", "headers", "lr")) == "sip:b"
    assert str(uri.without("params")) == "sip:a:pw@b:5070?x=y"
    assert str(uri) == "sip:a:pw@b:5070;lr?x=y"


def test_equality_is_of_the_printed_form() -> None:
    assert SipUri.parse("sip:a@B") == SipUri("sip", "a", "b")
    assert hash(SipUri.parse("sip:a@B")) == hash(SipUri("sip", "a", "b"))
    assert SipUri.parse("sip:a@b") != SipUri.parse("sip:A@b")
    assert SipUri.parse("sip:a@b") != "sip:a@b"
    assert repr(SipUri.parse("sip:a@b")) == "SipUri('sip:a@b')"


@pytest.mark.parametrize("text", ["+4989", "a b", "x>;tag=1", "a\r\nb", "a@b:c", "Grüße", "%", "\udcff"])
def test_any_text_becomes_a_user_part(text: str) -> None:
    uri = SipUri.parse(f"sip:{escape_user(text)}@h")
    assert uri.user_unescaped == text


def test_a_user_part_is_not_empty() -> None:
    with pytest.raises(SipBuildError):
        escape_user("")


def test_an_extra_colon_before_an_embedded_ipv4_address_is_dropped() -> None:
    """RFC 5118 §4.10."""
    assert SipUri.parse("sip:[2001:db8:::192.0.2.1]").host == "2001:db8::192.0.2.1"
    assert SipUri.parse("sip:[2001:db8::192.0.2.1]").host == "2001:db8::192.0.2.1"
    for text in (
        "sip:[2001:db8::::192.0.2.1]",
        "sip:[2001:::db8:::192.0.2.1]",
        "sip:[:::]",
        "sip:[2001:db8:::1]",
    ):
        with pytest.raises(SipSyntaxError):
            SipUri.parse(text)


def test_ipv6_literals() -> None:
    assert is_ipv6("2001:db8::1")
    assert is_ipv6("::ffff:192.0.2.1")
    assert not is_ipv6("192.0.2.1")
    assert not is_ipv6("fe80::1%eth0")
    assert not is_ipv6("2001:db8:::1")


@pytest.mark.parametrize(
    ("host", "so"),
    [
        ("192.0.2.1", True),
        ("2001:db8::1", True),
        ("::ffff:192.0.2.1", True),
        ("sip.example.net", False),
        ("192.0.2", False),
        ("192.0.2.256", False),
        ("", False),
    ],
)
def test_an_address_is_told_from_a_name(host: str, so: bool) -> None:
    assert is_address(host) is so
