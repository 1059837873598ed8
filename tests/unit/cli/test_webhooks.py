"""`trunkline webhook`."""

import json
import time

import pytest

from tests.unit.cli.conftest import CommandLine
from trunkline.cli import webhooks
from trunkline.cli.installation import Installation
from trunkline.store.webhook_queue import DeliveryState, NewEvent, Result

URL = "https://example.com/hook"


@pytest.fixture
def line(line: CommandLine) -> CommandLine:
    """With an account."""
    line.run("account", "add", "--key", "acme")
    return line


def made(line: CommandLine, *more: str) -> str:
    webhook = line.json("webhook", "add", URL, "--account", "acme", *more)
    assert webhook["secret"].startswith("whsec_")
    return str(webhook["id"])


def answer(line: CommandLine, status: int) -> None:
    """What waits is answered, as by the web process."""
    here = Installation(line.settings_file)
    try:
        queue, now = here.store.webhook_queue, time.time()
        for delivery in queue.claim(queue.due(now), now):
            good = status < 300
            state = DeliveryState.DELIVERED if good else DeliveryState.WAITING
            detail = "" if good else f"it answered {status}"
            queue.note([Result(delivery, state, now, status, detail, None if good else now + 5)])
    finally:
        here.close()


def test_one_is_made_shown_changed_and_removed(line: CommandLine) -> None:
    id_ = made(line, "--event", "call.failed", "--event", "call.failed")
    shown = line.json("webhook", "show", id_)
    assert (shown["url"], shown["account"], shown["events"], shown["enabled"]) == (
        URL,
        "acme",
        ["call.failed"],
        True,
    )
    assert "whsec_" not in line.run("webhook", "show", id_) + line.run("webhook", "list")
    assert line.json("webhook", "list", "acme") == [shown]
    changed = line.json("webhook", "set", id_, "--all-events", "--off", "--url", f"{URL}/2")
    assert (changed["events"], changed["enabled"], changed["url"]) == (["all"], False, f"{URL}/2")
    assert line.json("webhook", "set", id_, "--on")["enabled"]
    assert line.json("webhook", "set", id_, "--event", "endpoint.up")["events"] == ["endpoint.up"]
    assert line.json("webhook", "rotate-secret", id_)["secret"].startswith("whsec_")
    assert "is removed" in line.run("webhook", "remove", id_)
    assert "No webhooks yet" in line.run("webhook", "list")
    assert "webhook list shows them" in line.error("webhook", "show", id_)


def test_where_nothing_may_be_sent(line: CommandLine) -> None:
    assert "not a public address" in line.error("webhook", "add", "http://127.0.0.1/", "--account", "acme")
    id_ = made(line)
    assert "begins with https" in line.error("webhook", "set", id_, "--url", "ftp://example.com/")
    assert "account" in line.error("webhook", "add", URL, "--account", "nobody")
    line.run("webhook", "set", id_, "--all-events", "--event", "call.failed", status=2)


def test_deliveries_are_seen_and_sent_again(line: CommandLine) -> None:
    id_ = made(line)
    assert "Nothing yet" in line.run("webhook", "deliveries", id_)
    here = Installation(line.settings_file)
    event = NewEvent("e1", "call.failed", "acme", 9e9, '{"id":"e1"}')
    here.store.webhook_queue.put([event], time.time())
    here.close()
    answer(line, 200)
    [delivery] = line.json("webhook", "deliveries", id_, "--state", "delivered")
    assert (delivery["event_id"], delivery["status"], json.loads(delivery["body"])) == (
        "e1",
        200,
        {"id": "e1"},
    )
    again = line.json("webhook", "resend", id_, delivery["id"])
    assert (again["state"], again["attempts"]) == ("waiting", 0)
    assert "delivery '99' does not exist" in line.error("webhook", "resend", id_, 99)
    assert line.json("webhook", "deliveries", id_, "--state", "failed") == []


@pytest.mark.parametrize(("status", "state", "exits"), [(204, "delivered", 0), (500, "waiting", 1)])
def test_a_trial_says_what_came_of_it(
    line: CommandLine, monkeypatch: pytest.MonkeyPatch, status: int, state: str, exits: int
) -> None:
    id_ = made(line)
    monkeypatch.setattr(webhooks, "sleep", lambda _s: answer(line, status))
    told = line.json("webhook", "test", id_, status=exits)
    assert (told["type"], told["state"], told["status"], told["attempts"]) == (
        "webhook.test",
        state,
        status,
        1,
    )


def test_a_trial_that_nobody_sends(line: CommandLine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(webhooks, "PATIENCE_S", 0.0)
    assert "does the web process run?" in line.run("webhook", "test", made(line), status=1)


def test_a_delivery_that_no_database_could_have_is_a_wrong_use(line: CommandLine) -> None:
    for delivery in (0, 2**63):
        assert "or equal to" in line.run("webhook", "resend", "0" * 16, delivery, status=2)
