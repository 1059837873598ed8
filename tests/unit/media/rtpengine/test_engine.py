"""The engine over several instances: who gets a call, and which legs belong together."""

import asyncio
from collections.abc import Callable, Coroutine
from itertools import zip_longest
from typing import Any

import pytest

from tests.contract.media.rigs import Told
from tests.unit.media.rtpengine.paper_daemon import PaperDaemon
from tests.unit.virtual_clock import FakeClock
from trunkline.call.ports import NoFamilyError, NoPortsError
from trunkline.errors import MediaError
from trunkline.media.fake import FakeEngine
from trunkline.media.rtpengine import engine as module
from trunkline.media.rtpengine.engine import RtpengineEngine, RtpengineSettings
from trunkline.media.rtpengine.exchange import Exchange
from trunkline.media.rtpengine.wires import InstanceAddress, Transport

CLOCK_STEP_S = 0.05


class PaperWire:
    """A wire whose other end is a paper daemon."""

    reliable = False

    def __init__(self, daemon: PaperDaemon, exchange: Exchange) -> None:
        self.daemon = daemon
        daemon.exchange = exchange
        self.open = False

    def send(self, message: bytes) -> None:
        self.daemon.send(message)

    def start(self) -> None:
        self.open = True

    async def close(self) -> None:
        self.open = False


class World:
    """An engine over paper daemons. The clock goes on by itself while the engine waits."""

    def __init__(
        self,
        monkeypatch: pytest.MonkeyPatch,
        weights: tuple[int, ...],
        regions: tuple[str | None, ...] = (),
        **settings: Any,
    ) -> None:
        self.clock = FakeClock()
        self.daemons = [PaperDaemon(self.clock, port=30_000 + 1000 * i) for i, _ in enumerate(weights)]
        self.wires: list[PaperWire] = []

        def open_wire(address: InstanceAddress, exchange: Exchange) -> PaperWire:
            self.wires.append(PaperWire(self.daemons[len(self.wires)], exchange))
            return self.wires[-1]

        monkeypatch.setattr(module, "open_wire", open_wire)
        places = zip_longest(weights, regions)
        addresses = tuple(
            InstanceAddress(Transport.UDP, "192.0.2.1", 2223 + i, weight, region)
            for i, (weight, region) in enumerate(places)
        )
        self.engine = RtpengineEngine(RtpengineSettings(addresses, **settings), self.clock)

    async def run(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.ensure_future(work)
        while not task.done():
            await asyncio.sleep(0)
            self.clock.advance(CLOCK_STEP_S)
        await task

    def settle(self) -> None:
        self.clock.advance(CLOCK_STEP_S)


def in_world(
    monkeypatch: pytest.MonkeyPatch,
    weights: tuple[int, ...],
    work: Callable[[World], None],
    **settings: Any,
) -> World:
    world = World(monkeypatch, weights, **settings)

    async def live() -> None:
        await world.run(world.engine.start())
        work(world)
        await world.run(world.engine.close())

    asyncio.run(live())
    assert not any(wire.open for wire in world.wires)
    return world


def test_calls_are_shared_out_by_weight(monkeypatch: pytest.MonkeyPatch) -> None:
    def work(world: World) -> None:
        for _ in range(9):
            world.engine.open_leg(ipv6=False, events=Told())
            world.settle()
        assert [state.rooms for state in world.engine.states()] == [3, 6]
        assert world.engine.occupancy() == (9, 0, 9 + 8)

    in_world(monkeypatch, (1, 2), work, ready=4)


def test_a_call_is_in_one_place(monkeypatch: pytest.MonkeyPatch) -> None:
    def work(world: World) -> None:
        engine, told = world.engine, Told()
        callers = [engine.open_leg(ipv6=False, events=told) for _ in range(2)]
        world.settle()
        callees = [engine.open_leg(ipv6=False, events=told, beside=caller) for caller in callers]
        assert [leg.port // 1000 for leg in callees] == [leg.port // 1000 for leg in callers]
        engine.bridge(callers[0], callees[0])
        for pair in ((callers[0], callees[1]), (callees[0], callers[0]), (callers[0], callers[0])):
            with pytest.raises(MediaError, match="beside"):
                engine.bridge(*pair)
        foreign = FakeEngine(world.clock).open_leg(ipv6=False, events=told)
        with pytest.raises(MediaError):
            engine.bridge(callers[0], foreign)
        with pytest.raises(MediaError):
            engine.open_leg(ipv6=False, events=told, beside=foreign)
        callees[1].close()
        with pytest.raises(MediaError, match="closed"):
            engine.bridge(callers[1], callees[1])

    in_world(monkeypatch, (1, 1), work, ready=2)


def test_new_calls_go_where_somebody_answers(monkeypatch: pytest.MonkeyPatch) -> None:
    def work(world: World) -> None:
        world.daemons[0].silent = True
        world.clock.advance(5.0)
        ports = [world.engine.open_leg(ipv6=False, events=Told()).port for _ in range(2)]
        assert {port // 1000 for port in ports} == {31}
        world.daemons[1].silent = True
        world.clock.advance(5.0)
        with pytest.raises(NoPortsError, match=r"2223: no answer.*2224: no answer"):
            world.engine.open_leg(ipv6=False, events=Told())
        assert world.engine.occupancy().total == 2

    in_world(monkeypatch, (1, 1), work, ready=4)


def test_calls_stay_in_the_region_until_nobody_there_has_room(monkeypatch: pytest.MonkeyPatch) -> None:
    def taken(world: World, calls: int) -> list[int]:
        before = [state.rooms for state in world.engine.states()]
        for _ in range(calls):
            world.engine.open_leg(ipv6=False, events=Told())
            world.settle()
        return [state.rooms - had for state, had in zip(world.engine.states(), before, strict=True)]

    def work(world: World) -> None:
        assert [state.near for state in world.engine.states()] == [False, True, True, False]
        assert taken(world, 9) == [0, 6, 3, 0], "the region's own, and who has none, by weight"
        world.daemons[1].silent = True
        world.clock.advance(5.0)
        assert taken(world, 2) == [0, 0, 2, 0], "whatever their load"
        world.daemons[2].silent = True
        world.clock.advance(5.0)
        assert taken(world, 4) == [2, 0, 0, 2], "elsewhere, by load"
        world.daemons[1].silent = False
        world.clock.advance(5.0)
        assert taken(world, 3) == [0, 3, 0, 0], "back"

    in_world(monkeypatch, (1, 2, 1, 1), work, ready=4, regions=("us", "eu", None, "ap"), region="eu")


def test_a_burst_takes_what_another_region_has_ready(monkeypatch: pytest.MonkeyPatch) -> None:
    def work(world: World) -> None:
        for _ in range(3):
            world.engine.open_leg(ipv6=False, events=Told())
        assert [state.rooms for state in world.engine.states()] == [1, 2]

    in_world(monkeypatch, (1, 1), work, ready=2, regions=("us", "eu"), region="eu")


def test_without_a_region_of_its_own_a_node_uses_all(monkeypatch: pytest.MonkeyPatch) -> None:
    def work(world: World) -> None:
        for _ in range(4):
            world.engine.open_leg(ipv6=False, events=Told())
            world.settle()
        assert [state.rooms for state in world.engine.states()] == [2, 2]

    in_world(monkeypatch, (1, 1), work, ready=2, regions=("us", "eu"))


def test_a_burst_beyond_what_is_ready_is_refused_and_the_next_moment_is_not(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def work(world: World) -> None:
        engine = world.engine
        for _ in range(2):
            leg = engine.open_leg(ipv6=False, events=Told())
            engine.open_leg(ipv6=False, events=Told(), beside=leg)
            with pytest.raises(NoPortsError, match="another leg"):
                engine.open_leg(ipv6=False, events=Told(), beside=leg)
        with pytest.raises(NoPortsError, match="busy"):
            engine.open_leg(ipv6=False, events=Told())
        world.settle()
        engine.open_leg(ipv6=False, events=Told())

    in_world(monkeypatch, (1,), work, ready=2)


def test_ipv6_is_there_when_it_was_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    def without(world: World) -> None:
        with pytest.raises(NoFamilyError, match="rtpengine_ipv6"):
            world.engine.open_leg(ipv6=True, events=Told())

    def with_it(world: World) -> None:
        caller = world.engine.open_leg(ipv6=True, events=Told())
        world.settle()
        for ipv6 in (False, True):
            world.engine.open_leg(ipv6=ipv6, events=Told(), beside=caller)

    in_world(monkeypatch, (1,), without, ready=1)
    in_world(monkeypatch, (1,), with_it, ready=1, ipv6=True)


def test_the_end_gives_back_what_was_ready(monkeypatch: pytest.MonkeyPatch) -> None:
    world = in_world(monkeypatch, (1, 1), lambda world: None, ready=3)
    assert [daemon.calls for daemon in world.daemons] == [{}, {}]


def test_figures_are_asked_for_often_enough_for_the_timeout() -> None:
    assert RtpengineSettings((), timeout_s=60.0).rooms.poll_s == 5.0
    assert RtpengineSettings((), timeout_s=8.0).rooms.poll_s == 1.0
