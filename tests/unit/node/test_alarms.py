"""An alarm in a running node: kept, told, and the account blocked where it is set to that."""

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

from tests.unit.net.wire import until
from tests.unit.node.ground import CALLED, KEY, Ground, Installation, in_loop, on_node, running
from tests.unit.store.entities import ended_call
from trunkline.node import alarms as alarms_module
from trunkline.store import schema
from trunkline.store.errors import DatabaseError
from trunkline.store.group_commit import Group, GroupWriter
from trunkline.store.record_rows import call_row
from trunkline.trunk.account import AlarmAction
from trunkline.trunk.fraud import AlarmKind, Habits


async def strict(ground: Ground, action: AlarmAction = AlarmAction.BLOCK) -> None:
    """An account that has only ever called Latvia."""
    node = ground.node
    await asyncio.to_thread(node.rooms.store.accounts.update, KEY, alarm=action)
    await ground.face.refresh_directory()
    await until(lambda: node.rooms.services.fraud._knows)
    node.rooms.services.fraud.restore({KEY: Habits({"371"})})


def test_a_block(tmp_path: Path) -> None:
    async def call(ground: Ground) -> None:
        await strict(ground)
        refused = await ground.outbound()
        assert (refused.status, refused.answered) == (403, False)
        await until(lambda: ground.node.rooms.store.accounts.get(KEY).blocked)
        await until(lambda: KEY not in ground.node.rooms.services.fraud._held)
        account = ground.node.rooms.directory.account(KEY)
        assert account is not None
        assert account.blocked, "the directory knows before the watch forgets"
        (alarm,) = ground.node.rooms.store.alarms.list()
        assert (alarm.kind, alarm.called, alarm.blocked) == (AlarmKind.NEW_COUNTRY, CALLED, True)
        (entry,) = ground.node.rooms.store.audit.list(kind="account", key=KEY, limit=1)
        assert (entry.author, entry.after) == ("fraud watch", {"status": "blocked"})
        assert (await ground.outbound()).status == 403

    on_node(tmp_path, call)


def test_a_note(tmp_path: Path) -> None:
    async def call(ground: Ground) -> None:
        await strict(ground, AlarmAction.NOTE)
        assert (await ground.outbound()).answered
        await until(lambda: ground.node.rooms.store.alarms.list())
        assert not ground.node.rooms.store.accounts.get(KEY).blocked

    on_node(tmp_path, call)


def test_the_first_call_of_a_dormant_account(tmp_path: Path) -> None:
    installation = Installation.make(tmp_path)

    async def age_and_call() -> None:
        async with running(installation) as ground:
            database = ground.node.rooms.store.database
            with database.write() as connection:
                connection.execute(schema.account.update().values(created_at=0.0))
            old = ended_call("old", setup_at=1.0, account="another")
            GroupWriter(database).write([Group({"call": [call_row(old, "run")]}, {})])
        async with running(installation) as ground:
            await until(lambda: ground.node.rooms.services.fraud._knows)
            assert (await ground.outbound()).answered
            await until(lambda: ground.node.rooms.store.alarms.list())
            (alarm,) = ground.node.rooms.store.alarms.list()
            assert (alarm.account, alarm.kind, alarm.called) == (KEY, AlarmKind.NEW_COUNTRY, CALLED)

    in_loop(age_and_call())


def test_while_the_database_is_away_the_block_holds_in_memory_and_is_kept_as_soon_as_it_is_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It was in memory alone: a restart let the calls through, and no operator could see or lift it."""
    monkeypatch.setattr(alarms_module, "RETRY_S", 0.01)
    away, tries = {"add", "block"}, list[str]()

    def flaky(step: str, real: Callable[[Any], object]) -> Callable[[Any], object]:
        def one(argument: object) -> object:
            tries.append(step)
            if step in away:
                raise DatabaseError("away")
            return real(argument)

        return one

    async def call(ground: Ground) -> None:
        await strict(ground)
        rooms, store = ground.node.rooms, ground.node.rooms.alarms._store
        monkeypatch.setattr(store.alarms, "add", flaky("add", store.alarms.add))
        monkeypatch.setattr(store.accounts, "block", flaky("block", store.accounts.block))
        for _ in range(2):
            assert (await ground.outbound()).status == 403
        await until(lambda: tries.count("add") > 2)
        away.remove("add")
        await until(lambda: tries.count("block") > 2)
        assert not rooms.store.accounts.get(KEY).blocked
        away.remove("block")
        await until(lambda: KEY not in rooms.services.fraud._held)
        assert rooms.store.accounts.get(KEY).blocked
        assert len(rooms.store.alarms.list()) == 1

    on_node(tmp_path, call)


def test_a_node_that_ends_waits_for_no_database(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tries: list[object] = []

    def away(alarm: object) -> None:
        tries.append(alarm)
        raise DatabaseError("away")

    async def call(ground: Ground) -> None:
        await strict(ground)
        monkeypatch.setattr(ground.node.rooms.alarms._store.alarms, "add", away)
        assert (await ground.outbound()).status == 403
        await until(lambda: tries)

    with capture_logs() as logs:
        on_node(tmp_path, call)
    assert [one["reason"] for one in logs if one["event"] == "a fraud alarm could not be kept"] == ["away"]


def test_habits_are_read_again_after_a_while(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tries: list[float] = []

    def away_at_first(_database: object, now: float) -> dict[str, Habits]:
        tries.append(now)
        if len(tries) == 1:
            raise DatabaseError("away")
        return {}

    async def call(ground: Ground) -> None:
        await until(lambda: ground.node.rooms.services.fraud._knows)
        assert len(tries) == 2

    monkeypatch.setattr(alarms_module, "known_habits", away_at_first)
    monkeypatch.setattr(alarms_module, "RETRY_S", 0.01)
    on_node(tmp_path, call)
