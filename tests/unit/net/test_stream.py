"""One connection: framing, keep-alives, bounds and ends, over real sockets."""

import asyncio
import socket

import pytest

from tests.unit.net.wire import OPTIONS, RINGING, Client, Diary, Recorder, is_closed, listen, opened, until
from tests.unit.virtual_clock import FakeClock
from trunkline.net.admission import Evidence, Gate, GateSettings
from trunkline.net.flows import Silence
from trunkline.net.settings import StreamLimits
from trunkline.net.stream import Connection, StreamContext
from trunkline.sip.errors import SipSyntaxError
from trunkline.sip.failures import FlowFailureKind
from trunkline.sip.message import response_to
from trunkline.sip.ports import Address, Flow, Target, Transport

TCP = listen(Transport.TCP, advertised="trunk.example.net")


async def test_messages_are_framed_and_answered_on_their_connection() -> None:
    recorder = Recorder()
    recorder.on_message = lambda _data, flow: flow.send(RINGING)
    async with opened(recorder, TCP) as transports:
        client = await Client.to(transports)
        client.writer.write(OPTIONS + OPTIONS[:100])
        data, flow = await recorder.message()
        assert data == OPTIONS
        client.writer.write(OPTIONS[100:])
        await recorder.message(1)
        assert recorder.messages[1] == (OPTIONS, flow)
        assert flow.transport is Transport.TCP
        assert flow.remote == client.address
        assert flow.sent_by == Address("trunk.example.net", transports.bound[0].bind.port)
        assert await client.reader.readexactly(2 * len(RINGING)) == RINGING * 2
        assert isinstance(flow, Connection)
        assert flow.tls_version is None
        assert not is_closed(flow)
        await client.close()
        assert (await recorder.failure()).kind is FlowFailureKind.CLOSED
        assert is_closed(flow)
        assert transports.figures().connections == 0


async def test_a_ping_is_answered_with_a_pong() -> None:
    recorder = Recorder()
    async with opened(recorder, TCP) as transports:
        client = await Client.to(transports)
        client.writer.write(b"\r\n\r\n")
        assert await client.reader.readexactly(2) == b"\r\n"
        client.writer.write(b"\r\n\r\n" + OPTIONS + b"\r\n\r\n")
        assert await client.reader.readexactly(4) == b"\r\n\r\n"
        assert [data for data, _ in recorder.messages] == [OPTIONS]
        await client.close()


async def test_an_unreadable_stream_is_closed_after_what_was_readable() -> None:
    recorder = Recorder()
    async with opened(recorder, TCP) as transports:
        client = await Client.to(transports)
        client.writer.write(OPTIONS + OPTIONS.replace(b"Content-Length: 0", b"Content-Length: -1"))
        assert await client.closed_by_us() == b""
        assert len(recorder.messages) == 1
        assert str(await recorder.failure()) == "closed: unreadable: Content-Length: not a number"


async def test_the_request_at_which_a_stream_ends_can_be_answered() -> None:
    recorder, diary = Recorder(), Diary()
    faults: list[SipSyntaxError] = []

    def refuse(error: SipSyntaxError, flow: Flow) -> None:
        faults.append(error)
        assert error.message is not None
        flow.send(response_to(error.message, error.status).to_bytes())
        raise ZeroDivisionError

    async with opened(recorder, TCP, events=diary, unreadable=refuse) as transports:
        client = await Client.to(transports)
        client.writer.write(OPTIONS.replace(b"Content-Length: 0\r\n", b""))
        assert (await client.closed_by_us()).startswith(b"SIP/2.0 400 ")
        client = await Client.to(transports)
        client.writer.write(b"\n\n\n\n")
        assert await client.closed_by_us() == b""
    assert [str(fault) for fault in faults] == ["Content-Length: missing on a stream"]
    assert diary.entries == [("fault", "refused over TCP", "ZeroDivisionError()")]


async def test_a_fault_in_the_receiver_costs_one_message() -> None:
    recorder, diary = Recorder(), Diary()
    async with opened(recorder, TCP, events=diary) as transports:
        recorder.on_message = lambda _data, _flow: [][1]
        client = await Client.to(transports)
        client.writer.write(OPTIONS)
        await recorder.message()
        recorder.on_message = lambda _data, flow: flow.send(RINGING)
        client.writer.write(OPTIONS)
        assert await client.reader.readexactly(len(RINGING)) == RINGING
        await client.close()
    assert [entry[:2] for entry in diary.entries] == [("fault", "received over TCP")]


async def test_a_connection_that_says_nothing_is_closed() -> None:
    recorder, clock = Recorder(), FakeClock()
    limits = StreamLimits(message_timeout_s=15.0)
    async with opened(recorder, TCP, clock=clock, streams=limits) as transports:
        client = await Client.to(transports)
        await until(lambda: transports.figures().connections == 1 and len(clock) == 2)
        clock.advance(14.9)
        assert transports.figures().connections == 1
        clock.advance(0.1)
        assert await client.closed_by_us() == b""
        assert str(await recorder.failure()) == "closed: no whole message in time"


async def test_a_message_that_trickles_is_cut_off_and_a_slow_series_is_not() -> None:
    recorder, clock = Recorder(), FakeClock()
    limits = StreamLimits(message_timeout_s=15.0)
    async with opened(recorder, TCP, clock=clock, streams=limits) as transports:
        client = await Client.to(transports)
        for index in range(4):
            client.writer.write(OPTIONS + OPTIONS[:20])
            await recorder.message(2 * index)
            clock.advance(10.0)
            client.writer.write(OPTIONS[20:] + b"\r\n\r\n")
            await client.reader.readexactly(2)
            assert len(clock) == 2  # one for idling, one for the message that is due
        flow = recorder.messages[0][1]
        assert isinstance(flow, Connection)
        assert not is_closed(flow)
        for byte in OPTIONS[:7]:
            client.writer.write(bytes([byte]))
            await client.writer.drain()
            await until(lambda: flow._heard == clock.now())
            clock.advance(2.5)
        assert await client.closed_by_us() == b""
        assert str(await recorder.failure()) == "closed: no whole message in time"


async def test_an_idle_connection_is_closed_and_a_ping_keeps_it() -> None:
    recorder, clock = Recorder(), FakeClock()
    limits = StreamLimits(idle_timeout_s=100.0)
    async with opened(recorder, TCP, clock=clock, streams=limits) as transports:
        client = await Client.to(transports)
        client.writer.write(OPTIONS)
        _, flow = await recorder.message()
        clock.advance(60.0)
        client.writer.write(b"\r\n\r\n")
        await client.reader.readexactly(2)
        clock.advance(60.0)
        flow.send(RINGING)
        clock.advance(99.0)
        assert not is_closed(flow)
        clock.advance(1.0)
        assert await client.closed_by_us() == RINGING
        assert str(await recorder.failure()) == "closed: idle for too long"
        assert len(clock) == 0


async def test_a_peer_that_does_not_read_is_cut_off() -> None:
    recorder = Recorder()
    limits = StreamLimits(write_buffer=200_000)
    async with opened(recorder, TCP, streams=limits) as transports:
        client = await Client.to(transports)
        client.writer.write(OPTIONS)
        _, flow = await recorder.message()
        for _ in range(2000):
            flow.send(bytes(10_000))
            if is_closed(flow):
                break
            await asyncio.sleep(0)
        assert is_closed(flow)
        assert recorder.failures == []
        assert "reads too slowly" in (await recorder.failure()).detail
        await client.closed_by_us()


class Unread(asyncio.Transport):
    """A peer that reads nothing."""

    def __init__(self) -> None:
        super().__init__()
        self.waiting = 0

    def write(self, data: bytes | bytearray | memoryview) -> None:
        self.waiting += len(data)

    def get_write_buffer_size(self) -> int:
        return self.waiting

    def abort(self) -> None:
        self.waiting = 0


async def test_a_peer_that_pings_and_does_not_read_is_cut_off() -> None:
    recorder, gate = Recorder(), Gate(FakeClock())
    context = StreamContext(
        receiver=recorder,
        clock=FakeClock(),
        loop=asyncio.get_running_loop(),
        events=Silence(),
        limits=StreamLimits(write_buffer=1000),
        gate=gate,
        unreadable=None,
        closed=lambda _connection: None,
        lost=lambda _connection: None,
    )
    peer = Address("192.0.2.7", 5060)
    connection = Connection(context, Transport.TCP, peer, Address("192.0.2.1", 5060), accepted=True)
    connection.connection_made(Unread())
    for _ in range(500):
        connection.data_received(b"\r\n\r\n")
    assert not is_closed(connection)
    connection.data_received(b"\r\n\r\n")
    assert is_closed(connection)
    assert "reads too slowly" in (await recorder.failure()).detail
    assert not gate.knows(peer.host), "an answer to a ping is no request of ours"


async def test_what_is_sent_while_it_opens_follows_in_order() -> None:
    recorder = Recorder()
    received = bytearray()

    async def carrier(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        received.extend(await reader.read())
        writer.close()

    server = await asyncio.start_server(carrier, "127.0.0.1", 0)
    async with opened(recorder, TCP) as transports:
        target = Target(Transport.TCP, Address(*server.sockets[0].getsockname()))
        flow = transports.flow_to(target)
        for text in (b"one ", b"two ", b"three"):
            flow.send(text)
        await until(lambda: not received and "open>" in repr(flow))
    await until(lambda: received == b"one two three")
    server.close()
    await server.wait_closed()


async def test_what_waits_for_an_opening_connection_is_bounded() -> None:
    recorder = Recorder()
    with socket.socket() as full:
        full.bind(("127.0.0.1", 0))
        async with opened(recorder, TCP, streams=StreamLimits(write_buffer=1000)) as transports:
            flow = transports.flow_to(Target(Transport.TCP, Address(*full.getsockname())))
            flow.send(bytes(1000))
            assert not is_closed(flow)
            flow.send(b"x")
            assert is_closed(flow)
            assert (await recorder.failure()).kind is FlowFailureKind.CLOSED
            assert len(recorder.failures) == 1


async def test_each_send_on_a_closed_connection_is_reported_but_not_from_within() -> None:
    recorder = Recorder()
    async with opened(recorder, TCP) as transports:
        client = await Client.to(transports)
        client.writer.write(OPTIONS)
        _, flow = await recorder.message()
        await client.close()
        await recorder.failure()
        flow.send(RINGING)
        assert len(recorder.failures) == 1
        await recorder.failure(1)
        assert recorder.failures[1][0] is flow
        assert recorder.kinds() == [FlowFailureKind.CLOSED] * 2


async def test_a_source_banned_for_its_flood_loses_its_connection() -> None:
    recorder = Recorder()
    gate = Gate(FakeClock(), GateSettings(requests_per_window=3, loopback=True))
    async with opened(recorder, TCP, gate=gate) as transports:
        client = await Client.to(transports)
        client.writer.write(OPTIONS * 50)
        assert await client.closed_by_us() == b""
        assert len(recorder.messages) == 3
        assert (await recorder.failure()).detail == "the source is banned"
        assert gate.bans()[0].evidence is Evidence.PROVEN


async def test_a_known_source_keeps_its_connection_when_it_exceeds_its_budget() -> None:
    recorder = Recorder()
    settings = GateSettings(requests_per_window=3, known_requests_per_window=5, loopback=True)
    gate = Gate(FakeClock(), settings, known=lambda _host: True)
    async with opened(recorder, TCP, gate=gate) as transports:
        client = await Client.to(transports)
        client.writer.write(OPTIONS * 8 + b"\r\n\r\n")
        assert await client.reader.readexactly(2) == b"\r\n"
        assert len(recorder.messages) == 5
        await client.close()


async def test_nothing_is_passed_up_after_the_receiver_closed_the_connection() -> None:
    recorder = Recorder()
    async with opened(recorder, TCP) as transports:
        recorder.on_message = lambda _data, flow: flow.send(bytes(30_000_000))
        client = await Client.to(transports)
        client.writer.write(OPTIONS * 3)
        await client.closed_by_us()
        assert len(recorder.messages) == 1
        await recorder.failure()


@pytest.mark.parametrize("host", ["::1", "::"])
async def test_ipv6(host: str) -> None:
    recorder = Recorder()
    async with opened(recorder, listen(Transport.TCP, host)) as transports:
        port = transports.bound[0].bind.port
        client = await Client.at("::1", port)
        client.writer.write(OPTIONS)
        _, flow = await recorder.message()
        assert flow.remote.host == "::1"
        await client.close()


async def test_an_ipv6_wildcard_alone_takes_ipv4_too() -> None:
    recorder = Recorder()
    async with opened(recorder, listen(Transport.TCP, "::")) as transports:
        client = await Client.at("127.0.0.1", transports.bound[0].bind.port)
        client.writer.write(OPTIONS)
        _, flow = await recorder.message()
        assert flow.remote == client.address
        await client.close()
