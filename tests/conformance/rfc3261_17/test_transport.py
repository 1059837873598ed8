"""§18: what goes by which transport, and where responses go."""

import pytest

from tests.unit.sip.fake_wire import PEER, FakeFlow, Rig, incoming, outgoing, respond_with
from trunkline.sip.failures import FlowFailure, FlowFailureKind
from trunkline.sip.message import Request
from trunkline.sip.ports import Address, Target, Transport

UDP = Target(Transport.UDP, PEER)
TCP = Target(Transport.TCP, PEER)
SOURCE = Address("192.0.2.10", 40000)


@pytest.fixture
def rig() -> Rig:
    rig = Rig()
    rig.user.answering = respond_with(200)
    return rig


def large() -> Request:
    return outgoing("INVITE", "sip:bob@example.com", body=b"v" * 1300)


def test_18_1_1_a_large_request_leaves_udp(rig: Rig) -> None:
    rig.stack.request(large(), UDP, rig.events)
    assert rig.flow(UDP).sent == []
    (request,) = rig.flow(TCP).take_requests()
    assert request.top_via.transport == "TCP"


@pytest.mark.parametrize("kind", list(FlowFailureKind))
def test_18_1_1_and_comes_back_to_udp_when_tcp_fails(rig: Rig, kind: FlowFailureKind) -> None:
    rig.stack.request(large(), UDP, rig.events)
    rig.stack.flow_failed(rig.flow(TCP), FlowFailure(kind))
    (request,) = rig.flow(UDP).take_requests()
    assert request.top_via.transport == "UDP"
    assert rig.events.failures == []


def test_18_1_1_a_small_request_stays(rig: Rig) -> None:
    rig.stack.request(outgoing(), UDP, rig.events)
    assert len(rig.flow(UDP).sent) == 1


@pytest.mark.parametrize(
    ("via", "expected"),
    [
        ("SIP/2.0/UDP bobspc.biloxi.com:5060", "192.0.2.10"),
        ("SIP/2.0/UDP 10.4.4.4:5060", "192.0.2.10"),
        ("SIP/2.0/UDP 192.0.2.10:5060", None),
    ],
)
def test_18_2_1_received_is_added_when_the_source_differs(rig: Rig, via: str, expected: str | None) -> None:
    rig.receive(incoming("OPTIONS", via=via), FakeFlow(remote=SOURCE))
    assert rig.user.requests[0][0].top_via.received == expected


@pytest.mark.parametrize(
    ("sent_by", "port"), [("192.0.2.10:5070", 5070), ("192.0.2.10", 5060), ("10.4.4.4:5071", 5071)]
)
def test_18_2_2_udp_to_the_source_address_and_sent_by_port(rig: Rig, sent_by: str, port: int) -> None:
    flow = FakeFlow(remote=SOURCE)
    rig.receive(incoming("OPTIONS", via=f"SIP/2.0/UDP {sent_by}"), flow)
    assert flow.sent == []
    back = rig.flow(Target(Transport.UDP, Address("192.0.2.10", port)))
    assert back.first_lines() == ["200"]


def test_18_2_2_maddr_and_a_received_of_the_senders_own_are_ignored(rig: Rig) -> None:
    via = "SIP/2.0/UDP 192.0.2.10:5070;maddr=203.0.113.9;received=203.0.113.9;ttl=16"
    rig.receive(incoming("OPTIONS", via=via), FakeFlow(remote=SOURCE))
    assert [target.address.host for target in rig.connector.asked] == ["192.0.2.10"]


@pytest.mark.parametrize("transport", [Transport.TCP, Transport.TLS])
def test_18_2_2_streams_answer_on_the_connection(rig: Rig, transport: Transport) -> None:
    flow = FakeFlow(transport, SOURCE)
    rig.receive(incoming("OPTIONS", via=f"SIP/2.0/{transport} 10.4.4.4:5070"), flow)
    assert flow.first_lines() == ["200"]
    assert rig.connector.asked == []


@pytest.mark.parametrize(
    ("transport", "sent_by", "port"),
    [
        (Transport.TCP, "10.4.4.4", 5060),
        (Transport.TLS, "10.4.4.4", 5061),
        (Transport.TCP, "pbx.example.com:5070", 5070),
    ],
)
def test_18_2_2_a_closed_connection_is_replaced(
    rig: Rig, transport: Transport, sent_by: str, port: int
) -> None:
    rig.user.answering = None
    flow = FakeFlow(transport, SOURCE)
    rig.receive(incoming("INVITE", via=f"SIP/2.0/{transport} {sent_by}"), flow)
    flow.closed = True
    respond_with(200)(*rig.user.requests[0])
    assert flow.sent == []
    assert rig.flow(Target(transport, Address("192.0.2.10", port))).first_lines() == ["200"]


def test_18_2_2_a_request_repeated_on_a_new_connection_is_answered_there(rig: Rig) -> None:
    rig.user.answering = None
    old, new = FakeFlow(Transport.TCP, SOURCE), FakeFlow(Transport.TCP, Address("192.0.2.10", 40001))
    data = incoming("INVITE", via="SIP/2.0/TCP 192.0.2.10:5060;rport")
    rig.receive(data, old)
    old.closed = True
    rig.receive(data, new)
    respond_with(200)(*rig.user.requests[0])
    assert new.first_lines() == ["200"]
    assert rig.connector.asked == []


@pytest.mark.parametrize("host", ["255.255.255.255", "224.0.1.75", "0.0.0.0", "ff02::1"])
@pytest.mark.parametrize("rport", ["", ";rport"])
def test_nothing_is_ever_sent_to_a_source_that_is_no_unicast_address(rig: Rig, host: str, rport: str) -> None:
    flow = FakeFlow(remote=Address(host, 5060))
    rig.receive(incoming("OPTIONS", via=f"SIP/2.0/UDP 192.0.2.10:5060{rport}"), flow)
    rig.receive(incoming("CANCEL", via=f"SIP/2.0/UDP 192.0.2.10:5060{rport}"), flow)
    rig.receive(b"OPTIONS", flow)
    assert flow.sent == []
    assert rig.connector.asked == []


@pytest.mark.parametrize("where", ["255.255.255.255", "224.0.1.75", "192.0.2.77"])
def test_the_sent_by_host_is_never_a_destination(rig: Rig, where: str) -> None:
    rig.receive(incoming("OPTIONS", via=f"SIP/2.0/UDP {where}:5060"), FakeFlow(remote=SOURCE))
    assert [target.address for target in rig.connector.asked] == [Address("192.0.2.10", 5060)]
