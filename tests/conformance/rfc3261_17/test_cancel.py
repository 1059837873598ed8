"""§9: CANCEL, from both ends."""

import pytest

from tests.unit.sip.fake_wire import TCP_PEER, UDP_PEER, FakeFlow, Rig, incoming, outgoing
from trunkline.sip.message import response_to
from trunkline.sip.ports import Target


@pytest.mark.parametrize("target", [UDP_PEER, TCP_PEER])
def test_9_1_what_a_cancel_consists_of(rig: Rig, target: Target) -> None:
    extra = [
        ("Route", "<sip:p1.example.com;lr>"),
        ("Require", "100rel"),
        ("Proxy-Require", "foo"),
        ("Proxy-Authorization", 'Digest username="u"'),
    ]
    sending = rig.stack.request(outgoing("INVITE", "sip:bob@example.com", *extra), target, rig.events)
    (invite,) = rig.flow(target).take_requests()
    rig.receive(response_to(invite, 180, to_tag="b"), rig.flow(target))
    sending.cancel()
    (cancel,) = rig.flow(target).take_requests()
    assert cancel.uri_text == invite.uri_text
    for name in ("call-id", "from", "to", "via", "route"):
        assert cancel.headers.all(name) == invite.headers.all(name), name
    assert cancel.to_tag is None
    assert cancel.cseq == (invite.cseq.number, "CANCEL")
    assert "require" not in cancel.headers
    assert "proxy-require" not in cancel.headers
    assert cancel.body == b""


def test_9_1_no_cancel_before_a_provisional(rig: Rig) -> None:
    sending = rig.stack.request(outgoing(), UDP_PEER, rig.events)
    (invite,) = rig.flow().take_requests()
    sending.cancel()
    rig.clock.advance(1)
    assert set(rig.flow().first_lines()) == {"INVITE"}
    rig.receive(response_to(invite, 100), rig.flow())
    assert rig.flow().first_lines() == ["CANCEL"]


@pytest.mark.parametrize("status", [200, 486])
def test_9_1_no_cancel_after_a_final_response(rig: Rig, status: int) -> None:
    sending = rig.stack.request(outgoing(), UDP_PEER, rig.events)
    (invite,) = rig.flow().take_requests()
    sending.cancel()
    rig.receive(response_to(invite, status, to_tag="b"), rig.flow())
    assert "CANCEL" not in rig.flow().first_lines()
    assert rig.events.statuses == [status]


def test_9_1_the_cancel_is_a_transaction_of_its_own(rig: Rig) -> None:
    sending = rig.stack.request(outgoing(), UDP_PEER, rig.events)
    (invite,) = rig.flow().take_requests()
    rig.receive(response_to(invite, 180, to_tag="b"), rig.flow())
    sending.cancel()
    rig.clock.advance(1.6)
    cancels = rig.flow().take_requests()
    assert [cancel.method for cancel in cancels] == ["CANCEL"] * 3
    rig.receive(response_to(cancels[0], 200, to_tag="b"), rig.flow())
    rig.clock.advance(3)
    assert rig.flow().take() == []
    assert rig.events.statuses == [180]
    rig.receive(response_to(invite, 487, to_tag="b"), rig.flow())
    assert rig.flow().first_lines() == ["ACK"]
    assert rig.events.statuses == [180, 487]


def test_9_1_without_a_final_response_the_invite_ends_after_64_t1(rig: Rig) -> None:
    sending = rig.stack.request(outgoing(), UDP_PEER, rig.events)
    (invite,) = rig.flow().take_requests()
    rig.receive(response_to(invite, 180, to_tag="b"), rig.flow())
    sending.cancel()
    rig.clock.advance(32)
    assert [failure.kind for failure in rig.events.failures] == ["no-final"]
    assert rig.idle


def test_9_2_200_to_the_cancel_and_487_to_the_invite_with_one_tag(rig: Rig) -> None:
    flow = FakeFlow()
    rig.receive(incoming("INVITE"), flow)
    rig.receive(incoming("CANCEL"), flow)
    (invite,) = rig.user.cancelled
    invite.respond(response_to(invite.request, 487))
    ok, terminated = flow.take_responses()
    assert (ok.status, ok.cseq.method) == (200, "CANCEL")
    assert (terminated.status, terminated.cseq.method) == (487, "INVITE")
    assert ok.to_tag == terminated.to_tag


def test_9_2_a_cancel_without_its_invite_gets_481(rig: Rig) -> None:
    flow = FakeFlow()
    rig.receive(incoming("CANCEL"), flow)
    assert flow.first_lines() == ["481"]
    assert rig.user.cancelled == []


@pytest.mark.parametrize("status", [200, 486])
def test_9_2_a_cancel_after_the_final_response_has_no_effect(rig: Rig, status: int) -> None:
    flow = FakeFlow()
    rig.receive(incoming("INVITE"), flow)
    transaction = rig.user.requests[0][1]
    transaction.respond(response_to(transaction.request, status))
    rig.receive(incoming("CANCEL"), flow)
    assert flow.first_lines() == [str(status), "200"]
    assert rig.user.cancelled == []


def test_9_2_a_cancel_of_another_method_gets_481(rig: Rig) -> None:
    flow = FakeFlow()
    rig.receive(incoming("OPTIONS"), flow)
    rig.receive(incoming("CANCEL"), flow)
    assert flow.first_lines() == ["481"]


def test_9_2_a_cancel_is_never_challenged(rig: Rig) -> None:
    flow = FakeFlow()
    rig.receive(incoming("INVITE"), flow)
    rig.user.screening = lambda request, _: response_to(request, 407)
    rig.receive(incoming("CANCEL"), flow)
    assert flow.first_lines() == ["200"]
