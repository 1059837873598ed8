"""What the stack answers to what it can't read, and what it doesn't answer."""

import pytest

from tests.unit.sip.fake_wire import FakeFlow, Rig, incoming
from trunkline.sip.errors import SipSyntaxError
from trunkline.sip.framing import StreamFramer
from trunkline.sip.message import Request, Response
from trunkline.sip.ports import Flow, Transport
from trunkline.sip.stack import ServerTransaction


@pytest.mark.parametrize(
    ("data", "status", "names"),
    [
        (incoming("OPTIONS").replace(b"Forwards: 70", b"Forwards: x"), 400, "Max-Forwards"),
        (incoming("OPTIONS").replace(b"Content-Length: 0", b"Content-Length: 5"), 400, "Content-Length"),
        (incoming("OPTIONS", uri="xx:y"), 416, "Request-URI"),
        (incoming("OPTIONS").replace(b"SIP/2.0\r\nVia", b"SIP/3.0\r\nVia"), 505, "request line"),
        (incoming("INVITE", extra="To: <sip:x@y>\n"), 400, "To"),
    ],
)
def test_a_malformed_request_is_answered_with_the_header_named(
    rig: Rig, data: bytes, status: int, names: str
) -> None:
    flow = FakeFlow()
    rig.receive(data, flow)
    (response,) = flow.take_responses()
    assert response.status == status
    assert (response.headers.get("warning") or "").startswith(f'399 198.51.100.1:5060 "{names}: ')
    assert response.headers.get("server") == "Trunkline"
    assert response.to_tag is not None
    assert rig.user.requests == []
    assert rig.idle


def test_a_malformed_request_gets_the_same_answer_when_repeated(rig: Rig) -> None:
    flow = FakeFlow()
    data = incoming("INVITE", uri="xx:y")
    rig.receive(data, flow)
    rig.receive(data, flow)
    first, second = flow.take()
    assert first == second


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\r\n\r\n",
        b"rubbish",
        b"INVITE sip:a@b SIP/2.0\r\n\r\n",
        incoming("ACK").replace(b"CSeq: 1", b"CSeq: x"),
        b"SIP/2.0 200 OK\r\nVia: x\r\n\r\n",
    ],
)
def test_what_may_not_be_answered_is_dropped(rig: Rig, data: bytes) -> None:
    flow = FakeFlow()
    rig.receive(data, flow)
    assert flow.take() == []
    assert rig.idle


def test_a_header_that_turns_out_malformed_later_is_answered_like_an_early_one(rig: Rig) -> None:
    def read_contact(request: Request, transaction: ServerTransaction) -> None:
        assert request.contact is None

    rig.user.answering = read_contact
    flow = FakeFlow()
    rig.receive(incoming("INVITE", extra="Contact: <sip:alice\n"), flow)
    (response,) = flow.take_responses()
    assert response.status == 400
    assert "Contact" in (response.headers.get("warning") or "")


def test_a_header_that_turns_out_malformed_while_screening(rig: Rig) -> None:
    def read_contact(request: Request, flow: Flow) -> Response | None:
        assert request.contact is None
        return None

    rig.user.screening = read_contact
    flow = FakeFlow()
    rig.receive(incoming("INVITE", extra="Contact: <sip:alice\n"), flow)
    assert flow.first_lines() == ["400"]
    assert rig.idle


def test_a_warning_text_cannot_break_out_of_its_quotes(rig: Rig) -> None:
    def fail(request: Request, transaction: ServerTransaction) -> None:
        raise SipSyntaxError('X"\\é', "odd\r\n")

    rig.user.answering = fail
    flow = FakeFlow()
    rig.receive(incoming("OPTIONS"), flow)
    (response,) = flow.take_responses()
    assert response.headers.get("warning") == '399 198.51.100.1:5060 "X???: odd??"'


def test_the_request_at_which_a_stream_breaks_is_answered(rig: Rig) -> None:
    framer, flow = StreamFramer(), FakeFlow(Transport.TCP)
    with pytest.raises(SipSyntaxError) as caught:
        framer.feed(incoming("OPTIONS").replace(b"Content-Length: 0\r\n", b""))
    rig.stack.stream_broken(caught.value, flow)
    (response,) = flow.take_responses()
    assert (response.status, response.to_tag is None) == (400, False)
    assert "Content-Length: missing on a stream" in (response.headers.get("warning") or "")
    assert rig.idle


def test_a_stream_that_breaks_at_no_request_gets_no_answer(rig: Rig) -> None:
    flow = FakeFlow(Transport.TCP)
    rig.stack.stream_broken(SipSyntaxError("message", "bare CR or LF between messages"), flow)
    assert flow.take() == []
