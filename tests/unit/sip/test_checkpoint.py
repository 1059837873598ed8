"""Dialogs that go on at another node."""

from dataclasses import replace

import pytest

from tests.simulation.phone import Phone, established
from tests.simulation.virtual_network import VirtualNetwork
from tests.unit.virtual_clock import FakeClock
from trunkline.sip.checkpoint import CSEQ_GAP, AnsweredElsewhere, DialogCheckpoint, FlowCheckpoint, LostFlow
from trunkline.sip.dialog import Dialog
from trunkline.sip.fronted import FrontedFlow, described, source_of
from trunkline.sip.ports import Address, Transport
from trunkline.sip.uri import SipUri
from trunkline.sip.usage import Usage, UsageState


class Pair:
    """Two phones in a call, and a third that takes the place of the first."""

    def __init__(self) -> None:
        self.clock = FakeClock()
        self.network = VirtualNetwork(self.clock)
        self.one, self.other, self.heir = (
            Phone(self.network, address) for address in ("10.0.0.1", "10.0.0.2", "10.0.0.3")
        )
        established(self.one, self.other, self.clock)

    def known(self) -> DialogCheckpoint:
        usage = self.one.the_usage
        flow = usage.dialog.flow
        assert flow is not None
        return DialogCheckpoint.of(usage, flow)

    def inherited(self) -> Usage:
        known = self.known()
        self.network.remove(self.one.host)
        usage = known.usage(self.heir.agent, None)
        assert self.heir.agent.dialogs == 0, "not before it is resumed"
        known.resume(usage)
        usage.events = self.heir
        return usage


def test_requests_go_both_ways_again() -> None:
    pair = Pair()
    before = pair.one.the_usage.dialog
    usage = pair.inherited()
    assert usage.state is UsageState.CONFIRMED
    assert usage.dialog.id == before.id
    assert usage.dialog.local_seq == before.local_seq + CSEQ_GAP
    assert usage.local_description == pair.one.the_usage.local_description
    usage.info("application/x", b"", pair.heir.note_answer, pair.heir.note_refusal)
    pair.clock.advance(1)
    assert pair.heir.events == ["answer 200 INFO"]
    usage.reinvite(b"v=0 again", pair.heir.note_answer, pair.heir.note_refusal)
    pair.clock.advance(1)
    assert pair.other.the_usage.dialog.remote_target.host == "10.0.0.3"
    pair.other.the_usage.bye()
    pair.clock.advance(1)
    assert pair.heir.events[-1] == "bye_received"
    pair.clock.advance(100)
    assert pair.heir.agent.dialogs == pair.other.agent.dialogs == 0


def test_the_session_is_timed_on() -> None:
    """RFC 4028: by whoever refreshed it."""
    pair = Pair()
    timer = pair.one.the_usage.session_timer
    usage = pair.inherited()
    assert (usage.session_timer.interval_s, usage.session_timer.refreshing) == (1800, timer.refreshing)
    pair.clock.advance(901)
    assert pair.network.sent("UPDATE")
    pair.network.remove(pair.other.host)
    pair.clock.advance(1800)
    assert pair.heir.events[-1].startswith("failed") or pair.heir.events[-1] == "expired"


def test_what_the_peer_allows_is_known() -> None:
    pair = Pair()
    assert pair.one.the_usage.peer_allows("UPDATE")
    allow = pair.known().allow
    assert allow is not None
    assert "UPDATE" in allow
    usage = pair.inherited()
    assert usage.peer_allows("UPDATE")
    assert not usage.peer_allows("PUBLISH")


@pytest.mark.parametrize("transport", [Transport.TCP, Transport.TLS])
def test_a_connection_is_gone_and_the_contact_is_the_way(transport: Transport) -> None:
    """By TLS alone for who had TLS: what the survivor sends holds the keys."""
    known = FlowCheckpoint(transport, "192.0.2.7", 40123, None)
    assert str(known) == f"{transport} 192.0.2.7:40123"
    flow = known.flow(Pair().heir.host)
    assert isinstance(flow, LostFlow)
    assert (flow.transport, flow.remote, flow.closed) == (transport, Address("192.0.2.7", 40123), True)
    flow.send(b"nothing")
    target = SipUri.parse("sip:phone@192.0.2.7:5070;transport=udp")
    dialog = Dialog(
        call_id="c",
        local_tag="a",
        remote_tag="b",
        local_name="",
        remote_name="",
        local_seq=1,
        remote_seq=1,
        remote_target=target,
        route_set=(),
        flow=flow,
        owns_call_id=True,
        secure=False,
    )
    by = "udp" if transport is Transport.TCP else "tls"
    assert dialog.next_hop() == SipUri.parse(f"sip:phone@192.0.2.7:5070;transport={by}")


def test_a_peer_that_only_opens_connections_ends_the_dialog_itself() -> None:
    """Nobody listens at its Contact: that alone ends nothing (RFC 3261 §8.1.3.1 makes it a 503)."""
    pair = Pair()
    known = replace(
        pair.known(),
        flow=FlowCheckpoint(Transport.TCP, "10.0.0.2", 40123, None),
        remote_target="sip:phone@10.0.0.99:40123;transport=tcp",
    )
    usage = known.usage(pair.heir.agent, None)
    known.resume(usage)
    usage.events = pair.heir
    usage.reinvite(b"v=0 again", pair.heir.note_answer, pair.heir.note_refusal)
    pair.clock.advance(100)
    assert pair.heir.events == ["refusal unreachable"]
    assert usage.state is UsageState.CONFIRMED
    pair.other.the_usage.dialog.remote_target = SipUri.parse("sip:10.0.0.3")
    pair.other.the_usage.dialog.flow = None
    pair.other.the_usage.bye()
    pair.clock.advance(100)
    assert pair.heir.events[-1] == "bye_received"


def test_a_front_stays_what_it_is() -> None:
    pair = Pair()
    way = pair.one.the_usage.dialog.flow
    assert way is not None
    known = FlowCheckpoint.of(FrontedFlow(way, Address("192.0.2.7", 5060), "TLS"))
    assert str(known) == "TLS 192.0.2.7:5060"
    flow = known.flow(pair.heir.host)
    assert (source_of(flow), described(flow)) == (Address("192.0.2.7", 5060), "TLS 192.0.2.7:5060")
    assert flow.remote == way.remote
    assert not flow.closed


def test_nothing_is_left_to_be_said_to_the_invite() -> None:
    pair = Pair()
    usage = pair.inherited()
    flow = usage.dialog.flow
    assert flow is not None
    invite = AnsweredElsewhere(usage)
    pair.network.packets.clear()
    invite.trying()
    invite.progress(183)
    invite.accept(body=b"v=0")
    invite.reject(486)
    invite.abandon(())
    assert (invite.pending, invite.answered_reliably, invite.flow) == (False, False, flow)
    assert not pair.network.packets
    usage.bye()
    pair.clock.advance(100)
