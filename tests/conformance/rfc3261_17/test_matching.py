"""§17.1.3, §17.2.3, §18.1.2: what belongs to what."""

from collections.abc import Callable

import pytest

from tests.unit.sip.fake_wire import UDP_PEER, FakeFlow, Rig, incoming, outgoing
from trunkline.sip.message import Request, Response, response_to
from trunkline.sip.stack import ServerTransaction


def rejected(request: Request, transaction: ServerTransaction) -> None:
    transaction.respond(response_to(request, 486))


def altered(change: Callable[[Response], None]) -> list[int]:
    """What reaches the user of an OPTIONS when its answer is changed on the way."""
    rig = Rig()
    rig.stack.request(outgoing("OPTIONS"), UDP_PEER, rig.events)
    response = response_to(rig.flow().take_requests()[0], 200, to_tag="b")
    change(response)
    rig.receive(response, rig.flow())
    return rig.events.statuses


def via_unchanged(response: Response) -> None:
    assert len(response.vias) == 1


def via(text: str) -> Callable[[Response], None]:
    return lambda response: response.headers.set("via", text)


def test_17_1_3_branch_and_cseq_method_match() -> None:
    assert altered(via_unchanged) == [200]
    assert altered(lambda response: response.headers.set("call-id", "other")) == [200]


def test_17_1_3_another_branch_is_a_stray() -> None:
    assert altered(via("SIP/2.0/UDP 198.51.100.1:5060;branch=z9hG4bKother")) == []


def test_17_1_3_another_method_is_a_stray() -> None:
    assert altered(lambda response: response.headers.set("cseq", "7 INVITE")) == []


def test_18_1_2_another_sent_by_is_a_stray() -> None:
    rig = Rig()
    rig.stack.request(outgoing("OPTIONS"), UDP_PEER, rig.events)
    branch = rig.flow().take_requests()[0].top_via.branch
    assert altered(via(f"SIP/2.0/UDP 198.51.100.1:5060;branch={branch}")) == [200]
    assert altered(via(f"SIP/2.0/UDP 203.0.113.1:5060;branch={branch}")) == []
    assert altered(via(f"SIP/2.0/UDP 198.51.100.1:5070;branch={branch}")) == []


def test_8_1_3_3_two_vias_are_a_stray() -> None:
    assert altered(lambda response: response.headers.add("via", "SIP/2.0/UDP 192.0.2.1")) == []


def test_17_2_3_the_same_branch_from_another_sent_by_is_another_request(rig: Rig) -> None:
    flow = FakeFlow()
    rig.receive(incoming("OPTIONS", call_id="1"), flow)
    rig.receive(incoming("OPTIONS", call_id="2", via="SIP/2.0/UDP 192.0.2.99:5060"), flow)
    assert len(rig.user.requests) == 2


def test_17_2_3_the_same_branch_with_another_method_is_another_request(rig: Rig) -> None:
    flow = FakeFlow()
    rig.receive(incoming("OPTIONS"), flow)
    rig.receive(incoming("MESSAGE"), flow)
    assert len(rig.user.requests) == 2


def test_17_2_3_an_ack_matches_its_invite(rig: Rig) -> None:
    rig.user.answering = rejected
    flow = FakeFlow()
    rig.receive(incoming("INVITE"), flow)
    rig.receive(incoming("ACK", to_tag="whatever"), flow)
    flow.take()
    rig.clock.advance(4)
    assert flow.take() == []


@pytest.mark.parametrize("branch", [None, "1", "8bkmr1", "z9hG4b"])
def test_17_2_3_without_the_cookie_the_rules_of_rfc2543_hold(rig: Rig, branch: str | None) -> None:
    rig.user.answering = rejected
    flow = FakeFlow()
    rig.receive(incoming("INVITE", branch=branch), flow)
    rig.receive(incoming("INVITE", branch=branch), flow)
    first, second = flow.take_responses()
    assert first.to_bytes() == second.to_bytes()
    assert len(rig.user.requests) == 1
    rig.receive(incoming("INVITE", branch=branch, cseq=2), flow)
    rig.receive(incoming("INVITE", branch=branch, call_id="other"), flow)
    rig.receive(incoming("INVITE", branch=branch, uri="sip:carol@198.51.100.1", cseq=3), flow)
    assert len(rig.user.requests) == 4


def test_17_2_3_an_rfc2543_ack_matches_by_the_to_tag_of_our_response(rig: Rig) -> None:
    rig.user.answering = rejected
    flow = FakeFlow()
    rig.receive(incoming("INVITE", branch=None), flow)
    tag = flow.take_responses()[0].to_tag or ""
    rig.receive(incoming("ACK", branch=None, to_tag=tag + "x"), flow)
    assert len(rig.user.acks) == 1
    rig.clock.advance(0.5)
    assert flow.first_lines() == ["486"]
    rig.receive(incoming("ACK", branch=None, to_tag=tag), flow)
    rig.clock.advance(4)
    assert flow.take() == []
    assert len(rig.user.acks) == 1


def test_17_2_3_an_rfc2543_request_other_than_invite(rig: Rig) -> None:
    flow = FakeFlow()
    rig.receive(incoming("BYE", branch=None, to_tag="t"), flow)
    rig.receive(incoming("BYE", branch=None, to_tag="t"), flow)
    assert len(rig.user.requests) == 1
    rig.receive(incoming("BYE", branch=None, to_tag="u"), flow)
    assert len(rig.user.requests) == 2


def test_8_2_2_2_a_merged_request_is_answered_with_482(rig: Rig) -> None:
    flow = FakeFlow()
    rig.receive(incoming("INVITE"), flow)
    rig.receive(incoming("INVITE", branch="z9hG4bKfork", via="SIP/2.0/UDP 192.0.2.99:5060"), flow)
    assert flow.first_lines() == ["482"]
    assert len(rig.user.requests) == 1


def test_8_2_2_2_within_a_dialog_nothing_is_merged(rig: Rig) -> None:
    flow = FakeFlow()
    rig.receive(incoming("INVITE", to_tag="t"), flow)
    rig.receive(incoming("INVITE", to_tag="t", branch="z9hG4bKfork"), flow)
    assert len(rig.user.requests) == 2
