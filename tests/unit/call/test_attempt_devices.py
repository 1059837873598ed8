"""Attempts towards the devices that an account has registered, on whole nodes."""

from dataclasses import replace

import pytest

from tests.simulation.descriptions import audio
from tests.simulation.phone import Phone
from tests.simulation.world import CUSTOMER, DOMAIN, KEY, SETTINGS, World, rejecting
from tests.unit.call import devices
from trunkline.sip.incoming_invite import IncomingInvite
from trunkline.sip.ports import Address, Transport
from trunkline.trunk.verdict import Slug

SECOND = "10.0.0.5"


def register(world: World, phone: Phone, over: Transport = Transport.UDP) -> None:
    devices.register(world, phone, f"<sip:desk@{phone.host.address.host}>", over)


def ringing_then_failing(phone: Phone, invite: IncomingInvite) -> None:
    invite.progress(180)
    clock = phone.agent.clock
    clock.at(clock.now() + 1, lambda: invite.reject(500))


def test_a_registered_device_is_called_at_its_contact() -> None:
    world = World(forwarding=f"{KEY}@{DOMAIN}")
    register(world, world.customer)
    world.inbound()
    world.clock.advance(2)
    (invite,) = world.heard_by(world.customer, "INVITE")
    assert invite.uri_text.startswith(f"sip:desk@{CUSTOMER}")
    assert world.customer.events[-1] == "acknowledged"
    world.customer.the_usage.bye()
    world.clock.advance(1)
    world.finish()


def test_a_device_behind_nat_is_called_where_it_registered_from() -> None:
    world = World(forwarding=f"{KEY}@{DOMAIN}")
    host = world.network.host("192.168.1.10", public=Address("203.0.113.9", 31000))
    phone = Phone(world.network, "nat", host=host)
    phone.on_invite = lambda phone, invite: invite.accept(body=audio("192.168.1.10"))
    world.phones.append(phone)
    register(world, phone)
    world.inbound()
    world.clock.advance(2)
    assert world.attempts[0].resolved == "UDP 203.0.113.9:31000"
    assert phone.events[-1] == "acknowledged"
    phone.the_usage.bye()
    world.clock.advance(1)
    assert "bye_received" in world.gateway.events
    world.finish()


def test_nobody_registered_is_480() -> None:
    world = World(forwarding=f"{KEY}@{DOMAIN}")
    world.inbound()
    world.clock.advance(1)
    assert world.gateway.events[-1] == "rejected 480"
    world.finish()


def test_several_devices_are_tried_in_order() -> None:
    world = World(forwarding=f"{KEY}@{DOMAIN}")
    second = world.phone(SECOND)
    register(world, world.customer)
    world.customer.on_invite = rejecting(500)
    register(world, second)
    second.on_invite = rejecting(500)
    world.inbound()
    world.clock.advance(2)
    assert world.record.attempts == 2
    assert world.gateway.events[-1] == "rejected 500"
    world.finish()


def close_connection(world: World, phone: Phone) -> None:
    """The phone's TLS to the node ends, and the registrar hears of it."""
    flow = world.node.host.streams[Transport.TLS, phone.host.address]
    flow.close()
    world.node.registrar.flow_closed(flow)


def test_a_device_whose_flow_has_closed_is_called_at_its_contact() -> None:
    """As one is that had registered at another node, which has died."""
    world = World(forwarding=f"{KEY}@{DOMAIN}")
    register(world, world.customer, Transport.TCP)
    world.node.host.streams[Transport.TCP, world.customer.host.address].close()
    world.inbound()
    world.clock.advance(2)
    assert world.attempts[0].resolved == f"UDP {CUSTOMER}:5060"
    world.customer.the_usage.bye()
    world.clock.advance(1)
    world.finish()


def keys_sent(world: World) -> list[Transport]:
    """What has carried SRTP keys."""
    return [packet.transport for packet in world.network.packets if b"a=crypto:" in packet.data]


ENTRIES_BY_TLS = [f"sip:{KEY}@{DOMAIN};media=srtp;transport=tls", f"sips:{KEY}@{DOMAIN};media=srtp"]


@pytest.mark.parametrize("entry", ENTRIES_BY_TLS)
def test_an_entry_that_asks_for_tls_never_goes_to_a_device_over_udp(entry: str) -> None:
    world = World(forwarding=entry)
    over_udp = world.phone(SECOND)
    register(world, world.customer, Transport.TLS)
    register(world, over_udp)
    world.customer.on_invite = rejecting(500)
    world.inbound()
    world.clock.advance(2)
    assert world.gateway.events[-1] == "rejected 500"
    assert keys_sent(world) == [Transport.TLS]
    close_connection(world, world.customer)
    world.inbound()
    world.clock.advance(2)
    assert world.gateway.events[-1] == "rejected 480"
    assert world.node.books.calls[-1].verdict is not None
    assert world.node.books.calls[-1].verdict.slug is Slug.REGISTERED_OTHERWISE
    assert keys_sent(world) == [Transport.TLS]
    assert world.heard_by(over_udp, "INVITE") == []
    world.finish()


@pytest.mark.parametrize("entry", [*ENTRIES_BY_TLS, f"sip:{KEY}@{DOMAIN};media=srtp"])
def test_a_device_whose_node_has_died_is_sought_by_tls(entry: str) -> None:
    """Its flow has closed, and its registration stands. It had TLS, so the entry means it."""
    world = World(forwarding=entry, settings=replace(SETTINGS, srtp_needs_tls=True))
    register(world, world.customer, Transport.TLS)
    world.customer.on_invite = rejecting(480)
    world.node.host.streams[Transport.TLS, world.customer.host.address].close()
    world.inbound()
    world.clock.advance(2)
    assert len(world.heard_by(world.customer, "INVITE")) == 1
    assert keys_sent(world) == [Transport.TLS]
    world.finish()


@pytest.mark.parametrize("entry", [*ENTRIES_BY_TLS, f"sip:{KEY}@{DOMAIN};media=srtp"])
@pytest.mark.parametrize("needs_tls", [False, True])
def test_a_device_that_had_tls_before_a_restart_is_sought_by_tls(entry: str, *, needs_tls: bool) -> None:
    """Its flow is not known any more."""
    world = World(forwarding=entry, settings=replace(SETTINGS, srtp_needs_tls=needs_tls))
    register(world, world.customer, Transport.TLS)
    world.customer.on_invite = rejecting(480)
    registrations = world.node.registrations
    (binding,) = registrations.bindings(KEY)
    close_connection(world, world.customer)
    registrations.restore(KEY, [replace(binding, flow=None)])
    world.inbound()
    world.clock.advance(2)
    assert len(world.heard_by(world.customer, "INVITE")) == 1
    assert keys_sent(world) == [Transport.TLS]
    world.finish()


@pytest.mark.parametrize("entry", ENTRIES_BY_TLS)
def test_a_device_whose_connection_closes_before_its_turn_is_sought_by_tls(entry: str) -> None:
    world = World(forwarding=f"first@{SECOND}, {entry}")
    world.phone(SECOND).on_invite = ringing_then_failing
    register(world, world.customer, Transport.TLS)
    world.customer.on_invite = rejecting(480)
    world.inbound()
    world.clock.advance(0.5)
    close_connection(world, world.customer)
    world.clock.advance(2)
    assert world.gateway.events[-1] == "rejected 480"
    assert keys_sent(world) == [Transport.TLS]
    (invite,) = world.heard_by(world.customer, "INVITE")
    assert invite.uri_text == f"sip:desk@{CUSTOMER}"
    world.finish()
