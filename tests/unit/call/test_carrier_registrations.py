"""Registering at carriers that want it (BEHAVIOUR §4)."""

from dataclasses import replace

from tests.simulation.phone import Phone
from tests.simulation.world import CARRIER, GATEWAY, World
from trunkline.call.carrier_registrations import CarrierRegistrations
from trunkline.sip.message import Request, Response, response_to
from trunkline.sip.ports import Flow
from trunkline.trunk.carrier import CarrierCredentials
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
