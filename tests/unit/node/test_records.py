"""Each change of a record reaches the database, the counters and whoever follows the calls."""

from dataclasses import replace
from types import SimpleNamespace
from typing import cast

from tests.unit.call.test_record import record
from tests.unit.virtual_clock import FakeClock
from trunkline.call.quality import Courses
from trunkline.call.record import AttemptRecord, CallRecord, RecordState
from trunkline.live.checkpoints import Checkpoints
from trunkline.node.records import Records
from trunkline.observe.metrics import Metrics
from trunkline.store.record_writer import RecordWriter
from trunkline.trunk.verdict import Slug, Verdict
from trunkline.web.call_feed import CallFeed


class Writer:
    """Keeps what is to be written."""

    def __init__(self) -> None:
        self.calls: list[CallRecord] = []
        self.attempts: list[AttemptRecord] = []
        self.courses: list[tuple[str, Courses]] = []
        self.left: list[str] = []

    def call_changed(self, record: CallRecord) -> None:
        self.calls.append(replace(record))

    def attempt_changed(self, record: AttemptRecord) -> None:
        self.attempts.append(replace(record))

    def call_left(self, record: CallRecord) -> None:
        self.left.append(record.call_id)

    def course_ended(self, call_id: str, courses: Courses) -> None:
        self.courses.append((call_id, courses))


class Desk:
    """The sink of a node, and what it writes to."""

    def __init__(self) -> None:
        self.writer = Writer()
        self.metrics = Metrics()
        self.feed = CallFeed()
        self.clock = FakeClock()
        writer = cast("RecordWriter", self.writer)
        self.records = Records(writer, self.metrics, self.feed, self.clock)

    def ended(self, call: CallRecord) -> None:
        call.ended_at = call.setup_at + 5
        call.state = RecordState.CLOSED
        call.verdict = Verdict.of(Slug.BUSY)
        self.records.call_changed(call)


def attempt(position: int) -> AttemptRecord:
    return AttemptRecord(f"c{position}", "c", position, "sip:a@b", None, 100.0)


def test_a_call_is_counted_once_when_it_has_ended() -> None:
    desk = Desk()
    call = record()
    desk.records.call_changed(call)
    assert desk.records.total == 0
    desk.ended(call)
    assert desk.records.total == 1
    assert [one.state for one in desk.writer.calls] == [RecordState.OPEN, RecordState.CLOSED]
    counted = [line for line in desk.metrics.exposition().decode().splitlines() if "busy" in line]
    assert counted, "the call is in the metrics under its verdict"


def test_a_call_that_leaves_no_record_is_counted_all_the_same() -> None:
    desk = Desk()
    call = record()
    call.ended_at, call.verdict = call.setup_at, Verdict.of(Slug.ACCOUNT_BLOCKED)
    desk.records.call_passed_over(call)
    assert (desk.records.total, desk.records.passed_over) == (1, 1)
    assert desk.writer.calls == []
    assert 'verdict="account-blocked"' in desk.metrics.exposition().decode()


def test_the_latest_attempt_is_known_while_the_call_is_up() -> None:
    desk = Desk()
    call = record()
    desk.records.call_changed(call)
    assert desk.records.latest_attempt("c") is None
    first, second = attempt(1), attempt(2)
    desk.records.attempt_changed(first)
    first.ended_at, first.verdict = 101.0, Verdict.of(Slug.UNREACHABLE)
    desk.records.attempt_changed(first)
    desk.records.attempt_changed(second)
    assert desk.records.latest_attempt("c") is second
    assert [one.position for one in desk.writer.attempts] == [1, 1, 2]
    desk.ended(call)
    assert desk.records.latest_attempt("c") is None


def test_the_course_of_a_call_is_written() -> None:
    desk = Desk()
    courses = Courses()
    desk.records.course_ended("c", courses)
    assert desk.writer.courses == [("c", courses)]


def test_checkpoints_follow_an_answered_call() -> None:
    desk = Desk()
    told: list[tuple[str, str]] = []
    desk.records.checkpoints = cast(
        "Checkpoints",
        SimpleNamespace(
            changed=lambda call_id: told.append(("changed", call_id)),
            ended=lambda call_id: told.append(("ended", call_id)),
        ),
    )
    call = record()
    desk.records.call_changed(call)
    assert told == []
    call.answered_at = 101.0
    desk.records.call_changed(call)
    desk.ended(call)
    assert told == [("changed", "c"), ("ended", "c")]


def test_nothing_is_kept_of_a_call_that_another_node_goes_on_with() -> None:
    desk = Desk()
    call = record()
    call.answered_at = 101.0
    desk.records.call_changed(call)
    desk.records.attempt_changed(attempt(1))
    desk.records.call_left(call)
    assert desk.writer.left == ["c"]
    assert desk.records.latest_attempt("c") is None
    assert desk.records.total == 0
