"""Our own test phones around a node: customers that dial, and carriers that answer, in one event loop and
with a media engine of their own, so that everything between them goes over the wire.
"""

import asyncio
import os
import random
import threading
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from tests.interop.addresses import media_ports
from tests.interop.node import DOMAIN, HOST, KEY, SECRET, Node
from trunkline.media.embedded import EmbeddedEngine, EngineSettings
from trunkline.media.terminals import Source
from trunkline.net.dns_client import DnsSettings
from trunkline.net.loop_clock import LoopClock
from trunkline.net.resolver import Resolver
from trunkline.node.tokens import token_source
from trunkline.pstn.dialling import CallReport, Dialling
from trunkline.pstn.phone import Phone
from trunkline.sip.outbound_auth import DigestUser
from trunkline.sip.ports import Address
from trunkline.sip.uri import SipUri

T = TypeVar("T")

CUSTOMER, CARRIER = "127.0.0.30", "127.0.0.31"


@dataclass
class FarEnd:
    """A carrier's number, and the calls that it has taken."""

    number: str
    taken: list[CallReport] = field(default_factory=list)

    def has_taken(self, count: int) -> bool:
        """Whether so many calls have ended."""
        return len(self.taken) >= count


class Phones:
    """`answering` puts a phone at an address of its own, `dial` places calls through `node`, all at once."""

    def __init__(self, node: Node) -> None:
        self._node = node
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="phones")
        self._thread.start()
        self.ports = first, last = media_ports()
        """Of their audio."""
        self._media = EmbeddedEngine(
            EngineSettings(port_min=first, port_max=last, bind_v4=HOST, allow_loopback=True, drain_s=0.1)
        )
        _prefer_media_threads()
        self._phones: list[Phone] = []
        self.run(self._open())

    async def _open(self) -> None:
        self._clock = LoopClock(self._loop, self._failed)
        self._resolver = Resolver(DnsSettings(), self._clock, random.random)
        self._caller = self._phone(CUSTOMER)
        await self._caller.start()

    def _failed(self, error: Exception) -> None:
        raise error

    def _phone(self, host: str, **more: Any) -> Phone:
        phone = Phone(
            clock=self._clock,
            media=self._media,
            locator=self._resolver,
            token=token_source(),
            bind=Address(host, 0),
            **more,
        )
        self._phones.append(phone)
        return phone

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        """In the loop of the phones; what came of it."""
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(120)

    def answering(self, answers: Source, taken: Callable[[CallReport], None], **more: Any) -> Address:
        """A phone that answers every call; where it is."""

        async def start() -> Address:
            return await self._phone(CARRIER, answers=answers, taken=taken, **more).start()

        return self.run(start())

    def dial(self, *calls: tuple[str, dict[str, Any]]) -> list[CallReport]:
        """Call these numbers at once, each with the settings of a `Dialling`."""

        async def all_at_once() -> list[CallReport]:
            return await asyncio.gather(*(self._caller.dial(self._dialling(*call)) for call in calls))

        return self.run(all_at_once())

    def _dialling(self, number: str, more: dict[str, Any]) -> Dialling:
        values: dict[str, Any] = {"talk_s": 2.5, **more}
        key = values.pop("key", KEY)
        return Dialling(
            SipUri("sip", number, HOST, self._node.port),
            domain=DOMAIN,
            credentials=DigestUser(key, SECRET),
            **values,
        )

    def close(self) -> None:
        """Hang up and end the loop."""
        self.run(self._close())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()
        self._media.stop()

    async def _close(self) -> None:
        for phone in self._phones:
            await phone.close()
        await self._resolver.close()
        self._clock.stop()


def _prefer_media_threads() -> None:
    """What the phones say is paced by a thread of their engine, which a busy machine is not to hold up; where
    that is allowed.
    """
    for thread in Path("/proc/self/task").iterdir():
        if (thread / "comm").read_text().startswith("media-"):
            with suppress(PermissionError):
                os.setpriority(os.PRIO_PROCESS, int(thread.name), -15)


@contextmanager
def phones_around(node: Node) -> Iterator[Phones]:
    """Phones, and none of them at the end."""
    phones = Phones(node)
    try:
        yield phones
    finally:
        phones.close()
