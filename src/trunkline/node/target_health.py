"""How endpoints and gateways have answered lately, as the HTTP ports ask for it.

A million endpoints may share the health of a few servers, so all of them are never listed: the gateways are,
then the endpoints that are down, then the others, up to `MAX_TARGETS`. Between a few of them the event loop
has its turn.
"""

import asyncio
from collections.abc import Iterator
from itertools import islice
from typing import TYPE_CHECKING, Final

from trunkline.trunk.health import HealthKey, HealthState
from trunkline.trunk.plan import endpoint_health_key, gateway_health_key
from trunkline.web.views import MAX_TARGETS, TargetHealth

if TYPE_CHECKING:
    from trunkline.node.node import Node

_AT_ONCE: Final = 50


async def target_health(node: "Node", owner: str | None) -> list[TargetHealth]:
    """Of the number or the carrier `owner`, or of all; without those that nothing was heard about."""
    listed: list[TargetHealth] = []
    keys = _all(node) if owner is None else _owned(node, owner)
    for count, key in enumerate(islice(keys, MAX_TARGETS), start=1):
        one = _health_of(node, key)
        if one.state is not HealthState.UNKNOWN:
            listed.append(one)
        if count % _AT_ONCE == 0:
            await asyncio.sleep(0)
    return listed


def _owned(node: "Node", owner: str) -> Iterator[HealthKey]:
    number, carrier = node.directory.number(owner), node.directory.carrier(owner)
    if number is not None:
        for endpoint in number.forwarding.endpoints:
            yield endpoint_health_key(number, endpoint)
    if carrier is not None:
        for gateway in carrier.gateways:
            yield gateway_health_key(carrier, gateway)


def _all(node: "Node") -> Iterator[HealthKey]:
    health, table = node.services.health, node.directory.numbers
    apart = dict.fromkeys(health.apart())
    for carrier in list(node.directory.carriers()):
        for gateway in carrier.gateways:
            yield gateway_health_key(carrier, gateway)
    for state in (HealthState.DOWN, HealthState.UP):
        for key in apart:
            if key.server and health.view(key).state is state:
                yield key
        for server in health.servers():
            if health.server_state(server) is not state:
                continue
            for number in table.at(server):
                for endpoint in number.forwarding.endpoints:
                    key = endpoint_health_key(number, endpoint)
                    if key.server == server and key not in apart:
                        yield key


def _health_of(node: "Node", key: HealthKey) -> TargetHealth:
    number = node.directory.number(key.owner) if key.server else None
    view = node.services.health.view(key)
    return TargetHealth(
        uri=key.uri,
        number=None if number is None else number.e164,
        account=None if number is None else number.account,
        carrier=None if key.server else key.owner,
        state=view.state,
        results=view.results,
        since_at=view.since_at,
        last_at=view.last_at,
        last_failure=view.last_failure,
        last_detail=view.last_detail,
    )
