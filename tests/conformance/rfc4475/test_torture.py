"""RFC 4475, SIP torture test messages: what the parser makes of each of the 49 (and of one more file).

Tables say what is asked, and a test that no message is left out. README.md explains every lenient result.
"""

import base64
import json
from collections.abc import Callable
from pathlib import Path

import pytest

from trunkline.sip.errors import SipSyntaxError
from trunkline.sip.message import Request, Response, response_to
from trunkline.sip.name_addr import NameAddr
from trunkline.sip.parse import parse_message
from trunkline.sip.uri import OtherUri, SipUri

DATA = Path(__file__).parent.parent / "data" / "sip" / "rfc-torture.jsonl"
MESSAGES: dict[str, bytes] = {
    row["name"]: base64.b64decode(row["b64"])
    for row in map(json.loads, DATA.read_text().splitlines())
    if row["suite"] == "rfc4475"
}

# Malformed requests: the status to answer with, and the element that is named. Each can be answered.
REFUSED = {
    "badinv01": (400, "Via"),  # §3.1.2.1
    "clerr": (400, "Content-Length"),  # §3.1.2.2
    "ncl": (400, "Content-Length"),  # §3.1.2.3
    "scalar02": (400, "Max-Forwards"),  # §3.1.2.4
    "quotbal": (400, "To"),  # §3.1.2.6
    "ltgtruri": (400, "Request-URI"),  # §3.1.2.7
    "lwsruri": (400, "request line"),  # §3.1.2.8
    "lwsstart": (400, "request line"),  # §3.1.2.9
    "trws": (400, "request line"),  # §3.1.2.10
    "escruri": (400, "Request-URI"),  # §3.1.2.11
    "baddn": (400, "message"),  # §3.1.2.15
    "badvers": (505, "request line"),  # §3.1.2.16
    "mismatch01": (400, "CSeq"),  # §3.1.2.17
    "mismatch02": (400, "CSeq"),  # §3.1.2.18
    "insuf": (400, "From"),  # §3.3.1
    "unkscm": (416, "Request-URI"),  # §3.3.2
    "novelsc": (416, "Request-URI"),  # §3.3.3
    "multi01": (400, "CSeq"),  # §3.3.8
    "mcl01": (400, "Content-Length"),  # §3.3.9
}

# Malformed responses, and what isn't SIP: nothing is to be answered.
DISCARDED = {
    "scalarlg": "CSeq",  # §3.1.2.5
    "bigcode": "status line",  # §3.1.2.19
    "test": "message",
}


def wsinv(message: Request) -> None:
    assert (message.method, str(message.uri)) == ("INVITE", "sip:vivekg@chair-dnrc.example.com;unknownparam")
    assert message.to_tag == "1918181833n"
    assert message.from_.display == 'J Rosenberg \\"'
    assert message.from_tag == "98asjd8"
    assert message.max_forwards == 68
    assert message.cseq.number == 9
    assert len(message.body) == 150
    assert [(via.transport, via.host, via.branch) for via in message.vias] == [
        ("UDP", "192.0.2.2", "390skdjuw"),
        ("TCP", "spindle.example.com", "z9hG4bK9ikj8"),
        ("UDP", "192.168.255.111", "z9hG4bK30239"),
    ]
    assert message.headers.get("subject") == ""
    assert message.headers.get("NewFangledHeader") == "newfangled value continued newfangled value"
    assert message.headers.get("UnknownHeaderWithUnusualValue") == ";;,,;;,;"
    assert message.route[0].uri == SipUri.parse(
        "sip:services.example.com;lr;unknownwith=value;unknown-no-value"
    )
    contact = message.contact
    assert contact is not None
    assert contact.display == 'Quoted string ""'
    assert contact.params == {"newparam": "newvalue", "secondparam": None, "q": "0.33"}


def intmeth(message: Request) -> None:
    assert message.method == "!interesting-Method0123456789_*+`.%indeed'~"
    assert message.cseq.method == message.method
    assert isinstance(message.uri, SipUri)
    assert message.uri.user == "1_unusual.URI~(to-be!sure)&isn't+it$/crazy?,/;;*"
    assert message.uri.password == "&it+has=1,weird!*pas$wo~d_too.(doesn't-it)"
    assert message.to.display == "BEL:  NUL:  DEL: "
    assert message.from_.display == "token1~` token2'+_ token3*%!.-"
    assert message.from_.params["fromparam''~+*_!.-%"] == '"работающий"'
    assert message.from_tag == "_token~1'+`*%!-."
    assert message.call_id == "intmeth.word%ZK-!.*_+'@word`~)(><:\\/\"][?}{"
    assert message.headers.get("extensionHeader-!.%*+_`'~") == "\ufeff大停電"
    assert message.max_forwards == 255


def esc01(message: Request) -> None:
    assert isinstance(message.uri, SipUri)
    assert message.uri.user == "sips%3Auser%40example.com"
    assert message.uri.user_unescaped == "sips:user@example.com"
    assert message.uri.host == "example.net"
    assert message.to.uri.equivalent(SipUri.parse("sip:user@example.com"))
    assert isinstance(message.from_.uri, SipUri)
    assert message.from_.uri.user_unescaped == "I have spaces"
    contact = message.contact
    assert contact is not None
    assert isinstance(contact.uri, SipUri)
    assert contact.uri.user_unescaped == "caller"
    assert contact.uri.params == {"%6c%72": None, "n%61me": "v%61lue%25%34%31"}


def escnull(message: Request) -> None:
    assert isinstance(message.to.uri, SipUri)
    assert message.to.uri.user == "null-%00-null"
    assert message.to.uri.user_unescaped == "null-\0-null"
    assert [str(contact.uri) for contact in message.contacts] == [
        "sip:%00@host5.example.com",
        "sip:%00%00@host5.example.com",
    ]
    assert not message.contacts[0].uri.equivalent(message.contacts[1].uri)


def esc02(message: Request) -> None:
    assert message.method == "RE%47IST%45R"
    assert message.to.display == "%Z%45"
    assert [str(contact.uri) for contact in message.contacts] == [
        "sip:alias1@host1.example.com",
        "sip:alias3@host3.example.com",
    ]
    assert message.headers.get("C%6Fntact") == "<sip:alias2@host2.example.com>"
    assert message.top_via.branch == "z9hG4bK209%fzsnel234"


def lwsdisp(message: Request) -> None:
    assert message.from_.display == "caller"


def longreq(message: Request) -> None:
    assert len(message.headers.split("via")) == 34
    assert message.top_via.host == "sip33.example.com"
    assert message.content_type == "application/sdp"
    assert message.from_.uri.user is not None
    assert len(message.from_.uri.user) == 6 * len("amazinglylongcallername") - len("amazinglylongcallername")
    contact = message.contact
    assert contact is not None
    assert isinstance(contact.uri, SipUri)
    assert contact.uri.user == message.from_.uri.user
    assert len(message.from_.params) == 3


def dblreq(message: Request) -> None:
    assert message.method == "REGISTER"
    assert message.call_id == "dblreq.0ha0isndaksdj99sdfafnl3lk233412"
    assert message.body == b""


def semiuri(message: Request) -> None:
    assert isinstance(message.uri, SipUri)
    assert message.uri.user_unescaped == "user;par=u@example.net"
    assert message.uri.host == "example.com"
    assert message.uri.params == {}
    assert len(message.headers.split("accept")) == 6


def transports(message: Request) -> None:
    assert [via.transport for via in message.vias] == ["UDP", "SCTP", "TLS", "UNKNOWN", "TCP"]


def mpart01(message: Request) -> None:
    assert message.content_type == "multipart/mixed"
    assert len(message.body) == 553
    assert b"\x00" in message.body
    assert message.body.endswith(b"--7a9cbec02ceef655--\r\n")


def baddate(message: Request) -> None:
    assert message.headers.get("date") == "Fri, 01 Jan 2010 16:00:00 EST"


def regbadct(message: Request) -> None:
    with pytest.raises(SipSyntaxError) as caught:
        _ = message.contacts
    assert (caught.value.status, caught.value.element) == (400, "Contact")


def badaspec(message: Request) -> None:
    assert str(message.to) == '"Watson, Thomas" <sip:t.watson@example.org>'


def badbranch(message: Request) -> None:
    assert message.top_via.branch == "z9hG4bK"


def unksm2(message: Request) -> None:
    assert message.to.uri == OtherUri("isbn", "2983792873")
    assert message.from_.uri == OtherUri("http", "//www.example.com")
    assert message.contacts[0].uri == OtherUri("name", "John_Smith")


def bext01(message: Request) -> None:
    assert message.require == {"nothingsupportsthis", "nothingsupportsthiseither"}
    assert message.headers.split("proxy-require") == ["noProxiesSupportThis", "norDoAnyProxiesSupportThis"]


def invut(message: Request) -> None:
    assert message.content_type == "application/unknownformat"


def regaut01(message: Request) -> None:
    assert message.headers.get("authorization") == ("NoOneKnowsThisScheme opaque-data=here")


def zeromf(message: Request) -> None:
    assert message.max_forwards == 0


def cparam01(message: Request) -> None:
    assert message.contacts[0].params == {"unknownparam": None}
    assert str(message.contacts[0].uri) == "sip:+19725552222@gw1.example.net"


def cparam02(message: Request) -> None:
    assert message.contacts[0].params == {}
    assert str(message.contacts[0].uri) == "sip:+19725552222@gw1.example.net;unknownparam"


def regescrt(message: Request) -> None:
    contact = message.contact
    assert contact is not None
    assert isinstance(contact.uri, SipUri)
    assert contact.uri.headers == "Route=%3Csip:sip.example.com%3E"
    assert message.route == []


def sdp01(message: Request) -> None:
    assert message.headers.split("accept") == ["text/nobodyKnowsThis"]


def inv2543(message: Request) -> None:
    assert message.top_via.branch is None
    assert message.from_tag is None
    assert message.max_forwards is None
    assert message.to.params == {"user": "phone"}
    assert message.body.startswith(b"v=0\r\n")


REQUESTS: list[Callable[[Request], None]] = [
    wsinv, intmeth, esc01, escnull, esc02, lwsdisp, longreq, dblreq, semiuri, transports, mpart01,  # §3.1.1
    baddate, regbadct, badaspec,  # §3.1.2
    badbranch, unksm2, bext01, invut, regaut01, zeromf, cparam01, cparam02, regescrt, sdp01,  # §3.2, §3.3
    inv2543,  # §3.4
]  # fmt: skip


def unreason(message: Response) -> None:
    assert message.status == 200
    assert message.reason == "= 2**3 * 5**2 но сто девяносто девять - простое"


def noreason(message: Response) -> None:
    assert (message.status, message.reason) == (100, "")


def bcast(message: Response) -> None:
    assert [via.host for via in message.vias] == ["192.0.2.198", "255.255.255.255"]


RESPONSES: list[Callable[[Response], None]] = [unreason, noreason, bcast]


@pytest.mark.parametrize("check", REQUESTS, ids=lambda check: check.__name__)
def test_a_request_is_read(check: Callable[[Request], None]) -> None:
    message = parse_message(MESSAGES[check.__name__])
    assert isinstance(message, Request)
    check(message)


@pytest.mark.parametrize("check", RESPONSES, ids=lambda check: check.__name__)
def test_a_response_is_read(check: Callable[[Response], None]) -> None:
    message = parse_message(MESSAGES[check.__name__])
    assert isinstance(message, Response)
    check(message)


@pytest.mark.parametrize("name", [check.__name__ for check in (*REQUESTS, *RESPONSES)])
def test_what_is_read_goes_out_so_that_it_reads_the_same(name: str) -> None:
    message = parse_message(MESSAGES[name])
    again = parse_message(message.to_bytes())
    message.headers.remove("content-length")
    again.headers.remove("content-length")
    assert again.headers == message.headers
    assert again.body == message.body
    assert repr(again) == repr(message)


@pytest.mark.parametrize("name", REFUSED)
def test_a_malformed_request_is_refused_with_a_status_and_can_be_answered(name: str) -> None:
    status, element = REFUSED[name]
    with pytest.raises(SipSyntaxError) as caught:
        parse_message(MESSAGES[name])
    assert (caught.value.status, caught.value.element) == (status, element)
    request = caught.value.message
    assert request is not None
    answer = response_to(request, status, to_tag="t").to_bytes()
    assert answer.startswith(f"SIP/2.0 {status} ".encode())
    assert b"\r\nVia: SIP/" in answer


@pytest.mark.parametrize("name", DISCARDED)
def test_a_malformed_response_is_refused_and_can_not_be_answered(name: str) -> None:
    with pytest.raises(SipSyntaxError) as caught:
        parse_message(MESSAGES[name])
    assert caught.value.element == DISCARDED[name]
    assert caught.value.message is None


def test_every_message_is_accounted_for() -> None:
    names = [*REFUSED, *DISCARDED, *[check.__name__ for check in (*REQUESTS, *RESPONSES)]]
    assert sorted(names) == sorted(MESSAGES)
    assert len(MESSAGES) == 50


def test_baddn_with_its_blank_line_is_taken_and_put_right() -> None:
    message = parse_message(MESSAGES["baddn"] + b"\r\n")
    assert message.from_.display == "Bell, Alexander"
    assert str(message.from_) == '"Bell, Alexander" <sip:a.g.bell@example.com>;tag=43'
    assert NameAddr.parse(str(message.to)) == message.to
