"""Bans, results of calls and pings, from one node to another."""

import pytest

from tests.simulation.world import CARRIER, GATEWAY, World
from tests.unit.virtual_clock import FakeClock
from trunkline.call.pinger import Pinger
from trunkline.live.board import Board
from trunkline.live.words import Notice, Tell
from trunkline.net.admission import Evidence, Gate
from trunkline.node.sharing import SharedBans, SharedHealth
from trunkline.trunk.health import HealthBook, HealthKey, HealthPolicy, HealthState
from trunkline.trunk.plan import gateway_health_key

TARGET = HealthKey("493012345", "sip:493012345@pbx.example", "sip:pbx.example")


def nothing() -> None: ...


def joined() -> Board:
    board = Board(nothing)
    board.joined()
    return board


def carry(sender: Board, *receivers: Board) -> list[Tell]:
    """As the server does."""
    told = sender.sayings()
    for receiver in receivers:
        receiver.hear(Notice(one.kind, one.key, one.text, one.for_s) for one in told)
    sender.said()
    return told


class Door:
    """A node's gate and its bans."""

    def __init__(self, clock: FakeClock) -> None:
        self.board = joined()
        self.gate = Gate(clock, banned=lambda ban: self.bans.made(ban))
        self.bans = SharedBans(self.board, self.gate, clock)

    @property
    def held(self) -> list[str]:
        return [ban.source for ban in self.gate.bans()]


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


def test_a_ban_holds_at_all_nodes_for_as_long_and_no_longer(clock: FakeClock) -> None:
    here, there = Door(clock), Door(clock)
    made = here.gate.ban("192.0.2.1", "wrong passwords", evidence=Evidence.PROVEN, for_s=60)
    clock.advance(10)
    carry(here.board, there.board)
    (ban,) = there.gate.bans()
    assert (ban.source, ban.reason, ban.evidence) == (made.source, made.reason, made.evidence)
    assert not there.board.has_more, "what was heard is not told again"
    clock.advance(60.1)
    assert there.held == []


@pytest.mark.parametrize("source", ["192.0.2.1", "2001:db8:1:2::9"])
def test_a_lifted_ban_is_lifted_at_all(clock: FakeClock, source: str) -> None:
    here, there = Door(clock), Door(clock)
    here.gate.ban(source, "a flood", evidence=Evidence.PROVEN)
    (told,) = carry(here.board, there.board)
    here.gate.lift(source)
    here.bans.lifted(source)
    (taken_back,) = carry(here.board, there.board)
    assert taken_back.key == told.key
    assert there.held == []


def test_a_weaker_ban_does_not_replace_a_stronger(clock: FakeClock) -> None:
    here, there = Door(clock), Door(clock)
    there.gate.ban("192.0.2.1", "by hand", evidence=Evidence.ORDERED)
    here.gate.ban("192.0.2.1", "a scanner", evidence=Evidence.SPOOFABLE)
    carry(here.board, there.board)
    assert there.gate.bans()[0].evidence is Evidence.ORDERED


def test_a_server_that_lost_all_is_told_and_one_that_knows_is_believed(clock: FakeClock) -> None:
    door = Door(clock)
    for source in ("192.0.2.1", "192.0.2.2"):
        door.gate.ban(source, "a flood", evidence=Evidence.PROVEN)
    carry(door.board)
    door.board.reconcile("ban", {"192.0.2.1"}, fresh=True)
    assert [one.key for one in carry(door.board)] == ["192.0.2.2"]
    door.gate.ban("192.0.2.3", "a flood", evidence=Evidence.PROVEN)
    door.board.reconcile("ban", {"192.0.2.1"}, fresh=False)
    assert door.held == ["192.0.2.1", "192.0.2.3"], "192.0.2.2 was lifted meanwhile, .3 is not told yet"


@pytest.mark.parametrize("text", ["", "{", "[]", '["why", 9, 1.0]', '["why", "2", 1.0]'])
def test_a_poisoned_ban(clock: FakeClock, text: str) -> None:
    door = Door(clock)
    door.board.hear([Notice("ban", "192.0.2.1", text, 60.0)])
    assert door.held == []


def test_what_calls_show_is_known_at_all_nodes(clock: FakeClock) -> None:
    policy = HealthPolicy(failures=2, window=3, successes=1)
    books = [HealthBook(clock, policy) for _ in range(2)]
    here, there = boards = [joined(), joined()]
    for board, book in zip(boards, books, strict=True):
        SharedHealth(board, book)
    books[0].succeeded(TARGET)
    assert not here.has_more, "a good result that changes nothing is not told"
    for _ in range(2):
        books[0].failed(TARGET, "server-failure", "503")
        carry(here, there)
    view = books[1].view(TARGET)
    assert (view.state, view.last_failure, view.last_detail) == (HealthState.DOWN, "server-failure", "503")
    assert not there.has_more
    books[1].succeeded(TARGET)
    carry(there, here)
    assert books[0].view(TARGET).state is HealthState.UP


def test_a_node_does_not_ping_what_another_has_just_pinged() -> None:
    world = World()
    board, other = joined(), joined()
    shared = SharedHealth(board, world.node.health)
    pinger = Pinger(world.node.services, interval_s=10.0, told=shared.pinged)
    shared.attend(pinger)
    pinger.refresh()
    world.clock.advance(10)
    pings = len(world.heard_by(world.gateway, "OPTIONS"))
    assert pings == 1
    told = next(one for one in carry(board, other) if GATEWAY in one.key)
    for _ in range(5):
        board.hear([Notice("ping", told.key, '["unreachable", "OPTIONS: nobody"]', None)])
        world.clock.advance(8)
    assert len(world.heard_by(world.gateway, "OPTIONS")) == pings
    key = gateway_health_key(CARRIER, CARRIER.gateways[0])
    assert world.node.health.view(key).last_detail == "OPTIONS: nobody"
    world.clock.advance(6.1)
    assert len(world.heard_by(world.gateway, "OPTIONS")) == pings + 1, "the other one is gone"
    board.hear(
        [Notice("ping", "not a uri", '["", ""]', None), Notice("ping", "sip:new.example", '["", ""]', None)]
    )
    pinger.stop()
