"""The walk over targets, TCP for long requests, CANCEL, and what the user hears of it."""

from collections.abc import Sequence

import pytest

from tests.unit.sip.fake_wire import OURS, PEER, TCP_PEER, UDP_PEER, FakeEvents, FakeFlow, Rig, outgoing
from trunkline.sip.delivery import UDP_REQUEST_BYTES, ClientRequest, NextHop
from trunkline.sip.errors import SipBuildError
from trunkline.sip.failures import FlowFailure, FlowFailureKind, RequestFailureKind
from trunkline.sip.message import Request, Response, response_to
from trunkline.sip.outgoing import ContactSpec
from trunkline.sip.ports import Address, LocateFailure, Target, Transport
from trunkline.sip.stack import StackLimits
from trunkline.sip.uri import SipUri

FIRST = Target(Transport.UDP, Address("192.0.2.1", 5060))
SECOND = Target(Transport.UDP, Address("192.0.2.2", 5060))
THIRD = Target(Transport.TLS, Address("192.0.2.3", 5061), "c.example.com")
REFUSED = FlowFailure(FlowFailureKind.REFUSED, "connection refused")
CLOSED = FlowFailure(FlowFailureKind.CLOSED, "closed by the peer")
NAME = SipUri.parse("sip:bob@example.com")


@pytest.fixture
def rig() -> Rig:
    return Rig()


class Call:
    """A request of ours, and the peers that it meets."""

    def __init__(
        self, rig: Rig, next_hop: NextHop, request: Request | None = None, **options: object
    ) -> None:
        self.rig = rig
        self.sending: ClientRequest = rig.stack.request(
            request or outgoing(),
            next_hop,
            rig.events,
            **options,  # type: ignore[arg-type]
        )

    def asked(self, target: Target) -> Request:
        """The first request that `target` got, other than ACK and CANCEL."""
        for data in self.rig.flow(target).sent:
            if not data.startswith((b"ACK", b"CANCEL")):
                (request,) = FakeFlowView(data).requests
                return request
        raise AssertionError(f"{target} was not asked")

    def answer(self, target: Target, status: int, to_tag: str = "b") -> None:
        flow = self.rig.flow(target)
        self.rig.receive(
            response_to(self.asked(target), status, to_tag=to_tag if status > 100 else None), flow
        )

    def fail(self, target: Target, failure: FlowFailure = REFUSED) -> None:
        self.rig.stack.flow_failed(self.rig.flow(target), failure)


class FakeFlowView(FakeFlow):
    """Bytes as if just sent."""

    def __init__(self, data: bytes) -> None:
        super().__init__()
        self.sent = [data]

    @property
    def requests(self) -> Sequence[Request]:
        return self.take_requests()


def kinds(events: FakeEvents) -> list[str]:
    return [failure.kind.value for failure in events.failures]


# what is sent


def test_the_request_of_the_user_is_left_alone(rig: Rig) -> None:
    request = outgoing()
    before = request.to_bytes()
    rig.stack.request(request, UDP_PEER, rig.events, contact=ContactSpec("trunk"))
    assert request.to_bytes() == before


def test_via_and_contact_are_those_of_the_flow(rig: Rig) -> None:
    call = Call(rig, UDP_PEER, contact=ContactSpec("trunk"))
    sent = call.asked(UDP_PEER)
    via = sent.top_via
    assert (via.transport, via.host, via.port) == ("UDP", OURS.host, OURS.port)
    assert via.wants_rport
    assert (via.branch or "").startswith("z9hG4bK")
    assert sent.headers.all("contact") == [f"<sip:trunk@{OURS}>"]
    assert rig.flow().sent[0].split(b"\r\n")[1].startswith(b"Via: SIP/2.0/UDP ")


def test_without_a_contact_spec_the_users_own_contact_stays(rig: Rig) -> None:
    call = Call(rig, UDP_PEER, outgoing("REGISTER", "sip:example.com", ("Contact", "<sip:me@example.net>")))
    assert call.asked(UDP_PEER).headers.all("contact") == ["<sip:me@example.net>"]


def test_only_requests_outside_dialogs_carry_a_fingerprint(rig: Rig) -> None:
    request = outgoing("OPTIONS")
    rig.stack.request(request, FIRST, rig.events)
    within = outgoing("BYE")
    within.headers.set("to", "<sip:bob@example.com>;tag=b")
    rig.stack.request(within, SECOND, rig.events)
    assert b"branch=z9hG4bKtoken1-l" in rig.flow(FIRST).sent[0]
    assert b"branch=z9hG4bKtoken2\r\n" in rig.flow(SECOND).sent[0]


def test_a_request_that_cannot_be_written_is_refused_at_once(rig: Rig) -> None:
    with pytest.raises(SipBuildError):
        rig.stack.request(Request("IN VITE", "sip:a@b", outgoing().headers), UDP_PEER, rig.events)
    assert rig.idle


# where it goes


def test_a_name_is_located(rig: Rig) -> None:
    rig.locator.names["example.com"] = [FIRST, SECOND]
    call = Call(rig, NAME)
    assert rig.events.targets == [FIRST]
    assert call.sending.flow is rig.flow(FIRST)


def test_a_name_may_take_its_time(rig: Rig) -> None:
    call = Call(rig, NAME)
    assert call.sending.flow is None
    rig.locator.waiting[0]([SECOND])
    assert rig.events.targets == [SECOND]


def test_a_name_that_leads_nowhere(rig: Rig) -> None:
    rig.locator.names["example.com"] = LocateFailure("NXDOMAIN")
    call = Call(rig, NAME)
    assert rig.events.failures == []
    rig.clock.advance(0)
    assert rig.events.failures[0].kind is RequestFailureKind.NAME
    assert rig.events.failures[0].detail == "NXDOMAIN"
    assert call.sending.finished


def test_no_targets_at_all(rig: Rig) -> None:
    Call(rig, [])
    rig.clock.advance(0)
    assert kinds(rig.events) == ["name"]


def test_a_flow_is_used_as_it_is(rig: Rig) -> None:
    flow = FakeFlow(Transport.TCP, PEER)
    call = Call(rig, flow)
    assert rig.events.targets == [flow]
    assert call.sending.flow is flow
    assert rig.connector.asked == []


def test_a_closed_flow_fails_after_request_has_returned(rig: Rig) -> None:
    flow = FakeFlow(Transport.TCP, PEER)
    flow.closed = True
    Call(rig, flow)
    assert rig.events.failures == []
    rig.clock.advance(0)
    assert kinds(rig.events) == ["unreachable"]
    assert rig.events.targets == []


# the walk, RFC 3263 §4.3


@pytest.mark.parametrize("method", ["INVITE", "OPTIONS"])
@pytest.mark.parametrize(
    "how", ["refused", "timeout", "503", "100 and 503", "100 and closed", "closed at once"]
)
def test_the_next_target_is_tried(rig: Rig, method: str, how: str) -> None:
    if how == "closed at once":
        rig.connector.dead.add(TCP_PEER)
    call = Call(rig, [TCP_PEER, SECOND], outgoing(method))
    if how.startswith("100"):
        call.answer(TCP_PEER, 100)
    if how.endswith("503"):
        call.answer(TCP_PEER, 503)
    elif how == "timeout":
        rig.clock.advance(32)
    elif how != "closed at once":
        call.fail(TCP_PEER, CLOSED if how.endswith("closed") else REFUSED)
    assert rig.events.targets[-1] == SECOND
    assert rig.events.failures == []
    call.answer(SECOND, 200)
    assert rig.events.statuses[-1] == 200
    assert 503 not in rig.events.statuses


def test_each_target_gets_a_branch_of_its_own_and_the_same_request_otherwise(rig: Rig) -> None:
    call = Call(rig, [FIRST, SECOND])
    call.answer(FIRST, 503)
    first, second = call.asked(FIRST), call.asked(SECOND)
    assert first.top_via.branch != second.top_via.branch
    assert (first.call_id, first.cseq, first.from_tag) == (second.call_id, second.cseq, second.from_tag)


def test_a_503_to_an_invite_is_acknowledged_before_the_walk_goes_on(rig: Rig) -> None:
    call = Call(rig, [FIRST, SECOND])
    call.answer(FIRST, 503)
    assert rig.flow(FIRST).first_lines() == ["INVITE", "ACK"]


@pytest.mark.parametrize("status", [200, 302, 404, 408, 486, 500, 502, 504, 600])
def test_any_other_final_response_ends_the_walk(rig: Rig, status: int) -> None:
    call = Call(rig, [FIRST, SECOND])
    call.answer(FIRST, status)
    assert rig.events.targets == [FIRST]
    assert rig.events.statuses == [status]
    assert call.sending.finished


@pytest.mark.parametrize("provisional", [180, 183])
@pytest.mark.parametrize("how", ["503", "closed"])
def test_nothing_is_tried_after_a_provisional_above_100(rig: Rig, provisional: int, how: str) -> None:
    call = Call(rig, [TCP_PEER, SECOND])
    call.answer(TCP_PEER, provisional)
    if how == "503":
        call.answer(TCP_PEER, 503)
        assert rig.events.statuses == [provisional, 503]
    else:
        call.fail(TCP_PEER, CLOSED)
        assert kinds(rig.events) == ["unreachable"]
    assert rig.events.targets == [TCP_PEER]


@pytest.mark.parametrize("status", [100, 180])
def test_an_icmp_error_does_not_end_what_has_been_answered(rig: Rig, status: int) -> None:
    call = Call(rig, [FIRST, SECOND])
    call.answer(FIRST, status)
    call.fail(FIRST)
    call.answer(FIRST, 200)
    assert rig.events.statuses == [status, 200]
    assert rig.events.targets == [FIRST]


def test_the_last_503_is_passed_up(rig: Rig) -> None:
    call = Call(rig, [FIRST, SECOND])
    call.answer(FIRST, 503)
    call.answer(SECOND, 503)
    assert rig.events.statuses == [503]
    assert rig.events.failures == []


def test_the_last_failure_is_reported(rig: Rig) -> None:
    call = Call(rig, [FIRST, SECOND, THIRD])
    call.fail(FIRST)
    rig.clock.advance(32)
    call.fail(THIRD, FlowFailure(FlowFailureKind.TLS, "certificate"))
    (failure,) = rig.events.failures
    assert failure.kind is RequestFailureKind.TLS
    assert failure.detail == "TLS 192.0.2.3:5061: tls: certificate"


def test_silence_everywhere(rig: Rig) -> None:
    Call(rig, [FIRST, SECOND])
    rig.clock.advance(63.9)
    assert rig.events.failures == []
    rig.clock.advance(0.1)
    (failure,) = rig.events.failures
    assert failure.kind is RequestFailureKind.NO_RESPONSE
    assert failure.detail == "UDP 192.0.2.2:5060"


def test_timer_f_after_a_provisional_is_no_silence(rig: Rig) -> None:
    call = Call(rig, [FIRST, SECOND], outgoing("OPTIONS"))
    call.answer(FIRST, 100)
    rig.clock.advance(32)
    assert kinds(rig.events) == ["no-final"]
    assert rig.events.targets == [FIRST]


def test_one_target_means_one(rig: Rig) -> None:
    call = Call(rig, [FIRST, SECOND], one_target=True)
    call.fail(FIRST)
    assert kinds(rig.events) == ["unreachable"]


def test_a_late_failure_after_the_final_response_is_not_reported(rig: Rig) -> None:
    call = Call(rig, [FIRST, SECOND])
    call.answer(FIRST, 486)
    call.fail(FIRST)
    assert rig.events.failures == []
    assert rig.events.targets == [FIRST]


# every 2xx, RFC 6026


def test_every_2xx_to_an_invite_is_passed_up(rig: Rig) -> None:
    call = Call(rig, FIRST)
    for to_tag in ("fork1", "fork1", "fork2"):
        call.answer(FIRST, 200, to_tag)
    assert [response.to_tag for response in rig.events.responses] == ["fork1", "fork1", "fork2"]
    assert rig.flow(FIRST).first_lines() == ["INVITE"]


def test_only_the_first_2xx_to_another_request_is(rig: Rig) -> None:
    call = Call(rig, FIRST, outgoing("OPTIONS"))
    call.answer(FIRST, 200)
    call.answer(FIRST, 200)
    assert rig.events.statuses == [200]


def test_a_2xx_after_timer_m_is_dropped(rig: Rig) -> None:
    call = Call(rig, FIRST)
    call.answer(FIRST, 200)
    rig.clock.advance(32)
    call.answer(FIRST, 200)
    assert rig.events.statuses == [200]
    assert rig.idle


# detach


def test_a_detached_request_tells_of_2xx_only(rig: Rig) -> None:
    call = Call(rig, FIRST)
    call.sending.detach()
    call.answer(FIRST, 180)
    call.answer(FIRST, 200)
    call.answer(FIRST, 200)
    assert rig.events.statuses == [200, 200]


@pytest.mark.parametrize("status", [302, 486, 503])
def test_a_detached_request_is_silent_about_refusals_and_walks_no_further(rig: Rig, status: int) -> None:
    call = Call(rig, [FIRST, SECOND])
    call.sending.detach()
    call.answer(FIRST, status)
    assert rig.events.statuses == []
    assert rig.events.targets == [FIRST]


def test_a_detached_request_is_silent_about_failures(rig: Rig) -> None:
    call = Call(rig, [FIRST, SECOND])
    call.sending.detach()
    call.fail(FIRST)
    rig.clock.run_out()
    assert rig.events.failures == []
    assert rig.events.targets == [FIRST]


def test_a_detached_non_invite_is_silent_altogether(rig: Rig) -> None:
    call = Call(rig, FIRST, outgoing("OPTIONS"))
    call.sending.detach()
    call.answer(FIRST, 200)
    assert rig.events.responses == []


# CANCEL, RFC 3261 §9.1


def test_cancel_after_a_provisional_goes_at_once(rig: Rig) -> None:
    call = Call(rig, FIRST)
    call.answer(FIRST, 180)
    call.sending.cancel([("Reason", 'SIP;cause=200;text="Call completed elsewhere"')])
    invite, cancel = rig.flow(FIRST).take_requests()
    assert (cancel.method, cancel.cseq.method, cancel.cseq.number) == ("CANCEL", "CANCEL", invite.cseq.number)
    assert cancel.headers.get("via") == invite.headers.get("via")
    assert cancel.headers.get("reason") == 'SIP;cause=200;text="Call completed elsewhere"'


def test_cancel_waits_for_a_provisional_and_then_goes(rig: Rig) -> None:
    call = Call(rig, FIRST)
    invite = call.asked(FIRST)
    call.sending.cancel()
    rig.clock.advance(2)
    assert rig.flow(FIRST).first_lines() == ["INVITE"] * 3
    rig.receive(response_to(invite, 100), rig.flow(FIRST))
    assert rig.flow(FIRST).first_lines() == ["CANCEL"]
    assert rig.events.statuses == [100]
    rig.receive(response_to(invite, 180, to_tag="b"), rig.flow(FIRST))
    assert rig.flow(FIRST).first_lines() == []


def test_without_a_provisional_no_cancel_is_ever_sent(rig: Rig) -> None:
    call = Call(rig, [FIRST, SECOND])
    call.sending.cancel()
    rig.clock.run_out()
    assert set(rig.flow(FIRST).first_lines()) == {"INVITE"}
    assert rig.events.targets == [FIRST]
    assert kinds(rig.events) == ["no-response"]
    assert rig.idle


def test_what_the_last_target_said_counts_for_no_other(rig: Rig) -> None:
    call = Call(rig, [FIRST, SECOND])
    call.answer(FIRST, 100)
    call.answer(FIRST, 503)
    call.sending.cancel()
    assert rig.flow(SECOND).first_lines() == ["INVITE"]


def test_a_2xx_may_cross_the_cancel(rig: Rig) -> None:
    call = Call(rig, FIRST)
    call.answer(FIRST, 180)
    call.sending.cancel()
    call.answer(FIRST, 200)
    assert rig.events.statuses == [180, 200]


def test_the_487_after_a_cancel_is_passed_up(rig: Rig) -> None:
    call = Call(rig, FIRST)
    call.answer(FIRST, 180)
    call.sending.cancel()
    call.answer(FIRST, 487)
    assert rig.events.statuses == [180, 487]
    rig.clock.run_out()
    assert rig.events.failures == []
    assert rig.idle


def test_64_t1_after_an_ignored_cancel_the_invite_is_over(rig: Rig) -> None:
    call = Call(rig, FIRST)
    call.answer(FIRST, 180)
    rig.clock.advance(100)
    call.sending.cancel()
    rig.clock.advance(31.9)
    assert rig.events.failures == []
    rig.clock.advance(0.1)
    assert kinds(rig.events) == ["no-final"]
    assert rig.stack.client_transactions == 0


@pytest.mark.parametrize("failing", [True, False])
def test_a_cancelled_request_walks_no_further(rig: Rig, failing: bool) -> None:
    call = Call(rig, [FIRST, SECOND])
    call.sending.cancel()
    if failing:
        call.fail(FIRST)
        assert kinds(rig.events) == ["unreachable"]
    else:
        call.answer(FIRST, 503)
        assert rig.events.statuses == [503]
    assert rig.events.targets == [FIRST]


def test_cancelled_while_the_name_is_looked_up(rig: Rig) -> None:
    call = Call(rig, NAME)
    call.sending.cancel()
    rig.locator.waiting[0]([FIRST])
    assert rig.connector.asked == []
    assert kinds(rig.events) == ["cancelled"]


def test_cancel_of_another_method_sends_nothing(rig: Rig) -> None:
    call = Call(rig, FIRST, outgoing("OPTIONS"))
    call.answer(FIRST, 100)
    call.sending.cancel()
    assert rig.flow(FIRST).first_lines() == ["OPTIONS"]


def test_cancel_after_the_end_or_twice_sends_nothing_more(rig: Rig) -> None:
    call = Call(rig, FIRST)
    call.answer(FIRST, 180)
    call.sending.cancel()
    call.sending.cancel()
    assert rig.flow(FIRST).first_lines() == ["INVITE", "CANCEL"]
    other = Call(rig, SECOND)
    other.answer(SECOND, 180)
    other.answer(SECOND, 200)
    other.sending.cancel()
    assert rig.flow(SECOND).first_lines() == ["INVITE"]


def test_a_connection_that_closes_while_it_rings_is_cancelled_on_a_new_one(rig: Rig) -> None:
    call = Call(rig, TCP_PEER)
    old = rig.flow(TCP_PEER)
    call.answer(TCP_PEER, 180)
    old.closed = True
    rig.stack.flow_failed(old, CLOSED)
    assert kinds(rig.events) == ["unreachable"]
    new = rig.flow(TCP_PEER)
    assert new is not old
    assert new.first_lines() == ["CANCEL"]


# TCP for long requests, RFC 3261 §18.1.1


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


# silence for less than timer B


def test_a_silent_target_is_left_for_the_next(rig: Rig) -> None:
    call = Call(rig, [FIRST, SECOND], target_timeout_s=2.0)
    rig.clock.advance(1.9)
    assert rig.events.targets == [FIRST]
    rig.clock.advance(0.1)
    assert rig.events.targets == [FIRST, SECOND]
    call.answer(SECOND, 200)
    assert rig.events.statuses == [200]


def test_the_last_target_has_all_the_time_of_timer_b(rig: Rig) -> None:
    Call(rig, [FIRST], target_timeout_s=2.0)
    rig.clock.advance(31.9)
    assert rig.events.failures == []
    rig.clock.advance(0.1)
    assert kinds(rig.events) == ["no-response"]


@pytest.mark.parametrize("status", [100, 180])
def test_a_target_that_has_spoken_is_not_left(rig: Rig, status: int) -> None:
    call = Call(rig, [FIRST, SECOND], target_timeout_s=2.0)
    call.answer(FIRST, status)
    rig.clock.advance(60)
    assert rig.events.targets == [FIRST]


def test_a_cancelled_request_leaves_no_target(rig: Rig) -> None:
    call = Call(rig, [FIRST, SECOND], target_timeout_s=2.0)
    call.sending.cancel()
    rig.clock.advance(3)
    assert rig.events.targets == [FIRST]


def left_behind(rig: Rig) -> Call:
    call = Call(rig, [FIRST, SECOND], target_timeout_s=2.0)
    rig.clock.advance(2)
    rig.flow(FIRST).sent = rig.flow(FIRST).sent[:1]
    return call


def test_a_target_left_behind_that_wakes_up_is_cancelled(rig: Rig) -> None:
    call = left_behind(rig)
    call.answer(FIRST, 100)
    call.answer(FIRST, 180)
    assert rig.flow(FIRST).first_lines() == ["INVITE", "CANCEL"]
    assert rig.events.responses == []


def test_a_target_left_behind_may_refuse_unheard(rig: Rig) -> None:
    call = left_behind(rig)
    call.answer(FIRST, 486)
    call.fail(FIRST)
    assert rig.events.responses == []
    assert rig.events.failures == []
    call.answer(SECOND, 180)
    assert rig.events.statuses == [180]


def test_a_target_left_behind_that_answers_first_wins(rig: Rig) -> None:
    call = left_behind(rig)
    call.answer(SECOND, 180)
    call.answer(FIRST, 200, "first")
    assert rig.flow(SECOND).first_lines() == ["INVITE", "CANCEL"]
    assert call.sending.flow is rig.flow(FIRST)
    assert [response.to_tag for response in rig.events.responses] == ["b", "first"]


def test_the_loser_is_cancelled_as_soon_as_it_may_be_and_heard_only_with_a_2xx(rig: Rig) -> None:
    call = left_behind(rig)
    second = call.asked(SECOND)
    call.answer(FIRST, 200, "first")
    rig.flow(SECOND).take()
    for status in (180, 487):
        rig.receive(response_to(second, status, to_tag="late"), rig.flow(SECOND))
    assert rig.flow(SECOND).first_lines() == ["CANCEL", "ACK"]
    assert rig.events.statuses == [200]


def test_the_timeout_of_a_target_left_behind_is_nobodys_business(rig: Rig) -> None:
    call = Call(rig, [FIRST, SECOND, THIRD], target_timeout_s=2.0)
    rig.clock.advance(33)
    assert rig.events.targets == [FIRST, SECOND, THIRD]
    assert rig.events.failures == []
    call.answer(THIRD, 486)
    assert rig.events.statuses == [486]


def test_the_failure_of_a_target_left_behind_is_nobodys_business(rig: Rig) -> None:
    call = Call(rig, [FIRST, SECOND, THIRD], target_timeout_s=2.0)
    rig.clock.advance(2)
    call.fail(FIRST)
    assert rig.events.targets == [FIRST, SECOND]
    assert rig.events.failures == []


def test_a_late_2xx_of_a_target_left_behind_is_passed_up_like_a_fork(rig: Rig) -> None:
    call = left_behind(rig)
    call.answer(SECOND, 200, "second")
    call.answer(FIRST, 200, "first")
    assert [response.to_tag for response in rig.events.responses] == ["second", "first"]


def test_a_target_left_behind_that_ignores_its_cancel_is_given_up(rig: Rig) -> None:
    call = left_behind(rig)
    call.answer(FIRST, 100)
    call.answer(SECOND, 180)
    rig.clock.advance(40)
    assert rig.stack.client_transactions == 1
    assert rig.events.failures == []
    call.answer(SECOND, 486)
    rig.clock.advance(40)
    assert rig.idle
    assert rig.events.statuses == [180, 486]


def test_the_first_answer_to_another_request_counts(rig: Rig) -> None:
    call = Call(rig, [FIRST, SECOND], outgoing("OPTIONS"), target_timeout_s=2.0)
    rig.clock.advance(2)
    call.answer(FIRST, 200)
    call.answer(SECOND, 200)
    assert rig.events.statuses == [200]
    rig.clock.run_out()
    assert rig.events.failures == []
    assert rig.idle


def test_a_black_hole_for_tcp_falls_back_to_udp_in_time(rig: Rig) -> None:
    Call(rig, FIRST, long_request(), target_timeout_s=2.0)
    rig.clock.advance(2)
    assert rig.events.targets == [TCP_FIRST, FIRST]
    assert not rig.stack.tcp_works(FIRST.address)


def test_responses_are_what_was_parsed(rig: Rig) -> None:
    call = Call(rig, FIRST)
    call.answer(FIRST, 183)
    assert isinstance(rig.events.responses[0], Response)
    assert rig.events.responses[0].cseq == (7, "INVITE")
