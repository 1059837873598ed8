"""The Accepted states, timers L and M, and stray responses."""

import pytest

from tests.unit.sip.fake_wire import PEER, TCP_PEER, UDP_PEER, FakeFlow, Rig, incoming, outgoing
from trunkline.sip.failures import FlowFailure, FlowFailureKind
from trunkline.sip.message import Request, response_to
from trunkline.sip.ports import Target, Transport
from trunkline.sip.stack import ServerTransaction

TARGETS = [UDP_PEER, TCP_PEER]
TRANSPORTS = [Transport.UDP, Transport.TCP]


def accepted(rig: Rig, transport: Transport = Transport.UDP) -> tuple[FakeFlow, ServerTransaction]:
    flow = FakeFlow(transport, PEER)
    rig.receive(invite(transport), flow)
    transaction = rig.user.requests[-1][1]
    transaction.respond(response_to(transaction.request, 200, to_tag="uas"))
    assert flow.first_lines() == ["200"]
    return flow, transaction


def invite(transport: Transport = Transport.UDP) -> bytes:
    return incoming("INVITE", via=f"SIP/2.0/{transport} 192.0.2.10:5060;rport")


def sent_invite(rig: Rig, target: Target = UDP_PEER) -> Request:
    rig.stack.request(outgoing(), target, rig.events)
    return rig.flow(target).take_requests()[0]


# §8.4: the client


@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("before", [[], [100], [100, 180]])
def test_every_2xx_is_passed_up_for_64_t1(rig: Rig, target: Target, before: list[int]) -> None:
    request = sent_invite(rig, target)
    for status in before:
        rig.receive(response_to(request, status, to_tag="f1" if status > 100 else None), rig.flow(target))
    tags = ["f1", "f1", "f2", "f1", "f3"]
    for tag in tags:
        rig.receive(response_to(request, 200, to_tag=tag), rig.flow(target))
        rig.clock.advance(5)
    assert [one.to_tag for one in rig.events.responses[len(before) :]] == tags
    rig.clock.advance(7)
    rig.receive(response_to(request, 200, to_tag="f4"), rig.flow(target))
    assert len(rig.events.responses) == len(before) + len(tags)
    assert rig.idle


def test_the_transaction_makes_no_ack_for_a_2xx(rig: Rig) -> None:
    request = sent_invite(rig)
    rig.receive(response_to(request, 200, to_tag="f1"), rig.flow())
    rig.clock.run_out()
    assert rig.flow().take() == []


def test_timer_m_runs_from_the_first_2xx(rig: Rig) -> None:
    request = sent_invite(rig)
    rig.receive(response_to(request, 200, to_tag="f1"), rig.flow())
    rig.clock.advance(31)
    rig.receive(response_to(request, 200, to_tag="f1"), rig.flow())
    rig.clock.advance(1)
    assert rig.stack.client_transactions == 0


@pytest.mark.parametrize("status", [100, 180, 302, 486, 603])
def test_nothing_else_counts_in_accepted(rig: Rig, status: int) -> None:
    request = sent_invite(rig)
    rig.receive(response_to(request, 200, to_tag="f1"), rig.flow())
    rig.receive(response_to(request, status, to_tag="f2" if status > 100 else None), rig.flow())
    assert rig.events.statuses == [200]
    assert rig.flow().take() == []


def test_a_2xx_after_a_rejection_is_not_a_2xx_any_more(rig: Rig) -> None:
    request = sent_invite(rig)
    rig.receive(response_to(request, 486, to_tag="f1"), rig.flow())
    rig.receive(response_to(request, 200, to_tag="f1"), rig.flow())
    assert rig.events.statuses == [486]
    assert rig.flow().first_lines() == ["ACK"]


def test_a_transport_failure_in_accepted_changes_nothing(rig: Rig) -> None:
    request = sent_invite(rig)
    rig.receive(response_to(request, 200, to_tag="f1"), rig.flow())
    rig.stack.flow_failed(rig.flow(), FlowFailure(FlowFailureKind.UNREACHABLE))
    rig.receive(response_to(request, 200, to_tag="f2"), rig.flow())
    assert rig.events.statuses == [200, 200]
    assert rig.events.failures == []


# §8.5 to §8.7: the server


@pytest.mark.parametrize("transport", TRANSPORTS)
def test_a_repeated_invite_is_absorbed_in_accepted(rig: Rig, transport: Transport) -> None:
    flow, _ = accepted(rig, transport)
    for _ in range(6):
        rig.clock.advance(5)
        rig.receive(invite(transport), flow)
    assert flow.take() == []
    assert len(rig.user.requests) == 1


@pytest.mark.parametrize("transport", TRANSPORTS)
def test_the_2xx_of_the_core_pass_until_timer_l(rig: Rig, transport: Transport) -> None:
    flow, transaction = accepted(rig, transport)
    response = transaction.last_response
    assert response is not None
    for _ in range(6):
        rig.clock.advance(5)
        transaction.respond(response)
    assert flow.first_lines() == ["200"] * 6
    rig.clock.advance(2)
    transaction.respond(response)
    assert flow.take() == []
    assert rig.idle


def test_the_transaction_never_repeats_a_2xx_itself(rig: Rig) -> None:
    flow, _ = accepted(rig)
    rig.clock.run_out()
    assert flow.take() == []


@pytest.mark.parametrize("status", [180, 302, 486, 500])
def test_no_other_response_passes_in_accepted(rig: Rig, status: int) -> None:
    flow, transaction = accepted(rig)
    transaction.respond(response_to(transaction.request, status))
    assert flow.take() == []


@pytest.mark.parametrize("branch", ["z9hG4bKpeer1", "z9hG4bKack"])
def test_an_ack_in_accepted_is_passed_up(rig: Rig, branch: str) -> None:
    """With a branch of its own as §13.2.2.4 asks, or with that of the INVITE as some clients send it."""
    flow, _ = accepted(rig)
    rig.receive(incoming("ACK", branch=branch, to_tag="uas"), flow)
    rig.receive(incoming("ACK", branch=branch, to_tag="uas"), flow)
    assert [ack.to_tag for ack in rig.user.acks] == ["uas", "uas"]
    rig.receive(invite(), flow)
    assert len(rig.user.requests) == 1


def test_an_rfc2543_ack_in_accepted_is_passed_up(rig: Rig) -> None:
    flow = FakeFlow()
    rig.receive(incoming("INVITE", branch=None), flow)
    transaction = rig.user.requests[0][1]
    transaction.respond(response_to(transaction.request, 200, to_tag="uas"))
    rig.receive(incoming("ACK", branch=None, to_tag="uas"), flow)
    assert len(rig.user.acks) == 1


def test_8_8_a_failed_2xx_keeps_its_transaction(rig: Rig) -> None:
    flow, transaction = accepted(rig, Transport.TCP)
    flow.closed = True
    rig.stack.flow_failed(flow, FlowFailure(FlowFailureKind.CLOSED))
    assert rig.stack.server_transactions == 1
    response = transaction.last_response
    assert response is not None
    transaction.respond(response)
    assert rig.flow(TCP_PEER).first_lines() == ["200"]


# §8.9: stray responses


@pytest.mark.parametrize("status", [180, 200, 486])
def test_8_9_a_stray_response_is_dropped(rig: Rig, status: int) -> None:
    request = sent_invite(rig)
    rig.receive(response_to(request, 200, to_tag="f1"), rig.flow())
    rig.clock.advance(32)
    rig.receive(response_to(request, status, to_tag="f1"), rig.flow())
    assert rig.events.statuses == [200]
    assert rig.flow().take() == []
