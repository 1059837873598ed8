"""`rport` and `received`, and the port that a response goes to."""

import pytest

from tests.unit.sip.fake_wire import FakeFlow, Rig, incoming, outgoing, respond_with
from trunkline.sip.ports import Address, Target, Transport

SOURCE = Address("192.0.2.1", 9988)


@pytest.fixture
def rig() -> Rig:
    rig = Rig()
    rig.user.answering = respond_with(200)
    return rig


@pytest.mark.parametrize("transport", list(Transport))
def test_3_the_client_asks_with_an_rport_without_value(rig: Rig, transport: Transport) -> None:
    target = Target(transport, Address("192.0.2.10", 5060))
    rig.stack.request(outgoing("OPTIONS"), target, rig.events)
    (request,) = rig.flow(target).take_requests()
    assert request.top_via.params["rport"] is None


def test_4_and_6_the_example(rig: Rig) -> None:
    """§6: source port 9988 of 192.0.2.1, private sent-by 10.1.1.1:4540."""
    flow = FakeFlow(remote=SOURCE)
    rig.receive(incoming("INVITE", via="SIP/2.0/UDP 10.1.1.1:4540;rport", branch="z9hG4bKkjshdyff"), flow)
    (response,) = flow.take_responses()
    via = response.top_via
    assert (via.host, via.port, via.branch) == ("10.1.1.1", 4540, "z9hG4bKkjshdyff")
    assert (via.received, via.params["rport"]) == ("192.0.2.1", "9988")
    assert rig.connector.asked == []


def test_4_received_is_added_even_when_it_equals_the_sent_by(rig: Rig) -> None:
    flow = FakeFlow(remote=SOURCE)
    rig.receive(incoming("OPTIONS", via="SIP/2.0/UDP 192.0.2.1:5060;rport"), flow)
    assert flow.take_responses()[0].top_via.received == "192.0.2.1"


@pytest.mark.parametrize("transport", [Transport.TCP, Transport.TLS])
def test_4_on_every_transport(rig: Rig, transport: Transport) -> None:
    flow = FakeFlow(transport, SOURCE)
    rig.receive(incoming("OPTIONS", via=f"SIP/2.0/{transport} 10.1.1.1;rport"), flow)
    via = flow.take_responses()[0].top_via
    assert (via.received, via.params["rport"]) == ("192.0.2.1", "9988")


def test_4_the_response_leaves_on_the_flow_that_the_request_came_on(rig: Rig) -> None:
    one, two = FakeFlow(remote=SOURCE), FakeFlow(remote=SOURCE)
    rig.receive(incoming("OPTIONS", via="SIP/2.0/UDP 10.1.1.1;rport"), two)
    assert one.sent == []
    assert two.first_lines() == ["200"]


def test_4_without_rport_the_sent_by_port_counts(rig: Rig) -> None:
    flow = FakeFlow(remote=SOURCE)
    rig.receive(incoming("OPTIONS", via="SIP/2.0/UDP 10.1.1.1:4540"), flow)
    assert flow.sent == []
    (response,) = rig.flow(Target(Transport.UDP, Address("192.0.2.1", 4540))).take_responses()
    assert "rport" not in response.top_via.params


@pytest.mark.parametrize(
    "claim", ["rport=53;received=203.0.113.9", "received=203.0.113.9;rport", "rport=0;received=x"]
)
def test_4_what_the_client_claims_itself_is_replaced(rig: Rig, claim: str) -> None:
    flow = FakeFlow(remote=SOURCE)
    rig.receive(incoming("OPTIONS", via=f"SIP/2.0/UDP 10.1.1.1;{claim}"), flow)
    via = flow.take_responses()[0].top_via
    assert (via.received, via.params["rport"]) == ("192.0.2.1", "9988")
    assert rig.connector.asked == []


def test_4_stateless_answers_follow_the_same_rule(rig: Rig) -> None:
    flow = FakeFlow(remote=SOURCE)
    rig.receive(incoming("OPTIONS", uri="xx:y", via="SIP/2.0/UDP 10.1.1.1;rport"), flow)
    (response,) = flow.take_responses()
    assert response.status == 416
    assert response.top_via.params["rport"] == "9988"


def test_4_a_repeated_request_still_matches_after_the_rewriting(rig: Rig) -> None:
    flow = FakeFlow(remote=SOURCE)
    for branch in ("z9hG4bKa", None):
        for _ in range(2):
            rig.receive(
                incoming("OPTIONS", via="SIP/2.0/UDP 10.1.1.1;rport", branch=branch, call_id=f"{branch}"),
                flow,
            )
    assert len(rig.user.requests) == 2
    assert flow.first_lines() == ["200"] * 4
