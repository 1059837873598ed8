"""All transports together: ports, choice of socket, reuse, reload, the end."""

import asyncio
import socket
from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from tests.unit.net.certificates import Certificate, self_signed
from tests.unit.net.test_dialer import far_end
from tests.unit.net.test_tls import exactly
from tests.unit.net.wire import OPTIONS, RINGING, Client, Recorder, is_closed, listen, opened, peer, until
from tests.unit.virtual_clock import FakeClock
from trunkline.clock import Clock
from trunkline.errors import NetError
from trunkline.net.admission import Gate, GateSettings
from trunkline.net.connections import HOGGED
from trunkline.net.settings import Listen, StreamLimits, TlsSettings, TransportSettings
from trunkline.net.tls import server_context
from trunkline.net.transports import Transports
from trunkline.sip.failures import FlowFailureKind
from trunkline.sip.ports import Address, Connector, Target, Transport

UDP, TCP, TLS = listen(Transport.UDP), listen(Transport.TCP), listen(Transport.TLS)


def settings_of(certificate: Certificate) -> TlsSettings:
    return TlsSettings(certificate=certificate.certificate, key=certificate.key)


def test_they_are_a_connector() -> None:
    settings = TransportSettings(listen=())
    connector: Connector = Transports(settings, FakeClock())
    assert connector is not None


async def test_bound_ports_are_readable_and_udp_and_tcp_share_one(certificate: Certificate) -> None:
    async with opened(Recorder(), TLS, TCP, UDP, tls=settings_of(certificate)) as transports:
        tls, tcp, udp = transports.bound
        assert [each.transport for each in (tls, tcp, udp)] == [Transport.TLS, Transport.TCP, Transport.UDP]
        assert tcp.bind == udp.bind
        assert tls.bind.port not in (0, tcp.bind.port)
        assert tcp.advertised == tcp.bind


async def test_an_ephemeral_port_that_tcp_cannot_have_is_tried_again(monkeypatch: pytest.MonkeyPatch) -> None:
    listening = socket.socket.listen
    refusals = [True, True, True]

    def refuse(self: socket.socket, backlog: int) -> None:
        if refusals:
            refusals.pop()
            raise OSError(98, "Address already in use")
        listening(self, backlog)

    monkeypatch.setattr(socket.socket, "listen", refuse)
    async with opened(Recorder(), UDP, TCP) as transports:
        assert transports.bound[0].bind == transports.bound[1].bind


async def test_it_is_not_tried_for_ever_and_leaves_nothing_open(monkeypatch: pytest.MonkeyPatch) -> None:
    tries = []

    def refuse(_self: socket.socket, _backlog: int) -> None:
        tries.append(1)
        raise OSError(98, "Address already in use")

    monkeypatch.setattr(socket.socket, "listen", refuse)
    with pytest.raises(NetError, match=r"can't listen on TCP 127\.0\.0\.1:"):
        async with opened(Recorder(), UDP, TCP):
            pass
    assert 1 < len(tries) <= 16


async def test_advertised_addresses_may_differ_from_bound_ones() -> None:
    advertised = Address("trunk.example.net", 5070)
    udp = Listen(Transport.UDP, Address("127.0.0.1", 0), advertised)
    async with opened(Recorder(), udp, TCP) as transports:
        flow = transports.flow_to(Target(Transport.UDP, Address("127.0.0.1", 9)))
        assert flow.sent_by == advertised
        assert transports.bound[0].advertised == advertised


async def test_the_socket_is_chosen_by_family_and_scope() -> None:
    udp6, wide = listen(Transport.UDP, "::1"), listen(Transport.UDP, "0.0.0.0")
    async with opened(Recorder(), UDP, udp6, wide) as transports:
        loop, loop6, _ = transports.bound
        assert transports.flow_to(Target(Transport.UDP, Address("127.0.0.9", 9))).sent_by == loop.advertised
        assert transports.flow_to(Target(Transport.UDP, Address("::1", 9))).sent_by == loop6.advertised
        outside = transports.flow_to(Target(Transport.UDP, Address("192.0.2.1", 9)))
        assert outside.sent_by.host == "0.0.0.0"


@pytest.mark.parametrize("transport", [Transport.UDP, Transport.TCP])
async def test_a_request_leaves_from_the_address_that_the_route_has(transport: Transport) -> None:
    """The kernel reaches all of loopback from 127.0.0.1."""
    async with (
        far_end() as address,
        opened(Recorder(), listen(transport, "127.0.0.2"), listen(transport)) as transports,
    ):
        assert transports.flow_to(Target(transport, address)).sent_by == transports.bound[1].advertised


async def test_one_connection_serves_all_requests_to_one_target() -> None:
    recorder = Recorder()
    async with far_end() as address, opened(recorder, TCP) as transports:
        target = Target(Transport.TCP, address)
        flow = transports.flow_to(target)
        assert transports.flow_to(target) is flow
        flow.send(OPTIONS)
        await recorder.message()
        assert transports.flow_to(target) is flow
        assert transports.figures().connections == 1


async def test_an_accepted_connection_serves_requests_to_where_it_came_from() -> None:
    recorder = Recorder()
    async with opened(recorder, TCP) as transports:
        client = await Client.to(transports)
        client.writer.write(OPTIONS)
        _, flow = await recorder.message()
        assert transports.flow_to(Target(Transport.TCP, client.address)) is flow
        named = transports.flow_to(Target(Transport.TCP, client.address, "pbx.example.com"))
        assert named is flow


async def test_a_tls_connection_is_never_used_for_another_name(certificate: Certificate) -> None:
    recorder = Recorder()
    tls = settings_of(certificate)
    async with far_end(tls=server_context(tls)) as address, opened(recorder, TCP, TLS, tls=tls) as transports:
        targets = [Target(Transport.TLS, address, name) for name in ("a.example.com", "b.example.com", None)]
        flows = [transports.flow_to(target) for target in targets]
        assert len(set(map(id, flows))) == 3
        for flow in flows:
            flow.send(OPTIONS)
        await recorder.message(2)
        assert [transports.flow_to(target) for target in targets] == flows
        client = await Client.to(transports, 1, tls=exactly("1.3"))
        client.writer.write(OPTIONS)
        _, accepted = await recorder.message(3)
        assert transports.flow_to(Target(Transport.TLS, client.address)) is accepted
        named = transports.flow_to(Target(Transport.TLS, client.address, "a.example.com"))
        assert named is not accepted
        await until(lambda: is_closed(named))


async def test_a_connection_not_verified_is_not_used_where_verification_is_wanted(
    certificate: Certificate,
) -> None:
    recorder = Recorder()
    tls = settings_of(certificate)
    wanted = [False]
    async with (
        far_end(tls=server_context(tls)) as address,
        opened(recorder, TCP, tls=tls, verify=lambda _target: wanted[0]) as transports,
    ):
        target = Target(Transport.TLS, address, "pbx.example.com")
        flow = transports.flow_to(target)
        flow.send(OPTIONS)
        await recorder.message()
        wanted[0] = True
        strict = transports.flow_to(target)
        assert strict is not flow
        strict.send(OPTIONS)
        failure = await recorder.failure()
        assert failure.kind is FlowFailureKind.TLS
        assert "certificate: self-signed certificate" in failure.detail


async def test_no_more_connections_than_allowed() -> None:
    recorder = Recorder()
    async with far_end() as address, opened(recorder, TCP, streams=StreamLimits(connections=1)) as transports:
        transports.flow_to(Target(Transport.TCP, address))
        flow = transports.flow_to(Target(Transport.TCP, Address("127.0.0.1", 9)))
        flow.send(OPTIONS)
        assert (await recorder.failure()).detail == "1 connections are open"


async def test_when_few_are_left_the_peer_that_most_lead_to_loses_its_oldest() -> None:
    recorder = Recorder()
    streams = StreamLimits(connections=8, connections_per_source=2)
    async with AsyncExitStack() as peers, opened(recorder, TCP, streams=streams) as transports:
        flows = []
        for _ in range(9):
            address = await peers.enter_async_context(far_end())
            flows.append(transports.flow_to(Target(Transport.TCP, address)))
        assert [flow.closed for flow in flows] == [True, True, *[False] * 7]
        await recorder.failure(1)
        assert recorder.failures == [(flow, HOGGED) for flow in flows[:2]]


async def test_tls_goes_out_without_a_tls_listener_and_udp_alone_gives_the_address(
    certificate: Certificate,
) -> None:
    recorder = Recorder()
    udp = listen(Transport.UDP, "127.0.0.4", "trunk.example.net")
    seen = []

    async def note(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        seen.append(writer.get_extra_info("peername")[0])
        writer.write(RINGING)
        await reader.read()
        writer.close()

    async with (
        far_end(note, server_context(settings_of(certificate))) as address,
        opened(recorder, udp) as transports,
    ):
        flow = transports.flow_to(Target(Transport.TLS, address, "pbx.example.com"))
        assert flow.sent_by == Address("trunk.example.net", 5061)
        await recorder.message()
    assert seen == ["127.0.0.4"]


async def test_authorities_that_cannot_be_read_stop_the_start(tmp_path: Path) -> None:
    with pytest.raises(NetError, match=r"can't read tls\.ca_file"):
        async with opened(Recorder(), UDP, tls=TlsSettings(ca_file=tmp_path / "none.pem")):
            pass


async def test_a_new_certificate_serves_new_handshakes(certificate: Certificate, tmp_path: Path) -> None:
    ours = self_signed(tmp_path, "edge.example.net")
    recorder = Recorder()

    async def served(transports: Transports) -> bytes:
        client = await Client.to(transports, tls=exactly("1.3"))
        shown = client.writer.get_extra_info("ssl_object").getpeercert(binary_form=True)
        await client.close()
        assert isinstance(shown, bytes)
        return shown

    async with opened(recorder, TLS, tls=settings_of(ours)) as transports:
        before = await served(transports)
        ours.certificate.write_bytes(certificate.certificate.read_bytes())
        with pytest.raises(NetError, match=r"can't use tls\.certificate"):
            transports.reload_tls()
        assert await served(transports) == before
        ours.key.write_bytes(certificate.key.read_bytes())
        transports.reload_tls()
        assert await served(transports) != before


async def test_a_flow_and_a_response_make_nobody_known_to_the_gate_but_a_request_does() -> None:
    recorder = Recorder()
    gate = Gate(FakeClock(), GateSettings(requests_per_window=2, loopback=True))
    async with opened(recorder, UDP, gate=gate) as transports:
        with peer() as pbx:
            flow = transports.flow_to(Target(Transport.UDP, Address(*pbx.getsockname())))
            flow.send(RINGING)
            for _ in range(3):
                pbx.sendto(OPTIONS, transports.bound[0].bind)
            await until(gate.bans)
            assert len(recorder.messages) == 2
            flow.send(OPTIONS)
            for _ in range(8):
                pbx.sendto(OPTIONS, transports.bound[0].bind)
            await recorder.message(9)
    assert gate.bans() == []


async def test_closing_lets_the_last_bytes_out_and_reports_nothing_new() -> None:
    recorder = Recorder()
    clock = FakeClock()
    async with opened(recorder, UDP, TCP, clock=clock) as transports:
        client = await Client.to(transports, 1)
        client.writer.write(OPTIONS)
        _, flow = await recorder.message()
        flow.send(RINGING)
        await transports.close()
        assert await client.closed_by_us() == RINGING
        assert is_closed(flow)
        assert len(clock) == 0
        await transports.close()


async def test_closing_waits_for_a_peer_that_reads() -> None:
    recorder = Recorder()
    size = 10_000_000
    async with opened(recorder, TCP, streams=StreamLimits(write_buffer=2 * size)) as transports:
        client = await Client.to(transports)
        client.writer.write(OPTIONS)
        _, flow = await recorder.message()
        flow.send(bytes(size))
        closing = asyncio.create_task(transports.close())
        assert len(await client.closed_by_us()) == size
        await closing


async def test_closing_does_not_wait_for_a_peer_that_does_not_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("trunkline.net.transports.DRAIN_S", 0.02)
    recorder = Recorder()
    async with opened(recorder, TCP, streams=StreamLimits(write_buffer=100_000_000)) as transports:
        client = await Client.to(transports)
        client.writer.write(OPTIONS)
        _, flow = await recorder.message()
        flow.send(bytes(50_000_000))
        await transports.close()
        assert is_closed(flow)
        assert len(await client.closed_by_us()) < 50_000_000


async def test_before_the_start_and_after_the_end_everything_fails() -> None:
    recorder = Recorder()
    clock: Clock = FakeClock()
    transports = Transports(TransportSettings(listen=(TCP,)), clock)
    flow = transports.flow_to(Target(Transport.TCP, Address("127.0.0.1", 9)))
    flow.send(OPTIONS)
    await transports.close()
    await transports.start(recorder)
    await transports.close()
    flow = transports.flow_to(Target(Transport.TCP, Address("127.0.0.1", 9)))
    flow.send(OPTIONS)
    assert (await recorder.failure()).kind is FlowFailureKind.UNREACHABLE
    assert transports.figures().connections == 0
