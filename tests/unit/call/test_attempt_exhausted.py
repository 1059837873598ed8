"""Attempts: what the caller is told where nobody answers, row by row, on whole nodes."""

from dataclasses import replace

import pytest

from tests.simulation.world import (
    SETTINGS,
    World,
    rejecting,
)
from tests.unit.call.test_attempt import TwoEndpoints
from trunkline.call.record import Party
from trunkline.trunk.verdict import Slug


def test_all_silent_is_486_with_cause_408() -> None:
    world = TwoEndpoints()
    world.mute(world.customer)
    world.mute(world.second)
    world.inbound()
    world.clock.advance(11)
    assert world.refused_with() == (486, ['SIP;cause=408;text="all-silent"', "Q.850;cause=18"])
    world.finish()
    assert world.attempt_slugs == [Slug.ENDPOINT_SILENT, Slug.ENDPOINT_SILENT]
    assert world.record.hung_up_by is Party.SERVICE


def test_the_486_can_be_another_status() -> None:
    world = TwoEndpoints(settings=replace(SETTINGS, timeout_status=480))
    world.mute(world.customer)
    world.mute(world.second)
    world.inbound()
    world.clock.advance(11)
    assert world.refused_with()[0] == 480
    world.finish()


def test_silence_and_then_a_5xx_is_that_5xx() -> None:
    world = TwoEndpoints()
    world.mute(world.customer)
    world.second.on_invite = rejecting(502)
    world.inbound()
    world.clock.advance(11)
    assert world.refused_with()[0] == 502
    world.finish()


def test_a_5xx_and_then_silence_is_486() -> None:
    world = TwoEndpoints()
    world.customer.on_invite = rejecting(502)
    world.mute(world.second)
    world.inbound()
    world.clock.advance(11)
    assert world.refused_with()[0] == 486
    world.finish()


def test_the_last_transport_failure_is_503() -> None:
    world = TwoEndpoints("first@10.0.0.77;transport=tcp, second@10.0.0.78;transport=tcp")
    world.inbound()
    world.clock.advance(1)
    assert world.refused_with()[0] == 503
    world.finish()


@pytest.mark.parametrize(
    "status", [300, 302, 305, 380, 400, 403, 404, 408, 410, 480, 484, 486, 487, 488, 600, 603, 604, 606]
)
def test_3xx_4xx_and_6xx_end_the_hunt_and_are_relayed(status: int) -> None:
    world = TwoEndpoints()
    contact = (("Contact", "<sip:elsewhere@10.0.0.99>"),) if status < 400 else ()
    world.customer.on_invite = rejecting(status, headers=contact)
    world.inbound()
    world.clock.advance(2)
    assert world.refused_with()[0] == status
    assert world.second.events == []
    assert world.gateway.responses[-1].contact is None, "a redirect is neither followed nor passed on"
    world.finish()
    assert world.record.hung_up_by is Party.CALLEE


@pytest.mark.parametrize("status", [401, 407])
def test_a_challenge_of_an_endpoint_is_403(status: int) -> None:
    """It is not answered, and the caller learns nothing of it (no digest leak)."""
    world = TwoEndpoints()
    name = "WWW-Authenticate" if status == 401 else "Proxy-Authenticate"
    world.customer.on_invite = rejecting(
        status, headers=((name, 'Digest realm="pbx", nonce="n", qop="auth"'),)
    )
    world.inbound()
    world.clock.advance(2)
    assert world.refused_with()[0] == 403
    assert name not in world.gateway.responses[-1].headers
    assert all(
        "Authorization" not in invite.to_bytes().decode()
        for invite in world.heard_by(world.customer, "INVITE")
    )
    world.finish()
    assert world.attempt_slugs == [Slug.CHALLENGED]


NAMED = [
    (405, ("Allow", "OPTIONS, BYE")),
    (415, ("Accept", "application/isup")),
    (420, ("Unsupported", "100rel")),
    (422, ("Min-SE", "90")),
]
"""Refusals that have to say what they are about (RFC 3261 §21.4.6, §21.4.13, §21.4.15; RFC 4028 §6)."""


@pytest.mark.parametrize(("status", "field"), NAMED)
def test_what_a_refusal_is_about_goes_on(status: int, field: tuple[str, str]) -> None:
    world = World()
    world.customer.on_invite = rejecting(status, headers=(field, ("Min-Expires", "5")))
    world.inbound()
    world.clock.advance(2)
    response = world.gateway.responses[-1]
    assert (response.status, response.headers.all(field[0])) == (status, [field[1]])
    assert "min-expires" not in response.headers
    world.finish()


def test_the_far_ends_phrase_and_warning_are_kept() -> None:
    world = TwoEndpoints()
    world.customer.on_invite = rejecting(488, headers=(("Warning", '304 pbx "no such media"'),))
    world.inbound()
    world.clock.advance(2)
    assert world.gateway.responses[-1].headers.all("warning") == ['304 pbx "no such media"']
    world.finish()


def test_not_forwarded_is_480() -> None:
    world = World(forwarding="")
    world.inbound()
    world.clock.advance(1)
    assert world.gateway.events[-1] == "rejected 480"
    world.finish()
    assert world.record.attempts == 0


def test_unknown_number_is_404() -> None:
    world = World()
    world.inbound("4420000000000")
    world.clock.advance(1)
    assert world.gateway.events[-1] == "rejected 404"
    world.finish()
