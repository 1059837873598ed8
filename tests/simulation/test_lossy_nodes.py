"""Two whole nodes on a bad network: whatever happens to the packets, no call is lost without a verdict,
both ends
agree on what became of it, and in the end nothing is left.

    caller ── node A (outbound) ── node B (inbound) ── callee

Node B knows node A as a carrier. Every seed places a handful of calls at once; the callee and both ends'
people
behave by the same seed.
"""

import random
from collections.abc import Callable
from ipaddress import ip_network

import pytest

from tests.simulation.descriptions import audio
from tests.simulation.phone import Phone
from tests.simulation.virtual_network import LinkQuality, VirtualNetwork
from tests.simulation.world import (
    DOMAIN,
    KEY,
    SECRET,
    SETTINGS,
    SimulatedNode,
    answering,
    credential,
    follow_offer,
)
from tests.unit.trunk.entities import table
from tests.unit.virtual_clock import FakeClock
from trunkline.call.record import CallRecord, Party
from trunkline.media.fake_network import FakeNetwork
from trunkline.sip.failures import RequestFailure
from trunkline.sip.incoming_invite import IncomingInvite
from trunkline.sip.message import Request, Response
from trunkline.sip.name_addr import NameAddr
from trunkline.sip.outbound_auth import DigestUser
from trunkline.sip.outgoing_invite import OutgoingInvite
from trunkline.sip.uri import SipUri
from trunkline.sip.usage import Usage, UsageState
from trunkline.trunk.account import Account
from trunkline.trunk.carrier import Carrier, Gateway
from trunkline.trunk.directory import Snapshot
from trunkline.trunk.forwarding import ForwardingList
from trunkline.trunk.number import Number
from trunkline.trunk.routes import Route, RouteCarrier
from trunkline.trunk.verdict import Slug

BAD = LinkQuality(loss=0.15, duplication=0.1, delay_s=0.02, jitter_s=0.4)
SEEDS = 120
CALLS = 6
NUMBER = "442079460000"
A, B, CALLER, CALLEE = "10.0.0.1", "10.0.1.1", "10.0.0.2", "10.0.1.2"


class End(Phone):
    """A phone with several calls at once: each has a `Side` of its own."""

    def __init__(self, network: VirtualNetwork, address: str) -> None:
        super().__init__(network, address)
        self.sides: list[Side] = []
        self.behave: Callable[[Side], None] = lambda side: None

    def invite_received(self, invite: IncomingInvite) -> None:
        side = Side(self)
        invite.events = side
        side.incoming = invite
        side.usage = invite.usage
        self.sides.append(side)
        self.behave(side)


class Side(Phone):
    """One end's view of one call: a `Phone` without an agent of its own."""

    def __init__(self, end: End) -> None:
        self.agent = end.agent
        self.host = end.host
        self.network = end.network
        self.events = []
        self.requests = []
        self.responses = []
        self.targets = []
        self.answered_offers = []
        self.usage = None
        self.on_offer = follow_offer
        self.incoming: IncomingInvite | None = None
        self.outgoing: OutgoingInvite | None = None
        self.gave_up = False

    @property
    def talked(self) -> bool:
        return "answered" in self.events or "acknowledged" in self.events

    @property
    def over(self) -> bool:
        usage: Usage | None = self.usage
        return usage is None or usage.state is UsageState.TERMINATED

    def failed(self, failure: RequestFailure | str) -> None:
        super().failed(failure)

    def give_up(self) -> None:
        """Hang up, answered or not."""
        if self.outgoing is not None:
            self.gave_up = True
            self.outgoing.cancel()


class TwoNodes:
    """See the module."""

    def __init__(self, seed: int, quality: LinkQuality = BAD) -> None:
        self.chance = random.Random(seed)
        self.clock = FakeClock()
        self.network = VirtualNetwork(self.clock, seed, quality)
        media = FakeNetwork(self.clock)
        account = Account(KEY, credentials=(credential(),))
        to_b = Carrier("b", (Gateway(SipUri.parse(f"sip:{B}")),), response_timeout_ms=20_000)
        from_a = Carrier("a", (), sources=(ip_network(f"{A}/32"),))
        number = Number(NUMBER, KEY, ForwardingList.parse(f"desk@{CALLEE};timeout=20000"))
        self.a = SimulatedNode(
            self.network,
            Snapshot((account,), table(), (to_b,), (Route("", (RouteCarrier("b"),)),)),
            address=A,
            media=media,
        )
        self.b = SimulatedNode(
            self.network,
            Snapshot((account,), table(number), (from_a,), ()),
            address=B,
            media=media,
            settings=SETTINGS,
        )
        self.caller = End(self.network, CALLER)
        self.callee = End(self.network, CALLEE)
        self.callee.behave = self._behave

    def later(self, least_s: float, most_s: float, what: Callable[[], object]) -> None:
        def fire() -> None:
            what()

        self.clock.at(self.clock.now() + self.chance.uniform(least_s, most_s), fire)

    def call(self) -> None:
        side = Side(self.caller)
        self.caller.sides.append(side)
        side.outgoing = self.caller.agent.invite(
            uri=SipUri("sip", NUMBER, A),
            from_=NameAddr(None, SipUri("sip", "493012345678", DOMAIN)),
            to=NameAddr(None, SipUri("sip", NUMBER, DOMAIN)),
            body=audio(CALLER),
            credentials=DigestUser(KEY, SECRET),
            events=side,
        )
        if self.chance.random() < 0.7:
            self.later(0, 60, side.give_up)
        if self.chance.random() < 0.4:
            self.later(1, 20, lambda: self._hold(side))

    def _behave(self, side: Side) -> None:
        """What the callee does with a call."""
        invite = side.incoming
        assert invite is not None
        match self.chance.randrange(8):
            case 0:
                invite.reject(self.chance.choice((404, 486, 503, 603)))
            case 1:
                invite.progress(180)
            case 2:
                invite.progress(183, body=audio(CALLEE))
                self.later(0, 5, lambda: invite.accept(body=audio(CALLEE)))
            case 3:
                self.later(0, 30, lambda: invite.accept(body=audio(CALLEE)))
            case _:
                invite.progress(180)
                self.later(0, 5, lambda: invite.accept(body=audio(CALLEE)))
        if self.chance.random() < 0.5:
            self.later(5, 60, lambda: self._hang_up(side))
        if self.chance.random() < 0.4:
            self.later(1, 20, lambda: self._hold(side))

    def _hang_up(self, side: Side) -> None:
        if side.usage is not None:
            side.usage.bye()

    def _hold(self, side: Side) -> None:
        usage = side.usage
        if usage is not None and usage.state is UsageState.CONFIRMED:
            body = audio(side.host.address.host, direction="sendonly", version=2)
            usage.reinvite(body, side.note_answer, side.note_refusal)

    def run(self) -> None:
        for _ in range(CALLS):
            self.later(0, 10, self.call)
        self.clock.advance(600)
        for side in (*self.caller.sides, *self.callee.sides):
            if side.usage is not None:
                side.usage.bye()
        self.clock.advance(200)

    def check(self) -> None:
        """No loss, no disagreement, nothing left."""
        for node in (self.a, self.b):
            node.assert_idle()
            assert len(node.books.calls) <= CALLS
        for end in (self.caller, self.callee):
            assert end.agent.dialogs == 0
            assert end.agent.pending_invites == 0
            assert end.agent.stack.client_transactions == 0
            assert end.agent.stack.server_transactions == 0
            assert all(side.over for side in end.sides)
        assert len(self.clock) == 0
        for side in self.caller.sides:
            self._check_end(side)
        for record in self.a.books.calls:
            self._check_agreement(record)

    def _check_end(self, side: Side) -> None:
        """Every caller learns what became of its call."""
        events = side.events
        told = any(
            one in ("answered", "late_answer") or one.startswith(("rejected", "failed")) for one in events
        )
        assert told or side.gave_up, events
        assert events.count("answered") <= 1

    def _check_agreement(self, record: CallRecord) -> None:
        """An answered call on node A was an answered call on node B, through the same dialog."""
        attempts = [one for one in self.a.books.attempts if one.call_id == record.call_id]
        beyond = [
            one for one in self.b.books.calls if one.sip_call_id in {item.sip_call_id for item in attempts}
        ]
        assert len(beyond) <= len(attempts)
        if record.answered_at is not None:
            (other,) = beyond
            assert other.answered_at is not None
            assert other.answered_at <= record.answered_at
            assert record.verdict is not None
            assert record.verdict.slug in (Slug.ANSWERED, Slug.NO_ACK, Slug.SESSION_EXPIRED)
            if record.verdict.slug is Slug.ANSWERED:
                assert record.hung_up_by in (Party.CALLER, Party.CALLEE)
                assert other.verdict is not None
                assert other.verdict.slug in (Slug.ANSWERED, Slug.NO_ACK, Slug.SESSION_EXPIRED)


@pytest.mark.parametrize("seed", range(SEEDS))
def test_calls_through_two_nodes(seed: int) -> None:
    world = TwoNodes(seed)
    world.run()
    world.check()


def test_on_a_good_network_calls_do_what_people_do() -> None:
    """The meter of the tests above: without loss, calls are answered, refused, cancelled, and hung up."""
    slugs: set[Slug] = set()
    parties: set[Party] = set()
    talked = 0
    for seed in range(20):
        world = TwoNodes(seed, LinkQuality())
        world.run()
        world.check()
        for record in world.a.books.calls:
            assert record.verdict is not None
            assert record.hung_up_by is not None
            slugs.add(record.verdict.slug)
            parties.add(record.hung_up_by)
            talked += record.answered_at is not None and record.caller_media.packets_sent > 0
    assert {Slug.ANSWERED, Slug.CANCELLED, Slug.BUSY} <= slugs
    assert {Party.CALLER, Party.CALLEE} <= parties
    assert talked > 20


def test_a_node_that_is_unplugged_leaves_no_call_open_on_the_other() -> None:
    """It notices by the session timer, or when a request of its own finds nobody."""
    world = TwoNodes(1, LinkQuality())
    world.callee.behave = lambda side: answering(side, side.incoming) if side.incoming is not None else None
    world.call()
    world.clock.advance(3)
    assert len(world.a.switch) == len(world.b.switch) == 1
    world.network.remove(world.b.host)
    world.clock.advance(2000)
    assert len(world.a.switch) == 0
    world.a.books.assert_closed()
    world.clock.advance(200)
    world.a.assert_idle()


def lost_messages(network: VirtualNetwork) -> list[Request | Response]:
    return [packet.message for packet in network.packets if packet.lost]


def test_the_bad_network_is_as_bad_as_it_says() -> None:
    world = TwoNodes(3)
    world.run()
    assert 0.1 < len(lost_messages(world.network)) / len(world.network.packets) < 0.2
