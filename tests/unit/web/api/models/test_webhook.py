"""Webhooks' bodies."""

import pytest
from pydantic import ValidationError

from trunkline.store.webhooks import EventType
from trunkline.web.api.models.webhook import NewWebhook, WebhookUpdate
from trunkline.web.webhooks.addresses import MAX_URL

URL = "https://example.com/hook"


def test_what_is_needed_and_what_is_not() -> None:
    new = NewWebhook.model_validate({"url": URL})
    assert (new.account, new.events) == (None, ())
    assert WebhookUpdate.model_validate({}).model_fields_set == set()


def test_an_event_is_named_once() -> None:
    named = NewWebhook.model_validate({"url": URL, "events": ["call.failed", "call.started", "call.failed"]})
    assert named.events == (EventType.CALL_FAILED, EventType.CALL_STARTED)


@pytest.mark.parametrize(
    "wrong",
    [
        {},
        {"url": ""},
        {"url": "x" * (MAX_URL + 1)},
        {"url": URL, "events": ["call.exploded"]},
        {"url": URL, "events": ["call.failed"] * 8},
        {"url": URL, "secret": "mine"},
        {"url": URL, "account": "a b"},
    ],
)
def test_what_can_not_be(wrong: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        NewWebhook.model_validate(wrong)


@pytest.mark.parametrize("wrong", [{"url": None}, {"url": ""}, {"enabled": "yes"}, {"account": "other"}])
def test_what_can_not_be_changed(wrong: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        WebhookUpdate.model_validate(wrong)
