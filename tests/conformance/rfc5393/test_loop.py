"""§4.2: the two parts of a branch, loops and spirals."""

import pytest

from tests.unit.sip.fake_wire import OURS, UDP_PEER, FakeEvents, FakeFlow, Rig, outgoing
from trunkline.sip.message import Request, response_to
from trunkline.sip.parse import parse_message

URI = "sip:bob@example.com"


def sent(rig: Rig, method: str = "INVITE", uri: str = URI) -> Request:
    rig.stack.request(outgoing(method, uri), UDP_PEER, FakeEvents())
    request = parse_message(rig.flow().take()[-1])
    assert isinstance(request, Request)
    return request


def second_part(request: Request) -> str:
    return (request.top_via.branch or "").rpartition("-l")[2]


def through_proxies(request: Request, count: int) -> Request:
    """The request as it returns after `count` proxies, each with its Via on top."""
    for number in range(count):
        request.headers.prepend(
            "via", f'SIP/2.0/UDP p{number}.example.com;branch=z9hG4bKp{number};odd="a,b";flag'
        )
    return request


def test_4_2_1_the_first_part_is_unique(rig: Rig) -> None:
    assert sent(rig).top_via.branch != sent(rig).top_via.branch


def test_4_2_1_the_second_part_varies_with_the_request_uri(rig: Rig) -> None:
    assert second_part(sent(rig)) == second_part(sent(rig))
    assert second_part(sent(rig)) != second_part(sent(rig, uri="sip:carol@example.com"))


def test_4_2_1_the_second_part_does_not_vary_with_the_method(rig: Rig) -> None:
    assert second_part(sent(rig, "INVITE")) == second_part(sent(rig, "OPTIONS"))


def test_4_2_1_ack_and_cancel_share_the_branch(rig: Rig) -> None:
    sending = rig.stack.request(outgoing(), UDP_PEER, FakeEvents())
    (invite,) = rig.flow().take_requests()
    rig.receive(response_to(invite, 180, to_tag="b"), rig.flow())
    sending.cancel()
    rig.receive(response_to(invite, 487, to_tag="b"), rig.flow())
    cancel, ack = rig.flow().take_requests()
    assert invite.top_via.branch == cancel.top_via.branch == ack.top_via.branch


@pytest.mark.parametrize("proxies", [0, 1, 5, 60])
def test_4_2_2_a_loop_is_answered_with_482(rig: Rig, proxies: int) -> None:
    flow = FakeFlow(remote=OURS)
    request = through_proxies(sent(rig), proxies)
    request.headers.prepend("via", f"SIP/2.0/UDP {OURS.host}:5099;rport;branch=z9hG4bKlast")
    rig.receive(request, flow)
    assert flow.first_lines() == ["482"]
    assert rig.user.requests == []


@pytest.mark.parametrize("proxies", [0, 1, 5])
def test_4_2_2_a_spiral_passes(rig: Rig, proxies: int) -> None:
    request = through_proxies(sent(rig), proxies)
    rig.receive(Request("INVITE", "sip:carol@example.com", request.headers), FakeFlow())
    assert len(rig.user.requests) == 1


def test_4_2_2_somebody_elses_via_proves_nothing(rig: Rig) -> None:
    request = sent(rig)
    foreign = (request.headers.get("via") or "").replace(OURS.host, "203.0.113.77")
    request.headers.set("via", foreign)
    rig.receive(request, FakeFlow())
    assert len(rig.user.requests) == 1


def test_4_2_2_a_fingerprint_cannot_be_made_without_the_secret(rig: Rig) -> None:
    request = sent(rig)
    request.headers.set("via", f"SIP/2.0/UDP {OURS};branch=z9hG4bKx-l0123456789")
    rig.receive(request, FakeFlow())
    assert len(rig.user.requests) == 1


def test_a_loop_costs_one_transaction_and_no_more(rig: Rig) -> None:
    flow = FakeFlow(remote=OURS)
    request = sent(rig)
    for _ in range(3):
        rig.receive(request, flow)
    assert rig.stack.server_transactions == 1
    assert flow.first_lines() == ["482"] * 3
