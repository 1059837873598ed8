"""Accepting: TLS handshakes, caps, bans, a process without descriptors."""

import asyncio
import contextlib
import errno
import socket
import ssl
from collections.abc import Iterator

import pytest

from tests.unit.net.certificates import Certificate
from tests.unit.net.test_dialer import far_end
from tests.unit.net.test_tls import exactly
from tests.unit.net.wire import OPTIONS, RINGING, Client, Diary, Recorder, listen, opened, until
from tests.unit.virtual_clock import FakeClock
from trunkline.errors import NetError
from trunkline.net.admission import Evidence, Gate, GateSettings
from trunkline.net.listener import PAUSE_S
from trunkline.net.settings import Listen, StreamLimits, TlsSettings
from trunkline.net.stream import Connection
from trunkline.sip.failures import FlowFailureKind
from trunkline.sip.ports import Address, Target, Transport

TCP = listen(Transport.TCP)
TLS = listen(Transport.TLS)


@pytest.fixture
def tls(certificate: Certificate) -> TlsSettings:
    return TlsSettings(certificate=certificate.certificate, key=certificate.key)


@pytest.mark.parametrize("version", ["1.0", "1.1", "1.2", "1.3"])
async def test_every_tls_version_from_the_floor_up(tls: TlsSettings, version: str) -> None:
    recorder, diary = Recorder(), Diary()
    recorder.on_message = lambda _data, flow: flow.send(RINGING)
    async with opened(recorder, TLS, tls=tls, events=diary) as transports:
        client = await Client.to(transports, tls=exactly(version))
        client.writer.write(OPTIONS)
        data, flow = await recorder.message()
        assert data == OPTIONS
        assert isinstance(flow, Connection)
        assert flow.transport is Transport.TLS
        assert flow.tls_version == ("TLSv1" if version == "1.0" else f"TLSv{version}")
        assert flow.remote == client.address
        assert flow.sent_by == transports.bound[0].advertised
        assert await client.reader.readexactly(len(RINGING)) == RINGING
        weak = [("weak", client.address, flow.tls_version)] if version < "1.2" else []
        assert diary.entries == weak
        await client.close()


async def test_a_version_below_the_floor_is_turned_away(certificate: Certificate) -> None:
    recorder, diary = Recorder(), Diary()
    strict = TlsSettings(certificate=certificate.certificate, key=certificate.key, min_version="1.2")
    async with opened(recorder, TLS, tls=strict, events=diary) as transports:
        with pytest.raises((ssl.SSLError, ConnectionError)):
            await Client.to(transports, tls=exactly("1.1"))
        await until(lambda: diary.entries)
        assert diary.entries == [("turned away", "127.0.0.1", "unsupported protocol")]
        assert (await recorder.failure()).kind is FlowFailureKind.TLS
        assert transports.figures().connections == 0


async def test_a_peer_that_speaks_no_tls_is_turned_away(tls: TlsSettings) -> None:
    recorder, diary = Recorder(), Diary()
    async with opened(recorder, TLS, tls=tls, events=diary) as transports:
        client = await Client.to(transports)
        client.writer.write(OPTIONS)
        await client.closed_by_us()
        await until(lambda: diary.entries)
        assert recorder.messages == []
        assert transports.figures().connections == 0


async def test_a_handshake_that_stalls_is_cut_off(tls: TlsSettings) -> None:
    recorder, diary, clock = Recorder(), Diary(), FakeClock()
    async with opened(recorder, TLS, tls=tls, events=diary, clock=clock) as transports:
        client = await Client.to(transports)
        await until(lambda: transports.figures().connections == 1)
        client.writer.write(b"\x16\x03\x01")
        await client.writer.drain()
        clock.advance(4.9)
        assert transports.figures().connections == 1
        clock.advance(0.1)
        assert await client.closed_by_us() == b""
        assert diary.entries == [("turned away", "127.0.0.1", "no TLS handshake within 5 s")]
        assert transports.figures().connections == 0


async def test_handshakes_under_way_count_towards_the_caps(tls: TlsSettings) -> None:
    recorder, diary = Recorder(), Diary()
    limits = StreamLimits(connections_per_source=2)
    async with opened(recorder, TLS, tls=tls, events=diary, streams=limits) as transports:
        silent = [await Client.to(transports) for _ in range(2)]
        await until(lambda: transports.figures().connections == 2)
        third = await Client.to(transports)
        assert await third.closed_by_us() == b""
        assert diary.entries == [("turned away", "127.0.0.1", "2 connections from this source are open")]
        await silent[0].close()
        await until(lambda: transports.figures().connections == 1)
        fourth = await Client.to(transports, tls=exactly("1.3"))
        fourth.writer.write(OPTIONS)
        await recorder.message()


async def test_the_cap_on_all_connections() -> None:
    recorder = Recorder()
    async with opened(recorder, TCP, streams=StreamLimits(connections=1)) as transports:
        first = await Client.to(transports)
        first.writer.write(OPTIONS)
        await recorder.message()
        second = await Client.to(transports)
        assert await second.closed_by_us() == b""
        assert not recorder.messages[0][1].closed


async def test_a_banned_source_may_not_connect() -> None:
    recorder, diary = Recorder(), Diary()
    gate = Gate(FakeClock(), GateSettings(loopback=True))
    gate.ban("127.0.0.1", "guessing", evidence=Evidence.PROVEN)
    async with opened(recorder, TCP, gate=gate, events=diary) as transports:
        client = await Client.to(transports)
        assert await client.closed_by_us() == b""
    assert diary.entries == [("turned away", "127.0.0.1", "the source is banned")]


async def test_an_unknown_source_opens_no_more_in_a_while_than_it_may_ask() -> None:
    """Each handshake is work, also for who closes at once and so never has many."""
    recorder, diary, clock = Recorder(), Diary(), FakeClock()
    gate = Gate(clock, GateSettings(requests_per_window=3, loopback=True))
    async with opened(recorder, TCP, gate=gate, events=diary) as transports:
        for _ in range(3):
            client = await Client.to(transports)
            await until(lambda: transports.figures().connections == 1)
            await client.close()
            await until(lambda: transports.figures().connections == 0)
        client = await Client.to(transports)
        assert await client.closed_by_us() == b""
        assert diary.entries == [("turned away", "127.0.0.1", "more than 3 connections in 2 s")]
        assert gate.bans() == []
        gate.vouch("127.0.0.1", 60.0)
        client = await Client.to(transports)
        client.writer.write(OPTIONS)
        await recorder.message()
        await client.close()


@contextlib.contextmanager
def no_descriptors(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[int]]:
    """Makes every `accept` fail as when the process has no descriptor left; counts the tries."""
    tries = [0]

    def accept(_self: socket.socket) -> tuple[socket.socket, object]:
        tries[0] += 1
        raise OSError(errno.EMFILE, "Too many open files")

    with monkeypatch.context() as patch:
        patch.setattr(socket.socket, "accept", accept)
        yield tries


async def test_without_descriptors_accepting_pauses_instead_of_spinning(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    recorder, clock = Recorder(), FakeClock()
    async with opened(recorder, TCP, clock=clock) as transports:
        with no_descriptors(monkeypatch) as tries:
            client = await Client.to(transports)
            client.writer.write(OPTIONS)
            await until(lambda: tries[0])
            for _ in range(20):
                await asyncio.sleep(0)
            assert tries == [1]
        assert recorder.messages == []
        clock.advance(PAUSE_S)
        await recorder.message()


async def test_a_pause_that_ends_after_closing_starts_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = FakeClock()
    async with opened(Recorder(), TCP, clock=clock) as transports:
        with no_descriptors(monkeypatch) as tries:
            await Client.to(transports)
            await until(lambda: tries[0])
    clock.advance(PAUSE_S)


async def test_a_connection_that_is_gone_before_it_is_accepted_costs_nothing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    recorder = Recorder()
    accept = socket.socket.accept
    aborted = [True]

    def once(self: socket.socket) -> tuple[socket.socket, object]:
        if aborted.pop() if aborted else False:
            raise OSError(errno.ECONNABORTED, "aborted")
        return accept(self)

    monkeypatch.setattr(socket.socket, "accept", once)
    async with opened(recorder, TCP) as transports:
        client = await Client.to(transports)
        client.writer.write(OPTIONS)
        await recorder.message()


async def test_closing_during_handshakes_closes_them(tls: TlsSettings) -> None:
    recorder = Recorder()
    async with opened(recorder, TLS, tls=tls) as transports:
        client = await Client.to(transports)
        await until(lambda: transports.figures().connections == 1)
        await transports.close()
        assert await client.closed_by_us() == b""


async def test_closing_before_a_handshake_has_even_begun(tls: TlsSettings) -> None:
    async with opened(Recorder(), TLS, tls=tls) as transports:
        with socket.create_connection(transports.bound[0].bind):
            transports._listeners[0]._ready()
            assert transports.figures().connections == 1
            await transports.close()
            assert transports.figures().connections == 0


async def test_a_port_in_use_is_an_error() -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        taken = Address(*other.getsockname())
        with pytest.raises(NetError, match=rf"can't listen on TCP {taken}: Address already in use"):
            async with opened(Recorder(), Listen(Transport.TCP, taken, taken)):
                pass


async def test_when_few_are_left_who_connects_takes_the_place_of_one_of_ours_that_are_too_many() -> None:
    recorder = Recorder()
    streams = StreamLimits(connections=8, connections_per_source=2)
    async with contextlib.AsyncExitStack() as peers, opened(recorder, TCP, streams=streams) as transports:
        targets = [Target(Transport.TCP, await peers.enter_async_context(far_end())) for _ in range(7)]
        flows = [transports.flow_to(target) for target in targets]
        client = await Client.to(transports)
        client.writer.write(OPTIONS)
        assert (await recorder.message())[0] == OPTIONS
        assert [flow.closed for flow in flows] == [True, *[False] * 6]
        await client.close()
