"""The table of connections: what may be reused for what, and how many there may be."""

import asyncio
from dataclasses import replace

from tests.unit.net.wire import Recorder
from tests.unit.virtual_clock import FakeClock
from trunkline.net.connections import Connections, Purpose
from trunkline.net.flows import Silence
from trunkline.net.settings import StreamLimits
from trunkline.net.stream import Connection, StreamContext
from trunkline.sip.ports import Address, Transport

PBX = Address("192.0.2.1", 5061)
EDGE = Address("198.51.100.1", 5061)
LIMITS = StreamLimits(connections=5, connections_per_source=2)


async def connection(*, accepted: bool = False, table: Connections | None = None) -> Connection:
    """One that `table` forgets once it has ended."""
    context = StreamContext(
        receiver=Recorder(),
        clock=FakeClock(),
        loop=asyncio.get_running_loop(),
        events=Silence(),
        limits=LIMITS,
        gate=None,
        unreadable=None,
        closed=(lambda _connection: None) if table is None else table.remove,
        lost=lambda _connection: None,
    )
    return Connection(context, Transport.TLS, PBX, EDGE, accepted=accepted)


async def test_a_connection_serves_its_purpose_and_no_other() -> None:
    table = Connections(LIMITS)
    one = await connection()
    table.add(one, Purpose(Transport.TLS, PBX, "pbx.example.com"))
    assert table.find(Purpose(Transport.TLS, PBX, "pbx.example.com")) is one
    for other in (
        Purpose(Transport.TLS, PBX, "other.example.com"),
        Purpose(Transport.TLS, PBX, None),
        Purpose(Transport.TLS, PBX, "pbx.example.com", verified=True),
        Purpose(Transport.TCP, PBX, "pbx.example.com"),
        Purpose(Transport.TLS, Address("192.0.2.1", 5062), "pbx.example.com"),
    ):
        assert table.find(other) is None
    table.remove(one)
    assert table.find(Purpose(Transport.TLS, PBX, "pbx.example.com")) is None
    assert len(table) == 0


async def test_the_first_of_two_for_one_purpose_serves_it_until_it_goes() -> None:
    table = Connections(LIMITS)
    purpose = Purpose(Transport.TCP, PBX)
    first, second = await connection(), await connection(accepted=True)
    table.add(first, purpose)
    table.add(second, purpose)
    assert table.find(purpose) is first
    table.remove(second)
    assert table.find(purpose) is first
    assert table.all() == [first]


async def test_accepted_connections_are_bounded_per_source() -> None:
    table = Connections(LIMITS)
    first, second = await connection(accepted=True), await connection(accepted=True)
    assert table.refusal("192.0.2.1") is None
    table.add(first, Purpose(Transport.TCP, Address("192.0.2.1", 1)))
    table.add(second, Purpose(Transport.TCP, Address("192.0.2.1", 2)))
    assert table.refusal("192.0.2.1") == "2 connections from this source are open"
    assert table.refusal("192.0.2.2") is None
    assert table.refusal(None) is None
    table.remove(first)
    assert table.refusal("192.0.2.1") is None
    table.remove(second)
    assert table._accepted_from == {}


async def test_an_ipv6_subnet_is_one_source() -> None:
    table = Connections(LIMITS)
    for index in (1, 2):
        one = await connection(accepted=True)
        table.add(one, Purpose(Transport.TCP, Address(f"2001:db8::{index}", 1)))
    assert table.refusal("2001:db8::3") is not None
    assert table.refusal("2001:db8:0:1::3") is None


async def test_all_connections_are_bounded_together_with_a_reserve_for_ours() -> None:
    table = Connections(StreamLimits(connections=8))
    for index in range(8):
        assert (table.refusal("192.0.2.200") is None) == (index < 7)
        assert table.refusal(None) is None
        table.add(
            await connection(accepted=bool(index % 2)),
            Purpose(Transport.TCP, Address(f"192.0.2.{index}", 1)),
        )
    assert table.refusal("192.0.2.200") == "7 connections are open"
    assert table.refusal(None) == "8 connections are open"


async def test_a_peer_that_most_of_ours_lead_to_gives_way_when_few_are_left() -> None:
    """A customer's endpoints at ever new ports, or Contacts within a call: each is open for an hour."""
    table = Connections(StreamLimits(connections=16, connections_per_source=3))
    ours: list[Connection] = []

    async def add(host: str, *, accepted: bool = False) -> Connection:
        one = await connection(accepted=accepted, table=table)
        table.add(one, Purpose(Transport.TCP, Address(host, 1024 + len(table))))
        ours.append(one)
        return one

    def left() -> list[Connection]:
        table.make_room()
        return table.all()

    for index in range(9):
        await add(f"203.0.113.{index}", accepted=bool(index % 2))
    first = await add("192.0.2.1")
    for _ in range(3):
        await add("192.0.2.1")
    assert left() == ours, "there is room"
    await add("198.51.100.1")
    ours.remove(first)
    assert left() == ours
    await add("198.51.100.1")
    assert left() == ours, "nobody has more than is fair"
    for one in ours:
        table.remove(one)
    assert (table._ours_to, table._accepted_from) == ({}, {})


async def test_the_oldest_stranger_gives_way_and_known_ones_do_not() -> None:
    table = Connections(replace(LIMITS, connections_of_strangers=3))
    known = {PBX.host}
    first, second, third = [await connection(accepted=True) for _ in range(3)]
    assert table.crowded_out(lambda _host: False) is None
    for one in (first, second, third):
        table.add(one, Purpose(Transport.TLS, PBX), stranger=True)
    table.remove(second)
    assert table.crowded_out(lambda _host: False) is None, "there is room"
    fourth = await connection(accepted=True)
    table.add(fourth, Purpose(Transport.TLS, PBX), stranger=True)
    assert table.crowded_out(lambda _host: False) is first
    table.add(first, Purpose(Transport.TLS, PBX), stranger=True)
    assert table.crowded_out(known.__contains__) is None, "all of them have become known"
    assert len(table) == 3
