"""Calls of dead nodes go to exactly one of those that live, by a real server."""

import asyncio
from collections.abc import Sequence

import pytest
from redis.asyncio import Redis

from tests.contract.live.nodes import PATIENCE_S, SERVICE, Sharer, all_exact, run, sharer, sharing, until
from tests.contract.live.server import LiveServer
from trunkline.errors import LiveError
from trunkline.live.checkpoints import Kept
from trunkline.live.words import Claim
from trunkline.trunk.account import Account
from trunkline.trunk.limits import Admission, Counted, Inbound
from trunkline.trunk.verdict import Verdict

PLACE = "udp:192.0.2.1:2223"


class Keeper:
    """A node that carries calls."""

    def __init__(self, node: Sharer, places: Sequence[str] = (PLACE,)) -> None:
        self.checkpoints = node.link.checkpoints
        self.checkpoints.keeper = self
        self.places = places
        self.calls: set[str] = set()
        self.got: list[str] = []
        self.lost: list[str] = []

    def is_up(self, call_id: str) -> bool:
        return call_id in self.calls

    def checkpoint(self, call_id: str) -> Kept | None:
        return Kept(PLACE, f"words of {call_id}") if call_id in self.calls else None

    def claimed(self, call_id: str, text: str) -> None:
        assert text == f"words of {call_id}"
        self.got.append(call_id)
        self.calls.add(call_id)

    def taken(self, call_id: str) -> None:
        self.lost.append(call_id)
        self.calls.discard(call_id)

    def carry(self, *calls: str) -> None:
        self.calls.update(calls)
        for call in calls:
            self.checkpoints.changed(call)


async def kept(server: LiveServer) -> dict[str, int]:
    """How many checkpoints there are, by lease."""
    async with Redis.from_url(server.url.replace("valkey", "redis")) as client:
        base = f"trunkline:{{{SERVICE}}}:checkpoints:"
        keys = [key.decode() async for key in client.scan_iter(f"{base}*")]
        return {key.removeprefix(base): await client.hlen(key) for key in keys}


async def holds(server: LiveServer, *numbers: int) -> None:
    """Until so many checkpoints are there, under so many leases."""
    async with asyncio.timeout(PATIENCE_S):
        while sorted((await kept(server)).values()) != sorted(numbers):  # noqa: ASYNC110
            await asyncio.sleep(0.05)


async def die(node: Sharer) -> None:
    """As a kill does: nothing is said any more."""
    task, node.link._task = node.link._task, None
    assert task is not None
    task.cancel()
    await asyncio.wait([task])
    await node.link._drop()


async def admitted(node: Sharer, account: Counted) -> None:
    """Until one more call of it may begin there."""
    async with asyncio.timeout(PATIENCE_S):
        while not isinstance(await node.decide(account), Admission):  # noqa: ASYNC110
            await asyncio.sleep(0.05)


@pytest.mark.parametrize(
    "account",
    [Account("acme", max_concurrent=1), Inbound.of(Account("acme", max_inbound=1))],
    ids=["of the account", "to its numbers"],
)
def test_a_call_counts_while_it_goes_from_the_dead_to_the_living(
    server: LiveServer, account: Counted
) -> None:
    """Nobody is admitted between the end of the lease and the heir's word that the call is up there."""

    async def body() -> None:
        async with sharing(server.url, 3) as (dead, here, asking):
            Keeper(dead).carry("a")
            assert isinstance(await dead.decide(account), Admission)
            await holds(server, 1)
            await die(dead)
            heir = Keeper(here)
            inherited_s = asking.clock.now()
            while not heir.got:
                assert isinstance(await asking.decide(account), Verdict)
                inherited_s = asking.clock.now()
                await asyncio.sleep(0.02)
            await admitted(asking, account)
            assert asking.clock.now() - inherited_s > 3.0, "the heir had no time to say so"

    run(body)


def test_each_call_of_a_dead_node_has_one_heir(server: LiveServer) -> None:
    """Of those that can reach its media."""

    async def body() -> None:
        async with sharing(server.url, 4) as (dead, here, there, far):
            carrier, *heirs = (Keeper(node) for node in (dead, here, there))
            stranger = Keeper(far, ["udp:192.0.2.9:2223"])
            calls = [f"call-{number:03}" for number in range(300)]
            carrier.carry(*calls)
            await holds(server, 300)
            for call in calls[:10]:
                carrier.checkpoints.ended(call)
            await holds(server, 290)
            await die(dead)
            await until("all to have heirs", lambda: sum(len(one.got) for one in heirs) >= 290)
            assert sorted(call for one in heirs for call in one.got) == calls[10:]
            assert all(one.got for one in heirs), "they share them"
            assert not stranger.got
            await dead.link.start()
            await until("the first to hear of it", lambda: len(carrier.lost) == 290)
            assert not [call for one in heirs for call in one.lost]

    run(body)


def test_the_living_keep_their_calls_where_a_server_takes_no_registrations_for_a_while(
    server: LiveServer,
) -> None:
    """One that is a replica until it has taken over: it answers, and refuses to write."""

    async def body() -> None:
        async with (
            sharing(server.url, 2) as nodes,
            Redis.from_url(server.url.replace("valkey", "redis")) as client,
        ):
            here, there = (Keeper(node) for node in nodes)
            here.carry("a", "b")
            await holds(server, 2)
            lease = nodes[0].link.ledger.lease
            await client.replicaof("127.0.0.1", "1")
            await until("two attempts", lambda: nodes[0].link.ledger.lease != lease)
            lease = nodes[0].link.ledger.lease
            await until("two attempts", lambda: nodes[0].link.ledger.lease != lease)
            await client.replicaof("NO", "ONE")
            await all_exact(nodes)
            assert await kept(server) == {nodes[0].link.ledger.lease: 2}
            assert not here.lost
            assert not there.got

    run(body)


def test_a_node_that_is_started_again_has_its_calls_at_once(server: LiveServer) -> None:
    """Without waiting for the lease of the process before it; what that held counts no more, soon."""

    async def body() -> None:
        before = sharer(server.url, "node-1", lease_s=60.0)
        await before.link.start()
        await all_exact([before])
        Keeper(before).carry("a", "b")
        assert isinstance(await before.decide(Account("acme", max_concurrent=1)), Admission)
        await holds(server, 2)
        await die(before)
        after = sharer(server.url, "node-1")
        heir = Keeper(after)
        await after.link.start()
        await until("it to have them", lambda: sorted(heir.got) == ["a", "b"])
        await admitted(after, Account("acme", max_concurrent=1))
        assert not after.faults
        await after.link.close()
        for node in (before, after):
            node.clock.stop()

    run(body)


def test_nobody_inherits_from_those_that_only_lost_the_server(server: LiveServer) -> None:
    async def body() -> None:
        async with sharing(server.url, 2) as nodes:
            carriers = [Keeper(node) for node in nodes]
            for index, carrier in enumerate(carriers):
                carrier.carry(*(f"call-{index}-{number}" for number in range(60)))
            await holds(server, 60, 60)
            server.pause()
            await asyncio.sleep(5.0)  # longer than a lease
            server.resume()
            await all_exact(nodes)
            await holds(server, 60, 60)
            assert not [call for one in carriers for call in (*one.got, *one.lost)]

    run(body)


def test_a_claim_whose_answer_was_lost_is_found_again(
    server: LiveServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And who takes leave leaves no calls."""

    async def body() -> None:
        async with sharing(server.url, 2) as (dead, here):
            Keeper(dead).carry("a")
            await holds(server, 1)
            wire = here.link._wire
            assert wire is not None
            ask = wire.claim
            lost: list[object] = []

            async def claim(words: Claim) -> list[tuple[str, str]]:
                lost.extend(await ask(words))
                if lost:
                    raise LiveError("no answer")
                return []

            monkeypatch.setattr(wire, "claim", claim)
            heir = Keeper(here)
            await die(dead)
            await until("it to be found", lambda: heir.got == ["a"])
            assert lost == [("a", "words of a")]
            await here.link.close()
            assert await kept(server) == {}

    run(body)


def test_a_call_that_has_ended_stays_so_where_the_server_comes_back_with_older_data(
    server: LiveServer,
) -> None:
    """From a disk, or as a replica that had not heard of its end."""

    async def body() -> None:
        async with sharing(server.url, 1) as (here,):
            carrier = Keeper(here)
            carrier.carry("a", "b")
            await holds(server, 2)
            carrier.calls.discard("a")
            carrier.checkpoints.ended("a")
            await holds(server, 1)
            async with Redis.from_url(server.url.replace("valkey", "redis")) as client:
                key = f"trunkline:{{{SERVICE}}}:checkpoints:{here.link.ledger.lease}"
                await client.hset(key, "a", f"{PLACE} words of a")
            await die(here)
            await here.link.start()
            await all_exact([here])
            await holds(server, 1)
            assert (carrier.got, carrier.lost) == ([], [])

    run(body)
