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
SLICE_S = 0.1
"""In each slice the node runs for a part of it."""
TALK_S = 0.5


async def overloaded() -> Figures:
    """Five calls are up; the node gets so little of the processor that twice as many new calls come as it can
    do then."""
    async with world() as here:
        here.node.command("carrier", "add", "terminus", "--gateway", f"sip:{TERMINUS}:{PORT}")
        here.node.command("route", "add", PREFIX, "--carrier", "terminus")
        up = [asyncio.create_task(here.call(talk_s=SECONDS * 0.75)) for _ in range(5)]
        await until(lambda: here.node.gauge("active_calls") == 5)
        async with _crowd(here) as crowd:
            cost_s = await _cost_of_a_call(here, crowd.caller)
            async with _slowed(here, SLICE_S * CALLS_PER_S * cost_s / 2):
                await _calling(crowd, SECONDS)
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


async def _cost_of_a_call(here: World, caller: Station) -> float:
    """Processor seconds of the node, which is not slowed yet."""
    crowd = Crowd(caller)
    before = here.node.processor_s()
    await _calling(crowd, 1)
    await until(lambda: not crowd.pending)
    return (here.node.processor_s() - before) / crowd.answered


@asynccontextmanager
async def _slowed(here: World, runs_s: float) -> AsyncIterator[None]:
    """The node's process is stopped and continued, so that it runs for `runs_s` of every slice."""
    assert here.node.process is not None
    pid = here.node.process.pid

    async def slow() -> None:
        try:
            while True:
                os.kill(pid, signal.SIGSTOP)
                await asyncio.sleep(SLICE_S - runs_s)
                os.kill(pid, signal.SIGCONT)
                await asyncio.sleep(runs_s)
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


async def _calling(crowd: Crowd, seconds: int) -> None:
    """`CALLS_PER_S`, in time however late a single one is."""
    began = time.monotonic()
    for number in range(CALLS_PER_S * seconds):
        await asyncio.sleep(max(0.0, began + number / CALLS_PER_S - time.monotonic()))
        crowd.call()
