"""§17.2: server transactions."""

import pytest

from tests.unit.sip.fake_wire import PEER, FakeFlow, Rig, incoming
from trunkline.sip.failures import FlowFailure, FlowFailureKind
from trunkline.sip.message import response_to
from trunkline.sip.ports import Transport
from trunkline.sip.stack import ServerTransaction

RELIABLE = [Transport.TCP, Transport.TLS]


def received(
    rig: Rig, method: str, transport: Transport = Transport.UDP
) -> tuple[FakeFlow, ServerTransaction]:
    flow = FakeFlow(transport, PEER)
    rig.receive(request(method, transport), flow)
    return flow, rig.user.requests[-1][1]


def request(method: str, transport: Transport = Transport.UDP, to_tag: str = "") -> bytes:
    return incoming(method, via=f"SIP/2.0/{transport} 192.0.2.10:5060;rport", to_tag=to_tag)


def respond(transaction: ServerTransaction, status: int) -> None:
    transaction.respond(response_to(transaction.request, status))


def test_17_2_1_a_100_after_200_ms_of_silence(rig: Rig) -> None:
    flow, _ = received(rig, "INVITE")
    rig.clock.advance(0.15)
    assert flow.sent == []
    rig.clock.advance(0.06)
    (trying,) = flow.take_responses()
    assert trying.status == 100
    assert trying.to_tag is None


def test_17_2_1_a_repeated_invite_gets_the_most_recent_provisional(rig: Rig) -> None:
    flow, transaction = received(rig, "INVITE")
    for status in (100, 180, 183):
        respond(transaction, status)
    flow.take()
    rig.receive(request("INVITE"), flow)
    assert flow.first_lines() == ["183"]
    assert len(rig.user.requests) == 1


def test_17_2_1_timer_g_and_timer_h(rig: Rig) -> None:
    flow, transaction = received(rig, "INVITE")
    respond(transaction, 486)
    assert len(flow.take()) == 1
    counts = []
    for _ in range(32):
        rig.clock.advance(1)
        counts.append(len(flow.take()))
    assert [second + 1 for second, count in enumerate(counts) if count] == [
        1,
        2,
        4,
        8,
        12,
        16,
        20,
        24,
        28,
        32,
    ]
    assert rig.idle


@pytest.mark.parametrize("transport", RELIABLE)
def test_17_2_1_no_timer_g_on_reliable_transports(rig: Rig, transport: Transport) -> None:
    flow, transaction = received(rig, "INVITE", transport)
    respond(transaction, 486)
    rig.clock.advance(31)
    assert flow.first_lines() == ["486"]
    rig.clock.advance(1)
    assert rig.idle


def test_17_2_1_the_ack_ends_retransmission_and_i_absorbs_more(rig: Rig) -> None:
    flow, transaction = received(rig, "INVITE")
    respond(transaction, 486)
    flow.take()
    rig.receive(request("ACK", to_tag="t"), flow)
    rig.clock.advance(4.9)
    rig.receive(request("ACK", to_tag="t"), flow)
    assert flow.sent == []
    assert rig.user.acks == []
    rig.clock.advance(0.1)
    assert rig.idle


@pytest.mark.parametrize("transport", RELIABLE)
def test_17_2_1_timer_i_is_zero_on_reliable_transports(rig: Rig, transport: Transport) -> None:
    flow, transaction = received(rig, "INVITE", transport)
    respond(transaction, 486)
    rig.receive(request("ACK", transport, "t"), flow)
    assert rig.idle


def test_17_2_2_a_repeated_request_in_trying_is_discarded(rig: Rig) -> None:
    flow, _ = received(rig, "OPTIONS")
    rig.receive(request("OPTIONS"), flow)
    assert flow.sent == []
    assert len(rig.user.requests) == 1


def test_17_2_2_a_repeated_request_gets_the_last_response(rig: Rig) -> None:
    flow, transaction = received(rig, "OPTIONS")
    respond(transaction, 100)
    rig.receive(request("OPTIONS"), flow)
    respond(transaction, 200)
    rig.receive(request("OPTIONS"), flow)
    assert flow.first_lines() == ["100", "100", "200", "200"]


def test_17_2_2_any_other_final_response_is_discarded(rig: Rig) -> None:
    flow, transaction = received(rig, "OPTIONS")
    asked = transaction.request
    for status in (404, 200, 100):
        transaction.respond(response_to(asked, status))
    assert flow.first_lines() == ["404"]


def test_17_2_2_timer_j(rig: Rig) -> None:
    flow, transaction = received(rig, "OPTIONS")
    respond(transaction, 200)
    rig.clock.advance(31.9)
    rig.receive(request("OPTIONS"), flow)
    assert flow.first_lines() == ["200", "200"]
    rig.clock.advance(0.1)
    assert rig.idle


@pytest.mark.parametrize("transport", RELIABLE)
def test_17_2_2_timer_j_is_zero_on_reliable_transports(rig: Rig, transport: Transport) -> None:
    _, transaction = received(rig, "OPTIONS", transport)
    respond(transaction, 200)
    assert rig.idle


def test_rfc4320_no_provisional_but_100_to_a_non_invite(rig: Rig) -> None:
    flow, transaction = received(rig, "OPTIONS")
    for status in (180, 183, 199):
        respond(transaction, status)
    assert flow.sent == []


def test_rfc4320_a_100_when_timer_e_reaches_t2_and_never_a_408(rig: Rig) -> None:
    flow, _ = received(rig, "OPTIONS")
    rig.clock.advance(3.4)
    assert flow.sent == []
    rig.clock.advance(0.1)
    assert flow.first_lines() == ["100"]
    rig.clock.run_out()
    assert flow.sent == []
    assert rig.idle


@pytest.mark.parametrize("method", ["INVITE", "OPTIONS"])
def test_17_2_4_a_failed_response_ends_nothing(rig: Rig, method: str) -> None:
    """As RFC 6026 §8.8 has it: the transaction remains in its state."""
    flow, transaction = received(rig, method)
    respond(transaction, 500)
    rig.stack.flow_failed(flow, FlowFailure(FlowFailureKind.UNREACHABLE))
    flow.take()
    rig.receive(request(method), flow)
    assert flow.first_lines() == ["500"]
