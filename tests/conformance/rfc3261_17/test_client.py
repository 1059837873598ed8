"""§17.1: client transactions."""

import pytest

from tests.unit.sip.fake_wire import TCP_PEER, UDP_PEER, FakeEvents, FakeFlow, Rig, outgoing
from trunkline.sip.delivery import ClientRequest
from trunkline.sip.failures import FlowFailure, FlowFailureKind
from trunkline.sip.headers import Headers
from trunkline.sip.message import Request, response_to
from trunkline.sip.parse import parse_message
from trunkline.sip.ports import Target


def send(rig: Rig, method: str, target: Target = UDP_PEER) -> tuple[ClientRequest, Request]:
    sending = rig.stack.request(outgoing(method), target, rig.events)
    request = parse_message(rig.flow(target).sent[-1])
    assert isinstance(request, Request)
    return sending, request


def answer(rig: Rig, request: Request, status: int, target: Target = UDP_PEER) -> None:
    tag = "b" if status > 100 else None
    rig.receive(response_to(request, status, to_tag=tag), rig.flow(target))


def moments(rig: Rig, seconds: float, step: float = 0.25) -> list[float]:
    """When anything was sent during the next `seconds`."""
    flow = rig.flow()
    flow.take()
    began = rig.clock.now()
    sent_at: list[float] = []
    for _ in range(int(seconds / step)):
        rig.clock.advance(step)
        sent_at += [rig.clock.now() - began] * len(flow.take())
    return sent_at


def test_17_1_1_2_seven_invites_and_then_a_timeout(rig: Rig) -> None:
    send(rig, "INVITE")
    assert moments(rig, 40) == [0.5, 1.5, 3.5, 7.5, 15.5, 31.5]
    assert [failure.kind for failure in rig.events.failures] == ["no-response"]
    assert rig.idle


def test_17_1_1_2_no_retransmission_on_tcp(rig: Rig) -> None:
    send(rig, "INVITE", TCP_PEER)
    rig.clock.advance(31)
    assert len(rig.flow(TCP_PEER).sent) == 1


def test_17_1_1_2_a_provisional_stops_retransmission_and_timer_b(rig: Rig) -> None:
    _, invite = send(rig, "INVITE")
    answer(rig, invite, 100)
    assert moments(rig, 600) == []
    assert rig.events.failures == []
    answer(rig, invite, 200)
    assert rig.events.statuses == [100, 200]


def test_17_1_1_2_every_provisional_is_passed_up(rig: Rig) -> None:
    _, invite = send(rig, "INVITE")
    for status in (100, 180, 180, 183):
        answer(rig, invite, status)
    assert rig.events.statuses == [100, 180, 180, 183]


@pytest.mark.parametrize("target", [UDP_PEER, TCP_PEER])
def test_17_1_1_2_a_rejection_is_acknowledged_even_on_tcp(rig: Rig, target: Target) -> None:
    _, invite = send(rig, "INVITE", target)
    answer(rig, invite, 486, target)
    assert rig.flow(target).first_lines() == ["INVITE", "ACK"]
    assert rig.events.statuses == [486]


def test_17_1_1_2_a_repeated_rejection_is_acknowledged_again_but_not_passed_up(rig: Rig) -> None:
    _, invite = send(rig, "INVITE")
    for _ in range(3):
        answer(rig, invite, 486)
    assert rig.flow().first_lines() == ["INVITE", "ACK", "ACK", "ACK"]
    assert rig.events.statuses == [486]
    rig.clock.advance(31.9)
    answer(rig, invite, 486)
    assert rig.flow().first_lines() == ["ACK"]
    rig.clock.advance(0.1)
    answer(rig, invite, 486)
    assert rig.flow().first_lines() == []
    assert rig.idle


def test_17_1_1_3_the_ack_of_the_example(rig: Rig) -> None:
    """The INVITE and the ACK that the RFC prints, Via and branch being ours."""
    headers = Headers(
        [
            ("To", "Bob <sip:bob@biloxi.com>"),
            ("From", "Alice <sip:alice@atlanta.com>;tag=88sja8x"),
            ("Max-Forwards", "70"),
            ("Call-ID", "987asjd97y7atg"),
            ("CSeq", "986759 INVITE"),
        ]
    )
    rig.stack.request(Request("INVITE", "sip:bob@biloxi.com", headers), UDP_PEER, FakeEvents())
    invite = parse_message(rig.flow().sent[0])
    assert isinstance(invite, Request)
    rig.receive(response_to(invite, 404, to_tag="99sa0xk"), rig.flow())
    lines = rig.flow().sent[-1].decode().split("\r\n")
    assert lines[0] == "ACK sip:bob@biloxi.com SIP/2.0"
    assert sorted(lines[1:]) == sorted(
        [
            f"Via: {invite.headers.get('via')}",
            "To: Bob <sip:bob@biloxi.com>;tag=99sa0xk",
            "From: Alice <sip:alice@atlanta.com>;tag=88sja8x",
            "Max-Forwards: 70",
            "Call-ID: 987asjd97y7atg",
            "CSeq: 986759 ACK",
            "Content-Length: 0",
            "",
            "",
        ]
    )


def test_17_1_1_3_the_ack_carries_the_route_of_the_invite(rig: Rig) -> None:
    routes = [("Route", "<sip:p1.example.com;lr>"), ("Route", "<sip:p2.example.com;lr>")]
    rig.stack.request(outgoing("INVITE", "sip:bob@example.com", *routes), UDP_PEER, rig.events)
    invite = rig.flow().take_requests()[0]
    answer(rig, invite, 500)
    (ack,) = rig.flow().take_requests()
    assert ack.headers.all("route") == invite.headers.all("route")


def test_17_1_2_2_timer_e_is_capped_at_t2(rig: Rig) -> None:
    send(rig, "OPTIONS")
    assert moments(rig, 40) == [0.5, 1.5, 3.5, 7.5, 11.5, 15.5, 19.5, 23.5, 27.5, 31.5]
    assert [failure.kind for failure in rig.events.failures] == ["no-response"]
    assert rig.idle


def test_17_1_2_2_timer_e_goes_on_at_t2_after_a_provisional(rig: Rig) -> None:
    _, options = send(rig, "OPTIONS")
    answer(rig, options, 100)
    assert moments(rig, 40) == [0.5, 4.5, 8.5, 12.5, 16.5, 20.5, 24.5, 28.5]
    assert [failure.kind for failure in rig.events.failures] == ["no-final"]


@pytest.mark.parametrize("status", [200, 302, 404, 500, 603])
def test_17_1_2_2_a_repeated_final_response_is_absorbed(rig: Rig, status: int) -> None:
    _, options = send(rig, "OPTIONS")
    answer(rig, options, status)
    answer(rig, options, status)
    assert rig.events.statuses == [status]
    rig.clock.advance(4.9)
    assert rig.stack.client_transactions == 1
    rig.clock.advance(0.1)
    assert rig.idle


def test_17_1_2_2_timer_k_is_zero_on_tcp(rig: Rig) -> None:
    _, options = send(rig, "OPTIONS", TCP_PEER)
    answer(rig, options, 200, TCP_PEER)
    assert rig.idle


@pytest.mark.parametrize("method", ["INVITE", "OPTIONS"])
@pytest.mark.parametrize("target", [UDP_PEER, TCP_PEER])
def test_17_1_4_a_transport_failure_is_reported_at_once(rig: Rig, method: str, target: Target) -> None:
    send(rig, method, target)
    rig.stack.flow_failed(rig.flow(target), FlowFailure(FlowFailureKind.REFUSED))
    assert [failure.kind for failure in rig.events.failures] == ["unreachable"]
    assert rig.idle


def test_17_1_4_only_the_failed_peer_is_concerned(rig: Rig) -> None:
    send(rig, "INVITE")
    rig.stack.flow_failed(
        FakeFlow(remote=UDP_PEER.address._replace(port=1)), FlowFailure(FlowFailureKind.REFUSED)
    )
    assert rig.events.failures == []
