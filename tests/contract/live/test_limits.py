"""Limits of accounts over several nodes and a real server: exact while it is there, by shares while it is
not, and never counted double.
"""

import asyncio
import time
from dataclasses import replace

import pytest

from tests.contract.live.nodes import all_exact, run, sharer, sharing, until
from tests.contract.live.server import LiveServer
from trunkline.live.ledger import Standing
from trunkline.live.link import SETTLE_S
from trunkline.trunk.account import Account
from trunkline.trunk.limits import Admission, Inbound
from trunkline.trunk.verdict import Slug, Verdict

ACME = Account("acme", max_concurrent=20)


def test_two_hundred_calls_at_once_over_three_nodes(server: LiveServer) -> None:
    async def body() -> None:
        async with sharing(server.url, 3) as nodes:
            for index in range(200):
                nodes[index % 3].ask(ACME)
            await until("all are decided", lambda: sum(len(n.calls) + len(n.refused) for n in nodes) == 200)
            assert sum(len(node.calls) for node in nodes) == 20
            assert {verdict.detail for node in nodes for verdict in node.refused} == {"20 of 20 calls are up"}
            holder = next(node for node in nodes if node.calls)
            holder.calls.pop().release()
            await holder.said()
            assert isinstance(await nodes[0].decide(ACME), Admission)
            assert isinstance(await nodes[2].decide(ACME), Verdict)

    run(body)


def test_a_call_that_ends_makes_room_for_one_that_is_asked_for_right_after(server: LiveServer) -> None:
    async def body() -> None:
        async with sharing(server.url, 2) as (here, there):
            account = replace(ACME, max_concurrent=1)
            first = await here.decide(account)
            assert isinstance(first, Admission)
            assert isinstance(await there.decide(account), Verdict)
            first.release()
            assert isinstance(await here.decide(account), Admission)
            assert isinstance(await there.decide(account), Verdict)

    run(body)


def test_calls_to_the_numbers_of_an_account_beside_its_own(server: LiveServer) -> None:
    async def body() -> None:
        async with sharing(server.url, 2) as (here, there):
            account = Account("acme", max_concurrent=1, max_inbound=2)
            inbound = Inbound.of(account)
            first = await here.decide(inbound)
            assert isinstance(first, Admission)
            assert isinstance(await there.decide(inbound), Admission)
            refused = await there.decide(inbound)
            assert isinstance(refused, Verdict)
            assert (refused.slug, refused.detail) == (Slug.NUMBERS_BUSY, "2 of 2 calls are up")
            assert isinstance(await there.decide(account), Admission)
            assert isinstance(await here.decide(account), Verdict)
            first.release()
            assert isinstance(await here.decide(inbound), Admission)
            assert isinstance(await there.decide(inbound), Verdict)

    run(body)


def test_calls_a_second(server: LiveServer) -> None:
    async def body() -> None:
        account = Account("acme", max_per_second=5)
        async with sharing(server.url, 3) as nodes:
            began = time.monotonic()
            for index in range(90):
                nodes[index % 3].ask(account)
            await until("all are decided", lambda: sum(len(n.calls) + len(n.refused) for n in nodes) == 90)
            took_s = time.monotonic() - began
            assert 5 <= sum(len(node.calls) for node in nodes) <= 5 * (1 + took_s)
            assert {verdict.slug for node in nodes for verdict in node.refused} == {Slug.RATE_LIMIT}
            await asyncio.sleep(1.1)
            assert isinstance(await nodes[2].decide(account), Admission)

    run(body)


def test_a_limit_set_later_counts_the_calls_that_are_up(server: LiveServer) -> None:
    async def body() -> None:
        async with sharing(server.url, 2) as (here, there):
            for _ in range(3):
                here.ask(Account("acme"))
            assert len(here.calls) == 3, "without limits nobody waits"
            await here.said()
            assert isinstance(await there.decide(replace(ACME, max_concurrent=3)), Verdict)

    run(body)


def test_the_minutes_of_a_day_are_those_of_all_nodes(server: LiveServer) -> None:
    async def body() -> None:
        account = Account("acme", minutes_per_day=1)
        async with sharing(server.url, 2) as (here, there):
            here.limits.restore(account, 57.0, 0.0)
            cut: list[Verdict] = []
            for node in (here, there):
                call = await node.decide(account)
                assert isinstance(call, Admission)
                call.answered(cut.append)
            await until("both are cut", lambda: len(cut) == 2)
            assert {verdict.slug for verdict in cut} == {Slug.MINUTES_LIMIT}
            used = here.limits.here("acme").seconds + there.limits.here("acme").seconds
            assert used == pytest.approx(60.0, abs=1.0)
            refused = await there.decide(account)
            assert isinstance(refused, Verdict)
            assert refused.slug is Slug.MINUTES_LIMIT

    run(body)


def test_a_dead_node_s_calls_count_until_its_lease_is_over(server: LiveServer) -> None:
    async def body() -> None:
        async with sharing(server.url, 2) as (here, there):
            account = replace(ACME, max_concurrent=2)
            for _ in range(2):
                assert isinstance(await there.decide(account), Admission)
            assert isinstance(await here.decide(account), Verdict)
            task = there.link._task
            assert task is not None
            task.cancel()  # it says no goodbye, like a node that was killed
            assert isinstance(await here.decide(account), Verdict)
            await until("the lease is over", lambda: here.link.state.nodes == 1)
            assert isinstance(await here.decide(account), Admission)

    run(body)


def test_a_node_that_leaves_takes_its_calls_along(server: LiveServer) -> None:
    async def body() -> None:
        async with sharing(server.url, 1) as (here,):
            there = sharer(server.url, "passing")
            await there.link.start()
            account = replace(ACME, max_concurrent=1)
            assert isinstance(await there.decide(account), Admission)
            assert isinstance(await here.decide(account), Verdict)
            await there.link.close()
            there.clock.stop()
            assert isinstance(await here.decide(account), Admission)

    run(body)


@pytest.mark.parametrize("how", ["stalls", "dies"])
def test_a_server_that_is_away(server: LiveServer, how: str) -> None:
    """Shares meanwhile, everything said again afterwards, nothing counted double."""

    async def body() -> None:
        async with sharing(server.url, 2, SETTLE_S) as nodes:
            here, there = nodes
            account = replace(ACME, max_concurrent=10)
            for _ in range(4):
                assert isinstance(await here.decide(account), Admission)
            if how == "stalls":
                server.pause()
            else:
                server.kill()
            there.ask(account)  # waits for an answer that doesn't come, and is let in by its node's share
            await until("both notice", lambda: all(n.standing is Standing.AWAY for n in nodes))
            assert len(there.calls) == 1
            for node in nodes:
                for _ in range(10):
                    node.ask(account)
            assert (4 + len(here.calls), len(there.calls)) == (5, 5)
            assert here.link.state.reason
            if how == "stalls":
                server.resume()
            else:
                server.start()
            await until("both are back", lambda: all(n.standing is not Standing.AWAY for n in nodes))
            await all_exact(nodes)
            assert isinstance(await here.decide(account), Verdict), "10 are up"
            here.calls.pop().release()
            await here.said()
            assert isinstance(await there.decide(account), Admission)
            assert isinstance(await here.decide(account), Verdict)
            assert isinstance(await there.decide(account), Verdict)

    run(body)
