"""The limits of nodes that share a server, in the test's own event loop: ledger, link and wire as a node has
them.
"""

import asyncio
import random
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from trunkline.live.ledger import Ledger, Standing
from trunkline.live.link import Link
from trunkline.live.wire import RedisWire
from trunkline.net.loop_clock import LoopClock
from trunkline.trunk.account import Account
from trunkline.trunk.limits import AccountLimits, Admission, Counted
from trunkline.trunk.verdict import Verdict

SERVICE = "trunk.test"
_PROBE = Account("probe", max_concurrent=1_000_000)
PATIENCE_S = 30.0
SOON_S = 0.5
"""To settle, where the server was never away: no other node has anything to say again."""


@dataclass
class Sharer:
    """One node's part in the limits."""

    name: str
    clock: LoopClock
    limits: AccountLimits
    link: Link
    faults: list[Exception]
    calls: list[Admission] = field(default_factory=list)
    refused: list[Verdict] = field(default_factory=list)

    def ask(self, account: Counted, price: float = 0.0) -> None:
        """One call more, kept in `calls` or `refused`."""
        self.link.ledger.ask(account, price, self._decided)

    def _decided(self, decided: Admission | Verdict) -> None:
        if isinstance(decided, Verdict):
            self.refused.append(decided)
        else:
            self.calls.append(decided)

    async def decide(self, account: Counted, price: float = 0.0) -> Admission | Verdict:
        """What becomes of one call more."""
        done: asyncio.Future[Admission | Verdict] = asyncio.get_running_loop().create_future()
        self.link.ledger.ask(account, price, done.set_result)
        return await done

    async def said(self) -> None:
        """Once the server has heard all that there was to say: exchanges keep their order."""
        call = await self.decide(_PROBE)
        assert isinstance(call, Admission)
        call.release()

    @property
    def standing(self) -> Standing:
        return self.link.ledger.standing


def sharer(
    url: str, name: str, *, lease_s: float = 4.0, timeout_s: float = 1.5, settle_s: float = SOON_S
) -> Sharer:
    """A node that isn't started yet."""
    faults: list[Exception] = []
    clock = LoopClock(asyncio.get_running_loop(), faults.append)
    limits = AccountLimits(clock)

    def ledger(wake: Callable[[], None]) -> Ledger:
        return Ledger(
            limits,
            clock,
            lambda: f"{name}-{random.getrandbits(64):016x}",
            node=name,
            lease_s=lease_s,
            settle_s=settle_s,
            wake=wake,
            faulted=faults.append,
        )

    link = Link(lambda: RedisWire(url, SERVICE), ledger, node=name, lease_s=lease_s, timeout_s=timeout_s)
    return Sharer(name, clock, limits, link, faults)


@asynccontextmanager
async def sharing(
    url: str, number: int, settle_s: float = SOON_S, prepare: Callable[[Sharer], None] = lambda _node: None
) -> AsyncIterator[list[Sharer]]:
    """So many nodes, each prepared before it starts, that decide exactly; no fault is left behind."""
    nodes = [sharer(url, f"node-{index}", settle_s=settle_s) for index in range(1, number + 1)]
    try:
        for node in nodes:
            prepare(node)
            await node.link.start()
        await all_exact(nodes)
        yield nodes
        assert not [fault for node in nodes for fault in node.faults]
    finally:
        for node in nodes:
            await node.link.close()
            node.clock.stop()


async def all_exact(nodes: Sequence[Sharer]) -> None:
    """Once no node decides by its share any more, nor will for a moment more because of an answer that was on
    its way meanwhile.
    """
    for _ in range(2):
        await until("the nodes decide exactly", lambda: all(one.standing is Standing.EXACT for one in nodes))
        for one in nodes:
            await _exchanged(one)


async def _exchanged(node: Sharer) -> None:
    returned: asyncio.Future[None] = asyncio.get_running_loop().create_future()
    node.link.post.send("nobody", ["a letter"], lambda: returned.set_result(None))
    await returned


async def until(what: str, ask: Callable[[], object]) -> None:
    """Once `ask` says so."""
    try:
        async with asyncio.timeout(PATIENCE_S):
            while not ask():  # noqa: ASYNC110 - what it waits for is seen from outside only
                await asyncio.sleep(0.02)
    except TimeoutError:
        raise AssertionError(f"waited {PATIENCE_S:g} s: {what}") from None


def run(test: Callable[[], Awaitable[None]]) -> None:
    """In a loop of its own."""

    async def body() -> None:
        await test()

    asyncio.run(body())
