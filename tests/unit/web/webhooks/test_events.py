"""What is told."""

import json
from dataclasses import replace
from typing import Any

import pytest

from tests.unit.store.entities import call_record, ended_call
from tests.unit.web.paper_node import HEALTH
from trunkline.call.record import CallRecord, RecordState
from trunkline.store.webhooks import EventType, Webhook
from trunkline.trunk.health import HealthState
from trunkline.trunk.verdict import Slug, Verdict
from trunkline.web.webhooks.events import MAX_TEXT, Stage, call_events, endpoint_event, stage_of, trial_event


def told(call: CallRecord, stage: Stage = Stage.NOTHING) -> list[tuple[str, float]]:
    return [(event.type, event.at) for event in call_events(call, stage)]


def body(call: CallRecord) -> dict[str, Any]:
    *_, last = call_events(call, Stage.NOTHING)
    read: dict[str, Any] = json.loads(last.body)
    return read


def test_the_whole_life_of_an_answered_call() -> None:
    call = ended_call("c1", setup_at=1000.5)
    assert told(call) == [
        ("call.started", 1000.5),
        ("call.ringing", 1001.5),
        ("call.answered", 1002.5),
        ("call.completed", 1062.75),
    ]
    assert [event.id for event in call_events(call, Stage.NOTHING)] == [
        "c1-started",
        "c1-ringing",
        "c1-answered",
        "c1-completed",
    ]


def test_what_was_told_is_not_told_again() -> None:
    call = ended_call()
    assert told(call, Stage.ANSWERED) == [("call.completed", 1062.75)]
    assert [type_ for type_, _ in told(call, Stage.STARTED)] == [
        "call.ringing",
        "call.answered",
        "call.completed",
    ]
    assert told(call_record(), Stage.STARTED) == []


def test_a_call_that_nobody_answered_failed() -> None:
    call = call_record()
    call.ended_at, call.state = 1005.0, RecordState.CLOSED
    call.verdict = Verdict.of(Slug.NO_ROUTE)
    assert told(call) == [("call.started", 1000.5), ("call.failed", 1005.0)]
    assert body(call)["call"] == {
        "call_id": "c1",
        "direction": "outbound",
        "number": "441632960001",
        "caller": "441632960001",
        "called": "14155550100",
        "started_at": "1970-01-01T00:16:40.500Z",
        "ended_at": "1970-01-01T00:16:45.000Z",
        "talk_s": 0.0,
        "attempts": 0,
        "hung_up_by": None,
        "verdict": "no-route",
        "status": 404,
    }


def test_stages() -> None:
    call = call_record()
    assert stage_of(call) is Stage.STARTED
    call.ringing_at = 1.0
    assert stage_of(call) is Stage.RINGING
    call.answered_at = 2.0
    assert stage_of(call) is Stage.ANSWERED
    call.ended_at = 3.0
    assert stage_of(call) is None


def test_an_event_says_only_what_was_known_when_it_happened() -> None:
    started, _, answered, completed = (
        json.loads(event.body) for event in call_events(ended_call(), Stage.NOTHING)
    )
    assert set(started) == {"id", "type", "at", "account", "call"}
    assert "answered_at" not in started["call"]
    assert "verdict" not in answered["call"]
    assert (completed["call"]["talk_s"], completed["call"]["hung_up_by"]) == (60.25, "callee")
    assert (completed["account"], completed["type"]) == ("acme", "call.completed")


def test_what_peers_say_is_cut_and_travels_as_ascii() -> None:
    call = call_record()
    call.caller = "\x1b[31m</script>\u202e'" + "x" * 65_536
    (event,) = call_events(call, Stage.NOTHING)
    assert event.body.isascii()
    assert "\x1b" not in event.body
    caller = json.loads(event.body)["call"]["caller"]
    assert len(caller) == MAX_TEXT
    assert caller.startswith("\x1b[31m</script>\u202e'")


@pytest.mark.parametrize(("state", "type_"), [("down", "endpoint.down"), ("up", "endpoint.up")])
def test_an_endpoint(state: str, type_: str) -> None:
    event = endpoint_event(replace(HEALTH, state=HealthState(state)), "n1", 2000.0)
    assert (event.type, event.account, event.at) == (type_, "abcd1234", 960.0)
    read = json.loads(event.body)
    assert read["endpoint"] == {
        "node": "n1",
        "number": "442079460000",
        "uri": "sip:100@pbx.example",
        "state": state,
        "last_failure": "unreachable",
        "last_detail": "OPTIONS: no answer",
    }
    assert read["id"] == event.id


def test_each_change_of_an_endpoint_is_an_event_of_its_own() -> None:
    ids = {
        endpoint_event(health, node, 2000.0).id
        for health in (HEALTH, replace(HEALTH, since_at=961.0), replace(HEALTH, state=HealthState.UP))
        for node in ("n1", "n2")
    }
    assert len(ids) == 6
    assert endpoint_event(HEALTH, "n1", 1.0).id == endpoint_event(HEALTH, "n1", 2.0).id
    assert {type_.value for type_ in EventType} >= {"endpoint.up", "endpoint.down"}


def test_a_trial_is_another_event_each_time() -> None:
    webhook = Webhook("9f3c2a7be1d04c55", "acme", "https://a.example/", (), True, 0, 1.0)
    event = trial_event(webhook, 1000.5)
    assert json.loads(event.body) == {
        "id": event.id,
        "type": "webhook.test",
        "at": "1970-01-01T00:16:40.500Z",
        "account": "acme",
        "webhook": webhook.id,
    }
    assert trial_event(webhook, 1000.5).id != event.id
