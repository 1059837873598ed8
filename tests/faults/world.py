"""A node, a customer and a carrier in a network namespace of their own, for what can't be done to a machine's
network: strangers by the thousand, loss and delay, a full disk.

Addresses are of 10.77.0.0/16 and 203.0.113.0/24, all of them local there. The node is the real program;
customer and carrier are Trunkline's own test phones, in the process that `within` starts in the namespace.
"""

import asyncio
import json
import random
import subprocess
import sys
import tempfile
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.interop.node import KEY, SECRET, Node
from trunkline.call.ports import Tone
from trunkline.media.embedded import EmbeddedEngine, EngineSettings
from trunkline.net.dns_client import DnsSettings
from trunkline.net.loop_clock import LoopClock
from trunkline.net.resolver import Resolver
from trunkline.node.tokens import token_source
from trunkline.pstn.dialling import CallReport, Dialling
from trunkline.pstn.phone import Phone
from trunkline.sip.outbound_auth import DigestUser
from trunkline.sip.ports import Address
from trunkline.sip.uri import SipUri

NETWORK = "10.77.0.0/16"
PUBLIC_NETWORK, PUBLIC = "203.0.113.0/24", "203.0.113.7"
NODE, CUSTOMER, CARRIER = "10.77.0.1", "10.77.0.2", "10.77.0.3"
PORT = 5060
CALLED, NUMBER = "493012345678", "442079460123"
TONE_HZ = 440.0
TLS_PORT = 5061
ROOT = Path(__file__).resolve().parents[2]

Figures = dict[str, Any]
"""What a scenario returns."""


def within(module: str, *arguments: object) -> Any:
    """Run `python -m module arguments…` in network and mount namespaces that are gone afterwards, and with
    them what a killed program leaves in /dev/shm; the JSON that the last line of its output is. Needs root.
    Raises `CalledProcessError`."""
    ours = " && ".join(f"ip route add local {network} dev lo" for network in (NETWORK, PUBLIC_NETWORK))
    prepare = f"ip link set lo up && {ours} && mount -t tmpfs tmpfs /dev/shm"
    command = " ".join([sys.executable, "-m", module, *map(str, arguments)])
    done = subprocess.run(
        ["unshare", "--net", "--mount", "sh", "-c", f"{prepare} && exec {command}"],
        check=True,
        stdout=subprocess.PIPE,
        cwd=ROOT,
        text=True,
    )
    return json.loads(done.stdout.splitlines()[-1])


@dataclass(frozen=True)
class World:
    """What runs."""

    node: Node
    customer: Phone
    carrier: Phone

    async def call(
        self,
        *,
        called: str = CALLED,
        talk_s: float = 0.6,
        ring_s: float = 20.0,
        next_hop: SipUri | None = None,
    ) -> CallReport:
        """The customer calls, and both sides say a tone."""
        return await self.customer.dial(
            Dialling(
                SipUri("sip", f"+{called}", NODE, PORT),
                credentials=DigestUser(KEY, SECRET),
                say=Tone((TONE_HZ,)),
                listen_for=(TONE_HZ,),
                talk_s=talk_s,
                ring_s=ring_s,
                next_hop=next_hop,
            )
        )

    async def call_in(self) -> CallReport:
        """The carrier calls the number, and listens."""
        to = SipUri("sip", NUMBER, NODE, PORT)
        return await self.carrier.dial(Dialling(to, caller=CALLED, listen_for=(TONE_HZ,), talk_s=0.6))

    async def calls(self, count: int, every_s: float, **how: Any) -> list[CallReport]:
        """So many, one every so often."""
        placed = []
        for _ in range(count):
            placed.append(asyncio.create_task(self.call(**how)))
            await asyncio.sleep(every_s)
        return await asyncio.gather(*placed)

    def records(self) -> list[dict[str, Any]]:
        """All call records, newest first, as the command line shows them."""
        rows: list[dict[str, Any]] = self.node.command("calls", "--limit", "1000")
        return rows

    async def closed_records(self, count: int, within_s: float = 15.0) -> list[dict[str, Any]]:
        """The records once there are `count` that are closed, or as they are when that takes too long."""
        for _ in range(int(within_s / 0.1)):
            rows = await asyncio.to_thread(self.records)
            if len(rows) >= count and all(row["verdict"] != "open" for row in rows):
                return rows
            await asyncio.sleep(0.1)
        return rows


def heard(reports: Sequence[CallReport]) -> int:
    """How many calls were answered, and the far end heard."""
    return sum(report.answered and report.heard(TONE_HZ, 200) for report in reports)


async def until(done: Callable[[], object], within_s: float = 90.0) -> None:
    """Wait until `done`, which may block, says so. Raises `TimeoutError`."""
    async with asyncio.timeout(within_s):
        while not await asyncio.to_thread(done):  # noqa: ASYNC110 - what is looked at is another process's
            await asyncio.sleep(0.05)


async def counted(here: World, reports: Sequence[CallReport], within_s: float = 15.0) -> Figures:
    """Calls, and what the books say of them."""
    rows = await here.closed_records(len(reports), within_s)
    return {
        "calls": len(reports),
        "heard": heard(reports),
        "records": len(rows),
        "different": len({row["call_id"] for row in rows}),
        "verdicts": sorted({row["verdict"] for row in rows}),
    }


@asynccontextmanager
async def world(
    settings: Mapping[str, object] | None = None,
    *,
    gateways: tuple[str, ...] = (f"sip:{CARRIER}:{PORT}",),
    folder: Path | None = None,
    environment: Mapping[str, str] | None = None,
) -> AsyncIterator[World]:
    """All three, up, with a route for every number through carriers whose gateways are tried in this
    order. `environment` is the node's, beside what it inherits.
    """
    with tempfile.TemporaryDirectory() as own:
        node = Node(
            (folder or Path(own)) / "node",
            {
                "sip.udp": [f"{NODE}:{PORT}"],
                "sip.tcp": [f"{NODE}:{PORT}"],
                "sip.tls": [],
                "media.bind_address": NODE,
                "media.port_min": 10000,
                "media.port_max": 10998,
                **(settings or {}),
            },
        )
        try:
            node.init()
            node.command("carrier", "add", "upstream", "--gateway", *gateways, "--source", CARRIER)
            node.command("route", "add", "all", "--carrier", "upstream")
            node.start(environment)
            async with _phones() as (customer, carrier):
                yield World(node, customer, carrier)
        finally:
            node.close()


@asynccontextmanager
async def _phones() -> AsyncIterator[tuple[Phone, Phone]]:
    clock = LoopClock(asyncio.get_running_loop(), _faulted)
    resolver = Resolver(DnsSettings(), clock, random.random)
    engines = [
        EmbeddedEngine(EngineSettings(port_min=30000, port_max=31999, bind_v4=host, bind_v6=None))
        for host in (CUSTOMER, CARRIER)
    ]
    customer, carrier = (
        Phone(
            clock=clock,
            media=engine,
            locator=resolver,
            token=token_source(),
            bind=Address(host, PORT),
            answers=Tone((TONE_HZ,)),
        )
        for host, engine in zip((CUSTOMER, CARRIER), engines, strict=True)
    )
    try:
        await customer.start()
        await carrier.start()
        yield customer, carrier
    finally:
        await customer.close()
        await carrier.close()
        await resolver.close()
        clock.stop()
        for engine in engines:
            engine.stop()


def _faulted(error: Exception) -> None:
    raise error
