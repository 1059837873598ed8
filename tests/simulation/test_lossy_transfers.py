"""Blind transfers over a bad network: whatever happens to the packets, the third party is talked to or the
call goes on as it was, and nothing is left behind in the end.
"""

from dataclasses import replace

import pytest

from tests.simulation.virtual_network import LinkQuality
from tests.simulation.world import ACCOUNT, CARRIER, KEY, World
from trunkline.sip.uri import SipUri
from trunkline.sip.user_agent import ALLOW, UserAgentSettings
from trunkline.trunk.carrier import Gateway
from trunkline.trunk.routes import Route, RouteCarrier

BAD = LinkQuality(loss=0.15, duplication=0.1, delay_s=0.02, jitter_s=0.3)
PATIENT = replace(CARRIER, response_timeout_ms=20_000)
THIRD = "10.0.0.5"
SEEDS = 60


def transfers(seed: int, *, hangs_up: bool) -> bool:
    """One call and its transfer under `seed`; whether the third party came to talk with the second."""
    world = World(
        account=replace(ACCOUNT, refer_enabled=True),
        carrier=PATIENT,
        phone_settings=UserAgentSettings(product="phone", allow=(*ALLOW, "NOTIFY")),
        seed=seed,
        quality=BAD,
    )
    world.node.put(
        replace(PATIENT, name="france", gateways=(Gateway(SipUri.parse(f"sip:{THIRD}")),), sources=())
    )
    world.node.put(Route("33", (RouteCarrier("france"),)))
    third = world.phone(THIRD)
    world.outbound()
    world.clock.advance(35)
    joined = False
    if "answered" in world.customer.events and not world.customer.the_usage.ended:
        customer = world.customer
        customer.the_usage.request(
            "REFER",
            customer.note_answer,
            customer.note_refusal,
            headers=(("Refer-To", f"<sip:33140205050@{THIRD}>"),),
        )
        world.clock.advance(2)
        if hangs_up:
            customer.the_usage.bye()
        world.clock.advance(60)
        joined = "acknowledged" in third.events and not third.the_usage.ended
        assert len(world.node.switch) <= 1
        if joined and len(world.node.switch) == 1 and customer.the_usage.ended:
            assert not world.gateway.the_usage.ended
            assert world.node.limits.calls_up(KEY) == 2
    for phone in world.phones:
        if phone.usage is not None:
            phone.usage.bye()
    world.finish()
    assert world.node.limits.calls_up(KEY) == 0
    return joined


@pytest.mark.parametrize("hangs_up", [False, True])
def test_whatever_is_lost(*, hangs_up: bool) -> None:
    joined = [transfers(seed, hangs_up=hangs_up) for seed in range(SEEDS)]
    assert sum(joined) > SEEDS * 0.8
