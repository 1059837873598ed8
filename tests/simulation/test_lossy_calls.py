"""Calls between two user agents over bad networks: they come up, end, and leave nothing behind, whatever the
seed.
"""

import pytest

from tests.simulation.phone import ANSWER, OFFER, Phone, assert_nothing_left
from tests.simulation.virtual_network import LinkQuality, VirtualNetwork
from tests.unit.virtual_clock import FakeClock
from trunkline.sip.incoming_invite import IncomingInvite
from trunkline.sip.usage import UsageState

BAD = LinkQuality(loss=0.2, duplication=0.1, delay_s=0.02, jitter_s=0.4)
"""A fifth lost, a tenth doubled, and jitter of almost T1, so that retransmissions overtake each other."""
BRANCHES = 150
TIMEOUT_S = 32.0


class World:
    """Two phones on a network with a seed."""

    def __init__(self, seed: int, quality: LinkQuality = BAD) -> None:
        self.clock = FakeClock()
        self.network = VirtualNetwork(self.clock, seed, quality)
        self.caller = Phone(self.network, "10.0.0.1")
        self.callee = Phone(self.network, "10.0.0.2")

    def advance_until(self, what: str, phone: Phone, limit_s: float) -> bool:
        """Let time pass until `phone` has seen that event; False when it hasn't within the limit."""
        end = self.clock.now() + limit_s
        while what not in phone.events and self.clock.now() < end:
            self.clock.advance(0.1)
        return what in phone.events

    def finish(self) -> None:
        assert_nothing_left(self.clock, self.caller, self.callee)


def ring_reliably_then_answer(phone: Phone, invite: IncomingInvite) -> None:
    """A 183 with the answer, acknowledged by PRACK, and the 200 as soon as it may go."""
    invite.progress(183, body=ANSWER)
    clock = phone.agent.clock
    clock.at(clock.now() + 1, lambda: invite.accept(body=ANSWER))


@pytest.mark.parametrize("seed", range(BRANCHES))
def test_call_set_up_and_ended_by_the_caller(seed: int) -> None:
    world = World(seed)
    invite = world.caller.call(world.callee.uri)
    assert world.advance_until("answered", world.caller, 2 * TIMEOUT_S), world.network.summaries()
    assert world.advance_until("acknowledged", world.callee, TIMEOUT_S)
    invite.cancel()
    assert world.advance_until("bye_received", world.callee, TIMEOUT_S)
    assert world.callee.events.count("invite_received") == 1
    assert world.callee.events.count("acknowledged") == 1
    assert world.callee.events.count("bye_received") == 1
    assert world.caller.events.count("answered") == 1
    world.finish()


@pytest.mark.parametrize("seed", range(BRANCHES))
def test_call_ended_by_the_callee_at_once(seed: int) -> None:
    """The callee hangs up right after its 200: the BYE waits for the ACK."""
    world = World(seed)
    world.caller.call(world.callee.uri)
    assert world.advance_until("invite_received", world.callee, TIMEOUT_S)
    world.advance_until("answered", world.caller, 2 * TIMEOUT_S)
    world.callee.the_usage.bye()
    assert world.advance_until("bye_received", world.caller, 2 * TIMEOUT_S)
    assert world.callee.the_usage.state is UsageState.TERMINATED
    world.finish()


@pytest.mark.parametrize("seed", range(BRANCHES))
def test_call_with_reliable_early_media(seed: int) -> None:
    world = World(seed)
    world.callee.on_invite = ring_reliably_then_answer
    invite = world.caller.call(world.callee.uri)
    assert world.advance_until("answered", world.caller, 2 * TIMEOUT_S), world.network.summaries()
    assert world.caller.events.count("progressed 183") == 1
    assert world.caller.responses[-1].body == b""
    world.advance_until("acknowledged", world.callee, TIMEOUT_S)
    invite.cancel()
    assert world.advance_until("bye_received", world.callee, TIMEOUT_S)
    world.finish()


@pytest.mark.parametrize("seed", range(BRANCHES))
def test_cancel_at_any_moment(seed: int) -> None:
    """The CANCEL meets the 180, the 200 or both: in the end both sides agree that there is no call."""
    world = World(seed)
    invite = world.caller.call(world.callee.uri)
    world.clock.advance(0.02 * seed)
    invite.cancel()
    world.clock.advance(100)
    assert world.callee.usage is None or world.callee.usage.state is UsageState.TERMINATED
    if "late_answer" in world.caller.events:
        assert "bye_received" in world.callee.events
    world.finish()


@pytest.mark.parametrize("seed", range(BRANCHES))
def test_offers_from_both_sides_at_once(seed: int) -> None:
    """Glare, on a bad network: each offer is answered in the end, and no call is lost over it."""
    world = World(seed)
    invite = world.caller.call(world.callee.uri)
    assert world.advance_until("acknowledged", world.callee, 3 * TIMEOUT_S)
    assert world.advance_until("answered", world.caller, 1)
    for phone in (world.caller, world.callee):
        phone.the_usage.reinvite(OFFER, phone.note_answer, phone.note_refusal)
    for phone in (world.caller, world.callee):
        assert world.advance_until("answer 200 INVITE", phone, 4 * TIMEOUT_S), phone.events
    invite.cancel()
    assert world.advance_until("bye_received", world.callee, 2 * TIMEOUT_S)
    world.finish()


def test_the_bad_network_is_as_bad_as_it_says() -> None:
    """The meter of the tests above: a fifth of what is sent is lost, and something is doubled and
    overtaken.
    """
    lost = sent = 0
    for seed in range(20):
        world = World(seed)
        world.caller.call(world.callee.uri)
        world.clock.advance(60)
        sent += len(world.network.packets)
        lost += sum(packet.lost for packet in world.network.packets)
    assert 0.15 < lost / sent < 0.25
