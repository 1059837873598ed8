"""Webhooks and their deliveries."""

from datetime import datetime
from typing import Annotated, Any

from pydantic import ConfigDict, Field, StringConstraints, field_validator

from trunkline.store.webhook_queue import DeliveryState
from trunkline.store.webhooks import EventType
from trunkline.web.api.models.base import Body, Flag, Key, without_defaults
from trunkline.web.webhooks.addresses import MAX_URL

Url = Annotated[str, StringConstraints(min_length=1, max_length=MAX_URL)]
Events = Annotated[tuple[EventType, ...], Field(max_length=len(EventType))]


class WebhookFields(Body):
    """What its owner decides about a webhook."""

    url: Url = Field(
        description="HTTP or HTTPS, of a public host. Redirects are not followed.",
        examples=["https://example.com/trunk-events"],
    )
    events: Events = Field(
        (), description="The events that are wanted. None: all.", examples=[["call.completed", "call.failed"]]
    )

    @field_validator("events")
    @classmethod
    def _once_each(cls, events: tuple[EventType, ...]) -> tuple[EventType, ...]:
        return tuple(dict.fromkeys(events))


class NewWebhook(WebhookFields):
    """A webhook to be."""

    account: Key | None = Field(
        None, description="Whose. Default: the account that asks.", examples=["trunk1"]
    )


class WebhookUpdate(WebhookFields):
    """What to change about a webhook; fields left out stay."""

    model_config = ConfigDict(json_schema_extra=without_defaults)

    url: Url = Field("", description="HTTP or HTTPS, of a public host.", examples=["https://example.com/new"])
    enabled: Flag = Field(True, description="Whether it is told anything. What waits for it goes on waiting.")


class WebhookView(WebhookFields):
    """A webhook."""

    id: str = Field(examples=["9f3c2a7be1d04c55"])
    account: str = Field(examples=["trunk1"])
    enabled: Flag
    dropped: int = Field(description="Events that were not kept for it, because too many waited.")
    created_at: datetime


class MadeWebhook(WebhookView):
    """A webhook just made, and its secret, which nothing shows again."""

    secret: str = Field(
        description="Signs what is sent. Shown once.",
        examples=["whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSwMfKQ9r8GKYo="],
    )


class WebhookPage(Body):
    """Some webhooks, oldest first."""

    items: list[WebhookView]
    next: str | None = Field(description="`cursor` of the page behind. null: that was the last.")


class NewWebhookSecret(Body):
    """A secret just made, which nothing shows again."""

    secret: str = Field(examples=["whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSwMfKQ9r8GKYo="])


class DeliveryView(Body):
    """One event for one webhook."""

    id: int = Field(examples=[7])
    event_id: str = Field(
        description="The `id` in the body: the same whenever it is sent.", examples=["9f3c2a7be1-completed"]
    )
    type: str = Field(examples=["call.completed"])
    state: DeliveryState
    attempts: int = Field(examples=[1])
    created_at: datetime
    next_at: datetime | None = Field(description="When it is tried again. null: never.")
    last_at: datetime | None = Field(description="When it was last tried.")
    status: int | None = Field(description="What the receiver answered last. null: nothing.", examples=[200])
    detail: str = Field(description="What went wrong last. Empty: nothing.", examples=[""])
    body: dict[str, Any] = Field(description="What is sent.", examples=[{"id": "9f3c2a7be1-completed"}])


class DeliveryPage(Body):
    """Some deliveries, newest first."""

    items: list[DeliveryView]
    next: int | None = Field(description="`before` of the page behind. null: that was the last.")
