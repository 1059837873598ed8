"""Requests within a call to a device that has come back by another connection, on whole nodes."""

import pytest

from tests.simulation.descriptions import audio
from tests.simulation.phone import Phone
from tests.simulation.world import CALLEE, DOMAIN, KEY, NODE, SECRET, World, answering, follow_offer
from tests.unit.call import devices
from trunkline.sip.incoming_invite import IncomingInvite
from trunkline.sip.name_addr import NameAddr
from trunkline.sip.outbound_auth import DigestUser
from trunkline.sip.ports import Address, Transport
from trunkline.sip.uri import SipUri
from trunkline.trunk.verdict import Slug, Verdict

PRIVATE = "192.168.1.10"
BEFORE, AFTER = Address("203.0.113.9", 31000), Address("203.0.113.9", 32000)


def inside(over: Transport, user: str = "desk") -> str:
    """The device's Contact, which is of no use outside."""
    return f"sip:{user}@{PRIVATE}:5060" + ("" if over is Transport.UDP else f";transport={over.lower()}")


def device(world: World, *, contact: str, instance: str = "", over: Transport = Transport.TLS) -> Phone:
    """A phone behind a NAT that has registered over that transport."""
    host = world.network.host(PRIVATE, public=BEFORE)
    phone = Phone(world.network, "device", host=host)
    phone.on_invite, phone.on_offer = answering, follow_offer
    world.phones.append(phone)
    register(world, phone, contact, instance, over)
    return phone


def register(world: World, phone: Phone, contact: str, instance: str, over: Transport) -> None:
    parameters = f';+sip.instance="<urn:uuid:{instance}>";reg-id=1' if instance else ""
    devices.register(world, phone, f"<{contact}>{parameters}", over)


def called(world: World, phone: Phone) -> None:
    """The device has answered a call of the carrier."""
    world.inbound()
    world.clock.advance(2)
    assert phone.events[-1] == "acknowledged"


def calling(world: World, phone: Phone, over: Transport) -> None:
    """The device has placed a call that was answered."""
    phone.call(
        SipUri.parse(f"sip:{CALLEE}@{NODE};transport={over.lower()}"),
        credentials=DigestUser(KEY, SECRET),
        body=audio(PRIVATE),
    )
    world.clock.advance(2)
    assert phone.events[-1] == "answered"


def close(world: World, over: Transport) -> None:
    """The node has heard of the end of the device's connection."""
    flow = world.node.host.streams[over, BEFORE]
    flow.close()
    world.node.registrar.flow_closed(flow)


@pytest.mark.parametrize("heard_of", [True, False], ids=["closed", "half open"])
@pytest.mark.parametrize("over", [Transport.TCP, Transport.TLS])
@pytest.mark.parametrize("by", ["contact", "instance"])
def test_a_device_that_was_called_is_found_at_its_new_connection(
    by: str, over: Transport, heard_of: bool
) -> None:
    """Hold and the far end's BYE reach it there."""
    world = World(forwarding=f"{KEY}@{DOMAIN}")
    instance = "1" if by == "instance" else ""
    phone = device(world, contact=inside(over), instance=instance, over=over)
    called(world, phone)
    world.network.move(phone.host, AFTER)
    if heard_of:
        close(world, over)
    register(world, phone, inside(over, "other" if instance else "desk"), instance, over)
    held = audio(world.gateway.host.address.host, direction="sendonly", version=2)
    world.gateway.the_usage.reinvite(held, world.gateway.note_answer, world.gateway.note_refusal)
    world.clock.advance(1)
    assert world.gateway.events[-1] == "answer 200 INVITE"
    assert b"a=sendonly" in phone.answered_offers[-1]
    world.gateway.the_usage.bye()
    world.clock.advance(1)
    assert phone.events[-1] == "bye_received"
    world.finish()


@pytest.mark.parametrize("over", Transport)
def test_a_device_that_called_is_found_by_its_instance(over: Transport) -> None:
    """Over UDP too, where its NAT has given it another port."""
    world = World()
    phone = device(world, contact=inside(over), instance="1", over=over)
    calling(world, phone, over)
    world.network.move(phone.host, AFTER)
    register(world, phone, inside(over, "other"), "1", over)
    world.gateway.the_usage.bye()
    world.clock.advance(1)
    assert phone.events[-1] == "bye_received"
    world.finish()


def hung_up_on(world: World, phone: Phone) -> bool:
    """Whether the device hears of the far end's BYE. What is left of its call ends."""
    world.gateway.the_usage.bye()
    world.clock.advance(100)
    heard = "bye_received" in phone.events
    if not heard:
        phone.the_usage.drop()
    world.finish()
    return heard


def test_a_device_that_had_tls_is_not_sought_without() -> None:
    world = World(forwarding=f"{KEY}@{DOMAIN}")
    phone = device(world, contact=inside(Transport.TLS), instance="1")
    called(world, phone)
    world.network.move(phone.host, AFTER)
    register(world, phone, inside(Transport.TCP), "1", Transport.TCP)
    assert not hung_up_on(world, phone)


def test_another_device_that_registers_does_not_get_the_call() -> None:
    world = World(forwarding=f"{KEY}@{DOMAIN}")
    phone = device(world, contact=inside(Transport.TLS), instance="1")
    called(world, phone)
    other = world.phone("10.0.0.77")
    register(world, other, "sip:desk@10.0.0.77:5060;transport=tls", "2", Transport.TLS)
    close(world, Transport.TLS)
    assert not hung_up_on(world, phone)
    assert "bye_received" not in other.events


def test_where_a_device_was_last_heard_in_the_call_counts_for_more() -> None:
    """It speaks by another connection than it registers over."""
    world = World(forwarding=f"{KEY}@{DOMAIN}")
    phone = device(world, contact=inside(Transport.TLS), instance="1")
    called(world, phone)
    world.network.move(phone.host, AFTER)
    phone.the_usage.info("a/b", b"c", phone.note_answer, phone.note_refusal)
    world.clock.advance(1)
    registering = world.phone("10.0.0.77")
    register(world, registering, "sip:desk@10.0.0.77:5060;transport=tls", "1", Transport.TLS)
    assert hung_up_on(world, phone)
    assert "bye_received" not in registering.events


def answering_as_desk(phone: Phone, invite: IncomingInvite) -> None:
    if "line2" in invite.request.uri_text:
        invite.reject(500)
    else:
        answering(phone, invite)


def test_of_several_lines_on_one_connection_that_of_the_call_is_followed() -> None:
    world = World(forwarding=f"{KEY}@{DOMAIN}")
    phone = device(world, contact=inside(Transport.TLS), instance="1")
    register(world, phone, inside(Transport.TLS, "line2"), "2", Transport.TLS)
    phone.on_invite = answering_as_desk
    called(world, phone)
    world.network.move(phone.host, AFTER)
    other = world.phone("10.0.0.77")
    register(world, other, "sip:line2@10.0.0.77:5060;transport=tls", "2", Transport.TLS)
    register(world, phone, inside(Transport.TLS), "1", Transport.TLS)
    assert hung_up_on(world, phone)


def test_behind_a_proxy_of_its_own_a_device_is_reached_by_its_route() -> None:
    """RFC 3261 §12.2.1.1."""
    world = World(forwarding=f"{KEY}@{DOMAIN}")
    phone = device(world, contact=inside(Transport.TLS), instance="1")
    called(world, phone)
    callee = world.node.the_call.callee
    assert callee is not None
    assert callee.usage is not None
    dialog = callee.usage.dialog
    assert dialog.whereabouts is not None
    dialog.route_set = [NameAddr.parse("<sip:10.0.0.9;lr>")]
    close(world, Transport.TLS)
    assert str(dialog.next_hop()) == "sip:10.0.0.9;lr;transport=tls"
    dialog.route_set = []
    world.node.the_call.hang_up(Verdict.of(Slug.HUNG_UP_BY_OPERATOR))
    world.clock.advance(100)
    phone.the_usage.drop()
    world.finish()
