"""What is counted is exposed, cheaply and with bounded labels."""

from dataclasses import replace

import pytest
from prometheus_client.parser import text_string_to_metric_families

from trunkline.call.record import AttemptRecord, CallRecord, Direction, RecordState
from trunkline.observe.metrics import Distribution, Metrics
from trunkline.sip.ports import Transport
from trunkline.trunk.verdict import Slug, Verdict

CALL = CallRecord(
    call_id="c1",
    node="n",
    direction=Direction.INBOUND,
    account="k",
    number="442079460000",
    dialled="442079460000",
    called="442079460000",
    caller="15550001",
    sip_call_id="x@y",
    source="UDP 192.0.2.1:5060",
    setup_at=1000.0,
)
ATTEMPT = AttemptRecord("a1", "c1", 1, "sip:1@192.0.2.2", None, 1000.0)


@pytest.fixture
def metrics() -> Metrics:
    return Metrics()


def samples(metrics: Metrics) -> dict[tuple[str, tuple[str, ...]], float]:
    """Every sample by its name and its label values (in the order of the label names)."""
    return {
        (sample.name, tuple(sample.labels[name] for name in sorted(sample.labels))): sample.value
        for family in text_string_to_metric_families(metrics.exposition().decode())
        for sample in family.samples
    }


def test_ended_calls_by_verdict(metrics: Metrics) -> None:
    answered = replace(
        CALL,
        state=RecordState.CLOSED,
        ringing_at=1000.2,
        answered_at=1003.0,
        ended_at=1063.0,
        verdict=Verdict.of(Slug.ANSWERED),
    )
    metrics.call_ended(answered)
    metrics.call_ended(answered)
    metrics.call_ended(replace(CALL, ended_at=1000.1, verdict=Verdict.of(Slug.UNKNOWN_NUMBER)))
    found = samples(metrics)
    assert found["trunkline_calls_total", ("inbound", "answered")] == 2
    assert found["trunkline_calls_total", ("inbound", "unknown-number")] == 1
    assert found["trunkline_talk_seconds_total", ("inbound",)] == 120.0
    assert found["trunkline_setup_seconds_count", ()] == 2
    assert found["trunkline_setup_seconds_bucket", ("0.25",)] == 2
    assert found["trunkline_setup_seconds_bucket", ("0.1",)] == 0


def test_ended_attempts_by_direction(metrics: Metrics) -> None:
    metrics.attempt_ended(replace(ATTEMPT, verdict=Verdict.of(Slug.ENDPOINT_SILENT)))
    metrics.attempt_ended(replace(ATTEMPT, carrier="a", verdict=Verdict.of(Slug.SERVER_FAILURE)))
    found = samples(metrics)
    assert found["trunkline_attempts_total", ("inbound", "endpoint-silent")] == 1
    assert found["trunkline_attempts_total", ("outbound", "server-failure")] == 1


@pytest.mark.parametrize(
    ("data", "kind"),
    [
        (b"INVITE sip:1@h SIP/2.0\r\n", "INVITE"),
        (b"ACK sip:1@h SIP/2.0\r\n", "ACK"),
        (b"SUBSCRIBE sip:1@h SIP/2.0\r\n", "SUBSCRIBE"),
        (b"SIP/2.0 180 Ringing\r\n", "1xx"),
        (b"SIP/2.0 603 Decline\r\n", "6xx"),
        (b"SIP/2.0 999 Odd\r\n", "other"),
        (b"INVITED sip:1@h SIP/2.0\r\n", "other"),
        (b"invite sip:1@h SIP/2.0\r\n", "other"),
        (b"X", "other"),
        (b"", "other"),
    ],
)
def test_messages_by_kind(metrics: Metrics, data: bytes, kind: str) -> None:
    metrics.message_received(data, Transport.UDP)
    metrics.message_sent(data, Transport.TLS)
    found = samples(metrics)
    assert found["trunkline_sip_messages_total", (kind, "UDP", "in")] == 1
    assert found["trunkline_sip_messages_total", (kind, "TLS", "out")] == 1


def test_strange_messages_make_no_new_series(metrics: Metrics) -> None:
    for number in range(1000):
        metrics.message_received(b"M%d sip:1@h SIP/2.0\r\n" % number, Transport.UDP)
    assert len(metrics.messages.values) == 1


def test_gauges_are_read_when_scraped(metrics: Metrics) -> None:
    active = 1.0
    metrics.gauge("calls_active", "Calls under way.", lambda: active)
    metrics.gauge("bans", "Banned sources.", lambda: {"flood": 2, "credentials": 3}, label="reason")
    active = 7.0
    found = samples(metrics)
    assert found["trunkline_calls_active", ()] == 7.0
    assert found["trunkline_bans", ("credentials",)] == 3


def test_distribution_puts_a_bound_into_its_own_bucket() -> None:
    distribution = Distribution("x_seconds", "x", (1.0, 2.0))
    for value in (0.5, 1.0, 1.5, 99.0):
        distribution.add(value)
    assert distribution.counts == [2, 1, 1]
    assert distribution.sum == 102.0


def test_counters_are_read_when_scraped(metrics: Metrics) -> None:
    metrics.counter("admission_drops", "Turned away unread.", lambda: {"banned": 3}, label="reason")
    metrics.counter("ladder_lost", "Messages not kept.", lambda: 4)
    found = samples(metrics)
    assert found["trunkline_admission_drops_total", ("banned",)] == 3
    assert found["trunkline_ladder_lost_total", ()] == 4


def test_the_process_has_figures_too(metrics: Metrics) -> None:
    assert ("process_resident_memory_bytes", ()) in samples(metrics)
