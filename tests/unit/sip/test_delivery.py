"""What a request is sent as, where it goes, the walk over targets, and what its user hears of it."""

import pytest

from tests.unit.sip.delivery_call import CLOSED, FIRST, NAME, REFUSED, SECOND, THIRD, Call, kinds
from tests.unit.sip.fake_wire import OURS, PEER, TCP_PEER, UDP_PEER, FakeFlow, Rig, outgoing
from trunkline.sip.delivery import NextHop
from trunkline.sip.errors import SipBuildError
from trunkline.sip.failures import FlowFailure, FlowFailureKind, RequestFailureKind
from trunkline.sip.message import Request, Response
from trunkline.sip.outgoing import ContactSpec
from trunkline.sip.ports import LocateFailure, Transport

# where nothing may be sent


@pytest.mark.parametrize("next_hop", [FIRST, [FIRST, SECOND], UDP_PEER])
def test_nothing_is_sent_to_barred_addresses(rig: Rig, next_hop: NextHop) -> None:
    barred = {FIRST.address, SECOND.address, UDP_PEER.address}
    Call(rig, rig.connector.flow_to(UDP_PEER) if next_hop is UDP_PEER else next_hop, barred=barred)
    assert rig.events.failures == []
    rig.clock.advance(0)
    assert kinds(rig.events) == ["barred"]
    assert rig.events.targets == []
    assert rig.idle


def test_the_detail_says_where_it_would_have_gone(rig: Rig) -> None:
    Call(rig, THIRD, barred={THIRD.address})
    rig.clock.advance(0)
    assert str(rig.events.failures[0]) == "barred: TLS 192.0.2.3:5061"


def test_barred_targets_of_a_name_are_left_out(rig: Rig) -> None:
    call = Call(rig, [FIRST, SECOND, THIRD], barred={FIRST.address, THIRD.address})
    assert rig.events.targets == [SECOND]
    call.fail(SECOND)
    assert kinds(rig.events) == ["unreachable"]


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
    assert "rport" in via.params
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


@pytest.mark.parametrize("method", ["INVITE", "OPTIONS"])
def test_the_connection_to_the_last_target_is_replaced_once(rig: Rig, method: str) -> None:
    """It had been open: the peer has started anew, or something in between has forgotten it. The branch is
    the same, should the request have arrived after all (RFC 3261 §17.2.3).
    """
    over_tcp = SECOND._replace(transport=Transport.TCP)
    call = Call(rig, [FIRST, over_tcp], outgoing(method))
    call.fail(FIRST)
    call.fail(over_tcp, CLOSED)
    first, again = rig.flow(over_tcp).take_requests()
    assert again.top_via.branch == first.top_via.branch
    assert (rig.events.targets, kinds(rig.events)) == ([FIRST, over_tcp], [])
    call.fail(over_tcp, CLOSED)
    assert kinds(rig.events) == ["unreachable"]


@pytest.mark.parametrize("failure", [REFUSED, FlowFailure(FlowFailureKind.TIMEOUT)])
def test_a_connection_that_can_not_be_had_is_not_asked_for_twice(rig: Rig, failure: FlowFailure) -> None:
    over_tcp = FIRST._replace(transport=Transport.TCP)
    call = Call(rig, over_tcp)
    call.fail(over_tcp, failure)
    assert kinds(rig.events) == ["unreachable"]


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


def test_responses_are_what_was_parsed(rig: Rig) -> None:
    call = Call(rig, FIRST)
    call.answer(FIRST, 183)
    assert isinstance(rig.events.responses[0], Response)
    assert rig.events.responses[0].cseq == (7, "INVITE")
