"""What the stack does with what it receives, and what it owes to a user who misbehaves."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from tests.unit.sip.fake_wire import (
    OURS,
    PEER,
    TCP_PEER,
    UDP_PEER,
    FakeEvents,
    FakeFlow,
    Rig,
    incoming,
    outgoing,
    respond_with,
)
from trunkline.sip.message import Request, Response, response_to
from trunkline.sip.parse import parse_message
from trunkline.sip.ports import Address, Flow, LocateFailure, Target, Transport
from trunkline.sip.stack import FlowFailure, FlowFailureKind, NextHop, ServerTransaction, StackLimits
from trunkline.sip.uri import SipUri

REFUSED = FlowFailure(FlowFailureKind.REFUSED, "ICMP port unreachable")


def screen_with(status: int) -> Callable[[Request, Flow], Response | None]:
    def screen(request: Request, flow: Flow) -> Response | None:
        return response_to(request, status)

    return screen


# requests


def test_a_fault_of_the_user_costs_one_request(rig: Rig) -> None:
    def fail(request: Request, transaction: ServerTransaction) -> None:
        raise RuntimeError("bug")

    rig.user.answering = fail
    flow = FakeFlow()
    with pytest.raises(RuntimeError, match="bug"):
        rig.receive(incoming("INVITE"), flow)
    assert flow.first_lines() == ["500"]


def test_a_new_request_reaches_the_user_once(rig: Rig) -> None:
    flow = FakeFlow()
    rig.receive(incoming("OPTIONS"), flow)
    rig.receive(incoming("OPTIONS"), flow)
    ((request, transaction),) = rig.user.requests
    assert (request.method, transaction.request, transaction.flow) == ("OPTIONS", request, flow)
    assert rig.stack.server_transactions == 1


def test_the_user_sees_where_the_request_came_from(rig: Rig) -> None:
    rig.receive(incoming("OPTIONS", via="SIP/2.0/UDP 10.1.1.1;rport"), FakeFlow())
    via = rig.user.requests[0][0].top_via
    assert (via.received, via.params["rport"]) == (PEER.host, str(PEER.port))


def test_silence_of_the_user_is_covered_by_a_100(rig: Rig) -> None:
    flow = FakeFlow()
    rig.receive(incoming("INVITE"), flow)
    assert flow.first_lines() == []
    rig.clock.advance(0.2)
    assert flow.first_lines() == ["100"]


def test_an_answer_within_the_call_arms_no_100(rig: Rig) -> None:
    rig.user.answering = respond_with(180)
    flow = FakeFlow()
    rig.receive(incoming("INVITE"), flow)
    rig.clock.advance(10)
    assert flow.first_lines() == ["180"]


def test_screened_requests_leave_nothing_behind(rig: Rig) -> None:
    rig.user.screening = screen_with(407)
    flow = FakeFlow()
    rig.receive(incoming("INVITE"), flow)
    rig.receive(incoming("INVITE"), flow)
    first, second = flow.take_responses()
    assert first.status == second.status == 407
    assert first.to_tag == second.to_tag is not None
    assert rig.user.requests == []
    assert rig.idle
    rig.receive(incoming("ACK", to_tag=first.to_tag or ""), flow)
    assert flow.take() == []
    assert rig.idle


@pytest.mark.parametrize(
    ("to", "length"), [("<sip:bob@198.51.100.1> ; Tag = t", 1), ('"a;tag=b" <sip:bob@198.51.100.1>', 16)]
)
def test_a_stateless_answer_has_one_tag(rig: Rig, to: str, length: int) -> None:
    rig.user.screening = screen_with(403)
    flow = FakeFlow()
    rig.receive(incoming("OPTIONS").replace(b"<sip:bob@198.51.100.1>", to.encode()), flow)
    (response,) = flow.take_responses()
    assert len(response.to_tag or "") == length


def test_ack_and_cancel_are_not_screened(rig: Rig) -> None:
    rig.user.screening = screen_with(403)
    flow = FakeFlow()
    rig.receive(incoming("ACK"), flow)
    rig.receive(incoming("CANCEL"), flow)
    assert len(rig.user.acks) == 1
    assert flow.first_lines() == ["481"]


def test_stateless_tags_differ_between_requests(rig: Rig) -> None:
    rig.user.screening = screen_with(407)
    flow = FakeFlow()
    for parts in ({}, {"cseq": 2}, {"call_id": "other"}, {"branch": "z9hG4bKother"}):
        rig.receive(incoming("INVITE", **parts), flow)
    tags = [response.to_tag for response in flow.take_responses()]
    assert len(set(tags)) == 4


def test_a_malformed_ack_of_a_dialog_is_dropped(rig: Rig) -> None:
    def read(request: Request, flow: Flow) -> None:
        assert request.contact is None

    rig.user.ack_received = read  # type: ignore[method-assign]
    rig.receive(incoming("ACK", extra="Contact: <sip:x\n"), FakeFlow())


# overload


def flood(rig: Rig, method: str, count: int, to_tag: str = "") -> list[int]:
    """Send `count` different requests, and return what was answered at once."""
    flow = FakeFlow()
    for number in range(count):
        call = f"{method}{number}"
        rig.receive(incoming(method, branch=f"z9hG4bK{call}", call_id=call, to_tag=to_tag), flow)
    return [response.status for response in flow.take_responses()]


def test_overflow_is_answered_without_state() -> None:
    rig = Rig(limits=StackLimits(server_transactions=4, retry_after_s=7))
    assert flood(rig, "INVITE", 4) == []
    flow = FakeFlow()
    rig.receive(incoming("INVITE"), flow)
    (response,) = flow.take_responses()
    assert (response.status, response.headers.get("retry-after")) == (503, "7")
    assert rig.stack.server_transactions == 4
    assert len(rig.user.requests) == 4


def test_requests_within_dialogs_have_a_quarter_more_room() -> None:
    rig = Rig(limits=StackLimits(server_transactions=4))
    assert flood(rig, "INVITE", 4) == []
    assert flood(rig, "BYE", 2, to_tag="t") == [503]


def test_requests_that_anybody_may_send_leave_room_for_calls() -> None:
    rig = Rig(limits=StackLimits(server_transactions=4))
    assert flood(rig, "OPTIONS", 3) == [503]
    assert flood(rig, "INVITE", 3) == [503]
    assert rig.stack.server_transactions == 4


def test_a_known_request_is_served_in_overload() -> None:
    rig = Rig(limits=StackLimits(server_transactions=2))
    rig.user.answering = respond_with(200)
    flow = FakeFlow()
    rig.receive(incoming("OPTIONS"), flow)
    rig.receive(incoming("OPTIONS"), flow)
    assert flow.first_lines() == ["200", "200"]


def test_a_cancel_works_in_overload() -> None:
    rig = Rig(limits=StackLimits(server_transactions=1))
    flow = FakeFlow()
    rig.receive(incoming("INVITE"), flow)
    rig.receive(incoming("CANCEL"), flow)
    assert flow.first_lines() == ["200"]
    assert len(rig.user.cancelled) == 1
    assert rig.stack.server_transactions == 1


# loops


def test_a_request_of_ours_that_comes_back_is_answered_with_482(rig: Rig) -> None:
    rig.stack.request(outgoing("INVITE", "sip:bob@198.51.100.1"), UDP_PEER, rig.events)
    data = rig.flow().sent[0]
    back = FakeFlow(remote=OURS)
    rig.receive(data, back)
    assert back.first_lines() == ["482"]
    assert rig.user.requests == []


def test_a_request_of_ours_that_comes_back_changed_is_a_spiral(rig: Rig) -> None:
    rig.stack.request(outgoing("INVITE", "sip:bob@198.51.100.1"), UDP_PEER, rig.events)
    data = rig.flow().sent[0].replace(b"INVITE sip:bob@", b"INVITE sip:carol@")
    rig.receive(data, FakeFlow(remote=OURS))
    assert len(rig.user.requests) == 1


def test_a_merged_request_is_answered_with_482(rig: Rig) -> None:
    flow = FakeFlow()
    rig.receive(incoming("INVITE"), flow)
    rig.receive(incoming("INVITE", branch="z9hG4bKother"), flow)
    assert flow.first_lines() == ["482"]
    assert len(rig.user.requests) == 1


def test_the_same_call_again_after_a_503_is_not_merged(rig: Rig) -> None:
    rig.user.answering = respond_with(503)
    flow = FakeFlow()
    rig.receive(incoming("INVITE"), flow)
    rig.receive(incoming("INVITE", branch="z9hG4bKnext"), flow)
    assert flow.first_lines() == ["503", "503"]


def test_the_same_call_again_after_a_200_is_merged(rig: Rig) -> None:
    rig.user.answering = respond_with(200)
    flow = FakeFlow()
    rig.receive(incoming("INVITE"), flow)
    rig.receive(incoming("INVITE", branch="z9hG4bKnext"), flow)
    assert flow.first_lines() == ["200", "482"]


# CANCEL


def test_cancel_reaches_the_user_once_and_is_answered_with_the_invites_tag(rig: Rig) -> None:
    flow = FakeFlow()
    rig.receive(incoming("INVITE"), flow)
    invite = rig.user.requests[0][1]
    invite.respond(response_to(invite.request, 180, to_tag="mine"))
    rig.receive(incoming("CANCEL"), flow)
    rig.receive(incoming("CANCEL"), flow)
    responses = flow.take_responses()
    assert [(one.status, one.cseq.method, one.to_tag) for one in responses] == [
        (180, "INVITE", "mine"),
        (200, "CANCEL", "mine"),
        (200, "CANCEL", "mine"),
    ]
    assert rig.user.cancelled == [invite]


def test_the_487_carries_the_tag_that_the_cancel_was_answered_with(rig: Rig) -> None:
    flow = FakeFlow()
    rig.receive(incoming("INVITE"), flow)
    rig.receive(incoming("CANCEL"), flow)
    invite = rig.user.requests[0][1]
    invite.respond(response_to(invite.request, 487))
    ok, terminated = flow.take_responses()
    assert (ok.status, terminated.status) == (200, 487)
    assert ok.to_tag == terminated.to_tag is not None


@pytest.mark.parametrize("status", [200, 486])
def test_cancel_after_a_final_response_changes_nothing(rig: Rig, status: int) -> None:
    rig.user.answering = respond_with(status)
    flow = FakeFlow()
    rig.receive(incoming("INVITE"), flow)
    flow.take()
    rig.receive(incoming("CANCEL"), flow)
    assert flow.first_lines() == ["200"]
    assert rig.user.cancelled == []


@pytest.mark.parametrize("branch", ["z9hG4bKother", None])
def test_cancel_of_nothing_is_answered_with_481_without_state(rig: Rig, branch: str | None) -> None:
    flow = FakeFlow()
    rig.receive(incoming("INVITE"), flow)
    rig.receive(incoming("CANCEL", branch=branch), flow)
    assert flow.first_lines() == ["481"]
    assert rig.stack.server_transactions == 1
    assert rig.user.cancelled == []


# ACK


def test_ack_of_a_rejection_stays_below_the_user(rig: Rig) -> None:
    rig.user.answering = respond_with(486)
    flow = FakeFlow()
    rig.receive(incoming("INVITE"), flow)
    (response,) = flow.take_responses()
    rig.receive(incoming("ACK", to_tag=response.to_tag or ""), flow)
    rig.clock.advance(4)
    assert flow.take() == []
    assert rig.user.acks == []


def test_ack_of_a_2xx_reaches_the_user(rig: Rig) -> None:
    rig.user.answering = respond_with(200)
    flow = FakeFlow()
    rig.receive(incoming("INVITE"), flow)
    rig.receive(incoming("ACK", branch="z9hG4bKnew", to_tag="t"), flow)
    rig.receive(incoming("ACK", to_tag="t"), flow)
    assert len(rig.user.acks) == 2


@pytest.mark.parametrize("branch", [None, "1", "z9hG4bK", "Z9HG4BK"])
def test_rfc2543_rejection_is_acknowledged_by_to_tag(rig: Rig, branch: str | None) -> None:
    rig.user.answering = respond_with(486)
    flow = FakeFlow()
    rig.receive(incoming("INVITE", branch=branch), flow)
    (response,) = flow.take_responses()
    rig.receive(incoming("ACK", branch=branch, to_tag=response.to_tag or ""), flow)
    rig.clock.advance(4)
    assert flow.take() == []
    rig.clock.advance(1)
    assert rig.idle


def test_requests_whose_branch_is_the_bare_cookie_are_told_apart(rig: Rig) -> None:
    """RFC 4475 §3.2.1: such a branch names no transaction."""
    rig.user.answering = respond_with(200)
    flow = FakeFlow()
    for number in (1, 2, 2):
        rig.receive(incoming("REGISTER", branch="z9hG4bK", cseq=number), flow)
    assert [response.cseq.number for response in flow.take_responses()] == [1, 2, 2]
    assert len(rig.user.requests) == 2


# responses


def test_a_stray_response_is_dropped(rig: Rig) -> None:
    rig.stack.request(outgoing("OPTIONS"), UDP_PEER, rig.events)
    request = rig.flow().take_requests()[0]
    response = response_to(request, 200, to_tag="b")
    response.headers.set("via", f"SIP/2.0/UDP {OURS};branch=z9hG4bKnobody")
    rig.receive(response, rig.flow())
    assert rig.events.responses == []


def test_a_response_may_come_on_another_flow(rig: Rig) -> None:
    rig.stack.request(outgoing("OPTIONS"), UDP_PEER, rig.events)
    request = rig.flow().take_requests()[0]
    rig.receive(response_to(request, 200, to_tag="b"), FakeFlow(remote=Address("192.0.2.77", 9)))
    assert rig.events.statuses == [200]


def test_a_response_with_a_second_via_is_dropped(rig: Rig) -> None:
    rig.stack.request(outgoing("OPTIONS"), UDP_PEER, rig.events)
    request = rig.flow().take_requests()[0]
    response = response_to(request, 200, to_tag="b")
    response.headers.add("via", "SIP/2.0/UDP 203.0.113.9;branch=z9hG4bKx")
    rig.receive(response, rig.flow())
    assert rig.events.responses == []


# the way back


def test_a_response_finds_a_new_connection_when_the_old_one_has_closed(rig: Rig) -> None:
    flow = FakeFlow(Transport.TCP, Address("192.0.2.10", 40000))
    rig.receive(incoming("INVITE", via="SIP/2.0/TCP 192.0.2.10:5070"), flow)
    transaction = rig.user.requests[0][1]
    transaction.respond(response_to(transaction.request, 180))
    assert flow.first_lines() == ["180"]
    flow.closed = True
    transaction.respond(response_to(transaction.request, 200))
    back = Target(Transport.TCP, Address("192.0.2.10", 5070))
    assert rig.flow(back).first_lines() == ["200"]
    transaction.respond(response_to(transaction.request, 200))
    assert rig.flow(back).first_lines() == ["200"]
    assert rig.connector.asked == [back]


def test_nothing_is_sent_to_a_source_that_cannot_be_one(rig: Rig) -> None:
    rig.user.answering = respond_with(200)
    for host, port in (("255.255.255.255", 5060), ("224.0.1.75", 5060), ("192.0.2.10", 0)):
        flow = FakeFlow(remote=Address(host, port))
        rig.receive(incoming("OPTIONS", branch=f"z9hG4bK{host}", via="SIP/2.0/UDP 192.0.2.9;rport"), flow)
        rig.receive(incoming("OPTIONS", uri="xx:y", via="SIP/2.0/UDP 192.0.2.9;rport"), flow)
        assert flow.take() == []
    assert rig.connector.flows == {}


# failures and the rest


def test_failed_flows_and_targets_fail_their_requests(rig: Rig) -> None:
    others = FakeEvents()
    rig.stack.request(outgoing("OPTIONS"), UDP_PEER, rig.events)
    rig.stack.request(outgoing("OPTIONS"), TCP_PEER, others)
    rig.stack.flow_failed(rig.flow(), REFUSED)
    assert [failure.kind for failure in rig.events.failures] == ["unreachable"]
    assert others.failures == []
    rig.stack.flow_failed(TCP_PEER, FlowFailure(FlowFailureKind.TLS, "no"))
    assert [failure.kind for failure in others.failures] == ["tls"]


def test_icmp_is_believed_that_quotes_what_was_sent(rig: Rig) -> None:
    """Anybody can send it, about any two addresses and ports; nobody else knows the branch."""
    others = FakeEvents()
    rig.stack.request(outgoing("INVITE"), UDP_PEER, rig.events)
    rig.stack.request(outgoing("OPTIONS"), UDP_PEER, others)
    sent = rig.flow().take()[0]
    forged = sent.replace(b"z9hG4bK", b"z9hG4bL")
    for quoted in (b"", forged, sent[: sent.index(b"branch=")]):
        rig.stack.flow_failed(rig.flow(), replace(REFUSED, quoted=quoted))
    assert rig.events.failures == others.failures == []
    rig.stack.flow_failed(rig.flow(), replace(REFUSED, quoted=sent[:500]))
    assert [one.kind for one in (*rig.events.failures, *others.failures)] == ["unreachable"] * 2


def test_server_transactions_survive_the_failure_of_their_flow(rig: Rig) -> None:
    flow = FakeFlow()
    rig.receive(incoming("INVITE"), flow)
    rig.stack.flow_failed(flow, REFUSED)
    transaction = rig.user.requests[0][1]
    transaction.respond(response_to(transaction.request, 180))
    assert flow.first_lines() == ["180"]


def test_the_observer_sees_both_ways(rig: Rig) -> None:
    rig.user.answering = respond_with(200)
    rig.receive(incoming("OPTIONS"), FakeFlow())
    rig.receive(b"rubbish", FakeFlow())
    rig.receive(incoming("OPTIONS", uri="xx:y"), FakeFlow())
    assert rig.observer.log == [
        ("in", "OPTIONS", "call-9"),
        ("out", "SIP/2.0", "call-9"),
        ("in", "rubbish", ""),
        ("in", "OPTIONS", "call-9"),
        ("out", "SIP/2.0", "call-9"),
    ]


@pytest.mark.parametrize("hop", ["uri", "target", "targets", "flow"])
def test_send_ack_goes_out_once_with_a_via_of_its_own(rig: Rig, hop: str) -> None:
    rig.locator.names["example.com"] = [UDP_PEER]
    flow = rig.connector.flow_to(UDP_PEER)
    hops: dict[str, NextHop] = {
        "uri": SipUri.parse("sip:example.com"),
        "target": UDP_PEER,
        "targets": [UDP_PEER],
        "flow": flow,
    }
    rig.stack.send_ack(outgoing("ACK"), hops[hop])
    (ack,) = rig.flow().take_requests()
    assert (ack.method, len(ack.vias)) == ("ACK", 1)
    assert (ack.top_via.branch or "").startswith("z9hG4bK")
    assert rig.idle


def test_send_ack_to_nowhere_is_silent(rig: Rig) -> None:
    rig.locator.names["example.com"] = LocateFailure("NXDOMAIN")
    rig.stack.send_ack(outgoing("ACK"), SipUri.parse("sip:example.com"))
    rig.stack.send_ack(outgoing("ACK"), [])
    assert rig.connector.flows == {}


def test_everything_is_forgotten_in_the_end(rig: Rig) -> None:
    rig.user.answering = respond_with(486)
    flow = FakeFlow()
    rig.receive(incoming("INVITE"), flow)
    rig.receive(incoming("OPTIONS", branch="z9hG4bK2", call_id="2"), flow)
    rig.receive(incoming("CANCEL"), flow)
    rig.stack.request(outgoing("INVITE"), UDP_PEER, rig.events)
    rig.stack.request(outgoing("OPTIONS"), UDP_PEER, rig.events)
    rig.clock.run_out()
    assert rig.idle


def test_the_parser_is_the_only_reader_of_bytes(rig: Rig) -> None:
    """A message that the parser takes is never refused by the stack itself."""
    data = incoming("FOO", extra="X-Odd: \xff\xfe\n")
    assert isinstance(parse_message(data), Request)
    rig.receive(data, FakeFlow())
    assert rig.user.requests[0][0].method == "FOO"
