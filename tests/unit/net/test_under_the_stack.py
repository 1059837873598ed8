"""The real transaction layer over real sockets: what neither side's fakes can show."""

import asyncio
import itertools
import random
import socket
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

import pytest

from tests.unit.net.certificates import Certificate
from tests.unit.net.dns_server import dns_server
from tests.unit.net.wire import Diary, closed_port, listen, until
from tests.unit.sip.fake_wire import FakeEvents, FakeUser
from trunkline.net.dns_client import DnsSettings
from trunkline.net.loop_clock import LoopClock
from trunkline.net.resolver import Resolver
from trunkline.net.settings import TlsSettings, TransportSettings
from trunkline.net.transports import Transports
from trunkline.sip.failures import RequestFailureKind
from trunkline.sip.headers import Headers
from trunkline.sip.message import Request, response_to
from trunkline.sip.ports import Address, Target, Transport
from trunkline.sip.stack import ContactSpec, ServerTransaction, SipStack
from trunkline.sip.uri import SipUri

numbers = itertools.count(1)


def options(uri: str, *, padding: int = 0) -> Request:
    headers = Headers()
    number = next(numbers)
    for name, value in (
        ("From", f"<sip:trunk.example.net>;tag={number}"),
        ("To", f"<{uri}>"),
        ("Call-ID", f"{number}@trunk.example.net"),
        ("CSeq", "1 OPTIONS"),
        ("Max-Forwards", "70"),
    ):
        headers.add(name, value)
    return Request("OPTIONS", uri, headers, b"x" * padding)


class Node:
    """Transports, resolver and stack of one node, answering every request with 200."""

    def __init__(self, clock: LoopClock, transports: Transports, resolver: Resolver) -> None:
        self.transports = transports
        self.user = FakeUser(answering=self._answer)
        self.stack = SipStack(
            clock=clock,
            connector=transports,
            locator=resolver,
            token=lambda: f"{random.getrandbits(64):x}",
            user=self.user,
            secret=b"secret",
            product="Trunkline",
        )

    def _answer(self, request: Request, transaction: ServerTransaction) -> None:
        transaction.respond(response_to(request, 200, to_tag="1"))

    def address(self, transport: Transport) -> Address:
        return next(each.bind for each in self.transports.bound if each.transport is transport)

    async def ask(self, uri: str, next_hop: SipUri | Target | None = None, *, padding: int = 0) -> FakeEvents:
        """Send OPTIONS, and wait for how it ends."""
        events = FakeEvents()
        hop = SipUri.parse(uri) if next_hop is None else next_hop
        self.stack.request(options(uri, padding=padding), hop, events, contact=ContactSpec())
        await until(lambda: events.responses or events.failures)
        return events


@asynccontextmanager
async def nodes(certificate: Certificate, dns_port: int = 53) -> AsyncIterator[tuple[Node, Node]]:
    clock = LoopClock(asyncio.get_running_loop(), faulted)
    settings = TransportSettings(
        listen=tuple(listen(transport) for transport in Transport),
        tls=TlsSettings(certificate=certificate.certificate, key=certificate.key),
    )
    async with AsyncExitStack() as closing:
        closing.callback(clock.stop)
        made = []
        for _ in range(2):
            diary = Diary()
            transports = Transports(settings, clock, events=diary)
            resolver = Resolver(DnsSettings(nameservers=("127.0.0.1",), port=dns_port), clock, random.random)
            node = Node(clock, transports, resolver)
            await transports.start(node.stack)
            closing.push_async_callback(transports.close)
            closing.push_async_callback(resolver.close)
            closing.callback(no_faults, diary)
            made.append(node)
        yield made[0], made[1]


def faulted(error: Exception) -> None:
    raise error


def no_faults(diary: Diary) -> None:
    assert [entry for entry in diary.entries if entry[0] == "fault"] == []


@pytest.mark.parametrize("transport", list(Transport))
async def test_a_request_and_its_answer(certificate: Certificate, transport: Transport) -> None:
    async with nodes(certificate) as (one, two):
        address = two.address(transport)
        scheme = "sips" if transport is Transport.TLS else "sip"
        suffix = ";transport=tcp" if transport is Transport.TCP else ""
        events = await one.ask(f"{scheme}:{address}{suffix}")
        assert events.statuses == [200]
        request, server = two.user.requests[0]
        home = one.address(transport)
        assert request.top_via.transport == transport
        assert (request.top_via.host, request.top_via.port) == home
        assert request.contact is not None
        assert str(request.contact.uri).split(":", 1)[1].startswith(str(home))
        if transport is Transport.UDP:
            assert server.flow.remote == home
            assert request.top_via.params["rport"] == str(home.port)


async def test_a_long_request_goes_over_tcp_and_back_to_udp_where_nobody_takes_it(
    certificate: Certificate,
) -> None:
    async with nodes(certificate) as (one, two):
        events = await one.ask(f"sip:{two.address(Transport.UDP)}", padding=2000)
        assert events.statuses == [200]
        assert two.user.requests[0][0].top_via.transport == "TCP"
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as pbx:
            pbx.bind(("127.0.0.1", 0))
            pbx.setblocking(False)
            one.stack.request(
                options("sip:pbx", padding=2000),
                Target(Transport.UDP, Address(*pbx.getsockname())),
                FakeEvents(),
            )
            data = await asyncio.wait_for(asyncio.get_running_loop().sock_recv(pbx, 65_535), 5)
        assert b"SIP/2.0/UDP" in data.split(b"\r\n", 2)[1]
        assert len(data) > 2000


@pytest.mark.parametrize("transport", list(Transport))
async def test_a_dead_target_costs_no_waiting(certificate: Certificate, transport: Transport) -> None:
    async with nodes(certificate) as (one, _):
        kind = socket.SOCK_DGRAM if transport is Transport.UDP else socket.SOCK_STREAM
        before = asyncio.get_running_loop().time()
        events = await one.ask("sip:gone.example", Target(transport, closed_port(kind)))
        assert [failure.kind for failure in events.failures] == [RequestFailureKind.UNREACHABLE]
        assert asyncio.get_running_loop().time() - before < 0.4
        assert one.stack.client_transactions == 0


async def test_the_walk_goes_on_to_the_target_that_lives(certificate: Certificate) -> None:
    async with dns_server() as server, nodes(certificate, server.port) as (one, two):
        dead, alive = closed_port().port, two.address(Transport.UDP).port
        server.add(
            "_sip._udp.pbx.example", "SRV", f"0 0 {dead} a.pbx.example.", f"1 0 {alive} a.pbx.example."
        )
        server.add("a.pbx.example", "A", "127.0.0.1")
        events = await one.ask("sip:100@pbx.example")
        assert events.statuses == [200]
        assert [str(target.address.port) for target in events.targets if isinstance(target, Target)] == [
            str(dead),
            str(alive),
        ]


async def test_a_name_that_leads_nowhere_fails_by_its_name(certificate: Certificate) -> None:
    async with dns_server() as server, nodes(certificate, server.port) as (one, _):
        events = await one.ask("sip:100@nowhere.example")
        assert [failure.kind for failure in events.failures] == [RequestFailureKind.NAME]


async def test_a_closed_connection_fails_what_waits_on_it(certificate: Certificate) -> None:
    async with nodes(certificate) as (one, two):
        two.user.answering = None
        events = FakeEvents()
        target = Target(Transport.TCP, two.address(Transport.TCP))
        one.stack.request(options("sip:two"), target, events)
        await until(lambda: two.user.requests)
        await two.transports.close()
        await until(lambda: events.failures)
        assert [failure.kind for failure in events.failures] == [RequestFailureKind.UNREACHABLE]
