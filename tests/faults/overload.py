"""More calls than the node can do: it is made slow, and a crowd calls."""

import asyncio
import os
import signal
import statistics
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from tests.faults.bare import BareCall, Terminus, bare_station
from tests.faults.world import PORT, Figures, World, heard, until, world
from tests.simulation.descriptions import audio
from trunkline.pstn.station import Station
from trunkline.sip.message import Response

CROWD, TERMINUS = "10.77.3.1", "10.77.3.2"
PREFIX = "33"
"""Where the crowd calls to."""
CALLS_PER_S, SECONDS = 100, 8
SLICE_S, RUNS_S = 0.1, 0.012
"""The node runs for so much of each slice: it can do some fifty calls a second then."""
TALK_S = 0.5


async def overloaded() -> Figures:
    """Five calls are up; the node gets an eighth of the processor, and twice as many new calls as it can do
    then."""
    async with world() as here:
        here.node.command("carrier", "add", "terminus", "--gateway", f"sip:{TERMINUS}:{PORT}")
        here.node.command("route", "add", PREFIX, "--carrier", "terminus")
        up = [asyncio.create_task(here.call(talk_s=SECONDS * 0.75)) for _ in range(5)]
        await until(lambda: here.node.gauge("active_calls") == 5)
        async with _crowd(here) as crowd:
            async with _slowed(here):
                await _calling(crowd)
            share = await asyncio.to_thread(here.node.gauge, "shed_share")
            await until(lambda: not crowd.pending)
            reports = await asyncio.gather(*up)
            await until(lambda: here.node.gauge("shed_share") == 0)
            reports += await here.calls(5, 0.1)
            waits = sorted(crowd.waits)
            return {
                "calls": len(reports),
                "heard": heard(reports),
                "offered": CALLS_PER_S * SECONDS,
                "answered": crowd.answered,
                "refused": crowd.refused,
                "without_retry_after": crowd.without_retry_after,
                "failed": crowd.failed,
                "share": share,
                "wait_median_s": round(statistics.median(waits), 3),
                "wait_most_s": round(waits[-1], 3),
            }


@asynccontextmanager
async def _slowed(here: World) -> AsyncIterator[None]:
    """The node's process is stopped and continued, so that it gets a small part of the time."""
    assert here.node.process is not None
    pid = here.node.process.pid

    async def slow() -> None:
        try:
            while True:
                os.kill(pid, signal.SIGSTOP)
                await asyncio.sleep(SLICE_S - RUNS_S)
                os.kill(pid, signal.SIGCONT)
                await asyncio.sleep(RUNS_S)
        finally:
            os.kill(pid, signal.SIGCONT)

    slowing = asyncio.create_task(slow())
    try:
        yield
    finally:
        slowing.cancel()
        await asyncio.wait([slowing])


@dataclass
class Crowd:
    """Calls without audio, and what became of them."""

    caller: Station
    pending: int = 0
    answered: int = 0
    refused: int = 0
    without_retry_after: int = 0
    failed: int = 0
    waits: list[float] = field(default_factory=list)
    """Seconds from the INVITE to the answer."""

    def call(self) -> None:
        """One more, which hangs up soon after the answer."""
        self.pending += 1
        call = BareCall(self.caller, CROWD, f"{PREFIX}123456789", audio(CROWD), lambda r: self._told(call, r))

    def _told(self, call: BareCall, response: Response | None) -> None:
        if call.answer is not None:
            self.answered += 1
            self.waits.append(call.wait_s)
            clock = self.caller.clock
            clock.at(clock.now() + TALK_S, lambda: self._hang_up(call))
            return
        self.pending -= 1
        if response is None or response.status != 503:
            self.failed += 1
        else:
            self.refused += 1
            self.without_retry_after += response.headers.get("retry-after") is None

    def _hang_up(self, call: BareCall) -> None:
        call.hang_up()
        self.pending -= 1


@asynccontextmanager
async def _crowd(here: World) -> AsyncIterator[Crowd]:
    terminus = Terminus(audio(TERMINUS))
    stations = [bare_station(here, terminus, host) for host in (CROWD, TERMINUS)]
    for station in stations:
        await station.start()
    try:
        yield Crowd(stations[0])
    finally:
        for station in stations:
            await station.close()


async def _calling(crowd: Crowd) -> None:
    """`CALLS_PER_S` for `SECONDS`, in time however late a single one is."""
    began = time.monotonic()
    for number in range(CALLS_PER_S * SECONDS):
        await asyncio.sleep(max(0.0, began + number / CALLS_PER_S - time.monotonic()))
        crowd.call()
