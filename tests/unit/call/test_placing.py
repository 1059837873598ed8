"""An attempt as it is placed: counted, linked with its call, patient as its target says."""

from collections.abc import Callable, Sequence
from dataclasses import replace

import pytest

from tests.simulation.descriptions import line
from tests.simulation.phone import Phone
from tests.simulation.world import (
    CARRIER,
    CUSTOMER,
    DOMAIN,
    KEY,
    NODE,
    SETTINGS,
    World,
    ringing,
)
from tests.unit.call import devices
from trunkline.sip.ports import Address, LocateFailure, Target, Transport
from trunkline.sip.uri import SipUri
from trunkline.trunk.verdict import Slug

HOST_V6 = "2001:db8::7"
AT_V6 = Target(Transport.UDP, Address(HOST_V6, 5060))
AT_V4 = Target(Transport.UDP, Address(CUSTOMER, 5060))
OURS_V4, OURS_V6 = f"IN IP4 {NODE}", "IN IP6 2001:db8::1"


def test_attempts_are_counted_and_linked_with_their_call() -> None:
    world = World()
    world.gateway.on_invite = ringing
    world.outbound()
    world.clock.advance(1)
    (attempt,) = world.attempts
    assert (attempt.position, attempt.carrier, attempt.call_id) == (1, "carrier", world.record.call_id)
    assert world.node.trace.links[attempt.sip_call_id] == world.record.call_id
    world.customer_cancels()
    world.finish()


def test_the_patience_of_the_carrier_comes_before_the_nodes() -> None:
    for carrier, silence_s in ((CARRIER, 4.0), (replace(CARRIER, response_timeout_ms=2500), 2.5)):
        world = World(carrier=carrier, settings=replace(SETTINGS, gateway_silence_ms=4000))
        world.gateway.on_invite = ringing
        world.outbound()
        world.clock.advance(1)
        attempt = world.node.the_call.attempt
        assert attempt is not None
        assert attempt.patience.silence_s == silence_s
        world.customer_cancels()
        world.finish()


def offered_at(world: World, phone: Phone) -> str:
    """Where the only INVITE that has come to `phone` wants its audio sent. The call ends."""
    world.clock.advance(1)
    (invite,) = world.heard_by(phone, "INVITE")
    world.customer_cancels()
    world.finish()
    return line(invite.body, "c")


@pytest.mark.parametrize(
    ("targets", "ours"),
    [([AT_V6], OURS_V6), ([AT_V6, AT_V4], OURS_V4), ([AT_V4, AT_V6], OURS_V4)],
)
def test_a_name_with_ipv6_addresses_alone_is_offered_audio_at_one_of_ours(
    targets: list[Target], ours: str
) -> None:
    world = World(forwarding="pbx@pbx.example.org")
    world.network.names["pbx.example.org"] = targets
    world.customer.on_invite = ringing
    phone = world.phone(HOST_V6) if targets[0] is AT_V6 else world.customer
    phone.on_invite = ringing
    world.inbound()
    assert offered_at(world, phone) == ours
    assert world.node.engine.open_legs == 0


def test_a_node_without_ipv6_audio_offers_what_it_has() -> None:
    world = World(forwarding="pbx@pbx.example.org")
    world.network.names["pbx.example.org"] = [AT_V6]
    world.node.engine._addresses[True] = None
    phone = world.phone(HOST_V6)
    phone.on_invite = ringing
    world.inbound()
    assert offered_at(world, phone) == OURS_V4


def test_a_name_that_no_port_is_free_for_costs_its_own_entry_alone() -> None:
    world = World(forwarding=f"pbx@pbx.example.org, second@{CUSTOMER}")
    world.network.names["pbx.example.org"] = [AT_V6]
    world.node.engine._free[True].clear()
    world.customer.on_invite = ringing
    world.inbound()
    assert offered_at(world, world.customer) == OURS_V4
    assert [one.position for one in world.attempts] == [1, 2]


def test_a_device_that_has_registered_over_ipv6_is_offered_audio_there() -> None:
    """Whatever name stands in its Contact."""
    world = World(forwarding=f"{KEY}@{DOMAIN}")
    phone = world.phone(HOST_V6)
    phone.on_invite = ringing
    devices.register(world, phone, "<sip:phone@phone.invalid>")
    world.inbound()
    assert offered_at(world, phone) == OURS_V6


def test_a_name_that_is_found_too_late_is_not_called() -> None:
    world = World(forwarding="pbx@pbx.example.org;timeout=2000")
    host = world.node.host
    locate = host.locate

    def locate_late(uri: SipUri, then: Callable[[Sequence[Target] | LocateFailure], None]) -> None:
        world.clock.at(world.clock.now() + 3, lambda: locate(uri, then))

    host.locate = locate_late  # type: ignore[method-assign]
    world.network.names["pbx.example.org"] = [AT_V4]
    world.inbound()
    world.clock.advance(5)
    assert world.heard_by(world.customer, "INVITE") == []
    assert world.attempt_slugs == [Slug.ENDPOINT_SILENT]
    world.finish()
