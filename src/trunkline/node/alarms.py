"""What a node does about fraud, off the call path: it reads what accounts call by habit, and of each alarm it
says so in the log, keeps it, and blocks the account at rest where the alarm does.

The call that raised the alarm, and those after it, are refused by `trunkline.trunk.fraud` itself.
"""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from functools import partial

import structlog

from trunkline.store.alarms import dormant_accounts, known_habits
from trunkline.store.audit import Author, Via
from trunkline.store.errors import DatabaseError, StoreError
from trunkline.store.store import Store
from trunkline.trunk.fraud import Alarm, FraudWatch

RETRY_S = 60.0
"""Between two tries while the database is away."""
_AUTHOR = Author("fraud watch", Via.SERVICE)


class Alarms:
    """Those of one node, on its loop. `watch` is set once it exists: it is made with `raised`."""

    watch: FraudWatch

    def __init__(self, store: Store, refresh: Callable[[], object]) -> None:
        """`refresh` has the directory take over what is at rest; it is called on a thread and blocks."""
        self._store = store.by(_AUTHOR)
        self._refresh = refresh
        self._log = structlog.get_logger()
        self._working: set[asyncio.Task[None]] = set()
        self._learning: asyncio.Task[None] | None = None
        self._closing = asyncio.Event()

    def start(self, wall: Callable[[], float]) -> None:
        """Begin to read the habits."""
        self._learning = asyncio.create_task(self._learn(wall), name="habits")

    def raised(self, alarm: Alarm) -> None:
        """One more."""
        self._log.warning(
            "fraud alarm",
            account=alarm.account,
            kind=alarm.kind.value,
            detail=alarm.detail,
            blocked=alarm.blocked,
        )
        task = asyncio.create_task(self._keep(alarm), name="alarm")
        self._working.add(task)
        task.add_done_callback(self._working.discard)

    async def close(self) -> None:
        """Wait for the alarms that are being kept, not for a database that is away. Idempotent."""
        self._closing.set()
        if self._learning is not None:
            self._learning.cancel()
            self._learning = None
        if self._working:
            await asyncio.wait(self._working)

    async def _learn(self, wall: Callable[[], float]) -> None:
        while True:
            try:
                habits = await asyncio.to_thread(known_habits, self._store.database, wall())
                dormant = await asyncio.to_thread(dormant_accounts, self._store.database, wall())
            except StoreError as error:
                self._log.warning("no fraud alarms yet: the records can't be read", reason=str(error))
                await asyncio.sleep(RETRY_S)
            else:
                self.watch.restore(habits, dormant)
                return

    async def _keep(self, alarm: Alarm) -> None:
        try:
            await self._done(partial(self._store.alarms.add, alarm))
            if alarm.blocked:
                await self._done(partial(self._block, alarm.account))
        except StoreError as error:
            self._log.error("a fraud alarm could not be kept", account=alarm.account, reason=str(error))
        else:
            self.watch.forget(alarm.account)

    def _block(self, account: str) -> None:
        self._store.accounts.block(account)
        self._refresh()

    async def _done(self, step: Callable[[], object]) -> None:
        """Once the database has taken it. Raises `StoreError` for what it refuses, or when the node ends."""
        while True:
            try:
                await asyncio.to_thread(step)
            except DatabaseError as error:
                if self._closing.is_set():
                    raise
                self._log.warning("a fraud alarm waits for the database", reason=str(error))
                with suppress(TimeoutError):
                    await asyncio.wait_for(self._closing.wait(), RETRY_S)
            else:
                return
