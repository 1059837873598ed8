"""A whole node in the test's own event loop, on free loopback ports, with a customer's phone and a carrier's.

The customer is 127.0.0.1, the carrier 127.0.0.2. Both answer with a tone and listen for the other one's.
"""

import asyncio
import gc
import random
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import uvloop

from tests.interop.addresses import free_port, media_ports
from trunkline.call.ports import Tone
from trunkline.cli.init import set_up
from trunkline.config import Settings
from trunkline.media.embedded import EmbeddedEngine, EngineSettings
from trunkline.net.dns_client import DnsSettings
from trunkline.net.resolver import Resolver
from trunkline.node.face import NodeFace
from trunkline.node.node import Node
from trunkline.node.tokens import token_source
from trunkline.pstn.dialling import CallReport, Dialling
from trunkline.pstn.phone import Phone
from trunkline.pstn.talker import CODECS
from trunkline.sip.outbound_auth import DigestUser
from trunkline.sip.ports import Address
from trunkline.sip.uri import SipUri
from trunkline.store.store import Store
from trunkline.trunk.account import Account
from trunkline.trunk.carrier import Carrier, Gateway, parse_network
from trunkline.trunk.forwarding import ForwardingList
from trunkline.trunk.number import Number
from trunkline.trunk.routes import Route, RouteCarrier

T = TypeVar("T")
HOST, CARRIER_HOST = "127.0.0.1", "127.0.0.2"
KEY, SECRET = "acme", "a secret of acme"
NUMBER, CALLED = "442079460123", "493012345678"
CUSTOMER_HZ, CARRIER_HZ = 440.0, 1004.0
_GC_THRESHOLDS = gc.get_threshold()


@dataclass
class Installation:
    """Settings, a database with one account, number, carrier and route, and the ports of the phones."""

    settings: Settings
    customer_port: int
    carrier_port: int

    @classmethod
    def make(cls, directory: Path, **values: object) -> "Installation":
        """In `directory`; `values` are settings, `__` for the dot."""
        first, last = media_ports()
        port = free_port()
        settings, _ = set_up(
            directory,
            {
                "service.domain": "sip.example.net",
                "node.name": "node-1",
                "node.data_dir": str(directory),
                "sip.udp": [f"{HOST}:{port}"],
                "sip.tcp": [f"{HOST}:{port}"],
                "sip.tls": [f"{HOST}:{free_port()}"],
                "media.bind_address": HOST,
                "media.port_min": first,
                "media.port_max": last,
                "media.drain_s": 0.0,
                "media.allow_loopback": True,
                "http.bind": f"{HOST}:{free_port()}",
                "web.bind": f"{HOST}:{free_port()}",
                "web.enabled": False,
                "forwarding.pings": False,
                **{key.replace("__", "."): value for key, value in values.items()},
            },
        )
        made = cls(settings, free_port(), free_port(CARRIER_HOST))
        store = Store.open(settings.database_url, settings.key_file, settings.service.domain)
        try:
            store.accounts.add(Account(KEY), SECRET)
            store.numbers.add(Number(NUMBER, KEY, ForwardingList.parse(f"pbx@{HOST}:{made.customer_port}")))
            store.carriers.add(
                Carrier(
                    "carrier",
                    (Gateway(SipUri("sip", None, CARRIER_HOST, made.carrier_port)),),
                    sources=(parse_network(CARRIER_HOST),),
                )
            )
            store.routes.add(Route("", (RouteCarrier("carrier"),)))
        finally:
            store.close()
        return made


@dataclass
class Ground:
    """The node that runs, and the phones around it."""

    installation: Installation
    node: Node
    customer: Phone
    carrier: Phone
    taken: dict[str, list[CallReport]] = field(default_factory=dict)

    @property
    def face(self) -> NodeFace:
        return NodeFace(self.node)

    @property
    def port(self) -> int:
        """Where the node speaks SIP."""
        return self.installation.settings.sip.udp[0].port

    async def outbound(self, talk_s: float = 0.3, secret: str = SECRET) -> CallReport:
        """The customer calls somebody."""
        return await self.customer.dial(
            Dialling(
                SipUri("sip", f"+{CALLED}", HOST, self.port),
                caller=NUMBER,
                credentials=DigestUser(KEY, secret),
                say=Tone((CUSTOMER_HZ,)),
                listen_for=(CARRIER_HZ,),
                talk_s=talk_s,
                ring_s=5,
            )
        )

    async def inbound(self, talk_s: float = 0.3) -> CallReport:
        """The carrier brings a call to the customer's number."""
        return await self.carrier.dial(
            Dialling(
                SipUri("sip", NUMBER, HOST, self.port),
                caller=CALLED,
                say=Tone((CARRIER_HZ,)),
                listen_for=(CUSTOMER_HZ,),
                talk_s=talk_s,
                ring_s=5,
            )
        )


@asynccontextmanager
async def running(
    installation: Installation, *, carrier_codecs: tuple[str, ...] = CODECS
) -> AsyncIterator[Ground]:
    """Start it, and stop it in every case."""
    node = Node(installation.settings)
    await node.start()
    resolver = Resolver(DnsSettings(), node.rooms.clock, random.random)
    media = EmbeddedEngine(
        EngineSettings(port_min=34000, port_max=34399, bind_v4=HOST, bind_v6=None, allow_loopback=True)
    )
    media.attach(asyncio.get_running_loop())
    token = token_source()
    taken: dict[str, list[CallReport]] = {"customer": [], "carrier": []}

    def phone(name: str, bind: Address, says: float, hears: float) -> Phone:
        return Phone(
            clock=node.rooms.clock,
            media=media,
            locator=resolver,
            token=token,
            bind=bind,
            answers=Tone((says,)),
            listen_for=(hears,),
            codecs=carrier_codecs if name == "carrier" else CODECS,
            taken=taken[name].append,
        )

    customer = phone("customer", Address(HOST, installation.customer_port), CUSTOMER_HZ, CARRIER_HZ)
    carrier = phone("carrier", Address(CARRIER_HOST, installation.carrier_port), CARRIER_HZ, CUSTOMER_HZ)
    try:
        await customer.start()
        await carrier.start()
        yield Ground(installation, node, customer, carrier, taken)
    finally:
        await customer.close()
        await carrier.close()
        await node.stop()
        await resolver.close()
        node.rooms.clock.stop()
        media.stop()


def on_node(
    directory: Path,
    work: Callable[[Ground], Coroutine[Any, Any, T]],
    *,
    carrier_codecs: tuple[str, ...] = CODECS,
    **values: object,
) -> T:
    """Run `work` beside a node that is up."""
    installation = Installation.make(directory, **values)

    async def run() -> T:
        async with running(installation, carrier_codecs=carrier_codecs) as ground:
            return await work(ground)

    return in_loop(run())


def in_loop(work: Coroutine[Any, Any, T]) -> T:
    """Run `work`; what a node changes in the process is as before afterwards."""
    try:
        return uvloop.run(work)
    finally:
        gc.unfreeze()
        gc.set_threshold(*_GC_THRESHOLDS)
