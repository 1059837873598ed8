"""§4.3 and §4.4: what moves on to the next server and what does not."""

import pytest

from tests.unit.sip.fake_wire import FakeFlow, Rig, incoming, outgoing
from trunkline.sip.failures import FlowFailure, FlowFailureKind
from trunkline.sip.message import Request, response_to
from trunkline.sip.parse import parse_message
from trunkline.sip.ports import Address, LocateFailure, Target, Transport
from trunkline.sip.uri import SipUri

NAME = SipUri.parse("sip:bob@example.com")
A = Target(Transport.UDP, Address("192.0.2.1", 5060))
B = Target(Transport.TCP, Address("192.0.2.2", 5070))
C = Target(Transport.TLS, Address("2001:db8::3", 5061), "c.example.com")


@pytest.fixture
def rig() -> Rig:
    rig = Rig()
    rig.locator.names["example.com"] = [A, B, C]
    return rig


def first(rig: Rig, target: Target) -> Request:
    request = parse_message(rig.flow(target).sent[0])
    assert isinstance(request, Request)
    return request


def answer(rig: Rig, target: Target, status: int) -> None:
    tag = "b" if status > 100 else None
    rig.receive(response_to(first(rig, target), status, to_tag=tag), rig.flow(target))


@pytest.mark.parametrize("method", ["INVITE", "OPTIONS"])
@pytest.mark.parametrize("kind", list(FlowFailureKind))
def test_4_3_a_transport_failure_moves_on(rig: Rig, method: str, kind: FlowFailureKind) -> None:
    rig.stack.request(outgoing(method), NAME, rig.events)
    for target in (A, B):
        rig.stack.flow_failed(rig.flow(target), FlowFailure(kind))
    assert rig.events.targets == [A, B, C]
    answer(rig, C, 200)
    assert rig.events.statuses == [200]
    assert rig.events.failures == []


@pytest.mark.parametrize("method", ["INVITE", "OPTIONS"])
def test_4_3_a_503_moves_on(rig: Rig, method: str) -> None:
    rig.stack.request(outgoing(method), NAME, rig.events)
    answer(rig, A, 503)
    answer(rig, B, 503)
    answer(rig, C, 200)
    assert rig.events.statuses == [200]


@pytest.mark.parametrize("method", ["INVITE", "OPTIONS"])
def test_4_3_a_timeout_without_any_response_moves_on(rig: Rig, method: str) -> None:
    rig.stack.request(outgoing(method), NAME, rig.events)
    rig.clock.advance(31.9)
    assert rig.events.targets == [A]
    rig.clock.advance(0.1)
    assert rig.events.targets == [A, B]


def test_4_3_a_timeout_after_a_provisional_does_not(rig: Rig) -> None:
    rig.stack.request(outgoing("OPTIONS"), NAME, rig.events)
    answer(rig, A, 100)
    rig.clock.advance(32)
    assert rig.events.targets == [A]
    assert [failure.kind for failure in rig.events.failures] == ["no-final"]


@pytest.mark.parametrize("status", [200, 302, 404, 480, 486, 500, 502, 504, 580, 600, 603])
def test_4_3_no_other_response_moves_on(rig: Rig, status: int) -> None:
    rig.stack.request(outgoing(), NAME, rig.events)
    answer(rig, A, status)
    rig.clock.run_out()
    assert rig.events.targets == [A]
    assert rig.events.statuses == [status]


def test_4_3_the_new_request_is_identical_but_for_via_branch_and_contact(rig: Rig) -> None:
    rig.stack.request(outgoing(), NAME, rig.events)
    answer(rig, A, 503)
    one, two = first(rig, A), first(rig, B)
    assert one.top_via.branch != two.top_via.branch
    assert (one.top_via.transport, two.top_via.transport) == ("UDP", "TCP")
    one.headers.remove("via")
    two.headers.remove("via")
    assert one.to_bytes() == two.to_bytes()


@pytest.mark.parametrize("provisional", [180, 183, 199])
def test_4_3_not_after_a_provisional_above_100(rig: Rig, provisional: int) -> None:
    rig.stack.request(outgoing(), NAME, rig.events)
    answer(rig, A, provisional)
    answer(rig, A, 503)
    assert rig.events.targets == [A]
    assert rig.events.statuses == [provisional, 503]


def test_4_3_when_all_have_failed_the_last_failure_is_reported(rig: Rig) -> None:
    rig.stack.request(outgoing(), NAME, rig.events)
    for target in (A, B, C):
        rig.stack.flow_failed(rig.flow(target), FlowFailure(FlowFailureKind.REFUSED, "connection refused"))
    (failure,) = rig.events.failures
    assert failure.kind == "unreachable"
    assert failure.detail == "TLS [2001:db8::3]:5061: refused: connection refused"
    assert rig.idle


def test_4_a_name_that_leads_nowhere(rig: Rig) -> None:
    rig.locator.names["example.com"] = LocateFailure("SERVFAIL")
    rig.stack.request(outgoing(), NAME, rig.events)
    rig.clock.advance(0)
    assert [failure.kind for failure in rig.events.failures] == ["name"]


def test_4_4_ack_and_cancel_go_where_the_invite_went(rig: Rig) -> None:
    sending = rig.stack.request(outgoing(), NAME, rig.events)
    answer(rig, A, 503)
    answer(rig, B, 180)
    sending.cancel()
    answer(rig, B, 487)
    assert rig.flow(A).first_lines() == ["INVITE", "ACK"]
    assert rig.flow(B).first_lines() == ["INVITE", "CANCEL", "ACK"]
    assert C not in rig.connector.flows


def test_4_4_retransmissions_stay_on_the_same_server(rig: Rig) -> None:
    rig.stack.request(outgoing(), NAME, rig.events)
    rig.clock.advance(16)
    assert len(rig.flow(A).sent) == 6
    assert len(set(rig.flow(A).sent)) == 1
    assert B not in rig.connector.flows


def test_5_the_sent_by_name_of_a_stranger_is_never_looked_up(rig: Rig) -> None:
    flow = FakeFlow(Transport.TCP, Address("192.0.2.9", 40000))
    rig.receive(incoming("INVITE", via="SIP/2.0/TCP example.com"), flow)
    transaction = rig.user.requests[0][1]
    flow.closed = True
    transaction.respond(response_to(transaction.request, 200))
    assert rig.connector.asked == [Target(Transport.TCP, Address("192.0.2.9", 5060))]
