"""UDP sockets: what comes in, what goes out, what ICMP says."""

import asyncio
import errno
import os
import select
import socket
import time
from typing import Any

import pytest

from tests.unit.net.wire import OPTIONS, PATIENCE_S, Diary, Recorder, closed_port, listen, opened, peer, until
from tests.unit.virtual_clock import FakeClock
from trunkline.errors import NetError
from trunkline.net.admission import Gate, GateSettings
from trunkline.net.settings import Listen, UdpLimits
from trunkline.net.udp import UdpFlow
from trunkline.sip.failures import FlowFailureKind
from trunkline.sip.ports import Address, Target, Transport


def udp_target(address: Address) -> Target:
    return Target(Transport.UDP, address)


async def test_a_datagram_is_passed_up_with_its_flow_and_answered() -> None:
    recorder = Recorder()
    recorder.on_message = lambda _data, flow: flow.send(b"answer")
    async with opened(recorder, listen(Transport.UDP, advertised="trunk.example.net")) as transports:
        port = transports.bound[0].bind.port
        with peer() as phone:
            phone.sendto(OPTIONS, ("127.0.0.1", port))
            data, flow = await recorder.message()
            assert data == OPTIONS
            assert flow.transport is Transport.UDP
            assert flow.remote == Address(*phone.getsockname())
            assert flow.sent_by == Address("trunk.example.net", port)
            assert not flow.closed
            assert phone.recvfrom(100) == (b"answer", ("127.0.0.1", port))


async def test_a_request_leaves_from_the_listening_port() -> None:
    async with opened(Recorder(), listen(Transport.UDP)) as transports:
        with peer() as pbx:
            transports.flow_to(udp_target(Address(*pbx.getsockname()))).send(OPTIONS)
            assert pbx.recvfrom(2000) == (OPTIONS, tuple(transports.bound[0].bind))


@pytest.mark.skipif(os.geteuid() != 0, reason="only root sees the IP header of what it is sent")
@pytest.mark.parametrize("host", ["127.0.0.1", "::"])
async def test_a_datagram_may_be_fragmented_on_its_way(host: str) -> None:
    """Where a tunnel takes 1280 bytes and ICMP is filtered, it would never arrive otherwise."""
    async with opened(Recorder(), listen(Transport.UDP, host)) as transports:
        with socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_UDP) as wire:
            nobody_else = "127.20.51.8"
            wire.bind((nobody_else, 0))
            wire.settimeout(PATIENCE_S)
            transports.flow_to(udp_target(Address(nobody_else, 5060))).send(OPTIONS)
            packet = wire.recv(2000)
            assert packet.endswith(OPTIONS)
            assert not packet[6] & 0x40, "don't fragment (RFC 791 §3.1)"


async def test_flows_of_one_peer_are_equal_and_kept() -> None:
    recorder = Recorder()
    limits = UdpLimits(flow_cache=1)
    async with opened(recorder, listen(Transport.UDP), listen(Transport.UDP), udp=limits) as transports:
        with peer() as phone:
            address = Address(*phone.getsockname())
            phone.sendto(OPTIONS, transports.bound[0].bind)
            _, flow = await recorder.message()
            assert transports.flow_to(udp_target(address)) is flow
            transports.flow_to(udp_target(Address("127.0.0.1", 9)))
            again = transports.flow_to(udp_target(address))
            assert again is not flow
            assert again == flow
            assert hash(again) == hash(flow)
            phone.sendto(OPTIONS, transports.bound[1].bind)
            _, elsewhere = await recorder.message(1)
            assert elsewhere != flow


@pytest.mark.parametrize(
    "noise",
    [
        b"",
        b"\r\n\r\n",
        b"\0" * 4,
        b"\r\n" * 40,
        b"\0" * 80,
        b"jaK",
        bytes.fromhex("000100002112a442") + bytes(12),  # a STUN binding request
        bytes.fromhex("0101000c2112a442") + bytes(24),
        b"\r\n\r\n" + OPTIONS[:19],
    ],
)
async def test_what_is_no_sip_is_dropped_without_an_answer(noise: bytes) -> None:
    recorder = Recorder()
    async with opened(recorder, listen(Transport.UDP)) as transports:
        with peer() as phone:
            phone.sendto(noise, transports.bound[0].bind)
            phone.sendto(OPTIONS, transports.bound[0].bind)
            data, _ = await recorder.message()
            assert data == OPTIONS
            assert transports.figures().datagrams_ignored == 1
            phone.setblocking(False)
            with pytest.raises(BlockingIOError):
                phone.recv(100)


async def test_blank_lines_before_a_message_are_skipped() -> None:
    recorder = Recorder()
    async with opened(recorder, listen(Transport.UDP)) as transports:
        with peer() as phone:
            phone.sendto(b"\r\n\r\n" + OPTIONS, transports.bound[0].bind)
            assert (await recorder.message())[0] == OPTIONS


async def test_the_largest_datagram_arrives_whole() -> None:
    recorder = Recorder()
    async with opened(recorder, listen(Transport.UDP)) as transports:
        with peer() as phone:
            huge = OPTIONS + b"x" * (65_507 - len(OPTIONS))
            phone.sendto(huge, transports.bound[0].bind)
            assert (await recorder.message())[0] == huge


async def test_port_unreachable_fails_the_flow_it_is_about() -> None:
    recorder = Recorder()
    async with opened(recorder, listen(Transport.UDP)) as transports:
        gone = closed_port()
        transports.flow_to(udp_target(gone)).send(OPTIONS)
        failure = await recorder.failure()
        assert failure.kind is FlowFailureKind.REFUSED
        assert "port unreachable" in str(failure)
        assert failure.quoted == OPTIONS
        flow, _ = recorder.failures[0]
        assert isinstance(flow, UdpFlow)
        assert flow.remote == gone


async def test_an_icmp_error_does_not_deafen_the_socket() -> None:
    recorder = Recorder()
    async with opened(recorder, listen(Transport.UDP)) as transports:
        with peer() as phone:
            for index in range(3):
                transports.flow_to(udp_target(closed_port())).send(OPTIONS)
                await recorder.failure(index)
                phone.sendto(OPTIONS, transports.bound[0].bind)
                await recorder.message(index)


async def test_an_error_pending_for_one_peer_does_not_cost_another_its_datagram() -> None:
    recorder = Recorder()
    async with opened(recorder, listen(Transport.UDP)) as transports:
        with peer() as phone:
            flow = transports.flow_to(udp_target(Address(*phone.getsockname())))
            for _ in range(3):
                transports.flow_to(udp_target(closed_port())).send(OPTIONS)
                flow.send(OPTIONS)
            for _ in range(3):
                assert phone.recv(2000) == OPTIONS
            await recorder.failure(2)
            assert all(where != flow for where, _ in recorder.failures)


@pytest.mark.parametrize("host", ["::", "::1"])
async def test_ipv6(host: str) -> None:
    recorder = Recorder()
    async with opened(recorder, listen(Transport.UDP, host)) as transports:
        port = transports.bound[0].bind.port
        with peer(socket.AF_INET6) as phone:
            phone.sendto(OPTIONS, ("::1", port))
            _, flow = await recorder.message()
            assert flow.remote == Address("::1", phone.getsockname()[1])
            assert transports.flow_to(udp_target(flow.remote)) is flow
            flow.send(b"answer")
            assert phone.recvfrom(100)[0] == b"answer"
        transports.flow_to(udp_target(flow.remote)).send(OPTIONS)
        failure = await recorder.failure()
        assert (failure.kind, failure.quoted) == (FlowFailureKind.REFUSED, OPTIONS)


async def test_an_ipv6_wildcard_alone_speaks_ipv4_too() -> None:
    recorder = Recorder()
    async with opened(recorder, listen(Transport.UDP, "::")) as transports:
        with peer() as phone:
            phone.sendto(OPTIONS, ("127.0.0.1", transports.bound[0].bind.port))
            _, flow = await recorder.message()
            assert flow.remote == Address(*phone.getsockname())
            assert transports.flow_to(udp_target(flow.remote)) is flow
            flow.send(b"answer")
            assert phone.recv(100) == b"answer"
        transports.flow_to(udp_target(flow.remote)).send(OPTIONS)
        assert (await recorder.failure()).kind is FlowFailureKind.REFUSED


async def test_a_family_without_a_socket_fails_when_sent_to() -> None:
    recorder = Recorder()
    async with opened(recorder, listen(Transport.UDP)) as transports:
        flow = transports.flow_to(udp_target(Address("::1", 5060)))
        flow.send(OPTIONS)
        assert recorder.failures == []
        failure = await recorder.failure()
        assert failure.kind is FlowFailureKind.UNREACHABLE
        assert recorder.failures[0][0] is flow


async def test_what_the_kernel_refuses_to_send_fails_the_flow_but_not_within_send() -> None:
    recorder = Recorder()
    async with opened(recorder, listen(Transport.UDP)) as transports:
        with peer() as phone:
            flow = transports.flow_to(udp_target(Address(*phone.getsockname())))
            flow.send(b"x" * 65_508)
            assert recorder.failures == []
            assert (await recorder.failure()).kind is FlowFailureKind.UNREACHABLE


async def test_a_full_send_buffer_queues_within_bounds(monkeypatch: pytest.MonkeyPatch) -> None:
    recorder = Recorder()
    full = True

    class Choking(socket.socket):
        def sendto(self, *args: Any) -> int:
            if full:
                raise BlockingIOError(errno.EAGAIN, "full")
            return super().sendto(*args)

    with monkeypatch.context() as patch:
        patch.setattr(socket, "socket", Choking)
        context = opened(recorder, listen(Transport.UDP), udp=UdpLimits(send_queue=2))
        transports = await context.__aenter__()
    try:
        with peer() as phone:
            flow = transports.flow_to(udp_target(Address(*phone.getsockname())))
            for text in (b"one", b"two", b"three"):
                flow.send(text)
            assert transports.figures().datagrams_dropped == 1
            full = False
            await asyncio.sleep(0)
            assert [await _received(phone) for _ in range(2)] == [b"one", b"two"]
            flow.send(b"four")
            assert await _received(phone) == b"four"
    finally:
        await context.__aexit__(None, None, None)
    assert recorder.failures == []


async def _received(phone: socket.socket) -> bytes:
    await until(lambda: select.select([phone], [], [], 0)[0])
    return phone.recv(100)


async def test_a_fault_in_the_receiver_costs_one_message() -> None:
    recorder, diary = Recorder(), Diary()

    def stumble(data: bytes, _flow: object) -> None:
        if data.startswith(b"BYE"):
            raise ZeroDivisionError("oops")

    recorder.on_message = stumble
    async with opened(recorder, listen(Transport.UDP), events=diary) as transports:
        with peer() as phone:
            phone.sendto(b"BYE " + OPTIONS, transports.bound[0].bind)
            phone.sendto(OPTIONS, transports.bound[0].bind)
            await recorder.message(1)
    assert diary.entries == [("fault", "received over UDP", "ZeroDivisionError('oops')")]


async def test_the_gate_is_asked_before_the_receiver() -> None:
    recorder = Recorder()
    gate = Gate(FakeClock(), GateSettings(requests_per_window=2, loopback=True))
    async with opened(recorder, listen(Transport.UDP), gate=gate) as transports:
        with peer() as phone:
            for _ in range(5):
                phone.sendto(OPTIONS, transports.bound[0].bind)
            await until(lambda: gate.refused == 3)
    assert len(recorder.messages) == 2


async def test_more_datagrams_than_one_wakeup_takes_all_arrive() -> None:
    recorder = Recorder()
    limits = UdpLimits(datagrams_per_wakeup=4)
    async with opened(recorder, listen(Transport.UDP), udp=limits) as transports:
        with peer() as phone:
            for _ in range(18):
                phone.sendto(OPTIONS, transports.bound[0].bind)
            await recorder.message(17)


async def test_it_says_for_how_long_more_has_come_than_was_read() -> None:
    """Not so for what one wakeup takes exactly: nothing waits then."""
    recorder = Recorder()
    behind: list[float] = []
    limits = UdpLimits(datagrams_per_wakeup=4)
    async with opened(recorder, listen(Transport.UDP), udp=limits) as transports:

        def work(_data: bytes, _flow: object) -> None:
            behind.append(transports.behind_s())
            done_at = time.monotonic() + 0.003
            while time.monotonic() < done_at:
                pass

        recorder.on_message = work
        with peer() as phone:
            for _ in range(12):
                phone.sendto(OPTIONS, transports.bound[0].bind)
            await recorder.message(11)
            assert behind[:4] == [0.0] * 4
            assert 0.0 < behind[5] < behind[10] < 10.0
            assert transports.behind_s() == 0.0
            for _ in range(4):
                phone.sendto(OPTIONS, transports.bound[0].bind)
            await recorder.message(15)
            assert transports.behind_s() == 0.0


async def test_closing_from_within_a_message_is_safe() -> None:
    recorder = Recorder()
    closing: list[asyncio.Task[None]] = []
    async with opened(recorder, listen(Transport.UDP)) as transports:
        recorder.on_message = lambda _d, _f: closing.append(asyncio.create_task(transports.close()))
        with peer() as phone:
            for _ in range(3):
                phone.sendto(OPTIONS, transports.bound[0].bind)
            _, flow = await recorder.message()
            await asyncio.gather(*closing)
            flow.send(b"into the void")
            await asyncio.sleep(0)
    assert recorder.failures == []


async def test_a_port_in_use_is_an_error_and_leaves_nothing_open() -> None:
    with peer() as other:
        taken = Address(*other.getsockname())
        with pytest.raises(NetError, match=rf"can't listen on UDP {taken}: Address already in use"):
            async with opened(Recorder(), Listen(Transport.UDP, taken, taken)):
                pass
