"""`trunkline.sip.grammar`: the shared pieces of RFC 3261 §25.1."""

import pytest

from trunkline.sip import limits
from trunkline.sip.errors import SipBuildError, SipSyntaxError
from trunkline.sip.grammar import (
    is_token,
    parse_params,
    print_params,
    quote,
    readable,
    split_list,
    unquote,
)


@pytest.mark.parametrize("text", ["INVITE", "a", "!%*_+`'~.-", "replaces"])
def test_a_token_is_one(text: str) -> None:
    assert is_token(text)


@pytest.mark.parametrize("text", ["", " ", "a b", "a:b", "a\x00", "To\x01", "é", 'a"', "a/b", "a\n"])
def test_anything_else_is_no_token(text: str) -> None:
    assert not is_token(text)


@pytest.mark.parametrize(
    ("text", "elements"),
    [
        ("", []),
        (" , ,", []),
        ("a", ["a"]),
        ("a,b", ["a", "b"]),
        (" a ,\tb ", ["a", "b"]),
        ('"x, y" <sip:a@b>, c', ['"x, y" <sip:a@b>', "c"]),
        ("<sip:a,b@c>, <sip:d>", ["<sip:a,b@c>", "<sip:d>"]),
        (r'"q\", still" <sip:a>, b', [r'"q\", still" <sip:a>', "b"]),
        ('"never closed, b', ['"never closed, b']),
        ('"ends in an escape\\', ['"ends in an escape\\']),
        ("<never closed, b", ["<never closed, b"]),
    ],
)
def test_lists_split_at_commas_outside_quotes_and_brackets(text: str, elements: list[str]) -> None:
    assert split_list(text) == elements


def test_a_list_has_a_bound() -> None:
    assert len(split_list(",".join(["a"] * limits.LIST_ELEMENTS))) == limits.LIST_ELEMENTS
    with pytest.raises(SipSyntaxError):
        split_list(",".join(["a"] * (limits.LIST_ELEMENTS + 1)))


@pytest.mark.parametrize(
    ("text", "params"),
    [
        ("", {}),
        ("  ", {}),
        (";lr", {"lr": None}),
        (";Tag=AbC", {"tag": "AbC"}),
        (";rport=", {"rport": ""}),
        (" ; tag = 98asjd8 ;x", {"tag": "98asjd8", "x": None}),
        (';q=0.5;text="a;b,c\\"d"', {"q": "0.5", "text": '"a;b,c\\"d"'}),
        (";received=[2001:db8::1];ttl=1", {"received": "[2001:db8::1]", "ttl": "1"}),
        (";x=a=b==", {"x": "a=b=="}),
    ],
)
def test_parameters_are_read(text: str, params: dict[str, str | None]) -> None:
    assert parse_params(text, "X") == params


@pytest.mark.parametrize(
    "text",
    [
        "tag=1",
        ";",
        ";;a",
        ";a;",
        ";=b",
        ";a b=c",
        ";a=b c",
        ';a="b',
        ';a="b"c',
        ";a=\\",
        ";tag=1;tag=2",
        ";Tag=1;tAg=1",
        "; tag=1 ; TAG=2",
        ";a" * (limits.PARAMETERS + 1),
        ";p" + "; p" * limits.PARAMETERS,
    ],
)
def test_malformed_parameters_are_refused(text: str) -> None:
    with pytest.raises(SipSyntaxError) as caught:
        parse_params(text, "Contact")
    assert caught.value.element == "Contact"
    assert caught.value.status == 400


def test_parameters_print_as_they_were() -> None:
    assert print_params({"lr": None, "tag": "x", "text": '"a b"'}) == ';lr;tag=x;text="a b"'


@pytest.mark.parametrize("text", ["", "plain", 'a "b" c', "back\\slash", 'ends with \\"', "Грегор"])
def test_quoting_is_undone_by_unquoting(text: str) -> None:
    assert unquote(quote(text)) == text


@pytest.mark.parametrize("text", ["a\r\nX: 1", "a\nb", "a\rb", "a\0b"])
def test_a_quoted_string_holds_no_line_break(text: str) -> None:
    with pytest.raises(SipBuildError):
        quote(text)


def test_readable_text_has_no_controls_and_no_undecoded_bytes() -> None:
    assert unquote('"BEL:\\\x07 NUL:\\\x00 DEL:\\\x7f"') == "BEL:  NUL:  DEL: "
    assert readable("M\udcfcller") == "Müller"
    assert readable("\x1b[31mred\u2028") == " [31mred "
    assert readable("\udc80x\udc9b1m").isprintable()
