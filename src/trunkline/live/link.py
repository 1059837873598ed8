"""The conversation with the server: one exchange at a time, by one task.

What comes up while an exchange is under way goes with the next: a call costs one round trip, a hundred at the
same moment cost two together. An answer that doesn't come within `timeout_s` counts as no answer: the
connection is closed, whoever waits is decided here (`ledger`), and until the server answers a registration
nobody waits for it again. A server that accepts and says nothing is like one that is not there.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import Protocol, TypeVar

import structlog

from trunkline.errors import LiveError
from trunkline.live.board import Board
from trunkline.live.checkpoints import CLAIMED_AT_ONCE, Checkpoints
from trunkline.live.ledger import Ledger, Standing
from trunkline.live.post import PostOffice
from trunkline.live.words import Batch, Claim, Heard, Joined, Notice, Registration, Tell

_T = TypeVar("_T")

RENEW_S = 0.4
"""At the latest after so long a lease is renewed, and notices of other nodes are heard."""
RETRY_S = 0.4
"""Between two attempts to register with a server that is away."""
REGISTER_S = 2.0
"""What connecting and registering may take: nobody waits for it."""
SETTLE_S = 3.0
"""Once the server is back, every node has registered after so long: more than an attempt and the wait before
it.
"""
OWN_LAG_S = 0.02
"""When the time for an answer is over, this node may have been busy itself: so long for what has come
meanwhile.
"""
GOODBYE_S = 0.5


class Wire(Protocol):
    """The way to the server. Everything raises `LiveError`, which says what failed."""

    async def open(self) -> None:
        """Connect."""

    async def register(self, registration: Registration) -> Joined:
        """Begin a lease."""

    async def exchange(self, batch: Batch) -> Heard | None:
        """Say and ask; None when the lease has lapsed."""

    def kept(self, kind: str) -> AsyncIterator[Sequence[Notice]]:
        """Every notice of `kind` that still holds, in pages."""

    async def claim(self, claim: Claim) -> list[tuple[str, str]]:
        """Take over calls of dead nodes: each with its checkpoint."""

    async def carried(self, lease: str) -> list[str]:
        """The calls that there are checkpoints of under the lease."""

    async def checkpoints(self, lease: str, calls: Sequence[str]) -> list[tuple[str, str]]:
        """Those of these calls, as far as there are any."""

    async def subscribe(self, names: Sequence[str]) -> AsyncIterator[str]:
        """The letters to these names, from now on."""

    async def leave(self, lease: str) -> None:
        """End the lease: nothing is held under it any more."""

    async def close(self) -> None:
        """Disconnect. Idempotent; raises nothing."""


@dataclass(frozen=True, slots=True)
class LinkState:
    """The link at a glance."""

    standing: Standing
    reason: str
    """Why it is away; empty while it is not."""
    nodes: int
    """Seen last, this one included."""
    away_total: int
    """How often the server was lost."""

    @property
    def degraded(self) -> bool:
        """Whether limits are held by shares."""
        return self.standing is not Standing.EXACT

    def __str__(self) -> str:
        """As a sentence for a person."""
        if self.standing is Standing.AWAY:
            share = "alone" if self.nodes == 1 else f"by its share, one of {self.nodes}"
            return f"The live state is away: this node holds the limits of accounts {share} ({self.reason})."
        if self.standing is Standing.SETTLING:
            return (
                "The live state is back: limits are held by shares until every node has said what it holds."
            )
        return f"The live state is shared by {self.nodes} {'node' if self.nodes == 1 else 'nodes'}."


class Link:
    """See the module. `start` in the running loop, `close` in every case."""

    def __init__(
        self,
        open_wire: Callable[[], Wire],
        ledger: Callable[[Callable[[], None]], Ledger],
        *,
        node: str,
        lease_s: float,
        timeout_s: float,
        pause: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        """`open_wire` makes a wire for each attempt, `ledger` makes the ledger, given how it wakes us."""
        self._open_wire = open_wire
        self._node = node
        self._lease_s = lease_s
        self._timeout_s = timeout_s
        self._pause = pause
        self._awake = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._log = structlog.get_logger()
        self._wire: Wire | None = None
        """That this node is registered over; None while the live state is away."""
        self._open = AsyncExitStack()
        """What ends with a wire, also with one that this node has not registered over yet."""
        self._since = 0
        self._fresh = True
        """The server can't know better than this node."""
        self._behind = False
        """There are notices that have not come with the last exchange."""
        self._reason = "it was not asked yet"
        self._away_total = 0
        self.ledger = ledger(self._awake.set)
        self.board = Board(self._awake.set)
        self.post = PostOffice(self._awake.set)
        self.checkpoints = Checkpoints(self.ledger.clock)
        self._claims = False
        """Calls of dead nodes were asked for, and the answer has not come."""
        self._deaf = ""
        """Why letters can't be heard any more."""

    @property
    def state(self) -> LinkState:
        """How it is now."""
        standing = self.ledger.standing
        reason = self._reason if standing is Standing.AWAY else ""
        return LinkState(standing, reason, self.ledger.nodes, self._away_total)

    async def start(self) -> None:
        """Register, or go on trying: returns after the first attempt."""
        await self._guarded(self._begin())
        self._task = asyncio.get_running_loop().create_task(self._run())

    async def close(self) -> None:
        """Say what is left to say, end the lease, disconnect. Idempotent."""
        task, self._task = self._task, None
        if task is not None:
            await _end(task)
        wire = self._wire
        if wire is not None:
            try:
                async with asyncio.timeout(GOODBYE_S):
                    await self._exchange(wire)
                    await wire.leave(self.ledger.lease)
            except (LiveError, TimeoutError) as error:
                self._log.warning("left without a goodbye to the live state", reason=str(error))
        await self._drop()

    async def _run(self) -> None:
        while True:
            wire = self._wire
            if wire is None:
                await self._pause(RETRY_S)
            await self._guarded(self._begin() if wire is None else self._converse(wire))

    async def _guarded(self, step: Awaitable[None]) -> None:
        """A fault is like a server that is away: calls wait for this conversation, so it must go on."""
        try:
            await step
        except LiveError as error:
            await self._lost(str(error))
        except Exception as error:  # noqa: BLE001 - the door where a fault in one exchange stops
            self._log.exception("the conversation with the live state failed")
            await self._lost(f"a fault of this node: {error!r:.200}")

    async def _begin(self) -> None:
        """Connect, register, hear what is known."""
        wire = self._open_wire()
        self._open.push_async_callback(wire.close)
        try:
            async with asyncio.timeout(REGISTER_S):
                await wire.open()
                letters = await wire.subscribe([self._node, *self.post.boxes])
                joined = await wire.register(self.ledger.registration())
        except TimeoutError:
            raise LiveError(f"no answer within {REGISTER_S:g} s") from None
        self._wire = wire
        self._fresh = self._fresh or joined.born
        self._since = joined.newest
        self.ledger.joined(joined)
        self.board.joined()
        self.post.joined()
        self.checkpoints.joined()
        await self._find_lost_claims(wire)
        self._deaf = ""
        reading = asyncio.get_running_loop().create_task(self._read_letters(letters))
        self._open.push_async_callback(_end, reading)
        for kind in self.board.kept_kinds:
            await self._read_kept(wire, kind)
        self._fresh = False
        self._log.info("the live state is shared", nodes=joined.nodes, settles_in_s=joined.settling_s)
        self._reason = ""

    async def _find_lost_claims(self, wire: Wire) -> None:
        """Calls that this node has claimed, and was not told that it has. Where it has claimed none, those
        that it knows nothing of have ended: the server, whose data are older than that, is told again.
        """
        checkpoints, lease = self.checkpoints, self.ledger.lease
        if checkpoints.keeper is not None:
            unknown = checkpoints.unknown(await self._in_time(wire.carried(lease)))
            if not self._claims:
                checkpoints.forget(unknown)
                return
            for start in range(0, len(unknown), CLAIMED_AT_ONCE):
                some = unknown[start : start + CLAIMED_AT_ONCE]
                checkpoints.claimed(await self._in_time(wire.checkpoints(lease, some)))
            self._claims = False

    async def _claim(self, wire: Wire) -> None:
        """Go on with calls of dead nodes."""
        checkpoints = self.checkpoints
        if checkpoints.keeper is not None:
            claim = Claim(self.ledger.lease, self._node, CLAIMED_AT_ONCE, checkpoints.keeper.places)
            self._claims = True
            calls = await self._in_time(wire.claim(claim))
            self._claims = False
            checkpoints.claimed(calls)

    async def _read_kept(self, wire: Wire, kind: str) -> None:
        keys: set[str] = set()
        pages = wire.kept(kind)
        while (page := await self._in_time(anext(pages, None))) is not None:
            if keys:  # There may be very many: calls wait meanwhile, and the lease runs.
                await self._count(wire)
            self.board.hear(page)
            keys.update(notice.key for notice in page)
        self.board.reconcile(kind, keys, fresh=self._fresh)

    async def _read_letters(self, letters: AsyncIterator[str]) -> None:
        try:
            async for text in letters:
                try:
                    self.post.received(text)
                except ValueError as error:
                    self._log.warning("a letter can't be read", reason=repr(error)[:200])
            self._deaf = "the connection for letters was closed"
        except LiveError as error:
            self._deaf = str(error)
        self._awake.set()

    async def _converse(self, wire: Wire) -> None:
        """One exchange, and a wait for the next reason."""
        self._awake.clear()
        await self._exchange(wire)
        waiting = (self.ledger, self.board, self.post, self.checkpoints)
        if self._behind or any(one.has_more for one in waiting):
            return
        try:
            async with asyncio.timeout(RENEW_S):
                await self._awake.wait()
        except TimeoutError:
            self.ledger.renew()

    async def _exchange(self, wire: Wire) -> None:
        heard = await self._count(wire, self.board.sayings())
        self._since, self._behind = heard.known, heard.known < heard.newest
        self.board.hear(heard.notices)
        self.board.said()
        if heard.orphans:
            await self._claim(wire)

    async def _count(self, wire: Wire, told: Sequence[Tell] = ()) -> Heard:
        """An exchange of everything but notices, beside those that are told; what comes of others is for the
        caller, or comes again with the next.
        """
        if self._deaf:
            raise LiveError(self._deaf)
        ledger, post = self.ledger, self.post
        counted, posted, carried = ledger.sayings(), post.sayings(), self.checkpoints.sayings()
        said = [*counted, *posted, *carried, *told]
        batch = Batch(ledger.lease, self._node, self._lease_s, ledger.day, self._since, said)
        heard = await self._in_time(wire.exchange(batch))
        if heard is None:
            raise LiveError("this node was silent for longer than its lease")
        if heard.missed:
            raise LiveError("notices were dropped before this node heard them")
        ledger.answered(heard.nodes, heard.settling_s, heard.answers[: len(counted)])
        post.answered(heard.answers[len(counted) :])
        self.checkpoints.answered(heard.answers[len(counted) + len(posted) :])
        return heard

    async def _in_time(self, answer: Awaitable[_T]) -> _T:
        asked = asyncio.ensure_future(answer)
        try:
            for patience_s in (self._timeout_s, OWN_LAG_S):
                done, _ = await asyncio.wait([asked], timeout=patience_s)
                if done:
                    return asked.result()
        finally:
            if not asked.done():
                asked.cancel()
                await asyncio.gather(asked, return_exceptions=True)
        raise LiveError(f"no answer within {self._timeout_s * 1000:.0f} ms")

    async def _lost(self, reason: str) -> None:
        known = self.ledger.standing is not Standing.AWAY
        self.ledger.lost()
        self.board.lost()
        self.post.lost()
        self.checkpoints.lost()
        if known or reason != self._reason:
            self._log.warning("the live state is away: limits fall back to this node's share", reason=reason)
        self._away_total += known
        self._reason = reason
        self._behind = False
        await self._drop()

    async def _drop(self) -> None:
        self._wire = None
        await self._open.aclose()


async def _end(task: asyncio.Task[None]) -> None:
    """Cancel it, and wait until it is over."""
    task.cancel()
    await asyncio.wait([task])
