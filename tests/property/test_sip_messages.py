"""Properties of the message layer: what is printed reads the same; only `SipSyntaxError`; linear time."""

import time
from collections.abc import Callable
from contextlib import suppress
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trunkline.sip import limits
from trunkline.sip.digest import Challenge, Credentials
from trunkline.sip.errors import SipBuildError, SipSyntaxError
from trunkline.sip.framing import KeepAlive, StreamFramer
from trunkline.sip.grammar import parse_params, quote, readable, split_list, unquote
from trunkline.sip.headers import SPELLING, Headers
from trunkline.sip.message import Request, Response, read_reasons, response_to
from trunkline.sip.name_addr import NameAddr
from trunkline.sip.parse import parse_message, salvage
from trunkline.sip.uri import OtherUri, SipUri, escape_user, parse_uri
from trunkline.sip.via import Via

TOKEN_CHARS = "ABCXYZabcxyz0189-.!%*_+`'~"
tokens = st.text(TOKEN_CHARS, min_size=1, max_size=12)
plain = st.characters(exclude_categories=["Cc", "Cs", "Zl", "Zp"])
displays = st.none() | st.text(plain, max_size=20)
users = st.none() | st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=12).map(
    escape_user
)
hosts = st.one_of(
    st.from_regex(r"[a-z0-9]{1,8}(\.[a-z]{1,6}){0,3}", fullmatch=True),
    st.ip_addresses(v=4).map(str),
    st.ip_addresses(v=6).map(str),
)
ports = st.none() | st.integers(1, 65535)
values = st.none() | st.text("ABCxyz019-.!*_+'~", min_size=1, max_size=8)
names = st.text("abcxyz019-.!_", min_size=1, max_size=8)
params = st.dictionaries(names, values, max_size=4)
uris = st.builds(SipUri, st.sampled_from(["sip", "sips"]), users, hosts, ports, params)
addresses = st.builds(
    NameAddr,
    displays,
    uris | st.builds(OtherUri, st.just("tel"), st.from_regex(r"\+[0-9]{3,15}", fullmatch=True)),
    st.dictionaries(names, values | st.text(plain, max_size=10).map(quote), max_size=4),
)
vias = st.builds(Via, st.sampled_from(["UDP", "TCP", "TLS", "X-Y"]).map(str.upper), hosts, ports, params)
lines = st.text(st.characters(exclude_characters="\r\n\0", exclude_categories=["Cc", "Cs"]), max_size=30)
fields = st.lists(st.tuples(st.sampled_from(sorted(SPELLING.values())) | tokens, lines), max_size=8)
ROUTING = ("via", "from", "to", "call-id", "cseq", "max-forwards", "content-length", "content-type")


@given(uris)
def test_a_uri_reads_as_it_was_printed(uri: SipUri) -> None:
    again = SipUri.parse(str(uri))
    assert again == uri
    assert again.equivalent(uri)
    assert (again.user, again.host, again.port, dict(again.params)) == (
        uri.user,
        uri.host,
        uri.port,
        dict(uri.params),
    )


@given(addresses)
def test_an_address_reads_as_it_was_printed(address: NameAddr) -> None:
    assert NameAddr.parse(str(address)) == address


@given(st.lists(addresses, max_size=5))
def test_a_list_of_addresses_reads_as_it_was_printed(several: list[NameAddr]) -> None:
    assert NameAddr.parse_list(", ".join(map(str, several))) == several


@given(vias)
def test_a_via_reads_as_it_was_printed(via: Via) -> None:
    assert Via.parse(str(via)) == via


@given(st.text(plain))
def test_quoting_is_undone_by_unquoting(text: str) -> None:
    assert unquote(quote(text)) == readable(text)


@given(st.text(st.characters(), min_size=1))
def test_any_user_survives_escaping(text: str) -> None:
    if text.isascii():
        assert SipUri.parse(f"sip:{escape_user(text)}@h").user_unescaped == text


@given(vias, addresses, addresses, fields, st.binary(max_size=50))
def test_a_message_reads_as_it_was_printed(
    via: Via, from_: NameAddr, to: NameAddr, extra: list[tuple[str, str]], body: bytes
) -> None:
    to = NameAddr(to.display, to.uri)
    headers = Headers(
        [
            ("Via", str(via)),
            ("From", str(NameAddr(from_.display, from_.uri, {"tag": "f"}))),
            ("To", str(to)),
            ("Call-ID", "x"),
            ("CSeq", "1 INFO"),
        ]
    )
    for name, value in extra:
        if name.lower() not in ROUTING and len(name) > 1:
            headers.add(name, value.strip(" \t"))
    request = Request("INFO", "sip:a@b", headers, body)
    again = parse_message(request.to_bytes())
    again.headers.remove("content-length")
    assert again.headers == headers
    assert list(again.headers.fields()) == list(headers.fields())
    assert again.body == body
    assert again.top_via == via
    assert again.to == to
    response = parse_message(response_to(request, 486, to_tag="t").to_bytes())
    assert isinstance(response, Response)
    assert response.to_tag == "t"
    assert response.call_id == "x"


BASE = (
    b"INVITE sip:b@b SIP/2.0\r\nVia: SIP/2.0/UDP a;branch=z9hG4bK1\r\nMax-Forwards: 70\r\n"
    b"From: <sip:a@a>;tag=1\r\nTo: <sip:b@b>\r\nCall-ID: x\r\nCSeq: 1 INVITE\r\n"
    b"Contact: <sip:a@a>\r\nContent-Length: 4\r\n\r\nv=0\n"
)
SPICE = st.sampled_from(
    [
        *(
            b"\r\n",
            b"\r",
            b"\n",
            b"\0",
            b" ",
            b"\t",
            b",",
            b";",
            b":",
            b'"',
            b"\\",
            b"<",
            b">",
            b"@",
            b"%",
            b"=",
            b"?",
        ),
        *(b"\xff", b"\xc3", b"SIP/2.0", b"l: 1\r\n", b"[::1]", b"\r\n "),
    ]
)
edits = st.lists(
    st.tuples(st.integers(0, len(BASE)), st.integers(0, 8), SPICE | st.binary(max_size=3)), max_size=4
)


def edited(changes: list[tuple[int, int, bytes]]) -> bytes:
    data = BASE
    for position, gone, new in changes:
        data = data[:position] + new + data[position + gone :]
    return data


@given(edits)
def test_a_damaged_message_gives_a_message_or_a_syntax_error(changes: list[tuple[int, int, bytes]]) -> None:
    data = edited(changes)
    try:
        message = parse_message(data)
    except SipSyntaxError as error:
        if error.message is not None:
            response_to(error.message, error.status, to_tag="t").to_bytes()
        return
    printed = message.to_bytes()
    again = parse_message(printed)
    assert again.to_bytes() == printed
    assert repr(again) == repr(message)


@given(st.binary(max_size=300))
def test_any_bytes_give_a_message_or_a_syntax_error(data: bytes) -> None:
    with pytest.raises(SipSyntaxError):
        parse_message(data)
    assert salvage(data) is None


@given(st.lists(edits, min_size=1, max_size=3), st.data())
def test_the_cut_of_a_stream_does_not_matter(
    several: list[list[tuple[int, int, bytes]]], data: st.DataObject
) -> None:
    stream = b"\r\n\r\n".join(map(edited, several))
    cuts = sorted(data.draw(st.lists(st.integers(0, len(stream)), max_size=8)))
    outcomes = []
    for bounds in ([0, len(stream)], [0, *cuts, len(stream)], range(len(stream) + 1)):
        framer = StreamFramer()
        complete: list[bytes | KeepAlive] = []
        for start, end in pairwise(bounds):
            try:
                complete += framer.feed(stream[start:end])
            except SipSyntaxError:
                break
        messages = [item for item in complete if isinstance(item, bytes)]
        outcomes.append((messages, framer.failure is None))
    assert outcomes[0] == outcomes[1] == outcomes[2]


ANY_TEXT = st.text() | st.text('";<>,=\\ \t@:%[]ab*', max_size=40)


@given(ANY_TEXT)
def test_any_text_gives_a_value_or_a_syntax_error(text: str) -> None:
    for parse in PARSERS:
        try:
            parse(text)
        except SipSyntaxError as error:
            assert error.element  # noqa: PT017 - most texts of most parsers raise nothing


@given(st.text(st.sampled_from("ab\r\n\0:\u2028\x85")), tokens)
def test_nothing_that_is_written_can_break_a_line(text: str, name: str) -> None:
    headers = Headers()
    try:
        headers.add(name, text)
        headers.add(text, name)
        data = Response(200, text, headers).to_bytes()
    except SipBuildError:
        return
    assert data.count(b"\r\n") == 2 + len(headers) + 1 - ("content-length" in headers)
    assert data.count(b"\n") == data.count(b"\r") == data.count(b"\r\n")


PARSERS: list[Callable[[str], object]] = [
    parse_uri,
    SipUri.parse,
    NameAddr.parse,
    NameAddr.parse_list,
    Via.parse,
    split_list,
    unquote,
    readable,
    Credentials.parse,
    Challenge.parse,
    lambda text: parse_params(text, "X"),
    lambda text: read_reasons([text]),
    lambda text: parse_message(message_with(text)),
]


def message_with(text: str) -> bytes:
    return BASE.replace(b"Contact: ", b"Contact: " + text.encode("utf-8", "surrogatepass") + b"\r\nX: ")


UNITS = [
    *(
        " ",
        "\t",
        "a",
        "%",
        "%4",
        "%41",
        '"',
        "\\",
        '\\"',
        '""',
        '"\\',
        "<",
        ">",
        "<>",
        "<a>",
        ",",
        ", ",
        ";",
        ";a",
        ";a=",
    ),
    *(
        ";a=b",
        ";=",
        ":",
        "@",
        "a@",
        "[",
        "]",
        "[:",
        ".",
        "a.",
        "-",
        "=",
        "a=b,",
        'a="b",',
        "?",
        "&",
        "sip:",
        "sip:a@",
    ),
    *("Digest ", "SIP/2.0/UDP ", "/", "\r\n ", "\r\n a", "\r\na:b", "é", "1"),
]
PREFIXES = [
    *("", "sip:", "sip:a@b;", '"', "<", "<sip:a@b>", "sip:a@b?", "sip:["),
    *("SIP/2.0/UDP h;", "Digest ", "Digest a="),
]


def worst(parse: Callable[[str], object], text: str) -> float:
    best = float("inf")
    for _ in range(3):
        start = time.process_time()
        with suppress(SipSyntaxError):
            parse(text)
        best = min(best, time.process_time() - start)
    return best


@pytest.mark.parametrize("index", range(len(PARSERS)))
def test_time_grows_linearly(index: int) -> None:
    """The longest head of each kind is read in milliseconds; quadratic would take seconds."""
    parse = PARSERS[index]
    for prefix in PREFIXES:
        for unit in UNITS:
            text = prefix + unit * ((limits.HEAD_BYTES - 600) // len(unit.encode()))
            assert worst(parse, text) < 0.05, (prefix, unit)


def test_a_stream_fed_byte_by_byte_takes_linear_time() -> None:
    def feed(size: int) -> float:
        data = BASE.replace(b"Contact: ", b"X: " + b"y" * size + b"\r\nContact: ")
        start = time.process_time()
        framer = StreamFramer()
        complete = [framer.feed(data[index : index + 1]) for index in range(len(data))]
        assert sum(complete, []) == [data]  # noqa: RUF017 - one element
        return time.process_time() - start

    small = min(feed(3_000) for _ in range(3))
    large = min(feed(30_000) for _ in range(3))
    assert large < 30 * small
