"""Webhooks, running: looks at calls and endpoints, delivers, tidies up. Started and stopped with the web
process.
"""

import asyncio
import contextlib
import random
import time
from collections.abc import Awaitable, Callable
from typing import Self

import structlog

from trunkline.errors import TrunklineError
from trunkline.web.control_client import NoNodeError
from trunkline.web.office import Office
from trunkline.web.webhooks.names import Names
from trunkline.web.webhooks.noticing import Noticer
from trunkline.web.webhooks.postman import CONNECTIONS, Postman
from trunkline.web.webhooks.sender import Sender

CALLS_EVERY_S = 0.5
ENDPOINTS_EVERY_S = 2.0
DELIVERIES_EVERY_S = 0.25
TIDY_EVERY_S = 600.0


class WebhookService:
    """One per web process. An async context manager: what it does, it does in between."""

    def __init__(self, office: Office) -> None:
        self._office = office
        self._noticer = Noticer(office.store, office.settings.node.name, time.time)
        self._tasks: list[asyncio.Task[None]] = []
        self._held = contextlib.AsyncExitStack()
        self._log = structlog.get_logger()

    async def __aenter__(self) -> Self:
        """Raises `ConfigError`."""
        office = self._office
        names = Names(office.settings)
        self._held.push_async_callback(names.close)
        private = office.settings.web.webhooks_private
        sender = Sender(names.lookup, private=private, connections=CONNECTIONS)
        await self._held.enter_async_context(sender)
        postman = Postman(office.store, sender, time.time, random.random)
        self._held.push_async_callback(postman.close)
        for every_s, what, do in (
            (CALLS_EVERY_S, "webhooks: calls", self._look_at_calls),
            (ENDPOINTS_EVERY_S, "webhooks: endpoints", self._look_at_endpoints),
            (DELIVERIES_EVERY_S, "webhooks: deliveries", postman.turn),
            (TIDY_EVERY_S, "webhooks: tidying", self._tidy),
        ):
            self._tasks.append(asyncio.create_task(self._repeat(every_s, what, do), name=what))
        return self

    async def __aexit__(self, *_: object) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._held.aclose()

    async def _repeat(self, every_s: float, what: str, do: Callable[[], Awaitable[object]]) -> None:
        """For ever. What fails is tried again the next time; a row of failures is logged once."""
        failed = False
        while True:
            try:
                await do()
                failed = False
            except TrunklineError as error:
                if not failed:
                    self._log.warning(what, error=str(error))
                failed = True
            except Exception as error:  # noqa: BLE001 - the door where a fault in one look stops
                self._log.error(what, error=repr(error))
            await asyncio.sleep(every_s)

    async def _look_at_calls(self) -> None:
        await asyncio.to_thread(self._noticer.calls)

    async def _look_at_endpoints(self) -> None:
        await asyncio.to_thread(self._compare_endpoints)

    def _compare_endpoints(self) -> None:
        with contextlib.suppress(NoNodeError):
            self._noticer.endpoints(self._office.node.client().health)

    async def _tidy(self) -> None:
        await asyncio.to_thread(self._office.store.webhook_queue.tidy, time.time())
