"""A live call says what its records say."""

from dataclasses import replace

import pytest

from trunkline.call.record import AttemptRecord, CallRecord, Direction, MediaFigures
from trunkline.trunk.verdict import Slug, Verdict
from trunkline.web.views import CallState, LiveCall, host_of

RECORD = CallRecord(
    call_id="c1",
    node="n",
    direction=Direction.INBOUND,
    account="k",
    number="442079460000",
    dialled="0044",
    called="",
    caller="15550001",
    sip_call_id="x@y",
    source="UDP 192.0.2.1:5060",
    setup_at=1000.0,
)
ATTEMPT = AttemptRecord("a1", "c1", 1, "sip:1@192.0.2.2", None, 1000.0)


@pytest.mark.parametrize(
    ("moments", "state"),
    [
        ({}, CallState.TRYING),
        ({"ringing_at": 1001.0}, CallState.RINGING),
        ({"ringing_at": 1001.0, "answered_at": 1002.0}, CallState.ANSWERED),
        ({"answered_at": 1002.0}, CallState.ANSWERED),
        ({"answered_at": 1002.0, "ended_at": 1003.0}, CallState.ENDED),
        ({"ended_at": 1003.0}, CallState.ENDED),
    ],
)
def test_state_follows_the_record(moments: dict[str, float], state: CallState) -> None:
    assert LiveCall.of(replace(RECORD, **moments), None).state is state  # type: ignore[arg-type]


def test_an_ended_call_has_its_verdict() -> None:
    record = replace(
        RECORD,
        answered_at=1002.0,
        ended_at=1062.0,
        verdict=Verdict.of(Slug.ANSWERED),
        attempts=1,
        caller_media=MediaFigures(codec="PCMA"),
        callee_media=MediaFigures(codec="G729"),
    )
    call = LiveCall.of(record, ATTEMPT)
    assert (call.verdict, call.status, call.talk_s) == ("answered", 200, 60.0)
    assert (call.target, call.codecs, call.called) == ("sip:1@192.0.2.2", ("PCMA", "G729"), "0044")


@pytest.mark.parametrize(
    ("source", "host"),
    [("UDP 192.0.2.9:5060", "192.0.2.9"), ("TLS [2001:db8::1]:5061", "2001:db8::1"), ("", "")],
)
def test_the_host_of_a_source(source: str, host: str) -> None:
    assert host_of(source) == host
