"""OPTIONS pings and what they teach the health book."""

from collections.abc import Iterator
from dataclasses import replace

import pytest

from tests.simulation.world import CARRIER, CUSTOMER, DOMAIN, GATEWAY, GATEWAY_2, KEY, NUMBER, World
from trunkline.call.pinger import Pinger
from trunkline.sip.message import Request, Response, response_to
from trunkline.sip.ports import Flow
from trunkline.trunk.directory import Kind, Put, Remove
from trunkline.trunk.forwarding import ForwardingList
from trunkline.trunk.health import HealthKey, HealthState
from trunkline.trunk.number import Number
from trunkline.trunk.plan import endpoint_health_key

KEYS = {
    CUSTOMER: HealthKey(NUMBER, f"sip:pbx@{CUSTOMER}", f"sip:{CUSTOMER}"),
    GATEWAY: HealthKey("carrier", f"sip:{GATEWAY}"),
    GATEWAY_2: HealthKey("carrier", f"sip:{GATEWAY_2}"),
}


def pinged(world: World, interval_s: float | None = 10.0) -> Pinger:
    pinger = Pinger(world.node.services, interval_s=interval_s)
    pinger.refresh()
    return pinger


def test_each_server_is_asked_once_in_an_interval() -> None:
    world = World()
    world.phone(GATEWAY_2)
    pinger = pinged(world)
    world.clock.advance(100.5)
    counts = [len(world.heard_by(phone, "OPTIONS")) for phone in world.phones]
    assert all(9 <= count <= 11 for count in counts), counts
    pinger.stop()
    for key in KEYS.values():
        assert world.node.health.view(key).state is HealthState.UP
    world.finish()


def test_the_dead_are_known_before_a_call_finds_out() -> None:
    world = World()
    world.mute(world.customer)
    pinger = pinged(world)
    world.clock.advance(200)
    assert world.node.health.view(KEYS[CUSTOMER]).state is HealthState.DOWN
    assert world.node.health.view(KEYS[GATEWAY]).state is HealthState.UP
    pinger.stop()
    world.clock.advance(60)
    world.finish()


@pytest.mark.parametrize(
    ("status", "state"), [(404, HealthState.UP), (500, HealthState.UP), (503, HealthState.DOWN)]
)
def test_any_answer_but_503_is_a_sign_of_life(status: int, state: HealthState) -> None:
    world = World()

    def screen(request: Request, flow: Flow) -> Response | None:
        return response_to(request, status, "\udcfcberlastet")

    world.customer.on_screen = screen
    pinger = pinged(world)
    world.clock.advance(60)
    view = world.node.health.view(KEYS[CUSTOMER])
    assert view.state is state
    assert view.last_detail == ("503 überlastet to OPTIONS" if state is HealthState.DOWN else "")
    pinger.stop()
    world.finish()


def test_the_directory_is_followed() -> None:
    world = World()
    pinger = pinged(world)
    assert len(pinger) == 3
    world.node.put(
        Number("4420111111", KEY, ForwardingList.parse(f"a@10.0.0.50, b@{CUSTOMER}, {KEY}@{DOMAIN}"))
    )
    pinger.refresh()
    assert len(pinger) == 4, "one server, one ping; registered devices are not pinged"
    for asleep in (replace(CARRIER, pings=False), replace(CARRIER, enabled=False)):
        world.node.put(asleep)
        pinger.refresh()
        assert len(pinger) == 2
        world.node.put(CARRIER)
        pinger.refresh()
        assert len(pinger) == 4
    pinger.interval_s = None
    pinger.refresh()
    assert len(pinger) == 0
    world.clock.advance(100)
    world.finish()


def test_trouble_is_known_as_long_as_its_target_is_there() -> None:
    world = World()
    pinger = pinged(world, None)
    gone = HealthKey(NUMBER, "sip:old@10.0.0.50", "sip:10.0.0.50")
    for key in (KEYS[CUSTOMER], KEYS[GATEWAY], gone):
        world.node.health.failed(key, "unreachable")
    pinger.refresh()
    assert sorted(world.node.health.apart()) == sorted([KEYS[CUSTOMER], KEYS[GATEWAY]])
    world.finish()


def test_pings_to_a_gateway_say_nothing_of_a_server_to_which_no_number_leads() -> None:
    world = World()
    pinger = pinged(world)
    world.clock.advance(30)
    assert world.node.health.servers() == [KEYS[CUSTOMER].server]
    gone = world.node.directory.apply(Remove(Kind.NUMBER, NUMBER))
    assert isinstance(gone, Number)
    pinger.follow(gone, None)
    assert world.node.health.servers() == []
    pinger.stop()
    world.finish()


def test_the_change_of_one_number_sees_to_its_servers_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """Counted, for the rest of the directory costs nothing."""
    world = World(numbers=tuple(lines(200)))
    pinger = pinged(world)
    assert len(pinger) == 13
    seen: list[str] = []
    see_to = Pinger._see_to

    def counted(pinger: Pinger, server: str) -> None:
        seen.append(server)
        see_to(pinger, server)

    monkeypatch.setattr(Pinger, "_see_to", counted)
    after = Number("44200003", KEY, ForwardingList.parse("x@10.0.1.3, y@10.0.2.1"))
    before = world.node.directory.apply(Put(after))
    assert before is not None
    pinger.follow(before, after)
    assert seen == ["sip:10.0.2.1"], "10.0.1.3 was and is led to by it and by others"
    assert len(pinger) == 14
    gone, stays = (endpoint_health_key(after, endpoint) for endpoint in after.forwarding.endpoints[::-1])
    for key in (gone, stays):
        world.node.health.failed(key, "unreachable")
    world.node.put(before)
    pinger.follow(after, before)
    assert len(pinger) == 13
    assert world.node.health.apart() == [stays]
    world.node.directory.apply(Remove(Kind.NUMBER, before.e164))
    pinger.follow(before, None)
    assert len(pinger) == 13, "others lead there"
    assert not world.node.health.apart()
    pinger.stop()
    world.clock.advance(60)
    world.finish()


def lines(count: int) -> Iterator[Number]:
    for number in range(count):
        yield Number(f"442{number:05}", KEY, ForwardingList.parse(f"x@10.0.1.{number % 10}"))
