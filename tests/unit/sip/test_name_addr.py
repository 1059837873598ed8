"""`trunkline.sip.name_addr`: RFC 3261 §20.10 and §25.1."""

import pytest

from trunkline.sip.errors import SipBuildError, SipSyntaxError
from trunkline.sip.name_addr import NameAddr
from trunkline.sip.uri import OtherUri, SipUri


@pytest.mark.parametrize(
    ("text", "display", "uri", "params"),
    [
        ("sip:a@b", None, "sip:a@b", {}),
        ("sip:a@b;tag=1", None, "sip:a@b", {"tag": "1"}),
        ("<sip:a@b>", None, "sip:a@b", {}),
        ("<sip:a@b;tag=no>;tag=yes", None, "sip:a@b;tag=no", {"tag": "yes"}),
        ("Alice <sip:a@b>", "Alice", "sip:a@b", {}),
        ("J Rosenberg\t<sip:a@b>", "J Rosenberg", "sip:a@b", {}),
        ('"A. G. Bell" <sip:a@b> ;tag=a48s', "A. G. Bell", "sip:a@b", {"tag": "a48s"}),
        ('"" <sip:a@b>', "", "sip:a@b", {}),
        ('"Joe"<sip:a@b>', "Joe", "sip:a@b", {}),
        (r'"J \\\"" <sip:a@b>', 'J \\"', "sip:a@b", {}),
        ('"<sip:x@y>" <sip:a@b>;q=0.1', "<sip:x@y>", "sip:a@b", {"q": "0.1"}),
        ("Bell, Alexander <sip:a@b>;tag=43", "Bell, Alexander", "sip:a@b", {"tag": "43"}),
        ("< sip:a@b >", None, "sip:a@b", {}),
        ("<sip:a@b?Route=%3Csip:c%3E>", None, "sip:a@b?Route=%3Csip:c%3E", {}),
        (
            '<sip:a@b>;+sip.instance="<urn:uuid:0>";expires=60',
            None,
            "sip:a@b",
            {"+sip.instance": '"<urn:uuid:0>"', "expires": "60"},
        ),
        ("<tel:+49891234>", None, "tel:+49891234", {}),
        ("Grüße <sip:a@b>", "Grüße", "sip:a@b", {}),
    ],
)
def test_addresses_are_read(text: str, display: str | None, uri: str, params: dict[str, str]) -> None:
    address = NameAddr.parse(text)
    assert address.display == display
    assert str(address.uri) == uri
    assert address.params == params


@pytest.mark.parametrize(
    "text",
    [
        "",
        "<>",
        "Alice",
        "a@b",
        "<sip:a@b",
        "sip:a@b>",
        "<sip:a@b>>",
        "<<sip:a@b>>",
        '"Mr. J. User <sip:a@b>',
        '"x" "y" <sip:a@b>',
        'x "y" <sip:a@b>',
        '\\"arik\\" <sip:a@b>',
        "<sip:a@b> tag=1",
        "<sip:a@b>;tag=1;tag=2",
        "<sip:a@b>;;",
        "sip:a@b;",
        "sip:a@b?Route=x",
        "sip:a,c@b",
        "<sip:a@b>;tag=a b",
        "<sip:a@b>, <sip:c@d>",
    ],
)
def test_malformed_addresses_are_refused(text: str) -> None:
    with pytest.raises(SipSyntaxError):
        NameAddr.parse(text)


def test_lists() -> None:
    addresses = NameAddr.parse_list('"Mr, Watson" <sip:w@a>;q=0.7, "W" <mailto:w@b>, sip:c')
    assert [a.display for a in addresses] == ["Mr, Watson", "W", None]
    assert isinstance(addresses[1].uri, OtherUri)


def test_what_is_printed_is_well_formed() -> None:
    uri = SipUri("sip", "a", "b")
    assert str(NameAddr(None, uri)) == "<sip:a@b>"
    assert str(NameAddr('A "B" \\', uri, {"tag": "1", "x": None})) == '"A \\"B\\" \\\\" <sip:a@b>;tag=1;x'
    assert str(NameAddr.parse("Bell, Alexander < sip:a@b >")) == '"Bell, Alexander" <sip:a@b>'


def test_tags() -> None:
    address = NameAddr.parse("<sip:a@b>;x=y")
    assert address.tag is None
    assert NameAddr.parse("<sip:a@b>;tag=").tag is None
    assert NameAddr.parse("<sip:a@b>;x=y;tag=1928").tag == "1928"


def test_a_display_name_can_not_break_out_of_its_line() -> None:
    with pytest.raises(SipBuildError):
        str(NameAddr("a\r\nX: y", SipUri("sip", "a", "b")))


def test_control_characters_of_quoted_pairs_are_masked() -> None:
    address = NameAddr.parse('"BEL:\\\x07 NUL:\\\x00 DEL:\\\x7f" <sip:a@b>')
    assert address.display == "BEL:  NUL:  DEL: "
    assert str(address) == '"BEL:  NUL:  DEL: " <sip:a@b>'


def test_equality() -> None:
    assert NameAddr.parse("A <sip:a@b>;tag=1") == NameAddr.parse('"A" <sip:a@b> ; tag = 1')
    assert hash(NameAddr.parse("A <sip:a@b>;tag=1")) == hash(NameAddr.parse('"A" <sip:a@b> ; tag = 1'))
    assert NameAddr.parse("A <sip:a@b>") != NameAddr.parse("<sip:a@b>")
    assert repr(NameAddr.parse("<sip:a@b>")) == "NameAddr('<sip:a@b>')"
