"""`trunkline.sip.headers`: the multimap of RFC 3261 §7.3."""

import pytest

from trunkline.sip.errors import SipBuildError
from trunkline.sip.headers import COMPACT, KEYS, SPELLING, Headers, key_of


def test_names_in_any_spelling_are_one_name() -> None:
    headers = Headers([("VIA", "1"), ("v", "2"), ("vIa", "3"), ("Call-ID", "x")])
    assert headers.all("via") == ["1", "2", "3"]
    assert headers.all("V") == ["1", "2", "3"]
    assert headers.get("I") == "x"
    assert headers.get("call-id") == headers.get("CALL-ID") == "x"
    assert "i" in headers
    assert "Via" in headers
    assert "to" not in headers
    assert 7 not in headers
    assert headers.get("to") is None
    assert headers.all("to") == []
    assert headers.get("not a name") is None


def test_the_table_of_spellings_is_consistent() -> None:
    assert set(COMPACT.values()) <= set(SPELLING)
    assert set(KEYS.values()) == set(SPELLING)
    for spelling, key in KEYS.items():
        assert spelling.lower() in (key, *[compact for compact, long in COMPACT.items() if long == key])


@pytest.mark.parametrize("name", ["", "To\x01", "a b", "a:b", "X-é", "To ", "\tTo", "a\r\nb"])
def test_what_is_no_token_is_no_name(name: str) -> None:
    assert key_of(name) is None
    with pytest.raises(SipBuildError):
        Headers().add(name, "x")


@pytest.mark.parametrize("value", ["a\r\nX-Evil: 1", "a\nb", "a\rb", "a\0b", "\n"])
def test_a_value_that_would_break_its_line_is_refused(value: str) -> None:
    headers = Headers()
    for write in (headers.add, headers.set, headers.prepend):
        with pytest.raises(SipBuildError):
            write("Subject", value)
    with pytest.raises(SipBuildError):
        Headers([("X-Y", value)])
    with pytest.raises(SipBuildError):
        headers.set_all("X-Y", ["fine", value])
    assert len(headers) == 0


def test_writing() -> None:
    headers = Headers()
    headers.add("route", "b")
    headers.add("Route", "c")
    headers.prepend("Route", "a")
    assert headers.all("route") == ["a", "b", "c"]
    headers.set("ROUTE", "d")
    assert headers.all("route") == ["d"]
    headers.set_all("route", ["e", "f"])
    assert headers.all("route") == ["e", "f"]
    headers.set_all("route", [])
    assert "route" not in headers
    headers.remove("Route")
    headers.remove("no name")
    assert "route" not in headers
    headers.prepend("Via", "x")
    assert headers.get("via") == "x"


def test_lists_go_over_lines() -> None:
    headers = Headers([("Route", "<sip:a,b@c>, <sip:d>"), ("Route", '"x, y" <sip:e>')])
    assert headers.split("route") == ["<sip:a,b@c>", "<sip:d>", '"x, y" <sip:e>']
    assert headers.split("supported") == []


def test_names_go_out_as_their_rfc_spells_them_and_unknown_ones_as_they_came() -> None:
    headers = Headers([("x-FOO", "1"), ("CALL-ID", "2"), ("X-Foo", "3"), ("cseq", "4"), ("bar", "5")])
    assert list(headers.fields()) == [
        ("x-FOO", "1"),
        ("x-FOO", "3"),
        ("Call-ID", "2"),
        ("CSeq", "4"),
        ("bar", "5"),
    ]
    assert list(headers) == list(headers.fields())
    assert headers.lines() == ["x-FOO: 1", "x-FOO: 3", "Call-ID: 2", "CSeq: 4", "bar: 5"]
    assert list(headers.keys()) == ["x-foo", "call-id", "cseq", "bar"]
    assert len(headers) == 5


def test_content_length_is_left_to_the_message() -> None:
    assert Headers([("l", "7"), ("To", "x")]).lines() == ["To: x"]
    assert Headers([("l", "7"), ("X-A", "x")]).lines() == ["X-A: x"]


def test_copies_are_independent() -> None:
    headers = Headers([("Via", "1"), ("X-A", "2")])
    headers.parsed["via"] = "parsed"
    copy = headers.copy()
    assert copy == headers
    copy.add("Via", "3")
    copy.add("X-B", "4")
    copy.parsed["to"] = 1
    assert headers.all("via") == ["1"]
    assert headers.parsed == {"via": "parsed"}
    assert "x-b" not in headers
    assert list(copy.fields()) == [("Via", "1"), ("Via", "3"), ("X-A", "2"), ("X-B", "4")]
    only = headers.only(("to", "via"))
    assert list(only.fields()) == [("Via", "1")]
    only.set("via", "9")
    assert headers.get("via") == "1"


def test_what_was_parsed_is_forgotten_when_the_header_changes() -> None:
    headers = Headers([("To", "<sip:a>"), ("From", "<sip:b>")])
    for method in (headers.set, headers.add, headers.prepend):
        headers.parsed.update({"to": 1, "from": 2})
        method("t", "<sip:c>")
        assert headers.parsed == {"from": 2}
    headers.parsed.update({"to": 1, "from": 2})
    headers.set_all("TO", ["<sip:d>"])
    assert headers.parsed == {"from": 2}
    headers.parsed.update({"to": 1, "from": 2})
    headers.remove("To")
    assert headers.parsed == {"from": 2}


def test_a_printed_form_for_debugging() -> None:
    assert repr(Headers([("t", "x")])) == "Headers([('To', 'x')])"
    assert Headers([("t", "x")]) != Headers([("t", "y")])
    assert Headers() != {}


def test_extend_checks_the_suffix_only() -> None:
    headers = Headers.adopt({"to": ('"\\\0" <sip:a@b>', "second"), "x": ("y",)}, None)
    headers.extend("To", ";tag=1")
    assert headers.all("to") == ['"\\\0" <sip:a@b>;tag=1', "second"]
    headers.extend("from", ";tag=1")
    assert "from" not in headers
    with pytest.raises(SipBuildError):
        headers.extend("to", "\r\nX: y")


def test_rewrite_replaces_lines_unchecked_and_forgets_what_was_parsed() -> None:
    headers = Headers([("Via", "1"), ("To", "2")])
    headers.parsed.update({"via": "old", "to": "kept"})
    headers.rewrite("via", ('x="\\\0"', "3"))
    assert headers.all("via") == ['x="\\\0"', "3"]
    assert headers.parsed == {"to": "kept"}


def test_unknown_fields_are_those_of_no_table() -> None:
    headers = Headers([("To", "a"), ("X-One", "1"), ("x-two", "2"), ("x-one", "3")])
    assert headers.unknown_fields() == [("X-One", "1"), ("X-One", "3"), ("x-two", "2")]
