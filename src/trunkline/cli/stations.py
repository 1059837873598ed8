"""What `ping`, `dial` and the demo stand on: an event loop with a clock, a resolver, and addresses of their
own.
"""

import asyncio
import random
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from typing import Any, TypeVar

import uvloop

from trunkline.config import Settings
from trunkline.net.dns_client import DnsSettings
from trunkline.net.loop_clock import LoopClock
from trunkline.net.resolver import Resolver
from trunkline.node.tokens import token_source

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Ground:
    """The common ground of one command."""

    clock: LoopClock
    resolver: Resolver
    token: Callable[[], str]


def on_ground(settings: Settings | None, work: Callable[[Ground], Coroutine[Any, Any, T]]) -> T:
    """Run `work` to its end. `settings` tell which name servers to ask (None: the system's)."""
    return uvloop.run(_run(settings, work))


async def _run(settings: Settings | None, work: Callable[[Ground], Coroutine[Any, Any, T]]) -> T:
    faults: list[Exception] = []
    clock = LoopClock(asyncio.get_running_loop(), faults.append)
    if settings is None:
        dns = DnsSettings()
    else:
        dns = DnsSettings(
            nameservers=settings.dns.nameservers, port=settings.dns.port, locate_s=settings.dns.timeout_s
        )
    resolver = Resolver(dns, clock, random.random)
    try:
        result = await work(Ground(clock, resolver, token_source()))
    finally:
        await resolver.close()
        clock.stop()
    if faults:
        raise faults[0]
    return result
