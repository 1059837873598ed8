"""An alarm in a running node: kept, told, and the account blocked where it is set to that."""

import asyncio
from pathlib import Path

import pytest

from tests.unit.net.wire import until
from tests.unit.node.ground import CALLED, KEY, Ground, on_node
from trunkline.node import alarms as alarms_module
from trunkline.store.errors import DatabaseError
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


def test_without_a_database_the_block_holds_in_memory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(*_: object, **__: object) -> None:
        raise DatabaseError("away")

    async def call(ground: Ground) -> None:
        await strict(ground)
        monkeypatch.setattr(ground.node.rooms.alarms, "_write", away)
        for _ in range(2):
            assert (await ground.outbound()).status == 403
        assert not ground.node.rooms.store.accounts.get(KEY).blocked

    on_node(tmp_path, call)


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
