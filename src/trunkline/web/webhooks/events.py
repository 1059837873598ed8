"""What is told: events as JSON, made from a call's record or an endpoint's health.

An event's `id` follows from what happened, so that the same thing noticed twice is one event, and receivers
can tell by it what they have seen. What came from peers is cut to a length and travels as JSON in ASCII.
"""

import hashlib
import json
import secrets
from collections.abc import Iterator
from datetime import UTC, datetime
from enum import IntEnum
from typing import Any, Final

from trunkline.call.record import CallRecord
from trunkline.store.webhook_queue import NewEvent
from trunkline.store.webhooks import EventType, Webhook
from trunkline.trunk.health import HealthState
from trunkline.web.views import TargetHealth

TEST: Final = "webhook.test"
"""The type of an event that somebody asked for, to see whether it comes."""
MAX_TEXT: Final = 256
"""Characters of any text."""


class Stage(IntEnum):
    """How far a call has been told."""

    NOTHING = 0
    STARTED = 1
    RINGING = 2
    ANSWERED = 3


def stage_of(call: CallRecord) -> Stage | None:
    """How far a call has come; None: to its end."""
    if call.ended_at is not None:
        return None
    if call.answered_at is not None:
        return Stage.ANSWERED
    return Stage.STARTED if call.ringing_at is None else Stage.RINGING


def call_events(call: CallRecord, told: Stage) -> Iterator[NewEvent]:
    """What has happened to a call of an account beyond what was `told`, oldest first."""
    if told < Stage.STARTED:
        yield _of_call(call, EventType.CALL_STARTED, call.setup_at)
    if told < Stage.RINGING and call.ringing_at is not None:
        yield _of_call(call, EventType.CALL_RINGING, call.ringing_at)
    if told < Stage.ANSWERED and call.answered_at is not None:
        yield _of_call(call, EventType.CALL_ANSWERED, call.answered_at)
    if call.ended_at is not None:
        answered = call.answered_at is not None
        type_ = EventType.CALL_COMPLETED if answered else EventType.CALL_FAILED
        yield _of_call(call, type_, call.ended_at)


def endpoint_event(health: TargetHealth, node: str, now: float) -> NewEvent:
    """That an endpoint of an account's number is down, or up again."""
    down = health.state is HealthState.DOWN
    type_ = EventType.ENDPOINT_DOWN if down else EventType.ENDPOINT_UP
    at = now if health.since_at is None else health.since_at
    what = f"{node} {health.number} {health.uri} {health.state} {at!r}"
    shown = {
        "node": node,
        "number": health.number,
        "uri": _text(health.uri),
        "state": health.state.value,
        "last_failure": _text(health.last_failure),
        "last_detail": _text(health.last_detail),
    }
    id_ = f"endpoint-{hashlib.sha256(what.encode()).hexdigest()[:32]}"
    return _event(id_, type_, health.account or "", at, {"endpoint": shown})


def trial_event(webhook: Webhook, now: float) -> NewEvent:
    """That somebody wants to see whether events come."""
    return _event(f"test-{secrets.token_hex(8)}", TEST, webhook.account, now, {"webhook": webhook.id})


def _of_call(call: CallRecord, type_: EventType, at: float) -> NewEvent:
    shown: dict[str, Any] = {
        "call_id": call.call_id,
        "direction": call.direction.value,
        "number": call.number,
        "caller": _text(call.caller),
        "called": _text(call.called or call.dialled),
        "started_at": _moment(call.setup_at),
    }
    if type_ in (EventType.CALL_ANSWERED, EventType.CALL_COMPLETED) and call.answered_at is not None:
        shown["answered_at"] = _moment(call.answered_at)
    if type_ in (EventType.CALL_COMPLETED, EventType.CALL_FAILED):
        verdict = call.verdict
        shown |= {
            "ended_at": _moment(at),
            "talk_s": round(call.talk_s, 3),
            "attempts": call.attempts,
            "hung_up_by": None if call.hung_up_by is None else call.hung_up_by.value,
            "verdict": None if verdict is None else str(verdict.slug),
            "status": None if verdict is None else verdict.status,
        }
    id_ = f"{call.call_id}-{type_.partition('.')[2]}"
    return _event(id_, type_, call.account or "", at, {"call": shown})


def _event(id_: str, type_: str, account: str, at: float, what: dict[str, Any]) -> NewEvent:
    body = {"id": id_, "type": type_, "at": _moment(at), "account": account, **what}
    return NewEvent(id_, type_, account, at, json.dumps(body, separators=(",", ":")))


def _moment(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _text(text: str) -> str:
    return text if len(text) <= MAX_TEXT else text[: MAX_TEXT - 1] + "…"
