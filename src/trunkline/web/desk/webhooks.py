"""Webhooks: a customer's are those of the own account; so are their deliveries."""

import time
from collections.abc import Sequence
from typing import Unpack

from trunkline.store.webhook_queue import Delivery, DeliveryState
from trunkline.store.webhooks import EventType, Guard, Webhook, WebhookChanges, WebhookPage
from trunkline.web.desk.counter import Counter
from trunkline.web.webhooks.addresses import check_url
from trunkline.web.webhooks.events import trial_event


class WebhookDesk:
    """Adding one and changing its URL raise `WebhookUrlError` for a URL that nothing can be sent to."""

    def __init__(self, counter: Counter) -> None:
        self._counter = counter

    def page(self, account: str | None = None, *, cursor: str | None = None, limit: int = 50) -> WebhookPage:
        """Up to `limit` of all, or of one account, a customer's own, oldest first, from `cursor` on."""
        counter = self._counter
        return counter.store.webhooks.page(counter.account_or_all(account), cursor=cursor, limit=limit)

    def get(self, id_: str) -> Webhook:
        webhook = self._counter.store.webhooks.get(id_)
        self._own(webhook)
        return webhook

    def add(self, account: str, url: str, events: Sequence[EventType] = ()) -> tuple[Webhook, str]:
        """The webhook, and its secret, which nothing shows again."""
        self._counter.check_sees(account, "account", account)
        self._check_url(url)
        return self._counter.store.webhooks.add(account, url, events)

    def update(self, id_: str, *, guard: Guard | None = None, **changes: Unpack[WebhookChanges]) -> Webhook:
        """`guard` looks at the webhook inside the transaction, and raises to stop the change."""
        if "url" in changes:
            self._check_url(changes["url"])
        return self._counter.store.webhooks.update(id_, guard=self._both(guard), **changes)

    def rotate_secret(self, id_: str) -> str:
        """Sign with a new secret from now on; nothing shows it again."""
        return self._counter.store.webhooks.rotate_secret(id_, guard=self._own)

    def remove(self, id_: str, *, guard: Guard | None = None) -> None:
        """And what waits for it."""
        self._counter.store.webhooks.remove(id_, guard=self._both(guard))

    def deliveries(
        self,
        id_: str,
        *,
        state: DeliveryState | None = None,
        before_id: int | None = None,
        limit: int = 50,
    ) -> Sequence[Delivery]:
        """Up to `limit` of a webhook, newest first, older than `before_id`."""
        self.get(id_)
        queue = self._counter.store.webhook_queue
        return queue.list(id_, state=state, before_id=before_id, limit=limit)

    def resend(self, id_: str, delivery: int) -> Delivery:
        """Send one again, with the same event id and body."""
        self.get(id_)
        return self._counter.store.webhook_queue.resend(id_, delivery, time.time())

    def test(self, id_: str) -> Delivery:
        """Send it an event that says nothing but that it comes."""
        webhook, now = self.get(id_), time.time()
        return self._counter.store.webhook_queue.tell(webhook, trial_event(webhook, now), now)

    def _check_url(self, url: str) -> None:
        check_url(url, private=self._counter.settings.web.webhooks_private)

    def _both(self, guard: Guard | None) -> Guard:
        def check(webhook: Webhook) -> None:
            self._own(webhook)
            if guard is not None:
                guard(webhook)

        return check

    def _own(self, webhook: Webhook) -> None:
        self._counter.check_sees(webhook.account, "webhook", webhook.id)
