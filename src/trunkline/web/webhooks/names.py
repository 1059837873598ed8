"""The addresses of a receiver's name, from the hosts file and the service's own DNS client.

That client has bounds: a customer's slow nameserver takes no thread and holds nobody up.
"""

import asyncio
import random
from collections.abc import Sequence

import structlog

from trunkline.config import Settings
from trunkline.net.dns_client import DnsSettings
from trunkline.net.locating import Answer, Question, RecordType
from trunkline.net.loop_clock import LoopClock
from trunkline.net.resolver import Resolver

_KINDS = (RecordType.A, RecordType.AAAA)


class Names:
    """Looks names up in the running loop. Close it when done."""

    def __init__(self, settings: Settings) -> None:
        """Raises `ConfigError` when there is no nameserver to ask."""
        dns = settings.dns
        self._clock = LoopClock(asyncio.get_running_loop(), _faulted)
        asked = DnsSettings(nameservers=dns.nameservers, port=dns.port, locate_s=dns.timeout_s)
        self._resolver = Resolver(asked, self._clock, random.random)

    async def lookup(self, host: str) -> Sequence[str]:
        """Its addresses, IPv4 first; none when it has none or DNS doesn't say in time."""
        name = host.rstrip(".").lower()
        answers = await asyncio.gather(*(self._ask(Question(name, kind)) for kind in _KINDS))
        return [address for answer in answers for address in answer.addresses]

    async def _ask(self, question: Question) -> Answer:
        known = self._resolver.known(question)
        if known is not None:
            return known
        asked: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()

        def answered(_question: Question, answer: Answer) -> None:
            if not asked.done():
                asked.set_result(answer)

        self._resolver.ask(question, answered)
        return await asked

    async def close(self) -> None:
        """Give up what is asked."""
        await self._resolver.close()
        self._clock.stop()


def _faulted(error: Exception) -> None:
    structlog.get_logger().error("a timer of the webhooks' DNS failed", error=str(error))
