"""Delivers what waits: when, how many at a time, and when to try again.

Receivers don't hold each other up. Each has at most `PER_RECEIVER` requests under way; one whose last attempt
failed has one at a time, out of a share of its own (`AILING_SLOTS`), so that however many receivers hang, the
others have theirs.
"""

import asyncio
import contextlib
from collections import Counter
from collections.abc import Callable, Mapping

import structlog

from trunkline.errors import StoreError
from trunkline.store.errors import KeyFileError, NotFoundError
from trunkline.store.store import Store
from trunkline.store.webhook_queue import Delivery, DeliveryState, Result
from trunkline.web.webhooks.sender import Outcome, Sender

RETRY_S = (5.0, 30.0, 120.0, 600.0, 1800.0, 3600.0, 7200.0, 14_400.0)
"""Pauses after the first, the second, … attempt; the last one again and again, until the delivery is given up
24 hours after it was queued."""
JITTER = 0.1
"""Share by which a pause varies, so that what failed together isn't tried together."""
PER_RECEIVER = 4
HEALTHY_SLOTS = 96
AILING_SLOTS = 32
CONNECTIONS = HEALTHY_SLOTS + AILING_SLOTS
_UNSIGNED = Outcome(False, False, None, "the secret that signs it can't be read: give the webhook a new one")


class Postman:
    """One per web process. `turn` claims what is due and starts sending it."""

    def __init__(
        self, store: Store, sender: Sender, wall: Callable[[], float], chance: Callable[[], float]
    ) -> None:
        """`chance` gives floats of [0, 1)."""
        self._store = store
        self._sender = sender
        self._wall = wall
        self._chance = chance
        self._under_way: dict[asyncio.Task[None], str] = {}
        self._ailing: set[str] = set()
        self._results: list[Result] = []
        self._log = structlog.get_logger()

    async def turn(self) -> int:
        """Write down what ended since the last turn, and send what is due; how many that is. Raises
        `StoreError`."""
        results, self._results = self._results, []
        try:
            claimed = await asyncio.to_thread(self._claim, results, Counter(self._under_way.values()))
        except StoreError:
            self._results = results + self._results
            raise
        for delivery, url, secret in claimed:
            task = asyncio.create_task(self._deliver(delivery, url, secret))
            self._under_way[task] = delivery.webhook
            task.add_done_callback(self._under_way.pop)
        return len(claimed)

    async def settle(self) -> None:
        """Wait until nothing is under way."""
        while self._under_way:
            await asyncio.wait(self._under_way)

    async def close(self) -> None:
        """Give up what is under way: it is due again when its lease ends. Write down what ended."""
        for task in self._under_way:
            task.cancel()
        await self.settle()
        with contextlib.suppress(StoreError):
            await asyncio.to_thread(self._store.webhook_queue.note, self._results)

    def _claim(self, results: list[Result], busy: Mapping[str, int]) -> list[tuple[Delivery, str, str]]:
        queue, now = self._store.webhook_queue, self._wall()
        if results:
            queue.note(results)
        wanted = self._room(queue.due(now), busy)
        claimed = []
        for delivery in queue.claim(wanted, now) if wanted else ():
            try:
                webhook = self._store.webhooks.get(delivery.webhook)
                claimed.append((delivery, webhook.url, self._store.webhooks.secret(webhook.id)))
            except NotFoundError:
                pass
            except KeyFileError as error:
                self._log.warning("a webhook can't be signed", reason=str(error))
                self._ended(delivery, _UNSIGNED)
        return claimed

    def _room(self, due: Mapping[str, int], busy: Mapping[str, int]) -> dict[str, int]:
        """How many to take for each receiver."""
        used = Counter(webhook in self._ailing for webhook in busy for _ in range(busy[webhook]))
        free = {False: HEALTHY_SLOTS - used[False], True: AILING_SLOTS - used[True]}
        wanted: dict[str, int] = {}
        for webhook, count in due.items():
            ailing = webhook in self._ailing
            most = 1 if ailing else PER_RECEIVER
            taken = min(count, most - busy.get(webhook, 0), free[ailing])
            if taken > 0:
                wanted[webhook] = taken
                free[ailing] -= taken
        return wanted

    async def _deliver(self, delivery: Delivery, url: str, secret: str) -> None:
        outcome = await self._sender.send(url, secret, delivery.event_id, delivery.body, self._wall())
        self._ended(delivery, outcome)

    def _ended(self, delivery: Delivery, outcome: Outcome) -> None:
        (self._ailing.discard if outcome.delivered else self._ailing.add)(delivery.webhook)
        self._results.append(self._result(delivery, outcome))

    def _result(self, delivery: Delivery, outcome: Outcome) -> Result:
        now = self._wall()
        if outcome.delivered:
            return Result(delivery, DeliveryState.DELIVERED, now, outcome.status, "", None)
        pause_s = RETRY_S[min(delivery.attempts, len(RETRY_S) - 1)]
        next_at = now + pause_s * (1 + JITTER * (2 * self._chance() - 1))
        if outcome.final or next_at > delivery.give_up_at:
            self._log.info("webhook given up", webhook=delivery.webhook, event_id=delivery.event_id)
            return Result(delivery, DeliveryState.FAILED, now, outcome.status, outcome.detail, None)
        return Result(delivery, DeliveryState.WAITING, now, outcome.status, outcome.detail, next_at)
