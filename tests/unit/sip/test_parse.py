"""`trunkline.sip.parse`: what is checked at once, what is refused, and what is left to be answered."""

import pytest

from trunkline.sip import limits
from trunkline.sip.errors import SipSyntaxError
from trunkline.sip.message import Request, Response, response_to
from trunkline.sip.parse import parse_message, salvage

LINES = (
    "OPTIONS sip:carol@chicago.com SIP/2.0",
    "Via: SIP/2.0/UDP pc33.atlanta.com;branch=z9hG4bKhjhs8ass877",
    "Max-Forwards: 70",
    "To: <sip:carol@chicago.com>",
    "From: Alice <sip:alice@atlanta.com>;tag=1928301774",
    "Call-ID: a84b4c76e66710",
    "CSeq: 63104 OPTIONS",
)


def message(*extra: str, drop: str = "", body: str = "", **replace: str) -> bytes:
    """LINES, without the line beginning with `drop`, with `replace` values (`cseq=...`) and `extra` lines."""
    lines = []
    for line in LINES:
        name = line.partition(":")[0].lower().replace("-", "_")
        if drop and line.startswith(drop):
            continue
        lines.append(f"{line.partition(':')[0]}: {replace[name]}" if name in replace else line)
    text = "\r\n".join([replace.get("start", lines[0]), *lines[1:], *extra]) + "\r\n\r\n" + body
    return text.encode("utf-8", "surrogateescape")


def refused(data: bytes) -> SipSyntaxError:
    with pytest.raises(SipSyntaxError) as caught:
        parse_message(data)
    return caught.value


def test_a_request() -> None:
    request = parse_message(message("Content-Type: text/plain", "Content-Length: 4", body="abcd"))
    assert isinstance(request, Request)
    assert (request.method, request.uri_text, request.body) == ("OPTIONS", "sip:carol@chicago.com", b"abcd")
    assert request.from_tag == "1928301774"


def test_a_response() -> None:
    response = parse_message(message(start="SIP/2.0 200 OK then"))
    assert isinstance(response, Response)
    assert (response.status, response.reason) == (200, "OK then")
    assert parse_message(message(start="SIP/2.0 200 ")).to_bytes().startswith(b"SIP/2.0 200 \r\n")
    assert parse_message(message(start="SIP/2.0 200")).to_bytes().startswith(b"SIP/2.0 200 \r\n")


def test_a_message_prints_as_it_was() -> None:
    data = message("X-Odd:  \t kept  inside\t", "x-lower: é\udcff", "Content-Length: 2", body="hi")
    printed = parse_message(data).to_bytes()
    assert printed == data.replace(b"  \t kept  inside\t", b" kept  inside")


def test_line_ends_before_the_start_line_are_skipped() -> None:
    assert parse_message(b"\r\n\r\n" + message()).call_id == "a84b4c76e66710"


@pytest.mark.parametrize(
    "data", [b"", b"\r\n", b"\r\n\r\n", b"\r\n\r\n\r\n\r\n", b"\0", b"x", b"\xff" * 99, b"\r\n\r"]
)
def test_what_is_no_message_is_refused_and_not_answered(data: bytes) -> None:
    assert refused(data).message is None


@pytest.mark.parametrize(
    ("start", "status"),
    [
        ("OPTIONS sip:carol@chicago.com", 400),
        ("OPTIONS sip:carol@chicago.com SIP/2.0 ", 400),
        ("OPTIONS  sip:carol@chicago.com SIP/2.0", 400),
        ("OPTIONS sip:carol@chicago.com  SIP/2.0", 400),
        (" OPTIONS sip:carol@chicago.com SIP/2.0", 400),
        ("OPTIONS\tsip:carol@chicago.com\tSIP/2.0", 400),
        ("OPTIONS sip:carol@chicago.com; lr SIP/2.0", 400),
        ("OPT(IONS sip:carol@chicago.com SIP/2.0", 400),
        ("OPTIONS sip:carol@chicago.com HTTP/1.1", 400),
        ("OPTIONS sip:carol@chicago.com SIP/2", 400),
        ("OPTIONS sip:carol@chicago.com SIP/3.0", 505),
        ("OPTIONS sip:carol@chicago.com sip/1.0", 505),
        ("OPTIONS <sip:carol@chicago.com> SIP/2.0", 400),
        ("OPTIONS sip:carol@chicago.com?x=y SIP/2.0", 400),
        ("OPTIONS sip:carol@[::g] SIP/2.0", 400),
        ("OPTIONS http://chicago.com SIP/2.0", 416),
        ("OPTIONS carol SIP/2.0", 400),
        ("options sip:carol@chicago.com SIP/2.0", 400),
    ],
)
def test_request_lines_are_strict(start: str, status: int) -> None:
    assert refused(message(start=start)).status == status


def test_the_version_is_case_insensitive() -> None:
    assert isinstance(parse_message(message(start="OPTIONS sip:c@c sip/2.0")), Request)
    assert isinstance(parse_message(message(start="sip/2.0 200 OK")), Response)


def test_a_tel_uri_is_allowed() -> None:
    request = parse_message(message(start="OPTIONS tel:+4989 SIP/2.0"))
    assert isinstance(request, Request)
    assert request.uri.user == "+4989"


@pytest.mark.parametrize(
    "start",
    ["SIP/2.0", "SIP/2.0 ", "SIP/2.0 20 x", "SIP/2.0 099 x", "SIP/2.0 700 x", "SIP/2.0 4294967301 x",
     "SIP/2.0  200 OK", "SIP/1.0 200 OK", "SIP/2.0 2OO OK", "SIP/2.0 +20 OK"],
)  # fmt: skip
def test_status_lines_are_strict_and_never_answered(start: str) -> None:
    assert refused(message(start=start)).message is None


@pytest.mark.parametrize("name", ["Via", "To", "From", "Call-ID", "CSeq"])
def test_a_missing_mandatory_header_is_named(name: str) -> None:
    error = refused(message(drop=name))
    assert (error.element, error.detail, error.status) == (name, "missing", 400)
    assert (error.message is None) == (name == "Via")


@pytest.mark.parametrize(
    ("name", "twin"),
    [
        ("To", "t: <sip:carol@chicago.com>"),
        ("From", "from:Alice <sip:alice@atlanta.com>;tag=1928301774"),
        ("Call-ID", "i : a84b4c76e66710"),
        ("CSeq", "CSEQ: 63104 OPTIONS"),
        ("Max-Forwards", "max-forwards: 70"),
    ],
)
def test_a_twin_is_refused_in_any_spelling_even_when_equal(name: str, twin: str) -> None:
    error = refused(message(twin))
    assert (error.element, error.detail) == (name, "present more than once")


@pytest.mark.parametrize(
    "twins",
    [
        ("Content-Length: 0", "l: 0"),
        ("Content-Length: 0", "Content-Length : 5"),
        ("c: a/b", "Content-Type: c/d"),
    ],
)
def test_twins_of_the_body_headers(twins: tuple[str, str]) -> None:
    assert refused(message(*twins, body="hello")).element in ("Content-Length", "Content-Type")


@pytest.mark.parametrize(
    "line",
    [
        "no colon",
        ": no name",
        " : x",
        "To\x01: <sip:x>",
        "\x0bTo: <sip:x>",
        "X-\xa0: y",
        "X Y: z",
        "X(Y): z",
        "X-A: b\x00c",
        "X-A: b\x07c",
        "X-A: b\x7fc",
        "X-A: b\rTo: <sip:x>",
        "X-A: b\nTo: <sip:x>",
        "X-A: b\n\nBYE",
        'X-A: "b\x00c"x\x01',
        'X-A: "b\\\x00c" \x01',
        'X-A: "b\\\rc"',
        'X-A: "b\\\nc"',
        'X-A: "never closed \\\x01',
    ],
)
def test_smuggling_is_refused(line: str) -> None:
    error = refused(message(line))
    assert error.status == 400
    assert error.message is not None
    assert "\x01" not in str(error)


def test_a_quoted_pair_may_hold_a_control_character() -> None:
    data = message('X-A: "BEL:\\\x07 NUL:\\\x00"')
    assert parse_message(data).headers.get("x-a") == '"BEL:\\\x07 NUL:\\\x00"'


def test_white_space_before_the_colon_does_not_make_another_name() -> None:
    request = parse_message(message("Route \t: <sip:a;lr>", "X-A : 1", "x-a: 2"))
    assert request.headers.all("route") == ["<sip:a;lr>"]
    assert request.headers.all("X-A") == ["1", "2"]


def test_continuation_lines_are_joined_by_one_space() -> None:
    request = parse_message(message("Subject: a\r\n \t b\r\n\tc", "X-A:\r\n d"))
    assert request.headers.get("subject") == "a b c"
    assert request.headers.get("x-a") == "d"


def test_a_start_line_has_no_continuation() -> None:
    assert refused(message(start=f"{LINES[0]}\r\n X: y")).element == "request line"


@pytest.mark.parametrize(
    ("header", "value"),
    [
        ("via", "SIP/2.0/UDP"),
        ("via", ""),
        ("via", ","),
        ("via", "SIP/3.0/UDP host"),
        ("via", "X/2.0/UDP host"),
        ("via", "SIP/2.0/UDP host;;"),
        ("to", '"x <sip:a@b>'),
        ("to", ""),
        ("from", "<sip:a b@c>"),
        ("from", "x"),
        ("from", "<sip:a@b>;tag="),
        ("to", "sip:a@b;tag="),
        ("call_id", ""),
        ("call_id", "a b"),
        ("call_id", "a\tb"),
        ("cseq", "OPTIONS"),
        ("cseq", "1 BYE"),
        ("cseq", "2147483648 OPTIONS"),
        ("cseq", "1 options"),
        ("max_forwards", "x"),
        ("max_forwards", "256"),
        ("max_forwards", "-1"),
        ("max_forwards", "99999999999999999999"),
    ],
)
def test_malformed_routing_headers_are_refused_at_once(header: str, value: str) -> None:
    error = refused(message(**{header: value}))
    assert error.element.lower().replace("-", "_") == header
    assert error.status == 400


def test_lower_vias_and_other_headers_are_not_looked_at() -> None:
    request = parse_message(message("Via: rubbish;;", "Contact: <<<", "Expires: never", "Route: \x80\udc80"))
    assert request.top_via.host == "pc33.atlanta.com"
    with pytest.raises(SipSyntaxError):
        _ = request.contacts
    with pytest.raises(SipSyntaxError):
        _ = request.vias


def test_the_top_via_of_a_line_with_several() -> None:
    request = parse_message(message(via='SIP/2.0/UDP a;x="1,2", SIP/2.0/UDP b'))
    assert request.top_via.host == "a"


@pytest.mark.parametrize(
    ("length", "body", "got"),
    [("0", "xyz", b""), ("2", "xyz", b"xy"), ("3", "xyz", b"xyz"), ("003", "xyz", b"xyz")],
)
def test_the_body_ends_where_content_length_says(length: str, body: str, got: bytes) -> None:
    assert parse_message(message(f"Content-Length: {length}", body=body)).body == got


def test_without_content_length_the_body_is_the_rest() -> None:
    assert parse_message(message(body="xyz\r\n\r\nabc")).body == b"xyz\r\n\r\nabc"


@pytest.mark.parametrize(
    "length", ["4", "", "-1", "+3", "3 3", "3, 3", "0x3", "3.0", "٣", "99999999999", "1" * 5000]
)
def test_content_lengths_that_lie_are_refused(length: str) -> None:
    error = refused(message(f"Content-Length: {length}", body="xyz"))
    assert (error.element, error.status) == ("Content-Length", 400)
    assert error.message is not None


def test_bounds() -> None:
    fits = message(*["X: y"] * (limits.HEADER_FIELDS - len(LINES)))
    assert isinstance(parse_message(fits), Request)
    assert refused(message(*["X: y"] * (limits.HEADER_FIELDS - len(LINES) + 1))).status == 513
    room = limits.HEAD_BYTES - len(message("X: ")) + 4
    assert isinstance(parse_message(message("X: " + "y" * room)), Request)
    assert refused(message("X: " + "y" * (room + 1))).status == 513


def test_the_blank_line_is_needed() -> None:
    assert refused(message()[:-2]).detail == "no blank line ends the header fields"


@pytest.mark.parametrize(
    "broken",
    [
        message(cseq="1 BYE"),
        message("bad line"),
        message("Content-Length: x"),
        message(via="SIP/2.0/UDP pc33.atlanta.com;branch=z9hG4bK1;;,;,,"),
        message(start="OPTIONS sip:carol@chicago.com SIP/7.0", via="SIP/7.0/UDP pc33.atlanta.com"),
        message(drop="From"),
        message("t: <sip:other>"),
        message()[:-2],
        message(start="OPTIONS"),
        message(start="OPTIONS "),
        message(start=" OPTIONS sip:carol@chicago.com SIP/2.0"),
        message(start="OPTIONS\tsip:carol@chicago.com\tSIP/2.0"),
        message(start="OPT(IONS) sip:carol@chicago.com SIP/2.0"),
        message(start="OPTIÖNS sip:carol@chicago.com SIP/2.0"),
        message(start="OPT\x00IONS sip:carol@chicago.com SIP/2.0"),
        message(start="OPTIONS sip:carol\x7f@chicago.com SIP/2.0"),
        message(start="OPTIONS sip:carol@chicago.com\nSIP/2.0"),
        message(start="OPTIONS sip:@chicago.com SIP/2.0"),
        message(start="OPTIONS sip:cärol@chicago.com SIP/2.0"),
        message(start="OPTIONS  SIP/2.0"),
    ],
)
def test_a_malformed_request_can_be_answered(broken: bytes) -> None:
    error = refused(broken)
    assert error.message is not None
    response = response_to(error.message, error.status, to_tag="x", headers=[("Warning", f'399 h "{error}"')])
    assert response.top_via.host == "pc33.atlanta.com"
    if b"\r\nFrom:" in broken and b"1 BYE" not in broken and b"SIP/7.0" not in broken:
        again = parse_message(response.to_bytes())
        assert again.call_id == "a84b4c76e66710"
        assert again.headers.get("to") == "<sip:carol@chicago.com>;tag=x"


def test_salvage_keeps_what_can_be_copied() -> None:
    request = salvage(message("Via: SIP/2.0/UDP second", "Timestamp: 5", "Subject: x", "CSeq: 9 BYE"))
    assert request is not None
    assert list(request.headers.keys()) == ["via", "to", "from", "call-id", "cseq", "timestamp"]
    assert [via.host for via in request.vias] == ["pc33.atlanta.com", "second"]
    assert request.cseq.number == 63104
    odd = salvage(message(via="SIP/2.0/UDP h;branch=z9hG4bK1;=;received=\x01x;rport"))
    assert odd is None
    odd = salvage(message(via="SIP/2.0/UDP h;branch=z9hG4bK1;=;branch=2;rport"))
    assert odd is not None
    assert str(odd.top_via) == "SIP/2.0/UDP h;branch=z9hG4bK1;rport"


@pytest.mark.parametrize(
    "data",
    [
        message(start="ACK sip:carol@chicago.com SIP/2.0"),
        message(start="SIP/2.0 200 OK"),
        message(start="SIP/2.0"),
        message(start=" sip/2.0\x01200 OK"),
        message(start="ACK"),
        message(start="\tACK\tsip:carol@chicago.com\tSIP/2.0"),
        message(start="\x01ACK sip:carol@chicago.com SIP/2.0", cseq="63104\tACK"),
        message(drop="Via"),
        message(via="rubbish"),
        message(via="SIP/2.0/UDP [::::]"),
        message(via=",".join(["SIP/2.0/UDP h"] * 200)),
        b"",
    ],
)
def test_what_must_not_be_answered_is_not_salvaged(data: bytes) -> None:
    assert salvage(data) is None
