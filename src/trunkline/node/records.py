"""Where records go: to the database, into the counters, and to whoever follows the calls."""

from trunkline.call.quality import Courses
from trunkline.call.record import AttemptRecord, CallRecord
from trunkline.clock import Clock
from trunkline.live.checkpoints import Checkpoints
from trunkline.observe.metrics import Metrics
from trunkline.store.record_writer import RecordWriter
from trunkline.web.call_feed import CallFeed
from trunkline.web.views import CallEvent, LiveCall


class Records:
    """The `RecordSink` of a node."""

    __slots__ = ("_clock", "_feed", "_latest", "_metrics", "_writer", "checkpoints", "passed_over", "total")

    def __init__(self, writer: RecordWriter, metrics: Metrics, feed: CallFeed, clock: Clock) -> None:
        self._writer = writer
        self._metrics = metrics
        self._feed = feed
        self._clock = clock
        self._latest: dict[str, AttemptRecord] = {}
        self.checkpoints: Checkpoints | None = None
        """Who is told what other nodes have to know of answered calls; None: nobody."""
        self.total = 0
        """Calls that have ended since the start."""
        self.passed_over = 0
        """Those of them that have left no record."""

    def call_changed(self, record: CallRecord) -> None:
        """A call began, rang, was answered or ended."""
        self._writer.call_changed(record)
        latest = self._latest.get(record.call_id)
        if record.ended_at is not None:
            self._latest.pop(record.call_id, None)
            self._metrics.call_ended(record)
            self.total += 1
            if self.checkpoints is not None:
                self.checkpoints.ended(record.call_id)
        elif record.answered_at is not None and self.checkpoints is not None:
            self.checkpoints.changed(record.call_id)
        if self._feed.heard:
            self._feed.publish(CallEvent(self._clock.wall(), LiveCall.of(record, latest)))

    def call_passed_over(self, record: CallRecord) -> None:
        """A call was refused, like so many that it leaves no record: it is counted alone."""
        self._metrics.call_ended(record)
        self.total += 1
        self.passed_over += 1

    def call_left(self, record: CallRecord) -> None:
        """Another node goes on with this call, and with its record."""
        self._latest.pop(record.call_id, None)
        self._writer.call_left(record)

    def attempt_changed(self, record: AttemptRecord) -> None:
        """An attempt began, rang, was answered or ended."""
        self._writer.attempt_changed(record)
        if record.ended_at is not None:
            self._metrics.attempt_ended(record)
        else:
            self._latest[record.call_id] = record

    def course_ended(self, call_id: str, courses: Courses) -> None:
        """How the audio of a call went that has just ended."""
        self._writer.course_ended(call_id, courses)

    def latest_attempt(self, call_id: str) -> AttemptRecord | None:
        """The newest attempt of a call that is up."""
        return self._latest.get(call_id)
