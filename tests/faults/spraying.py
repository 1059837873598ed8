"""Somebody sprays all media ports while calls are up: what does he hear, and who hears him?"""

import asyncio
import re
import socket
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from multiprocessing import Pipe, Process
from multiprocessing.connection import Connection
from typing import cast

from tests.contract.media.rigs import rtp
from tests.faults.bare import BareCall, Terminus, bare_station
from tests.faults.world import NODE, PORT, PUBLIC, Figures, World, until, world
from tests.simulation.descriptions import audio

CALLER, FAR_END = "10.77.4.1", "10.77.4.2"
PREFIX = "33"
BEHIND_NAT, INSIDE = PUBLIC, "192.168.77.7"
"""A caller whose SIP and audio come from the one address, and whose session description names the other."""
SPRAYERS = ("10.77.5.1", "10.77.5.2", "203.0.113.66")
FIRST, LAST = 10_000, 19_999
BURST = 8
"""Packets in sequence to a port before the next port's turn."""
CALLS = 10
SILENT_S = TALKING_S = 2.0
MARK = b"\xee" * 160
VOICE = b"\x55" * 160
PTIME_S = 0.02


async def sprayed() -> Figures:
    """Ten calls whose caller is silent at first, and then talks; one time with a caller that says where its
    audio comes from, and one time with one behind a NAT.
    """
    settings = {"media.port_min": FIRST, "media.port_max": LAST}
    async with world(settings) as here:
        here.node.command("carrier", "add", "far", "--gateway", f"sip:{FAR_END}:{PORT}")
        here.node.command("route", "add", PREFIX, "--carrier", "far")
        with _sprayers() as counts:
            figures = {}
            for name, host, said in (("signalled", CALLER, CALLER), ("nat", BEHIND_NAT, INSIDE)):
                figures[name] = await _calls(here, host, said)
                figures[name]["sprayed"], figures[name]["stolen"] = counts()
        return figures


class _Audio(asyncio.DatagramProtocol):
    """An RTP socket that counts, and sends one stream to each of the ports it is told."""

    def __init__(self) -> None:
        self.voice = self.injected = 0
        self.ports: list[int] = []
        self._sent = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.DatagramTransport", transport)

    def datagram_received(self, data: bytes, addr: object) -> None:
        if data.endswith(MARK):
            self.injected += 1
        elif data.endswith(VOICE):
            self.voice += 1

    def say(self) -> None:
        """One packet to each."""
        self._sent += 1
        for port in self.ports:
            self.transport.sendto(rtp(8, self._sent, ssrc=port, payload=VOICE), (NODE, port))


@asynccontextmanager
async def _audio(host: str) -> AsyncIterator[_Audio]:
    transport, listening = await asyncio.get_running_loop().create_datagram_endpoint(_Audio, (host, 4000))
    yield listening
    transport.close()


async def _calls(here: World, host: str, said: str) -> Figures:
    terminus = Terminus(audio(FAR_END))
    far_end, station = (bare_station(here, terminus, each) for each in (FAR_END, host))
    async with _audio(host) as caller, _audio(FAR_END) as callee:
        for each in (far_end, station):
            await each.start()
        calls: list[BareCall] = []
        for number in range(CALLS):
            calls.append(BareCall(station, host, f"{PREFIX}123456789", audio(said)))
            if number == 0:  # until it has signed in, its address has a stranger's budget
                await until(lambda: calls[0].answer)
        await until(lambda: all(call.answer for call in calls))
        callee.ports = [_port(offer) for offer in terminus.offers]
        await _for(SILENT_S, callee.say)
        caller.ports = [_port(call.answer.body) for call in calls if call.answer is not None]
        await _for(TALKING_S, callee.say, caller.say)
        for call in calls:
            call.hang_up()
        await until(lambda: here.node.gauge("active_calls") == 0)
        for each in (far_end, station):
            await each.close()
        return {
            "injected": caller.injected + callee.injected,
            "caller_heard": caller.voice,
            "callee_heard": callee.voice,
        }


def _port(body: bytes) -> int:
    found = re.search(rb"m=audio (\d+)", body)
    assert found is not None
    return int(found[1])


async def _for(seconds: float, *tasks: Callable[[], None]) -> None:
    """Do them every `PTIME_S`."""
    began = time.monotonic()
    for number in range(int(seconds / PTIME_S)):
        await asyncio.sleep(max(0.0, began + number * PTIME_S - time.monotonic()))
        for task in tasks:
            task()


@contextmanager
def _sprayers() -> Iterator[Callable[[], tuple[int, int]]]:
    """They spray from now on; what is yielded tells how many packets they have sent, and received, since it
    was asked last.
    """
    ours, theirs = Pipe()
    process = Process(target=_spray, args=(theirs,), daemon=True)
    process.start()
    assert ours.recv() == "spraying"

    def counts() -> tuple[int, int]:
        ours.send("how many?")
        sent, received = ours.recv()
        return sent, received

    try:
        yield counts
    finally:
        process.terminate()
        process.join()


def _spray(told: Connection) -> None:
    doors = []
    for host in SPRAYERS:
        door = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        door.bind((host, 4000))
        door.setblocking(False)
        doors.append(door)
    told.send("spraying")
    sequence = 0
    received = sent = 0
    while True:
        burst = [rtp(8, sequence + step, ssrc=0xBAD, payload=MARK) for step in range(BURST)]
        sequence += BURST
        for port in range(FIRST, LAST, 2):
            door = doors[port // 2 % len(doors)]
            for packet in burst:
                try:
                    door.sendto(packet, (NODE, port))
                except OSError:  # nobody there, says ICMP
                    continue
        sent += BURST * (LAST - FIRST) // 2
        for door in doors:
            try:
                while door.recv(2048):
                    received += 1
            except OSError:
                continue
        if told.poll():
            told.recv()
            told.send((sent, received))
            received = sent = 0
