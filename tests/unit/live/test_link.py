"""The conversation with the server, over a wire that does as the test says."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from collections.abc import Set as AbstractSet

import pytest

from tests.unit.virtual_clock import FakeClock
from trunkline.errors import LiveError
from trunkline.live.ledger import Ledger, Standing
from trunkline.live.link import Link
from trunkline.live.words import Answer, Ask, Batch, Claim, Heard, Joined, Notice, Registration, Tell
from trunkline.trunk.account import Account
from trunkline.trunk.limits import NOTHING, AccountLimits, Admission
from trunkline.trunk.verdict import Verdict

ACME = Account("acme", max_concurrent=2)


class Server:
    """Says yes to everything, unless `fails`, or is `silent`."""

    def __init__(self) -> None:
        self.batches: list[Batch] = []
        self.registrations: list[Registration] = []
        self.left: list[str] = []
        self.open_wires = 0
        self.fails: LiveError | None = None
        self.fault: Exception | None = None
        self.born = False
        self.kept_fails: LiveError | None = None
        self.silent = False
        self.lapsed = False
        self.missed = False
        self.notices: list[Notice] = []
        self.kept_notices: list[Notice] = []
        self.under_way = 0
        self.letters: asyncio.Queue[str] = asyncio.Queue()
        self.names: Sequence[str] = ()

    async def answer(self) -> None:
        assert not self.under_way, "one at a time"
        self.under_way += 1
        try:
            await asyncio.sleep(0)
            if self.silent:
                await asyncio.Event().wait()
            if self.fails is not None:
                raise self.fails
            if self.fault is not None:
                raise self.fault
        finally:
            self.under_way -= 1


class PaperWire:
    def __init__(self, server: Server) -> None:
        self._server = server
        self._open = False

    async def open(self) -> None:
        self._open = True
        self._server.open_wires += 1
        await self._server.answer()

    async def register(self, registration: Registration) -> Joined:
        self._server.registrations.append(registration)
        await self._server.answer()
        return Joined(2, 0.0, 5, born=self._server.born)

    async def exchange(self, batch: Batch) -> Heard | None:
        server = self._server
        server.batches.append(batch)
        await server.answer()
        if server.lapsed:
            server.lapsed = False
            return None
        missed, server.missed = server.missed, False
        notices, server.notices = server.notices, []
        answers = [Answer("yes" if isinstance(one, Ask) else "", NOTHING) for one in batch.sayings]
        return Heard(2, 0.0, 5, 5, missed, 0, answers, notices)

    async def claim(self, claim: Claim) -> list[tuple[str, str]]:
        await self._server.answer()
        return []

    async def carried(self, lease: str) -> list[str]:
        await self._server.answer()
        return []

    async def checkpoints(self, lease: str, calls: Sequence[str]) -> list[tuple[str, str]]:
        await self._server.answer()
        return []

    async def kept(self, kind: str) -> AsyncIterator[Sequence[Notice]]:
        await self._server.answer()
        if self._server.kept_fails is not None:
            raise self._server.kept_fails
        for notice in self._server.kept_notices:
            await self._server.answer()
            yield [notice]

    async def subscribe(self, names: Sequence[str]) -> AsyncIterator[str]:
        self._server.names = names
        await self._server.answer()
        return self._read()

    async def _read(self) -> AsyncIterator[str]:
        while text := await self._server.letters.get():
            yield text

    async def leave(self, lease: str) -> None:
        await self._server.answer()
        self._server.left.append(lease)

    async def close(self) -> None:
        if self._open:
            self._open = False
            self._server.open_wires -= 1


class World:
    def __init__(self) -> None:
        self.server = Server()
        self.clock = FakeClock()
        self.limits = AccountLimits(self.clock)
        self.decided: list[Admission | Verdict] = []
        self.heard: list[Notice] = []
        self.reconciled: list[tuple[set[str], bool]] = []
        self.retry = asyncio.Event()
        self.leases = iter(range(1, 100))
        self.link = Link(
            lambda: PaperWire(self.server),
            self._ledger,
            node="a",
            lease_s=6.0,
            timeout_s=0.02,
            pause=self._pause,
        )
        self.link.board.listen("ban", self.heard.append, self._reconcile)

    def _ledger(self, wake: Callable[[], None]) -> Ledger:
        return Ledger(
            self.limits,
            self.clock,
            lambda: f"lease-{next(self.leases)}",
            node="a",
            lease_s=6.0,
            settle_s=3.0,
            wake=wake,
            faulted=self._faulted,
        )

    def _reconcile(self, kept: AbstractSet[str], fresh: bool) -> list[Tell]:
        self.reconciled.append((set(kept), fresh))
        return []

    def _faulted(self, error: Exception) -> None:
        raise error

    async def _pause(self, seconds: float) -> None:
        await self.retry.wait()
        self.retry.clear()

    def ask(self) -> None:
        self.link.ledger.ask(ACME, 0.0, self.decided.append)

    @property
    def standing(self) -> Standing:
        return self.link.state.standing


async def until(ask: Callable[[], object]) -> None:
    async with asyncio.timeout(10):
        while not ask():  # noqa: ASYNC110
            await asyncio.sleep(0)


def run(test: Callable[[World], Awaitable[None]]) -> None:
    async def body() -> None:
        world = World()
        try:
            await test(world)
        finally:
            world.server.silent = False
            await world.link.close()
            assert world.server.open_wires == 0
            assert asyncio.all_tasks() == {asyncio.current_task()}

    asyncio.run(body())


def test_what_comes_up_meanwhile_goes_together() -> None:
    async def body(world: World) -> None:
        await world.link.start()
        for _ in range(3):
            world.ask()
        await until(lambda: len(world.decided) == 3)
        assert [len(batch.sayings) for batch in world.server.batches if batch.sayings] == [3]
        assert str(world.link.state) == "The live state is shared by 2 nodes."
        assert world.server.batches[0].since == 5

    run(body)


def test_a_server_that_stalls_is_like_one_that_is_away() -> None:
    async def body(world: World) -> None:
        await world.link.start()
        world.server.silent = True
        world.ask()
        await until(lambda: world.decided)
        assert world.standing is Standing.AWAY
        assert world.link.state.reason == "no answer within 20 ms"
        asked = len(world.server.batches)
        world.ask()
        assert (len(world.decided), len(world.server.batches)) == (2, asked), "nobody waits any more"
        world.server.silent = False
        world.retry.set()
        await until(lambda: world.standing is Standing.EXACT)
        assert [one.earlier for one in world.server.registrations] == ["", "lease-1"]
        assert world.link.state.away_total == 1
        assert not world.link.state.degraded

    run(body)


def test_a_server_that_is_not_there_at_the_start() -> None:
    async def body(world: World) -> None:
        world.server.fails = LiveError("valkey://h: refused")
        await world.link.start()
        assert world.standing is Standing.AWAY
        assert "refused" in str(world.link.state)
        world.ask()
        assert len(world.decided) == 1
        world.server.fails = None
        world.retry.set()
        await until(lambda: world.standing is Standing.EXACT)

    run(body)


def test_it_ends_while_it_connects() -> None:
    async def body(world: World) -> None:
        world.server.fails = LiveError("valkey://h: refused")
        await world.link.start()
        world.server.fails, world.server.silent = None, True
        world.retry.set()
        await until(lambda: world.server.under_way)
        await world.link.close()
        assert (world.server.batches, world.server.left) == ([], []), (
            "nothing is said over a wire that isn't open"
        )
        assert world.server.open_wires == 0

    run(body)


def test_it_takes_leave_where_its_start_was_cut_short_after_it_had_registered() -> None:
    async def body(world: World) -> None:
        start = asyncio.get_running_loop().create_task(world.link.start())
        await until(lambda: world.standing is not Standing.AWAY)
        start.cancel()
        await asyncio.wait([start])
        assert start.cancelled()
        await world.link.close()
        assert world.server.left == ["lease-1"]

    run(body)


@pytest.mark.parametrize("what", ["lapsed", "missed"])
def test_a_lapsed_lease_and_missed_notices_begin_again(what: str) -> None:
    async def body(world: World) -> None:
        await world.link.start()
        setattr(world.server, what, True)
        world.ask()
        await until(lambda: world.link.state.away_total == 1)
        world.retry.set()
        await until(lambda: world.standing is Standing.EXACT)
        assert len(world.server.registrations) == 2

    run(body)


def test_notices_go_both_ways() -> None:
    async def body(world: World) -> None:
        world.server.kept_notices = [Notice("ban", "of before", "", 5.0)]
        await world.link.start()
        assert [one.key for one in world.heard] == ["of before"]
        assert world.reconciled == [({"of before"}, True)]
        world.server.notices = [Notice("ban", "192.0.2.1", "", 5.0)]
        world.link.board.tell(Tell("ban", "192.0.2.2", "why", 9.0))
        await until(lambda: len(world.heard) == 2)
        (told,) = [one for batch in world.server.batches for one in batch.sayings]
        assert told == Tell("ban", "192.0.2.2", "why", 9.0)

    run(body)


def test_a_long_list_of_what_is_known_holds_up_no_call_and_costs_no_lease() -> None:
    async def body(world: World) -> None:
        server = world.server
        server.kept_notices = [Notice("ban", str(number), "", 5.0) for number in range(3)]
        heard = world.heard.append
        decided: list[int] = []

        def hear(notice: Notice) -> None:
            heard(notice)
            decided.append(len(world.decided))
            world.ask()
            server.notices = [Notice("ban", "newer", "", 5.0)]
            world.link.board.tell(Tell("ban", "own", "why", 9.0))

        world.link.board.listen("ban", hear, world._reconcile)
        await world.link.start()
        assert decided == [0, 1, 2], "each call before the next page"
        assert [one.key for one in world.heard] == ["0", "1", "2"], "what is newer comes after all of them"
        assert [one.since for one in server.batches] == [5, 5]
        assert world.reconciled == [({"0", "1", "2", "own"}, True)], "nothing was said that could be missed"

    run(body)


def test_a_notice_that_did_not_arrive_is_told_again() -> None:
    async def body(world: World) -> None:
        await world.link.start()
        world.server.fails = LiveError("gone")
        world.link.board.tell(Tell("ban", "192.0.2.2", "why", 9.0))
        await until(lambda: world.standing is Standing.AWAY)
        world.server.fails = None
        tried = len(world.server.batches)
        world.retry.set()
        await until(lambda: any(batch.sayings for batch in world.server.batches[tried:]))
        assert world.reconciled == [(set(), True), ({"192.0.2.2"}, False)]

    run(body)


def test_what_this_node_alone_knows_is_not_given_up_when_it_could_not_be_said() -> None:
    async def body(world: World) -> None:
        await world.link.start()
        world.server.born = True
        world.server.fails = LiveError("gone")
        world.ask()
        await until(lambda: world.standing is Standing.AWAY)
        world.server.fails = None
        world.server.kept_fails = LiveError("gone again")
        world.retry.set()
        await until(lambda: world.link.state.reason == "gone again")
        world.server.born = False
        world.server.kept_fails = None
        world.retry.set()
        await until(lambda: world.standing is Standing.EXACT and len(world.reconciled) == 2)
        assert [fresh for _, fresh in world.reconciled] == [True, True]

    run(body)


def test_letters_are_read_and_a_strange_one_costs_itself() -> None:
    async def body(world: World) -> None:
        read: list[object] = []

        def receive(letter: Sequence[object]) -> None:
            if letter[1] == "strange":
                raise ValueError(letter)
            read.append(letter[1])

        world.link.post.listen(("word",), receive)
        world.link.post.boxes.append("another name")
        await world.link.start()
        assert world.server.names == ["a", "another name"]
        for text in ('["word", "one"]', '["word", "strange"]', "{", '["other"]', '["word", "two"]'):
            world.server.letters.put_nowait(text)
        await until(lambda: read == ["one", "two"])
        assert not world.link.state.degraded

    run(body)


def test_a_connection_for_letters_that_breaks_begins_again() -> None:
    async def body(world: World) -> None:
        await world.link.start()
        world.server.letters.put_nowait("")
        await until(lambda: world.link.state.away_total == 1)
        assert "letters" in world.link.state.reason
        world.retry.set()
        await until(lambda: world.standing is Standing.EXACT)

    run(body)


def test_a_fault_of_our_own_does_not_end_the_conversation() -> None:
    async def body(world: World) -> None:
        await world.link.start()
        world.server.fault = RuntimeError("a fault")
        world.ask()
        await until(lambda: world.decided)
        assert "a fault of this node" in world.link.state.reason
        world.server.fault = None
        world.retry.set()
        await until(lambda: world.standing is Standing.EXACT)

    run(body)


def test_the_end_of_calls_is_said_before_it_leaves() -> None:
    async def body(world: World) -> None:
        await world.link.start()
        world.ask()
        await until(lambda: world.decided)
        (call,) = world.decided
        assert isinstance(call, Admission)
        call.release()
        await world.link.close()
        assert world.server.left == ["lease-1"]
        said = [one for batch in world.server.batches for one in batch.sayings]
        assert len(said) == 2

    run(body)


def test_it_leaves_a_silent_server_too() -> None:
    async def body(world: World) -> None:
        await world.link.start()
        await until(lambda: world.server.batches)
        world.server.silent = True
        await world.link.close()
        await world.link.close()
        assert not world.server.left

    run(body)
