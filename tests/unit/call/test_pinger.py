"""OPTIONS pings and what they teach the health book (BEHAVIOUR §3, §4)."""

from dataclasses import replace

import pytest

from tests.simulation.world import CARRIER, CUSTOMER, DOMAIN, GATEWAY, GATEWAY_2, KEY, NUMBER, World
from trunkline.call.pinger import Pinger
from trunkline.sip.message import Request, Response, response_to
from trunkline.sip.ports import Flow
from trunkline.trunk.forwarding import ForwardingList
from trunkline.trunk.health import HealthState
from trunkline.trunk.number import Number

KEYS = {
    CUSTOMER: f"{NUMBER} sip:pbx@{CUSTOMER}",
    GATEWAY: f"carrier sip:{GATEWAY}",
    GATEWAY_2: f"carrier sip:{GATEWAY_2}",
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
        return response_to(request, status)

    world.customer.on_screen = screen
    pinger = pinged(world)
    world.clock.advance(60)
    assert world.node.health.view(KEYS[CUSTOMER]).state is state
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
    world.node.put(replace(CARRIER, pings=False))
    pinger.refresh()
    assert len(pinger) == 2
    pinger.interval_s = None
    pinger.refresh()
    assert len(pinger) == 0
    world.clock.advance(100)
    world.finish()
