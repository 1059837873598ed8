"""Where the gateways are known to listen, as DNS changes."""

from dataclasses import replace

import pytest

from tests.simulation.world import CARRIER, GATEWAY, GATEWAY_2, World
from trunkline.call.gateway_finder import AGAIN_S, KEPT_S, MOST
from trunkline.sip.ports import Address, Target, Transport
from trunkline.sip.uri import SipUri
from trunkline.trunk.carrier import Gateway
from trunkline.trunk.directory import Kind, Remove

NAME = "gw.example"


@pytest.fixture
def world() -> World:
    world = World()
    world.node.put(replace(CARRIER, gateways=(Gateway(SipUri.parse(f"sip:{NAME}")),)))
    return world


def resolves(world: World, *hosts: str, port: int = 5060) -> None:
    world.network.names[NAME] = [Target(Transport.UDP, Address(host, port)) for host in hosts]


def hosts(world: World) -> set[str]:
    return {address.host for address in world.node.services.gateways}


def test_addresses_are_known_at_once_and_for_good() -> None:
    world = World()
    assert hosts(world) == {GATEWAY, GATEWAY_2}
    assert len(world.clock) == 0
    world.clock.advance(2 * KEPT_S)
    assert hosts(world) == {GATEWAY, GATEWAY_2}


def test_a_name_counts_by_itself_until_it_is_resolved(world: World) -> None:
    assert hosts(world) == {NAME}
    resolves(world, "192.0.2.1")
    world.clock.advance(AGAIN_S)
    assert hosts(world) == {NAME, "192.0.2.1"}


def test_what_it_was_resolved_to_counts_for_a_day(world: World) -> None:
    resolves(world, "192.0.2.1")
    world.clock.advance(AGAIN_S)
    resolves(world, "192.0.2.2")
    world.clock.advance(KEPT_S - AGAIN_S)
    assert hosts(world) == {NAME, "192.0.2.1", "192.0.2.2"}
    world.clock.advance(2 * AGAIN_S)
    assert hosts(world) == {NAME, "192.0.2.2"}


def test_what_was_known_stays_while_dns_says_nothing(world: World) -> None:
    resolves(world, "192.0.2.1")
    world.clock.advance(AGAIN_S)
    del world.network.names[NAME]
    world.clock.advance(10 * AGAIN_S)
    assert "192.0.2.1" in hosts(world)


def test_its_port_is_the_one_that_dns_names(world: World) -> None:
    resolves(world, "192.0.2.1", port=5080)
    world.clock.advance(AGAIN_S)
    assert Address("192.0.2.1", 5080) in world.node.services.gateways
    assert Address("192.0.2.1", 5060) not in world.node.services.gateways


def test_no_more_are_kept_than_a_bound(world: World) -> None:
    for number in range(MOST + 6):
        resolves(world, f"192.0.2.{number}")
        world.clock.advance(AGAIN_S)
    kept = hosts(world) - {NAME}
    assert len(kept) == MOST
    assert {f"192.0.2.{number}" for number in range(6)}.isdisjoint(kept)


def test_a_gateway_that_is_gone_is_forgotten(world: World) -> None:
    resolves(world, "192.0.2.1")
    world.clock.advance(AGAIN_S)
    world.node.directory.apply(Remove(Kind.CARRIER, CARRIER.name))
    world.node.gateway_finder.refresh()
    assert hosts(world) == set()
    assert len(world.clock) == 0
