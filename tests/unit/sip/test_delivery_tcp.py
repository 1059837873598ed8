"""TCP for long requests, and UDP when there is none (RFC 3261 §18.1.1)."""

import pytest

from tests.unit.sip.delivery_call import CLOSED, FIRST, SECOND, Call, kinds
from tests.unit.sip.fake_wire import FakeFlow, Rig, outgoing
from trunkline.sip.delivery import UDP_REQUEST_BYTES
from trunkline.sip.failures import FlowFailure, FlowFailureKind
from trunkline.sip.message import Request
from trunkline.sip.outgoing import ContactSpec
from trunkline.sip.ports import Address, Transport
from trunkline.sip.stack import StackLimits


def long_request(method: str = "INVITE") -> Request:
    return outgoing(method, "sip:bob@example.com", body=b"x" * UDP_REQUEST_BYTES)


TCP_FIRST = FIRST._replace(transport=Transport.TCP)


def test_the_limit_is_1300_bytes_on_the_wire(rig: Rig) -> None:
    def size_with(body: int) -> tuple[int, set[Transport]]:
        rig = Rig()
        rig.stack.request(outgoing("INVITE", body=b"x" * body), FIRST, rig.events)
        flows = [flow for flow in rig.connector.flows.values() if flow.sent]
        return len(flows[0].sent[0]), {flow.transport for flow in flows}

    base = size_with(1000)[0] - 1000
    assert size_with(1300 - base) == (1300, {Transport.UDP})
    assert size_with(1301 - base) == (1301, {Transport.TCP})


def test_a_long_request_goes_by_tcp_with_via_and_contact_to_match(rig: Rig) -> None:
    call = Call(rig, FIRST, long_request(), contact=ContactSpec("u"))
    sent = call.asked(TCP_FIRST)
    assert rig.events.targets == [TCP_FIRST]
    assert rig.flow(FIRST).sent == []
    assert sent.top_via.transport == "TCP"
    assert ";transport=tcp>" in (sent.headers.get("contact") or "")


@pytest.mark.parametrize("kind", [FlowFailureKind.REFUSED, FlowFailureKind.TIMEOUT, FlowFailureKind.CLOSED])
def test_when_tcp_fails_it_goes_by_udp_after_all(rig: Rig, kind: FlowFailureKind) -> None:
    call = Call(rig, [FIRST, SECOND], long_request())
    call.fail(TCP_FIRST, FlowFailure(kind))
    assert rig.events.targets == [TCP_FIRST, FIRST]
    assert call.asked(FIRST).top_via.transport == "UDP"
    assert call.asked(FIRST).top_via.branch != call.asked(TCP_FIRST).top_via.branch
    call.answer(FIRST, 200)
    assert rig.events.statuses == [200]


def test_when_tcp_is_closed_from_the_start(rig: Rig) -> None:
    rig.connector.dead.add(TCP_FIRST)
    Call(rig, FIRST, long_request())
    assert rig.events.targets == [FIRST]


def test_that_tcp_failed_is_remembered_for_a_while(rig: Rig) -> None:
    call = Call(rig, FIRST, long_request())
    call.fail(TCP_FIRST)
    call.answer(FIRST, 200)
    Call(rig, FIRST, long_request())
    assert rig.events.targets == [TCP_FIRST, FIRST, FIRST]
    rig.clock.advance(300)
    Call(rig, FIRST, long_request())
    assert rig.events.targets[3:] == [TCP_FIRST]


def test_without_memory_it_still_goes_by_udp_once() -> None:
    rig = Rig(limits=StackLimits(tcp_memory_s=0.0))
    rig.connector.dead.add(TCP_FIRST)
    Call(rig, FIRST, long_request())
    assert rig.events.targets == [FIRST]


def test_the_memory_of_failed_tcp_is_bounded() -> None:
    rig = Rig(limits=StackLimits(tcp_memory_size=2))
    addresses = [Address("192.0.2.1", port) for port in (1, 2, 3)]
    for address in addresses:
        rig.stack.tcp_failed(address)
    rig.stack.tcp_failed(addresses[1])
    assert [rig.stack.tcp_works(address) for address in addresses] == [True, False, False]


def test_a_503_by_tcp_is_an_answer_and_not_repeated_by_udp(rig: Rig) -> None:
    call = Call(rig, [FIRST, SECOND], long_request())
    call.answer(TCP_FIRST, 503)
    second_tcp = SECOND._replace(transport=Transport.TCP)
    assert rig.events.targets == [TCP_FIRST, second_tcp]


def test_the_last_503_by_tcp_is_passed_up(rig: Rig) -> None:
    call = Call(rig, FIRST, long_request())
    call.answer(TCP_FIRST, 503)
    assert rig.events.statuses == [503]


def test_a_connection_that_closes_after_a_100_is_not_repeated_by_udp(rig: Rig) -> None:
    call = Call(rig, FIRST, long_request())
    call.answer(TCP_FIRST, 100)
    call.fail(TCP_FIRST, CLOSED)
    assert rig.events.targets == [TCP_FIRST]
    assert kinds(rig.events) == ["unreachable"]


def test_one_target_still_falls_back_to_udp(rig: Rig) -> None:
    call = Call(rig, [FIRST, SECOND], long_request(), one_target=True)
    call.fail(TCP_FIRST)
    call.fail(FIRST)
    assert rig.events.targets == [TCP_FIRST, FIRST]
    assert kinds(rig.events) == ["unreachable"]


def test_a_flow_keeps_its_transport_whatever_the_size(rig: Rig) -> None:
    flow = FakeFlow()
    Call(rig, flow, long_request())
    assert flow.first_lines() == ["INVITE"]
    assert rig.connector.asked == []


def test_a_black_hole_for_tcp_falls_back_to_udp_in_time(rig: Rig) -> None:
    Call(rig, FIRST, long_request(), target_timeout_s=2.0)
    rig.clock.advance(2)
    assert rig.events.targets == [TCP_FIRST, FIRST]
    assert not rig.stack.tcp_works(FIRST.address)
