"""The `RecordSink` of a node: what calls, attempts, registrations and bans leave, written in groups by a
thread.

What the call path pays is one dictionary assignment: the record is noted as changed. At most `interval_s`
later a timer of the loop takes a tuple of every noted record and hands all of them to the thread, so several
changes of one record cost one row. What a kill -9 can lose is therefore one interval and the commit: under
100 ms. A server's commit takes as long as the way to it: there a second thread puts each group into the
journal first, and what is lost is the interval and that.

Not here: what the thread does with a group (`record_delivery`), the rows (`record_rows`), reading (`calls`).
"""

import logging
import queue
import secrets
import threading
import time
from collections.abc import Callable, Sequence
from itertools import islice
from pathlib import Path
from typing import Final, NamedTuple, TypeVar

from trunkline.call.quality import Courses
from trunkline.call.record import AttemptRecord, CallRecord, RecordState
from trunkline.clock import Clock, Timer
from trunkline.store.bans import StoredBan
from trunkline.store.database import Database
from trunkline.store.group_commit import TAKEN, Group
from trunkline.store.record_delivery import Place, RecordDelivery
from trunkline.store.record_rows import CALL_COLUMNS, RecordRow, attempt_row, call_row, quality_row
from trunkline.store.registrations import registration_row
from trunkline.trunk.registrations import Binding

_log = logging.getLogger(__name__)
_T = TypeVar("_T")

DEFAULT_INTERVAL_S: Final = 0.08
MAX_BACKLOG_ROWS: Final = 20_000
"""Rows handed over but not yet taken by the thread, and records noted meanwhile; beyond it the oldest are
lost.
"""
_BUSY_TIMEOUT_MS: Final = 100
_ANSWER_S: Final = 5.0
"""Records that wait for a server that hangs are in memory alone; after this they go to the journal."""
_TICK_S: Final = 1.0
_ALIVE_S: Final = 1.0
"""How often a run says that it lives, at most; a row more in every group would cost a page of the log
each.
"""
_STATE: Final = CALL_COLUMNS.index("state")
_OPEN: Final = RecordState.OPEN.value


class _Handed(NamedTuple):
    group: Group
    place: Place | None
    """Where it was kept."""


_Item = _Handed | threading.Event | None


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
    """Implements `call.ports.RecordSink`. All methods but `state`, `keep_days` and `settle` belong to the
    loop's thread.
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
        self._taken_over: dict[str, None] = {}
        self._calls: dict[str, CallRecord] = {}
        self._courses: dict[str, tuple[str, Courses]] = {}
        self._attempts: dict[str, AttemptRecord] = {}
        self._bindings: dict[str, Sequence[Binding]] = {}
        self._bans: dict[str, StoredBan | None] = {}
        self._timer: Timer | None = None
        self._to_deliver: queue.SimpleQueue[_Item] = queue.SimpleQueue()
        self._to_keep: queue.SimpleQueue[_Item] = queue.SimpleQueue()
        self._alive_at = -_ALIVE_S
        self._handed = 0
        self._taken = 0
        self._dropped = 0
        self._database = Database(url, busy_timeout_ms=_BUSY_TIMEOUT_MS, answer_s=_ANSWER_S, durable=False)
        self._delivery = RecordDelivery(self._database, journal, node, self._run, monotonic)
        self._open: set[str] = set()
        self._is_far = self._database.dialect != "sqlite"
        self._inbox = self._to_keep if self._is_far else self._to_deliver
        self._thread = threading.Thread(target=self._work, name="records", daemon=True)
        self._keeper = threading.Thread(target=self._keep, name="records kept", daemon=True)

    def start(self) -> None:
        """Start the thread; the first thing it does is to close what a crashed run left open."""
        self._thread.start()
        if self._is_far:
            self._keeper.start()

    def call_changed(self, record: CallRecord) -> None:
        """Note that `record` changed; what it says when the timer fires is written."""
        self._calls[record.call_id] = record
        if self._timer is None:
            self._timer = self._clock.at(self._clock.now() + self._interval_s, self._hand_over)

    def call_taken(self, record: CallRecord) -> None:
        """Note that `record` is this node's from now on: another one opened it. Before `call_changed`."""
        self._taken_over[record.call_id] = None

    def call_left(self, record: CallRecord) -> None:
        """Another node goes on with this call: nothing of it is written here any more."""
        self._calls.pop(record.call_id, None)
        self._open.discard(record.call_id)

    def course_ended(self, call_id: str, courses: Courses) -> None:
        """Note how the audio of a call went that has just ended, besides `call_changed`."""
        self._courses[call_id] = call_id, courses

    def attempt_changed(self, record: AttemptRecord) -> None:
        """As `call_changed`."""
        self._attempts[record.attempt_id] = record
        if self._timer is None:
            self._timer = self._clock.at(self._clock.now() + self._interval_s, self._hand_over)

    def bindings_changed(self, account: str, bindings: Sequence[Binding]) -> None:
        """Note that these are now all the bindings of `account`; none: it has none any more."""
        self._bindings[account] = bindings
        if self._timer is None:
            self._timer = self._clock.at(self._clock.now() + self._interval_s, self._hand_over)

    def ban_changed(self, source: str, ban: StoredBan | None) -> None:
        """Note that `source` is banned, or no longer (None)."""
        self._bans[source] = ban
        if self._timer is None:
            self._timer = self._clock.at(self._clock.now() + self._interval_s, self._hand_over)

    @property
    def run(self) -> str:
        """Names this start of the node; its records carry it."""
        return self._run

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
        return self.settle(timeout_s)

    def settle(self, timeout_s: float = 10.0) -> bool:
        """Wait until what was handed over is there, and at the start what earlier runs have left. Blocks, on
        any thread; False: too slow.
        """
        done = threading.Event()
        self._inbox.put(done)
        return done.wait(timeout_s)

    def close(self, timeout_s: float = 10.0) -> bool:
        """Flush and end the thread. Blocks; False when that took too long. Does nothing before `start`."""
        if self._thread.ident is None:
            return True
        if self._timer is not None:
            self._timer.cancel()
        self._hand_over()
        self._inbox.put(None)
        self._thread.join(timeout_s)
        return not self._thread.is_alive()

    def _hand_over(self) -> None:
        self._timer = None
        if self._handed - self._taken > MAX_BACKLOG_ROWS:
            self._wait_longer()
            return
        group = self._group()
        if group.rows == 0:
            return
        self._handed += group.rows
        self._inbox.put(_Handed(group, None))

    def _group(self) -> Group:
        """What was noted, as rows, and nothing is noted any more."""
        put: dict[str, list[RecordRow]] = {}
        gone: dict[str, list[RecordRow]] = {}
        wall, run = self._clock.wall(), self._run
        if self._taken_over:
            put[TAKEN] = [(run, self._node, call_id) for call_id in self._taken_over]
            self._taken_over.clear()
        if self._calls:
            put["call"] = _rows(self._calls, lambda record: call_row(record, run))
        if self._courses:
            put["call_quality"] = _rows(self._courses, lambda ended: quality_row(*ended))
        if self._attempts:
            put["attempt"] = _rows(self._attempts, lambda record: attempt_row(record, run))
        if self._bindings:
            offset, node = wall - self._clock.now(), self._node
            held = {account: bindings for account, bindings in self._bindings.items() if bindings}
            put["registration"] = [registration_row(node, *item, offset) for item in held.items()]
            gone["registration"] = [(node, account) for account in self._bindings if account not in held]
            self._bindings.clear()
        if self._bans:
            put["ban"] = [ban for ban in self._bans.values() if ban is not None]
            gone["ban"] = [(source,) for source, ban in self._bans.items() if ban is None]
            self._bans.clear()
        if put or gone:
            now = self._clock.now()
            if now - self._alive_at >= _ALIVE_S:
                self._alive_at = now
                put["run"] = [self._alive_row()]
        return Group(put, gone)

    def _alive_row(self) -> RecordRow:
        return self._run, self._node, self._started_at, self._clock.wall()

    def _wait_longer(self) -> None:
        """The thread is stuck: keep everything noted, where changes of one thing still coalesce."""
        for noted in (self._calls, self._courses, self._attempts, self._bindings, self._bans):
            excess = len(noted) - MAX_BACKLOG_ROWS
            for key in list(islice(noted, max(0, excess))):
                del noted[key]
                self._dropped += 1
        self._timer = self._clock.at(self._clock.now() + self._interval_s, self._hand_over)

    def _keep(self) -> None:
        while (item := self._to_keep.get()) is not None:
            if isinstance(item, _Handed):
                self._to_deliver.put(_Handed(item.group, self._delivery.keep(item.group)))
            else:
                self._to_deliver.put(item)
        self._to_deliver.put(None)

    def _work(self) -> None:
        delivery = self._delivery
        delivery.tick(self._monotonic(), self._clock.wall())
        alive_at = self._monotonic()
        running = True
        while running:
            handed, events, running = self._take()
            groups, places = [one.group for one in handed], [one.place for one in handed]
            now, wall = self._monotonic(), self._clock.wall()
            if not groups and self._open and now - alive_at >= _TICK_S:
                groups.append(Group({"run": [self._alive_row()]}, {}))
            try:
                if groups:
                    alive_at = now
                    delivery.deliver(groups, places if self._is_far else ())
                    self._count_open(groups)
                delivery.tick(now, wall)
            except Exception:  # noqa: BLE001 (a thread that ended would lose all that follows)
                _log.exception("a fault in the writer's thread")
            for event in events:
                event.set()
        delivery.close()
        self._database.close()

    def _take(self) -> tuple[list[_Handed], list[threading.Event], bool]:
        """Wait for work up to a tick, then take all there is: groups, flushes waited for, and whether to go
        on.
        """
        handed: list[_Handed] = []
        events: list[threading.Event] = []
        try:
            item = self._to_deliver.get(timeout=_TICK_S)
            while True:
                if item is None:
                    return handed, events, False
                if isinstance(item, _Handed):
                    handed.append(item)
                    self._taken += item.group.rows
                else:
                    events.append(item)
                item = self._to_deliver.get_nowait()
        except queue.Empty:
            return handed, events, True

    def _count_open(self, groups: list[Group]) -> None:
        for group in groups:
            for row in group.put.get("call", ()):
                if row[_STATE] == _OPEN:
                    self._open.add(row[0])
                else:
                    self._open.discard(row[0])


def _rows(noted: dict[str, _T], row_of: Callable[[_T], RecordRow | None]) -> list[RecordRow]:
    """What was noted, and is no longer. One of which no row can be made must not hold up the others."""
    rows = []
    for key, one in noted.items():
        try:
            row = row_of(one)
        except Exception:  # noqa: BLE001 (a bug in one record)
            _log.exception("no row can be made of a record, %s, which is left out: %r", key, one)
        else:
            if row is not None:
                rows.append(row)
    noted.clear()
    return rows
