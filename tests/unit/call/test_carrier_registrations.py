"""Registering at carriers that want it."""

from dataclasses import replace

import pytest

from tests.simulation.phone import Phone
from tests.simulation.world import CARRIER, GATEWAY, NODE, NUMBER, World
from trunkline.call.carrier_registrations import CarrierRegistrations
from trunkline.sip.message import Request, Response, response_to
from trunkline.sip.name_addr import NameAddr
from trunkline.sip.ports import Flow
from trunkline.sip.uri import SipUri
from trunkline.trunk.carrier import Carrier, CarrierCredentials
from trunkline.trunk.health import HealthKey, HealthState

WANTED = replace(CARRIER, register=True, credentials=CarrierCredentials("us", "s"))


class Registrar:
    """What the gateway says to REGISTER."""

    def __init__(self, phone: Phone, status: int = 200, reason: str | None = None) -> None:
        self.status = status
        self.reason = reason
        self.expires: list[str | None] = []
        phone.on_screen = self.screen

    def screen(self, request: Request, flow: Flow) -> Response | None:
        if request.method != "REGISTER":
            return None
        self.expires.append(request.headers.get("expires"))
        contact = request.headers.get("contact") or ""
        return response_to(
            request, self.status, self.reason, headers=[("Contact", contact), ("Expires", "3600")]
        )


def test_registered_refreshed_and_taken_back() -> None:
    world = World(carrier=WANTED)
    registrar = Registrar(world.gateway)
    registrations = CarrierRegistrations(world.node.services)
    registrations.refresh()
    world.clock.advance(1)
    assert len(registrations) == 1
    (request,) = world.heard_by(world.gateway, "REGISTER")
    assert request.uri_text == f"sip:{GATEWAY}"
    assert str(request.to.uri) == f"sip:us@{GATEWAY}"
    world.clock.advance(3600)
    assert len(registrar.expires) >= 2
    registrations.refresh()
    world.clock.advance(1)
    before = len(registrar.expires)
    world.node.put(replace(CARRIER))
    registrations.refresh()
    world.clock.advance(1)
    assert len(registrations) == 0
    assert len(registrar.expires) == before + 1
    assert registrar.expires[-1] == "0" or world.heard_by(world.gateway, "REGISTER")[-1].contact is not None
    world.finish()


def test_a_user_name_that_holds_an_at_sign_is_escaped_and_called() -> None:
    """RFC 3261 §25.1: the user part of a URI; the digest's user name stays as it is (§22.4)."""
    carrier = replace(WANTED, credentials=CarrierCredentials("us@carrier.example", "s"))
    world = World(carrier=carrier)
    challenge = 'Digest realm="c", nonce="n", qop="auth"'

    def screen(request: Request, flow: Flow) -> Response | None:
        if request.method != "REGISTER":
            return None
        if "authorization" not in request.headers:
            return response_to(request, 401, headers=[("WWW-Authenticate", challenge)])
        return response_to(request, 200, headers=[("Contact", request.headers.get("contact") or "")])

    world.gateway.on_screen = screen
    registrations = CarrierRegistrations(world.node.services)
    registrations.refresh()
    world.clock.advance(1)
    request = world.heard_by(world.gateway, "REGISTER")[-1]
    assert str(request.to.uri) == f"sip:us%40carrier.example@{GATEWAY}"
    assert request.contact is not None
    assert isinstance(request.contact.uri, SipUri)
    assert (request.contact.uri.user, request.contact.uri.host) == ("us%40carrier.example", NODE)
    assert 'username="us@carrier.example"' in (request.headers.get("authorization") or "")
    world.inbound("us%40carrier.example", to=NameAddr(None, SipUri("sip", NUMBER, GATEWAY)))
    world.clock.advance(2)
    assert world.record.called == NUMBER, "the Request-URI is our Contact"
    world.customer.the_usage.bye()
    registrations.stop()
    world.finish()


def test_a_carrier_that_refuses_us_counts_as_failing() -> None:
    world = World(carrier=WANTED)
    Registrar(world.gateway, 403, "Ung\udcfcltig")
    registrations = CarrierRegistrations(world.node.services)
    registrations.refresh()
    world.clock.advance(1)
    view = world.node.health.view(HealthKey("carrier", f"sip:{GATEWAY}"))
    assert view.results == (False,)
    assert view.last_detail.startswith("REGISTER: 403 Ungültig; again")
    world.clock.advance(600)
    assert world.node.health.view(HealthKey("carrier", f"sip:{GATEWAY}")).state is HealthState.DOWN
    registrations.stop()
    world.finish()


# -- calls to what has registered --------------------------------------------------------------------

OTHER = "442079460001"
"""Nobody's."""


@pytest.mark.parametrize(
    ("to", "party"),
    [
        (NUMBER, None),
        (f"+{NUMBER}", None),
        ("us", f"<tel:+{NUMBER}>"),
        (OTHER, f'"Us" <sip:{NUMBER}@carrier.example>'),
        (NUMBER, "<rubbish"),
    ],
)
def test_a_call_to_our_contact_is_for_the_number_that_it_names(to: str, party: str | None) -> None:
    """A registrar's proxy puts the Contact into the Request-URI (RFC 3261 §16.5)."""
    world = World(carrier=WANTED)
    headers = () if party is None else (("P-Called-Party-ID", party),)
    world.inbound("us", to=NameAddr(None, SipUri("sip", to, GATEWAY)), headers=headers)
    world.clock.advance(2)
    assert world.customer.events[-1] == "acknowledged"
    assert (world.record.dialled, world.record.called) == ("us", NUMBER)
    (invite,) = world.heard_by(world.customer, "INVITE")
    assert invite.to.uri.user == NUMBER
    world.customer.the_usage.bye()
    world.finish()


@pytest.mark.parametrize("to", [OTHER, "somebody"])
def test_a_contact_that_is_a_number_is_called_where_no_other_of_ours_is_named(to: str) -> None:
    """A call that was diverted to it keeps its first To."""
    world = World(carrier=replace(WANTED, credentials=CarrierCredentials(NUMBER, "s")))
    world.inbound(to=NameAddr(None, SipUri("sip", to, GATEWAY)))
    world.clock.advance(2)
    assert world.record.called == NUMBER
    world.customer.the_usage.bye()
    world.finish()


@pytest.mark.parametrize(("carrier", "user"), [(WANTED, "other"), (WANTED, "us"), (CARRIER, "us")])
def test_another_request_uri_means_what_it_says(carrier: Carrier, user: str) -> None:
    world = World(carrier=carrier)
    to = OTHER if carrier.register and user == "us" else NUMBER
    world.inbound(user, to=NameAddr(None, SipUri("sip", to, GATEWAY)))
    world.clock.advance(1)
    assert world.gateway.events[-1] == "rejected 484"
    world.finish()
