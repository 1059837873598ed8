"""How endpoints and gateways have answered lately, as the HTTP ports ask for it.

A million endpoints may share the health of a few servers, so all of them are never listed: the gateways are,
then the endpoints that are down, then the others, up to `MAX_TARGETS`. Between a few of them the event loop
has its turn.
"""

import asyncio
from collections.abc import Iterator
from itertools import islice
from typing import Final

from trunkline.trunk.directory import Directory
from trunkline.trunk.health import HealthBook, HealthKey, HealthState
from trunkline.trunk.plan import endpoint_health_key, gateway_health_key
from trunkline.web.views import MAX_TARGETS, TargetHealth

_AT_ONCE: Final = 50


async def target_health(directory: Directory, health: HealthBook, owner: str | None) -> list[TargetHealth]:
    """Of the number or the carrier `owner`, or of all; without those that nothing was heard about."""
    listed: list[TargetHealth] = []
    keys = _all(directory, health) if owner is None else _owned(directory, owner)
    for count, key in enumerate(islice(keys, MAX_TARGETS), start=1):
        one = _health_of(directory, health, key)
        if one.state is not HealthState.UNKNOWN:
            listed.append(one)
        if count % _AT_ONCE == 0:
            await asyncio.sleep(0)
    return listed


def _owned(directory: Directory, owner: str) -> Iterator[HealthKey]:
    number, carrier = directory.number(owner), directory.carrier(owner)
    if number is not None:
        for endpoint in number.forwarding.endpoints:
            yield endpoint_health_key(number, endpoint)
    if carrier is not None:
        for gateway in carrier.gateways:
            yield gateway_health_key(carrier, gateway)


def _all(directory: Directory, health: HealthBook) -> Iterator[HealthKey]:
    apart = dict.fromkeys(health.apart())
    for carrier in list(directory.carriers()):
        for gateway in carrier.gateways:
            yield gateway_health_key(carrier, gateway)
    for state in (HealthState.DOWN, HealthState.UP):
        for key in apart:
            if key.server and health.view(key).state is state:
                yield key
        for server in health.servers():
            if health.server_state(server) is state:
                yield from (key for key in _at(directory, server) if key not in apart)


def _at(directory: Directory, server: str) -> Iterator[HealthKey]:
    for number in directory.numbers.at(server):
        for endpoint in number.forwarding.endpoints:
            key = endpoint_health_key(number, endpoint)
            if key.server == server:
                yield key


def _health_of(directory: Directory, health: HealthBook, key: HealthKey) -> TargetHealth:
    number = directory.number(key.owner) if key.server else None
    view = health.view(key)
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
