"""Webhooks, and what became of each delivery."""

import json
from typing import Annotated

from fastapi import APIRouter, Path, Query
from starlette.responses import Response

from trunkline.store.webhook_queue import Delivery, DeliveryState
from trunkline.store.webhooks import Webhook, WebhookChanges
from trunkline.web.api.front import AtDesk
from trunkline.web.api.models.webhook import (
    DeliveryPage,
    DeliveryView,
    MadeWebhook,
    NewWebhook,
    NewWebhookSecret,
    WebhookPage,
    WebhookUpdate,
    WebhookView,
)
from trunkline.web.api.once import Made, OnlyOnce
from trunkline.web.api.resources.parameters import AccountQuery, Cursor, Limit
from trunkline.web.api.tags import IfMatch, guard_of, tag_of, tagged
from trunkline.web.errors import InvalidError

router = APIRouter(prefix="/v1/webhooks", tags=["Webhooks"])

MAX_ID = 2**63 - 1
WebhookPath = Annotated[
    str, Path(pattern=r"^[0-9a-f]{16}$", description="The webhook's id.", examples=["9f3c2a7be1d04c55"])
]
DeliveryPath = Annotated[int, Path(ge=1, le=MAX_ID, description="The delivery's id.", examples=[7])]


@router.get("")
def list_webhooks(
    desk: AtDesk, account: AccountQuery = None, cursor: Cursor = None, limit: Limit = 50
) -> WebhookPage:
    """Webhooks, oldest first; a customer's own."""
    found = desk.webhooks.page(account, cursor=cursor, limit=limit)
    return WebhookPage(
        items=[WebhookView.model_validate(one) for one in found.webhooks], next=found.next_cursor
    )


@router.post("", status_code=201, response_model=MadeWebhook)
def add_webhook(desk: AtDesk, once: OnlyOnce, new: NewWebhook) -> Response:
    """Have a URL told what happens from now on. The secret that signs it is shown once, here."""

    def make() -> Made:
        account = new.account or desk.principal.account
        if account is None:
            raise InvalidError("say whose webhook it is: account")
        added, secret = desk.webhooks.add(account, new.url, new.events)
        made = MadeWebhook(**dict(WebhookView.model_validate(added)), secret=secret)
        return Made(made, f"/v1/webhooks/{added.id}", tag_of(added))

    return once.make(make)


@router.get("/{webhook_id}")
def get_webhook(desk: AtDesk, webhook_id: WebhookPath, response: Response) -> WebhookView:
    """One webhook."""
    return _shown(response, desk.webhooks.get(webhook_id))


@router.patch("/{webhook_id}")
def change_webhook(
    desk: AtDesk,
    webhook_id: WebhookPath,
    update: WebhookUpdate,
    response: Response,
    if_match: IfMatch = None,
) -> WebhookView:
    """Change its URL, which events it wants, or whether it is told anything."""
    changes = WebhookChanges(**{name: getattr(update, name) for name in update.model_fields_set})  # type: ignore[typeddict-item]
    return _shown(response, desk.webhooks.update(webhook_id, guard=guard_of(if_match), **changes))


@router.delete("/{webhook_id}", status_code=204)
def remove_webhook(desk: AtDesk, webhook_id: WebhookPath, if_match: IfMatch = None) -> None:
    """Tell it nothing any more, and forget what waits for it."""
    desk.webhooks.remove(webhook_id, guard=guard_of(if_match))


@router.post("/{webhook_id}/rotate-secret")
def rotate_webhook_secret(desk: AtDesk, webhook_id: WebhookPath) -> NewWebhookSecret:
    """Sign with a new secret from now on. It is shown once, here."""
    return NewWebhookSecret(secret=desk.webhooks.rotate_secret(webhook_id))


@router.post("/{webhook_id}/test")
def test_webhook(desk: AtDesk, webhook_id: WebhookPath) -> DeliveryView:
    """Send it an event of the type `webhook.test`, whatever it wants. Its deliveries say what came of it."""
    return _delivery(desk.webhooks.test(webhook_id))


@router.get("/{webhook_id}/deliveries")
def list_deliveries(
    desk: AtDesk,
    webhook_id: WebhookPath,
    state: DeliveryState | None = None,
    before: Annotated[int | None, Query(ge=1, le=MAX_ID, description="`next` of the page before.")] = None,
    limit: Limit = 50,
) -> DeliveryPage:
    """What it was told and is to be told, newest first."""
    found = desk.webhooks.deliveries(webhook_id, state=state, before_id=before, limit=limit)
    return DeliveryPage(
        items=[_delivery(one) for one in found], next=found[-1].id if len(found) == limit else None
    )


@router.post("/{webhook_id}/deliveries/{delivery_id}/resend")
def resend_delivery(desk: AtDesk, webhook_id: WebhookPath, delivery_id: DeliveryPath) -> DeliveryView:
    """Send one again, whatever became of it, with the same id and body."""
    return _delivery(desk.webhooks.resend(webhook_id, delivery_id))


def _shown(response: Response, webhook: Webhook) -> WebhookView:
    tagged(response, webhook)
    return WebhookView.model_validate(webhook)


def _delivery(delivery: Delivery) -> DeliveryView:
    names = DeliveryView.model_fields.keys() - {"body"}
    values = {name: getattr(delivery, name) for name in names}
    return DeliveryView(**values, body=json.loads(delivery.body))
