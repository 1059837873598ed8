"""Calls as bodies."""

from dataclasses import replace

from tests.unit.store.entities import attempt_record, call_record, ended_attempt, ended_call
from tests.unit.web.paper_node import CALL, MESSAGES
from trunkline.store.calls import CallDetail
from trunkline.trunk.verdict import Slug
from trunkline.web.api.models.call import (
    SLUGS,
    AttemptView,
    CallDetailView,
    CallView,
    ErrorIdView,
    LiveCallView,
    MessageView,
)


def test_a_call_that_is_over() -> None:
    shown = CallView.of(ended_call()).model_dump(mode="json")
    assert (shown["setup_at"], shown["ended_at"]) == (
        "1970-01-01T00:16:40.500000Z",
        "1970-01-01T00:17:42.750000Z",
    )
    assert (shown["setup_s"], shown["ring_s"], shown["talk_s"]) == (1.0, 1.0, 60.25)
    assert (shown["transcoded"], shown["hung_up_by"]) == (True, "callee")
    assert shown["verdict"]["id"] == "answered"
    assert shown["verdict"]["detail"] == "fine"
    assert shown["callee_media"]["mos"] is None


def test_a_call_that_is_not() -> None:
    shown = CallView.of(call_record()).model_dump(mode="json")
    assert (shown["state"], shown["verdict"], shown["ended_at"], shown["setup_s"]) == (
        "open",
        None,
        None,
        None,
    )


def test_its_attempts() -> None:
    detail = CallDetailView.of(CallDetail(ended_call(), [ended_attempt()]))
    [attempt] = detail.attempts
    assert attempt.verdict is not None
    assert (attempt.verdict.id, attempt.verdict.status, attempt.resolved) == (
        "server-failure",
        503,
        "UDP 192.0.2.1:5080",
    )
    assert AttemptView.of(attempt_record()).verdict is None


def test_what_a_peer_sent_is_shown_as_text() -> None:
    record = replace(ended_call(), caller="<script>\x00\x1b[31m", sip_call_id="=cmd()")
    assert CallView.of(record).caller == "<script>\x00\x1b[31m"
    assert b"\x00" not in CallView.of(record).model_dump_json().encode()
    message = MessageView.of(MESSAGES[0])
    assert message.text == "INVITE sip:1@h SIP/2.0\r\n\r\n\ufffd\x00"
    assert (message.local, message.remote, message.transport) == ("192.0.2.1:5060", "192.0.2.9:5060", "UDP")


def test_a_live_call() -> None:
    shown = LiveCallView.model_validate(CALL)
    assert (shown.call_id, shown.codecs, shown.setup_at.timestamp()) == ("c1", ("PCMA", "PCMU"), 1000.0)


def test_error_ids() -> None:
    assert SLUGS["no-route"] is Slug.NO_ROUTE
    shown = ErrorIdView.of(Slug.NO_ROUTE)
    assert (shown.id, shown.status, shown.text) == ("no-route", 404, Slug.NO_ROUTE.value.text)
