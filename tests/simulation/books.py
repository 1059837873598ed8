"""A record sink that holds a node to its word: a record opens, changes, closes once, and stays closed."""

from dataclasses import replace

from trunkline.call.quality import Courses
from trunkline.call.record import AttemptRecord, CallRecord, RecordState
from trunkline.trunk.registrations import Binding


class Books:
    """Every record as it was last handed over. Raises `AssertionError` for one that changes after its end."""

    def __init__(self) -> None:
        self._calls: dict[str, CallRecord] = {}
        self._attempts: dict[str, AttemptRecord] = {}
        self._closed: dict[str, CallRecord | AttemptRecord] = {}
        self.courses: dict[str, Courses] = {}
        self.bindings: dict[str, tuple[Binding, ...]] = {}

    def call_changed(self, record: CallRecord) -> None:
        assert record.call_id not in self._closed, f"{record} changed after its end"
        self._calls[record.call_id] = record
        if record.state is not RecordState.OPEN:
            assert record.verdict is not None
            assert record.ended_at is not None
            assert record.hung_up_by is not None
            self._closed[record.call_id] = replace(record)

    def attempt_changed(self, record: AttemptRecord) -> None:
        assert record.attempt_id not in self._closed, f"{record} changed after its end"
        self._attempts[record.attempt_id] = record
        if record.ended_at is not None:
            assert record.verdict is not None
            self._closed[record.attempt_id] = replace(record)

    def course_ended(self, call_id: str, courses: Courses) -> None:
        assert call_id in self._closed, f"{call_id} is not over"
        self.courses[call_id] = courses

    def bindings_changed(self, account: str, bindings: tuple[Binding, ...]) -> None:
        self.bindings[account] = bindings

    @property
    def calls(self) -> list[CallRecord]:
        """In the order of their beginning."""
        return list(self._calls.values())

    @property
    def attempts(self) -> list[AttemptRecord]:
        """In the order of their beginning."""
        return list(self._attempts.values())

    @property
    def call(self) -> CallRecord:
        """The only call."""
        (record,) = self._calls.values()
        return record

    def assert_closed(self) -> None:
        """Every record has its end and its verdict, and none has changed behind the sink's back since."""
        for record in self.calls:
            assert record.state is RecordState.CLOSED, record
            assert record == self._closed[record.call_id]
            mine = [attempt for attempt in self.attempts if attempt.call_id == record.call_id]
            assert [attempt.position for attempt in mine] == list(range(1, record.attempts + 1))
        for attempt in self.attempts:
            assert attempt.verdict is not None, attempt
            moments = (attempt.started_at, attempt.ringing_at, attempt.answered_at, attempt.ended_at)
            passed = [moment for moment in moments if moment is not None]
            assert passed == sorted(passed), attempt
            assert attempt == self._closed[attempt.attempt_id]
