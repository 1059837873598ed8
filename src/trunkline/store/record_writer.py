"""The `RecordSink` of a node: records of calls and attempts, written in groups by a thread.

What the call path pays is one dictionary assignment: the record is noted as changed. At most `interval_s`
later a timer of the loop takes a tuple of every noted record and hands all of them to the thread, so several
changes of one record cost one row. What a kill -9 can lose is therefore one interval and the commit: under
100 ms.

Not here: what the thread does with a group (`record_delivery`), the rows (`record_rows`), reading (`calls`).
"""

import queue
import secrets
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final, NamedTuple

from trunkline.call.record import AttemptRecord, CallRecord, RecordState
from trunkline.clock import Clock, Timer
from trunkline.store.database import Database
from trunkline.store.group_commit import Group
from trunkline.store.record_delivery import RecordDelivery
from trunkline.store.record_rows import CALL_COLUMNS, attempt_row, call_row

DEFAULT_INTERVAL_S: Final = 0.08
MAX_BACKLOG_ROWS: Final = 20_000
"""Rows handed over but not yet taken by the thread, and records noted meanwhile; beyond it the oldest are
lost.
"""
_BUSY_TIMEOUT_MS: Final = 100
_TICK_S: Final = 1.0
_STATE: Final = CALL_COLUMNS.index("state")
_OPEN: Final = RecordState.OPEN.value


class WriterState(NamedTuple):
    """For metrics and health."""

    written: int
    """Rows that are in the database, counting every change of a record that was written."""
    refused: int
    """Rows that the database took for impossible; each was logged."""
    dropped: int
    """Rows lost for want of room anywhere."""
    recovered: int
    """Calls that earlier runs of the node had left open."""
    journal_bytes: int
    """Bytes of records that wait in the journal."""
    away: str | None
    """Why the database can't be written at the moment; None: it can."""


class RecordWriter:
    """Implements `call.ports.RecordSink`. All methods but `state` and `keep_days` belong to the loop's
    thread.
    """

    def __init__(
        self,
        url: str,
        *,
        clock: Clock,
        node: str,
        journal: Path,
        interval_s: float = DEFAULT_INTERVAL_S,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        """`journal` is the file that takes records while the database is away. Raises `DatabaseError` for a
        bad URL.
        """
        self._clock = clock
        self._node = node
        self._interval_s = interval_s
        self._monotonic = monotonic
        self._run = secrets.token_hex(8)
        self._started_at = clock.wall()
        self._calls: dict[str, CallRecord] = {}
        self._attempts: dict[str, AttemptRecord] = {}
        self._timer: Timer | None = None
        self._inbox: queue.SimpleQueue[Group | threading.Event | None] = queue.SimpleQueue()
        self._handed = 0
        self._taken = 0
        self._dropped = 0
        self._database = Database(url, busy_timeout_ms=_BUSY_TIMEOUT_MS)
        self._delivery = RecordDelivery(self._database, journal, node, self._run)
        self._open: set[str] = set()
        self._thread = threading.Thread(target=self._work, name="records", daemon=True)

    def start(self) -> None:
        """Start the thread; the first thing it does is to close what a crashed run left open."""
        self._thread.start()

    def call_changed(self, record: CallRecord) -> None:
        """Note that `record` changed; what it says when the timer fires is written."""
        self._calls[record.call_id] = record
        if self._timer is None:
            self._timer = self._clock.at(self._clock.now() + self._interval_s, self._hand_over)

    def attempt_changed(self, record: AttemptRecord) -> None:
        """As `call_changed`."""
        self._attempts[record.attempt_id] = record
        if self._timer is None:
            self._timer = self._clock.at(self._clock.now() + self._interval_s, self._hand_over)

    @property
    def state(self) -> WriterState:
        """How the writing goes. From any thread."""
        delivery = self._delivery
        return WriterState(
            delivery.written,
            delivery.refused,
            delivery.dropped + self._dropped,
            delivery.recovered,
            delivery.journal_bytes,
            delivery.away,
        )

    @property
    def keep_days(self) -> int | None:
        """Call records older than this many days are deleted; None: they are kept."""
        return self._delivery.keep_days

    @keep_days.setter
    def keep_days(self, days: int | None) -> None:
        self._delivery.keep_days = days

    def flush(self, timeout_s: float = 10.0) -> bool:
        """Hand over everything noted and wait until it is in the database or the journal. Blocks; False: too
        slow.
        """
        self._hand_over()
        done = threading.Event()
        self._inbox.put(done)
        return done.wait(timeout_s)

    def close(self, timeout_s: float = 10.0) -> bool:
        """Flush and end the thread. Blocks; False when that took too long."""
        if self._timer is not None:
            self._timer.cancel()
        self._hand_over()
        self._inbox.put(None)
        self._thread.join(timeout_s)
        return not self._thread.is_alive()

    def _hand_over(self) -> None:
        self._timer = None
        calls, attempts = self._calls, self._attempts
        if self._handed - self._taken > MAX_BACKLOG_ROWS:
            self._wait_longer()
            return
        if not calls and not attempts:
            return
        run = self._run
        group = Group(
            run,
            self._node,
            self._started_at,
            self._clock.wall(),
            [call_row(record, run) for record in calls.values()],
            [attempt_row(record) for record in attempts.values()],
        )
        calls.clear()
        attempts.clear()
        self._handed += group.rows
        self._inbox.put(group)

    def _wait_longer(self) -> None:
        """The thread is stuck: keep the records noted, where their changes still coalesce."""
        for noted in (self._calls, self._attempts):
            while len(noted) > MAX_BACKLOG_ROWS:
                noted.pop(next(iter(noted)))  # type: ignore[attr-defined]
                self._dropped += 1
        self._timer = self._clock.at(self._clock.now() + self._interval_s, self._hand_over)

    def _work(self) -> None:
        delivery = self._delivery
        delivery.tick(self._monotonic(), self._clock.wall())
        alive_at = self._monotonic()
        running = True
        while running:
            groups, events, running = self._take()
            now = self._monotonic()
            if not groups and self._open and now - alive_at >= _TICK_S:
                groups.append(Group(self._run, self._node, self._started_at, self._clock.wall(), [], []))
            if groups:
                alive_at = now
                self._count_open(groups)
                delivery.deliver(groups)
            delivery.tick(now, self._clock.wall())
            for event in events:
                event.set()
        delivery.close()
        self._database.close()

    def _take(self) -> tuple[list[Group], list[threading.Event], bool]:
        """Wait for work up to a tick, then take all there is: groups, flushes waited for, and whether to go
        on.
        """
        groups: list[Group] = []
        events: list[threading.Event] = []
        try:
            item = self._inbox.get(timeout=_TICK_S)
            while True:
                if item is None:
                    return groups, events, False
                if isinstance(item, Group):
                    groups.append(item)
                    self._taken += item.rows
                else:
                    events.append(item)
                item = self._inbox.get_nowait()
        except queue.Empty:
            return groups, events, True

    def _count_open(self, groups: list[Group]) -> None:
        for group in groups:
            for row in group.calls:
                if row[_STATE] == _OPEN:
                    self._open.add(row[0])
                else:
                    self._open.discard(row[0])
