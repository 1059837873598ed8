"""More calls than the node can do: it is made slow, and a crowd calls."""

import asyncio
import os
import signal
import statistics
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from tests.faults.world import NODE, PORT, Figures, World, heard, until, world
from tests.interop.node import KEY, SECRET
from tests.simulation.descriptions import audio
from trunkline.node.tokens import token_source
from trunkline.pstn.quiet_dialog import QuietDialog
from trunkline.pstn.station import Station
from trunkline.sip.exchange import IncomingOffer
from trunkline.sip.failures import RequestFailure
from trunkline.sip.incoming_invite import IncomingInvite
from trunkline.sip.message import Request, Response
from trunkline.sip.name_addr import NameAddr
from trunkline.sip.outbound_auth import DigestUser
from trunkline.sip.outgoing_invite import OutgoingInvite, OutgoingInviteEvents
from trunkline.sip.ports import Address, Flow
from trunkline.sip.stack import ServerTransaction
from trunkline.sip.uri import SipUri
from trunkline.sip.usage import Usage

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
            await until(lambda: here.node.gauge("shed_share") == 0, 60.0)
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
                "unanswered_byes": sum("no answer to our BYE" in str(report.steps) for report in reports),
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
    """Callers and callees without audio, and what became of their calls."""

    caller: Station
    pending: int = 0
    answered: int = 0
    refused: int = 0
    without_retry_after: int = 0
    failed: int = 0
    waits: list[float] = field(default_factory=list)
    """Seconds from the INVITE to the answer."""

    def call(self) -> None:
        """One more."""
        self.pending += 1
        _CrowdCall(self)


class _Dialog(QuietDialog):
    """Whose end is nobody's business."""

    def offer_received(self, exchange: IncomingOffer) -> None:
        exchange.reject(488)

    def bye_received(self, request: Request) -> None:
        return

    def no_ack(self) -> None:
        return

    def expired(self) -> None:
        return

    def failed(self, reason: str | RequestFailure) -> None:
        return


class _CrowdCall(_Dialog, OutgoingInviteEvents):
    """One call of the crowd, which hangs up soon after the answer."""

    def __init__(self, crowd: Crowd) -> None:
        self._crowd = crowd
        self._began = time.monotonic()
        to = SipUri("sip", f"{PREFIX}123456789", NODE, PORT)
        self._invite: OutgoingInvite | None = None
        self._invite = crowd.caller.agent.invite(
            uri=to,
            from_=NameAddr(None, SipUri("sip", KEY, CROWD)),
            to=NameAddr(None, to),
            body=audio(CROWD),
            credentials=DigestUser(KEY, SECRET),
            events=self,
        )

    def target_chosen(self, target: object) -> None: ...

    def trying(self, response: Response) -> None: ...

    def progressed(self, response: Response, usage: Usage | None) -> None: ...

    def answered(self, response: Response, usage: Usage) -> None:
        crowd = self._crowd
        crowd.answered += 1
        crowd.waits.append(time.monotonic() - self._began)
        usage.events = self
        clock = crowd.caller.clock
        clock.at(clock.now() + TALK_S, self._hang_up)

    def _hang_up(self) -> None:
        assert self._invite is not None
        self._invite.cancel()
        self._crowd.pending -= 1

    def rejected(self, response: Response) -> None:
        crowd = self._crowd
        crowd.pending -= 1
        if response.status == 503:
            crowd.refused += 1
            crowd.without_retry_after += response.headers.get("retry-after") is None
        else:
            crowd.failed += 1

    def failed(self, reason: str | RequestFailure) -> None:
        self._crowd.pending -= 1
        self._crowd.failed += 1

    def late_answer(self, response: Response) -> None: ...


class _Terminus:
    """Takes every call."""

    def screen(self, request: Request, flow: Flow) -> Response | None:
        return None

    def request_received(self, request: Request, transaction: ServerTransaction) -> None: ...

    def invite_received(self, invite: IncomingInvite) -> None:
        invite.events = _Dialog()
        invite.accept(body=audio(TERMINUS))


@asynccontextmanager
async def _crowd(here: World) -> AsyncIterator[Crowd]:
    stations = [
        Station(
            _Terminus(),
            clock=here.customer.station.clock,
            locator=here.customer.station.agent.stack.locator,
            token=token_source(),
            product="crowd",
            bind=Address(host, PORT),
        )
        for host in (CROWD, TERMINUS)
    ]
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
