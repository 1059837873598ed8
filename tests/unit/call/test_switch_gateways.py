"""Which gateway gets a call of a customer, and when the next one does."""

from dataclasses import replace

import pytest

from tests.simulation.world import (
    CARRIER,
    GATEWAY_2,
    SETTINGS,
    World,
    rejecting,
    ringing,
)
from trunkline.sip.digest import Algorithm, Challenger, Outcome, ha1
from trunkline.sip.message import Request, Response, response_to
from trunkline.sip.ports import Flow
from trunkline.trunk.carrier import CarrierCredentials
from trunkline.trunk.verdict import Slug


@pytest.mark.parametrize("status", [500, 503, 408])
def test_the_next_gateway_on_5xx_and_408(status: int) -> None:
    world = World()
    second = world.phone(GATEWAY_2)
    world.gateway.on_invite = rejecting(status)
    world.outbound()
    world.clock.advance(2)
    assert second.events[-1] == "acknowledged"
    assert world.record.attempts == 2
    world.customer.the_usage.bye()
    world.finish()


def test_the_next_gateway_on_silence() -> None:
    world = World(carrier=replace(CARRIER, response_timeout_ms=1000))
    second = world.phone(GATEWAY_2)
    world.mute(world.gateway)
    world.outbound()
    world.clock.advance(2.5)
    assert second.events[-1] == "acknowledged"
    world.customer.the_usage.bye()
    world.finish()


def test_the_next_gateway_when_nothing_follows_a_100() -> None:
    world = World(settings=replace(SETTINGS, gateway_progress_s=10.0))
    second = world.phone(GATEWAY_2)
    world.gateway.on_invite = lambda phone, invite: None  # its user agent sends a 100 after 200 ms
    world.outbound()
    world.clock.advance(10.0)
    assert world.record.attempts == 1
    world.clock.advance(2.5)
    assert "cancelled" in world.gateway.events
    assert second.events[-1] == "acknowledged"
    assert world.attempt_slugs[0] is Slug.ENDPOINT_SILENT
    world.customer.the_usage.bye()
    world.finish()


def test_ringing_is_no_stall() -> None:
    world = World(settings=replace(SETTINGS, gateway_progress_s=2.0))
    second = world.phone(GATEWAY_2)
    world.gateway.on_invite = ringing
    world.outbound()
    world.clock.advance(60)
    assert (world.record.attempts, second.events) == (1, [])
    world.clock.advance(100)
    world.finish()


@pytest.mark.parametrize("status", [404, 480, 484, 486, 603, 600, 488])
def test_never_another_gateway_on_busy_like_answers(status: int) -> None:
    world = World()
    second = world.phone(GATEWAY_2)
    world.gateway.on_invite = rejecting(status)
    world.outbound()
    world.clock.advance(1)
    assert world.customer.events[-1] == f"rejected {status}"
    assert second.events == []
    world.finish()


def test_all_gateways_silent_is_408() -> None:
    world = World()
    world.mute(world.gateway)
    world.outbound()
    world.clock.advance(12)
    assert world.customer.events[-1] == "rejected 408"
    world.finish()


def test_a_carriers_challenge_is_answered_with_its_own_credentials() -> None:
    world = World(carrier=replace(CARRIER, credentials=CarrierCredentials("us", "them", "carrier.example")))
    challenger = Challenger("carrier.example", b"k" * 32, world.clock)
    outcomes: list[Outcome] = []

    def screen(request: Request, flow: Flow) -> Response | None:
        found = challenger.find(request.headers.all("proxy-authorization"))
        if found is None:
            challenge = challenger.challenge_headers("192.0.2.1")
            return response_to(request, 407, headers=[("Proxy-Authenticate", one) for one in challenge])
        outcomes.append(
            challenger.check(
                found,
                "INVITE",
                lambda key, algorithm: ha1(key, "carrier.example", "them", Algorithm(algorithm)),
                request.uri_text,
            )
        )
        return None

    world.gateway.on_screen = screen
    world.outbound()
    world.clock.advance(2)
    assert outcomes == [Outcome.OK]
    assert world.customer.events[-1] == "answered"
    assert world.record.attempts == 1
    world.customer.the_usage.bye()
    world.finish()
