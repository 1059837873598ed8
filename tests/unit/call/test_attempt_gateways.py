"""No call to a number goes on to a carrier's gateway, whatever its customer does, on whole nodes
(`trunk.gateway_addresses`).
"""

from dataclasses import replace

import pytest

from tests.simulation.descriptions import audio
from tests.simulation.phone import Phone
from tests.simulation.scripted_peer import ScriptedPeer
from tests.simulation.world import (
    CARRIER,
    CUSTOMER,
    DOMAIN,
    GATEWAY,
    GATEWAY_2,
    KEY,
    SETTINGS,
    World,
)
from tests.unit.call import devices
from trunkline.sip.ports import Address, Target, Transport
from trunkline.sip.uri import SipUri
from trunkline.trunk.carrier import Gateway
from trunkline.trunk.verdict import Slug

WORLD = "882123456789"
"""A number in a guarded prefix."""
ALLOWED = replace(SETTINGS, to_gateways=True)
TRAP = "trap.example"
"""A name of the customer's own, in DNS as he likes."""
AT_GATEWAY = Target(Transport.UDP, Address(GATEWAY, 5060))
AT_CUSTOMER = Target(Transport.UDP, Address(CUSTOMER, 5060))


def called(world: World) -> None:
    """The number is called, and the call over, if nobody answers."""
    world.inbound()
    world.clock.advance(2)


def assert_passed_over(world: World) -> None:
    """The gateway has heard of no INVITE, the caller of the refusal."""
    assert world.heard_by(world.gateway, "INVITE") == []
    assert world.gateway.events[-1] == "rejected 503"
    assert world.slug is Slug.FORWARDS_TO_GATEWAY
    world.finish()


def hung_up(world: World, phone: Phone) -> None:
    """`phone` has answered, and ends the call."""
    assert phone.events[-1] == "acknowledged", phone.events
    phone.the_usage.bye()
    world.clock.advance(1)
    world.finish()


def register(world: World, contact: str, *headers: tuple[str, str]) -> None:
    """The customer's device registers over TCP, and its connection is cut, as by the node's restart."""
    phone = world.customer
    devices.register(world, phone, f"<{contact}>", Transport.TCP, headers)
    world.node.host.streams[Transport.TCP, phone.host.address].close()


@pytest.mark.parametrize(
    "entry",
    [
        f"sip:{WORLD}@{GATEWAY}",
        f"sip:{WORLD}@{GATEWAY}:5061",
        f"sip:{WORLD}@{GATEWAY};transport=tcp",
        f"sips:{WORLD}@{GATEWAY_2}",
        f"sip:{WORLD}@[::ffff:{GATEWAY}]",
        f"sip:{WORLD}@pbx.example;maddr={GATEWAY}",
    ],
)
def test_an_entry_at_a_gateways_address(entry: str) -> None:
    world = World(forwarding=entry)
    called(world)
    assert world.attempts == []
    assert_passed_over(world)


@pytest.mark.parametrize("name", [TRAP, f"{TRAP};transport=tcp"])
def test_a_name_that_leads_to_a_gateway(name: str) -> None:
    world = World(forwarding=f"sip:{WORLD}@{name}")
    over = Transport.TCP if "tcp" in name else Transport.UDP
    world.network.names[TRAP] = [AT_GATEWAY._replace(transport=over)]
    called(world)
    assert world.attempt_slugs == [Slug.FORWARDS_TO_GATEWAY]
    assert world.attempts[0].verdict is not None
    assert world.attempts[0].verdict.detail == f"{over} {GATEWAY}:5060"
    assert_passed_over(world)


def test_a_name_that_leads_to_a_gateway_and_elsewhere_is_called_elsewhere() -> None:
    world = World(forwarding=f"sip:{WORLD}@{TRAP}")
    world.network.names[TRAP] = [AT_GATEWAY, AT_CUSTOMER]
    called(world)
    assert world.heard_by(world.gateway, "INVITE") == []
    hung_up(world, world.customer)


def test_a_device_whose_contact_is_a_gateway() -> None:
    world = World(forwarding=f"{KEY}@{DOMAIN}")
    register(world, f"sip:{WORLD}@{GATEWAY}")
    called(world)
    assert_passed_over(world)


def test_a_device_whose_contact_leads_to_a_gateway() -> None:
    world = World(forwarding=f"{KEY}@{DOMAIN}")
    world.network.names[TRAP] = [AT_GATEWAY]
    register(world, f"sip:{WORLD}@{TRAP}")
    called(world)
    assert_passed_over(world)


@pytest.mark.parametrize("hop", [GATEWAY, TRAP])
def test_a_device_whose_path_is_a_gateway(hop: str) -> None:
    world = World(forwarding=f"{KEY}@{DOMAIN}")
    world.network.names[TRAP] = [AT_GATEWAY]
    register(world, f"sip:{WORLD}@pbx.example", ("Path", f"<sip:{hop};lr>"), ("Supported", "path"))
    called(world)
    assert_passed_over(world)


def test_a_device_that_is_reached_elsewhere_and_passed_on_to_a_gateway() -> None:
    """What stands behind the first of its Path is where that sends the call: a front of ours would."""
    world = World(forwarding=f"{KEY}@{DOMAIN}")
    register(world, f"sip:{WORLD}@{GATEWAY}", ("Path", f"<sip:{CUSTOMER};lr>"), ("Supported", "path"))
    called(world)
    assert_passed_over(world)


def test_a_device_that_a_front_would_send_to_a_gateway() -> None:
    world = World(forwarding=f"{KEY}@{DOMAIN}")
    path = f"<sip:{CUSTOMER};lr;received=sip:{GATEWAY}:5060>"
    register(world, f"sip:{WORLD}@pbx.example", ("Path", path), ("Supported", "path"))
    called(world)
    assert_passed_over(world)


@pytest.mark.parametrize("first", [f"{WORLD}@{GATEWAY}", f"{WORLD}@{TRAP}"])
def test_the_next_entry_is_tried(first: str) -> None:
    world = World(forwarding=f"{first}, pbx@{CUSTOMER}")
    world.network.names[TRAP] = [AT_GATEWAY]
    called(world)
    assert world.heard_by(world.gateway, "INVITE") == []
    hung_up(world, world.customer)


@pytest.mark.parametrize("entry", [f"{WORLD}@{GATEWAY}", f"{WORLD}@{TRAP}", f"{WORLD}@gw.carrier.example"])
def test_a_gateway_that_is_known_by_name(entry: str) -> None:
    gateway = Gateway(SipUri.parse("sip:gw.carrier.example"))
    world = World(forwarding=entry)
    world.network.names["gw.carrier.example"] = world.network.names[TRAP] = [AT_GATEWAY]
    world.node.put(replace(CARRIER, gateways=(gateway,)))
    called(world)
    assert_passed_over(world)


def test_a_disabled_carrier_may_still_trust_us() -> None:
    world = World(forwarding=f"{WORLD}@{GATEWAY_2}")
    world.phone(GATEWAY_2)
    world.node.put(replace(CARRIER, name="old", enabled=False))
    world.use_gateway(GATEWAY)
    called(world)
    assert world.slug is Slug.FORWARDS_TO_GATEWAY
    world.finish()


@pytest.mark.parametrize("entry", [f"pbx@{GATEWAY}:15060", f"pbx@{TRAP}"])
def test_a_pbx_beside_a_gateway_is_called(entry: str) -> None:
    world = World(forwarding=entry)
    beside = Phone(world.network, "beside", host=world.network.host(GATEWAY, 15060))
    beside.on_invite = world.customer.on_invite
    world.phones.append(beside)
    world.network.names[TRAP] = [Target(Transport.UDP, Address(GATEWAY, 15060))]
    called(world)
    assert len(world.heard_by(beside, "INVITE")) == 1
    hung_up(world, beside)


def test_a_gateway_at_another_port_has_that_alone() -> None:
    world = World(forwarding=f"pbx@{CUSTOMER}")
    world.node.put(replace(CARRIER, gateways=(Gateway(SipUri.parse(f"sip:{CUSTOMER}:5070")),)))
    called(world)
    hung_up(world, world.customer)


@pytest.mark.parametrize("entry", [f"{WORLD}@{GATEWAY}", f"{WORLD}@{TRAP}", f"{KEY}@{DOMAIN}"])
def test_the_setting_lets_them_be_called(entry: str) -> None:
    """Also: what the others would have come to without it."""
    world = World(forwarding=entry, settings=ALLOWED)
    world.network.names[TRAP] = [AT_GATEWAY]
    register(world, f"sip:{WORLD}@{GATEWAY}")
    called(world)
    (invite,) = world.heard_by(world.gateway, "INVITE")
    assert invite.uri_text.startswith(f"sip:{WORLD}@")
    world.customer_cancels()
    world.clock.advance(40)


def test_calls_to_a_gateway_go_there() -> None:
    world = World()
    world.talking_outbound().cancel()
    world.clock.advance(1)
    world.finish()


def test_an_answer_without_a_tag_whose_route_leads_to_a_gateway() -> None:
    """A re-INVITE to it has no To tag either: the gateway would take it for a new call."""
    world = World()
    world.network.remove(world.customer.host)
    world.phones.remove(world.customer)
    peer = ScriptedPeer(world.network, CUSTOMER)
    second = world.phone(GATEWAY_2)
    world.inbound()
    world.clock.advance(0.2)
    peer.respond(
        peer.request_heard("INVITE"),
        200,
        to_tag=None,
        contact=f"<sip:{WORLD}@{GATEWAY_2}>",
        headers=(("Record-Route", f"<sip:{GATEWAY_2};lr>"),),
        body=audio(CUSTOMER),
    )
    world.clock.advance(0.2)
    caller = world.gateway.the_usage
    on_hold = audio(GATEWAY, direction="sendonly", version=2)
    caller.reinvite(on_hold, world.gateway.note_answer, world.gateway.note_refusal)
    world.clock.advance(2000)  # the session is refreshed too
    assert world.heard_by(second, "INVITE") == []
    assert world.gateway.events[-1] == "refusal 488"
    caller.bye()
    world.finish()
    assert world.slug is Slug.ANSWERED
