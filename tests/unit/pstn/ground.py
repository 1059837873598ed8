"""What phones stand on in tests: a loop of their own, loopback sockets, and a media engine without any."""

import asyncio
import random
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from typing import Any, TypeVar

import uvloop

from trunkline.media.fake import FakeEngine
from trunkline.media.fake_network import FakeNetwork
from trunkline.net.dns_client import DnsSettings
from trunkline.net.loop_clock import LoopClock
from trunkline.net.resolver import Resolver
from trunkline.node.tokens import token_source
from trunkline.pstn.carrier import SimulatedCarrier
from trunkline.pstn.phone import Phone
from trunkline.sip.ports import Address
from trunkline.sip.uri import SipUri

T = TypeVar("T")
ANYWHERE = Address("127.0.0.1", 0)


class Ground:
    """One clock, one resolver, engines that hear one another."""

    def __init__(self) -> None:
        self.faults: list[Exception] = []
        self.clock = LoopClock(asyncio.get_running_loop(), self.faults.append)
        self.resolver = Resolver(DnsSettings(), self.clock, random.random)
        self.token = token_source()
        self.network = FakeNetwork(self.clock)
        self.engines: list[FakeEngine] = []

    def engine(self) -> FakeEngine:
        """One more, on an address of its own."""
        address = f"192.0.2.{len(self.engines) + 1}"
        self.engines.append(FakeEngine(self.clock, network=self.network, address=address))
        return self.engines[-1]

    @asynccontextmanager
    async def phone(self, **options: Any) -> AsyncIterator[tuple[Phone, SipUri]]:
        """A phone that is on, and its URI."""
        phone = Phone(
            clock=self.clock,
            media=self.engine(),
            locator=self.resolver,
            token=self.token,
            bind=ANYWHERE,
            **options,
        )
        address = await phone.start()
        try:
            yield phone, SipUri("sip", "phone", address.host, address.port)
        finally:
            await phone.close()

    @asynccontextmanager
    async def carrier(
        self, serves: SipUri
    ) -> AsyncIterator[tuple[SimulatedCarrier, Callable[[str], SipUri]]]:
        """A simulated carrier whose own calls go to `serves`, and what makes a number its URI."""
        assert serves.port is not None
        carrier = SimulatedCarrier(
            clock=self.clock,
            media=self.engine(),
            locator=self.resolver,
            token=self.token,
            bind=ANYWHERE,
            serves=Address(serves.host, serves.port),
        )
        address = await carrier.start()
        try:
            yield carrier, lambda digits: SipUri("sip", digits, address.host, address.port)
        finally:
            await carrier.close()


def on_ground(work: Callable[[Ground], Coroutine[Any, Any, T]]) -> T:
    """Run `work`; no timer may have failed, no media port be left open."""

    async def run() -> T:
        ground = Ground()
        try:
            return await work(ground)
        finally:
            await ground.resolver.close()
            ground.clock.stop()
            assert ground.faults == []
            assert [engine.open_legs for engine in ground.engines] == [0] * len(ground.engines)

    return uvloop.run(run())
