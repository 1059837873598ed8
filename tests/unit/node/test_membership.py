"""A node among others on its database."""

import asyncio
from pathlib import Path

import pytest
from pydantic import SecretStr

from tests.unit.net.wire import until
from tests.unit.node.ground import Ground, Installation, in_loop, on_node, running
from tests.unit.store.test_nodes import aged
from trunkline.call.record import RecordState
from trunkline.errors import ConfigError
from trunkline.node.membership import facts, identity
from trunkline.node.node import Node
from trunkline.store.calls import CallFilter
from trunkline.store.errors import NameTakenError
from trunkline.store.nodes import Pulse, Standing
from trunkline.trunk.verdict import Slug


def test_what_a_node_says_of_itself(tmp_path: Path) -> None:
    installation = Installation.make(tmp_path, sip__advertised_host="203.0.113.9", node__region="us")
    said = facts(installation.settings, "a run")
    assert (said.name, said.run, said.region, said.weight) == ("node-1", "a run", "us", 100)
    port = installation.settings.sip.udp[0].port
    assert said.listens[0] == ("UDP", "203.0.113.9", port)
    assert said.identity == facts(installation.settings, "another run").identity


def test_an_identity_that_can_not_be_made(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="can't be read or made: No such file"):
        identity(tmp_path / "nowhere" / "node.id")


def test_it_is_on_the_list_while_it_runs(tmp_path: Path) -> None:
    installation = Installation.make(tmp_path)

    async def look() -> None:
        async with running(installation) as ground:
            [listed] = ground.node.rooms.store.nodes.list()
            assert (listed.name, listed.standing) == ("node-1", Standing.UP)
            ground.node.stopping = True
            await until(lambda: ground.node.rooms.store.nodes.list()[0].stopping)
        async with running(installation) as ground:
            assert ground.node.rooms.store.nodes.list()[0].standing is Standing.UP
            nodes = ground.node.rooms.store.nodes
            await ground.node.stop()
            assert nodes.list()[0].standing is Standing.STOPPED

    in_loop(look())


def test_an_operator_drains_it_through_the_database(tmp_path: Path) -> None:
    async def drain(ground: Ground) -> None:
        nodes = ground.node.rooms.store.nodes
        nodes.drain("node-1")
        await until(lambda: ground.node.rooms.switch.draining)
        assert (await ground.outbound()).status == 503
        assert not ground.face.readiness().ready
        assert not ground.node.finished.is_set()
        nodes.let_back("node-1")
        await until(lambda: not ground.node.rooms.switch.draining)
        assert (await ground.outbound()).answered

    on_node(tmp_path, drain)


def test_a_drained_node_that_starts_takes_no_call(tmp_path: Path) -> None:
    installation = Installation.make(tmp_path)

    async def start_again() -> None:
        async with running(installation) as ground:
            ground.node.rooms.store.nodes.drain("node-1")
        async with running(installation) as ground:
            assert ground.node.rooms.switch.draining
            assert (await ground.outbound()).status == 503

    in_loop(start_again())


def test_a_second_node_of_its_name_is_refused(tmp_path: Path) -> None:
    for name in ("first", "second"):
        (tmp_path / name).mkdir()
    first = Installation.make(tmp_path / "first", node__lost_after_s=600.0)
    second = Installation.make(tmp_path / "second")
    (tmp_path / "second" / "secret.key").write_bytes((tmp_path / "first" / "secret.key").read_bytes())
    url = SecretStr(first.settings.database_url)
    shared = second.settings.database.model_copy(update={"url": url})
    settings = second.settings.model_copy(update={"database": shared})

    async def begin() -> None:
        async with running(first):
            node = Node(settings)
            with pytest.raises(NameTakenError, match="give one of the two another"):
                await node.start()
            node.rooms.clock.stop()

    in_loop(begin())


def test_a_node_that_was_taken_for_lost_opens_its_records_again(tmp_path: Path) -> None:
    async def partition(ground: Ground) -> None:
        node, store = ground.node, ground.node.rooms.store
        talking = asyncio.ensure_future(ground.outbound(talk_s=60.0))
        await until(lambda: ground.face.calls() and ground.face.calls()[0].answered_at)
        await asyncio.to_thread(node.rooms.writer.flush)

        def closed() -> bool:
            """Between two of its beats."""
            aged(store.database, "node-1", 3600)
            return store.nodes.close_lost("survivor") == {"node-1": 1}

        await until(closed)

        def state() -> RecordState:
            return store.calls.list(CallFilter(), limit=10).calls[0].state

        await until(lambda: state() is RecordState.OPEN)
        assert ground.face.hang_up(ground.face.calls()[0].call_id)
        assert (await talking).answered
        await until(lambda: state() is RecordState.CLOSED)
        [call] = store.calls.list(CallFilter(), limit=10).calls
        detail = store.calls.get(call.call_id)
        ends = [call.verdict, *(attempt.verdict for attempt in detail.attempts)]
        assert [end.slug for end in ends if end is not None] == [Slug.HUNG_UP_BY_OPERATOR] * 2

    on_node(tmp_path, partition)


def test_another_process_that_took_the_name_over(tmp_path: Path) -> None:
    async def copy(ground: Ground) -> None:
        node = ground.node
        said = facts(node.rooms.settings, "a copy of the machine")
        node.rooms.store.nodes.enter(said)
        await until(lambda: node.rooms.switch.draining)
        [problem] = ground.face.stats().problems
        assert problem.startswith("Another process took over the name node-1")
        assert problem in ground.face.readiness().reasons
        node.rooms.store.nodes.beat("node-1", said.run, Pulse(0, 0.0, False), 0.0)
        await node.stop()

    on_node(tmp_path, copy)
