"""Webhooks, running: from a call's record to a receiver on loopback."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from tests.unit.net.wire import until
from tests.unit.store.entities import ended_call
from tests.unit.store.test_webhook_sources import write
from tests.unit.web.webhooks.conftest import ACCOUNT, Receiver, answering, receiver
from trunkline.store.errors import DatabaseError
from trunkline.web.office import Office
from trunkline.web.webhooks import service
from trunkline.web.webhooks.service import WebhookService


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("CALLS_EVERY_S", "ENDPOINTS_EVERY_S", "DELIVERIES_EVERY_S"):
        monkeypatch.setattr(service, name, 0.01)


@asynccontextmanager
async def receiving(office: Office) -> AsyncIterator[Receiver]:
    async with receiver(answering(200)) as received:
        office.store.webhooks.add(ACCOUNT, received.url)
        yield received


def test_a_call_s_record_becomes_requests(office: Office) -> None:
    async def run() -> None:
        async with receiving(office) as received, WebhookService(office):
            write(office.store, ended_call("c1", setup_at=time.time() + 1))
            await until(lambda: len(received.ids) == 4)
            assert set(received.ids) == {"c1-started", "c1-ringing", "c1-answered", "c1-completed"}

    asyncio.run(run())


def test_what_fails_is_tried_again(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    sources = office.store.webhook_sources
    accounts, failures = sources.accounts, iter([DatabaseError("away"), RuntimeError("a fault")])

    def failing() -> frozenset[str]:
        failure = next(failures, None)
        if failure is not None:
            raise failure
        return accounts()

    monkeypatch.setattr(sources, "accounts", failing)

    async def run() -> None:
        async with receiving(office) as received, WebhookService(office):
            write(office.store, ended_call("c1", setup_at=time.time() + 1))
            await until(lambda: len(received.ids) == 4)

    asyncio.run(run())


def test_private_addresses_are_the_operator_s_to_allow(office: Office) -> None:
    web = office.settings.web.model_copy(update={"webhooks_private": False})
    careful = Office(office.settings.model_copy(update={"web": web}), office.store, office.node)

    async def run() -> None:
        async with receiving(office) as received, WebhookService(careful):
            write(office.store, ended_call("c1", setup_at=time.time() + 1))
            (webhook,) = office.store.webhooks.list()
            queue = office.store.webhook_queue
            await until(lambda: any(one.detail for one in queue.list(webhook.id)))
            refused = {one.detail for one in queue.list(webhook.id)} - {""}
            assert refused == {"127.0.0.1 has no public address"}
            assert received.requests == []

    asyncio.run(run())
