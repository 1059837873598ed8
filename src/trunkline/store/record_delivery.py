"""Getting groups of records into the database, whatever happens to it. The blocking half of `record_writer`.

A group goes straight into the database. When that is away (locked for long, no disk space, server down) the
group goes to the journal and stays safe there; later groups follow it, so that the order holds, until all of
it was delivered. When the journal can't be written either, groups wait in memory until it can be, and the
oldest are dropped beyond `MAX_HELD_ROWS`, counted. Those that still do at the end are lost, and named.

A fault of ours is no reason to lose a group either: it goes the same way, and is tried again. One that meets
it by itself, `_TRIES` times, while the writer can write, is left out with an error that names its calls, so
that the others get in. Where nothing can be written all stay in the journal, and the next start tries them.

A server may be an ocean away, and a commit takes as long as the way there: so each group was put into the
journal before (`keep`, on another thread), and leaves it once it is committed. What a process that is killed
had handed over is delivered by the next one, once.

Also here, because one thread should do all the writing: closing what a crashed run left open (`recovery`),
and deleting records past their time (`calls.prune_calls`), bans as well (`bans.prune_bans`).
"""

import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any, Final, NamedTuple

import sqlalchemy as sa

from trunkline.store import schema
from trunkline.store.bans import prune_bans
from trunkline.store.calls import prune_calls
from trunkline.store.database import Database
from trunkline.store.errors import DatabaseError, StoreError
from trunkline.store.group_commit import AwayError, Group, GroupWriter, whose
from trunkline.store.journal import Journal
from trunkline.store.recovery import recover

_log = logging.getLogger(__name__)

MAX_HELD_ROWS: Final = 20_000
_RETRY_S: Final = 0.5
_LONGEST_RETRY_S: Final = 15.0
"""Nothing goes to the journal while a server that hangs is tried again, so that is done seldom."""
_LASTING_S: Final = 2.0
"""A database that is away for longer is an error; until then another process may have had it for a while."""
_SYNC_S: Final = 1.0
"""A power cut costs at most the records of this long."""
_ENTRIES_PER_TRANSACTION: Final = 50
_NAMED: Final = 50
"""Records whose loss is told of by name."""
_TRIES: Final = 3
"""Of a group that meets a fault of ours."""
_UNKEPT: Final = (OSError, StoreError, TypeError, ValueError)
"""What the journal raises: the last two for what isn't JSON."""
_PRUNE_INTERVAL_S: Final = 60.0
_LEAP_S: Final = 60.0
_CLOCK_SET_S: Final = 6 * 3600.0
"""By then a clock that was wrong after a start, or leapt, was set right: by NTP, or by who has seen it."""
_PRUNED_AT_ONCE: Final = 500
_BANS_PRUNED_AT_ONCE: Final = 5000
_DAY_S: Final = 86400.0


class Place(NamedTuple):
    """In the journal, behind a group."""

    journal: str
    end: int


class RecordDelivery:
    """Delivers the groups of one run of a node. One thread, but for `keep`; nothing but `close` may fail, and
    nothing raises.
    """

    def __init__(
        self,
        database: Database,
        journal: Path,
        node: str,
        run: str,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._database = database
        self._monotonic = monotonic
        self._node = node
        self._mark = f"journal {node}"
        self._run = run
        self._writer = GroupWriter(database)
        self._journal = Journal(journal)
        if self._journal.damaged:
            _log.error("%d groups of records in %s are damaged, and lost", self._journal.damaged, journal)
        self._held: deque[Group] = deque()
        self._behind = self._journal.end > self._journal.start
        """The journal has groups that nobody will hand over again."""
        self._delivered = Place("", 0)
        """What is in the database of the journal."""
        self._tried = self._delivered
        """What is, unless the last transaction that delivered some of it failed."""
        self._inherited = self._journal.end
        """The place behind what earlier processes have left."""
        self._unkept = 0
        """Groups that the journal would not take, and that were not handed over yet."""
        self._keeps = True
        """The journal took the last group that it was asked to."""
        self._keeping = threading.Lock()
        self._away_from: float | None = None
        """The first try that found it away after all."""
        self._is_told = False
        """That it lasts."""
        self._is_faulted = False
        """A fault of ours holds groups up, and was told."""
        self._suspect = 0
        """Up to this place of the journal one group at a time is written."""
        self._tries = 0
        """Of the group that is the next."""
        self._retry_at = 0.0
        self._prune_at = 0.0
        self._ahead: float | None = None
        """Seconds by which the wall clock is ahead of the monotonic one; None: nobody has looked."""
        self._prune_bans_at = 0.0
        self._sync_at = 0.0
        self._synced = 0
        self._ready = False
        self.keep_days: int | None = None
        """Delete call records older than this many days; None: keep them."""
        self.away: str | None = None
        """Why the database can't be written at the moment; None: it can."""
        self.written = 0
        """Rows that are in the database."""
        self.refused = 0
        """Rows that could not be written for what they hold."""
        self.dropped = 0
        """Rows that were lost because neither database nor disk nor memory had room."""
        self.recovered = 0
        """Calls that earlier runs had left open."""

    @property
    def journal_bytes(self) -> int:
        """Bytes that wait in the journal."""
        journal, delivered = self._journal, self._delivered
        return journal.end - max(journal.start, delivered.end if delivered.journal == journal.name else 0)

    @property
    def waiting(self) -> bool:
        """Whether there are groups that no `deliver` will bring."""
        return bool(self._held) or self._behind

    def keep(self, group: Group) -> Place | None:
        """Put a group into the journal before it is delivered, in the order in which they are. From any one
        thread. None: there was no room, or order would be lost.

        It survives this process; a power cut as well only while the database is away.
        """
        with self._keeping:
            if not self._unkept and not self._held:
                try:
                    place = Place(*self._journal.append(group, durable=self.away is not None))
                except _UNKEPT as error:
                    if self._keeps:
                        _log.error("records are in memory alone, the journal can't be written: %s", error)
                    self._keeps = False
                else:
                    self._keeps = True
                    return place
            self._unkept += 1
            return None

    def deliver(self, groups: Sequence[Group], places: Sequence[Place | None] = ()) -> None:
        """Store `groups`: in the database, else in the journal. `places` are those where they were kept, or
        were to be kept.
        """
        try:
            self._deliver(groups, places)
        finally:
            if None in places:
                with self._keeping:
                    self._unkept -= places.count(None)

    def _deliver(self, groups: Sequence[Group], places: Sequence[Place | None]) -> None:
        kept = places or [None] * len(groups)
        pairs = [pair for pair in zip(groups, kept, strict=True) if not self._has_delivered(pair[1])]
        if not self.waiting and self.away is None:
            last = next((place for _, place in reversed(pairs) if place is not None), None)
            try:
                self._write([group for group, _ in pairs], last)
                return
            except AwayError as error:
                self._went_away(str(error))
            except Exception:  # noqa: BLE001 (whatever it is, the group must not be lost)
                self._faulted()
        self._behind = self._behind or any(place is not None for _, place in pairs)
        self._set_aside([group for group, place in pairs if place is None])

    def _has_delivered(self, place: Place | None) -> bool:
        """Whether it was found in the journal when that was delivered."""
        if place is None:
            return False
        if place.journal != self._journal.name:
            return True
        return place.journal == self._delivered.journal and place.end <= self._delivered.end

    def tick(self, now: float, wall: float) -> None:
        """What is due: another try after a failure, recovery after the start, syncing, pruning. Call it at
        least once a second.
        """
        if now >= self._retry_at and (self.waiting or self.away is not None or not self._ready):
            began = self._monotonic()
            self._catch_up()
            took_s = self._monotonic() - began
            self._retry_at = now + (_RETRY_S if took_s < 1 else min(5 * took_s, _LONGEST_RETRY_S))
            self._say_if_it_lasts(now)
        if self.written != self._synced and now >= self._sync_at:
            self._sync_at = now + _SYNC_S
            self._sync()
        self._mind_clock(now, wall)
        if self.keep_days is not None and self.away is None and now >= self._prune_at:
            some = partial(prune_calls, self._database, wall, self.keep_days * _DAY_S, _PRUNED_AT_ONCE)
            if self._prune("old records", some, _PRUNED_AT_ONCE):
                self._prune_at = now + _PRUNE_INTERVAL_S
        if self.away is None and now >= self._prune_bans_at:
            some = partial(prune_bans, self._database, wall, _BANS_PRUNED_AT_ONCE)
            if self._prune("bans that are over", some, _BANS_PRUNED_AT_ONCE):
                self._prune_bans_at = now + _PRUNE_INTERVAL_S

    def close(self) -> None:
        """One last try, then close everything; what is left stays in the journal, where that takes it."""
        if self.waiting:
            self._catch_up()
        self._set_aside([])
        if self._held:
            self._lose_held()
        self._sync()
        self._writer.close()
        self._journal.close()

    def _write(self, groups: Sequence[Group], place: Place | None = None) -> None:
        """In one transaction, with how far the journal is delivered by it."""
        mark = None
        if place is not None:
            mark, self._tried = (self._mark, f"{place.journal} {place.end}"), place
        refused = self._writer.write(groups, mark)
        self.refused += refused
        self.written += sum(group.rows for group in groups) - refused
        if place is not None:
            self._forget(place)

    def _forget(self, place: Place) -> None:
        """The journal is in the database up to there."""
        self._delivered = place
        try:
            self._writer.sync()
            self._journal.forget(place.end)
        except OSError as error:
            _log.error("the journal can't be shortened: %s", error)

    def _set_aside(self, groups: Sequence[Group]) -> None:
        """Into the journal, behind those in memory, as far as it takes them."""
        is_told = bool(self._held)
        self._held.extend(groups)
        while self._held:
            try:
                self._journal.append(self._held[0])
            except _UNKEPT as error:
                if not is_told:
                    _log.error("records wait in memory, the journal can't be written: %s", error)
                break
            self._held.popleft()
            self._behind = True
        rows = sum(group.rows for group in self._held)
        while rows > MAX_HELD_ROWS:
            lost = self._held.popleft().rows
            rows -= lost
            self.dropped += lost

    def _lose_held(self) -> None:
        """The end, with groups that are in memory alone."""
        tables = [(table, rows) for group in self._held for table, rows in group.put.items()]
        lost = [whose(table, row) for table, rows in tables if table != schema.run.name for row in rows]
        if lost:
            names = list(dict.fromkeys(lost))
            named = "; ".join(names[:_NAMED]) + ("; …" if len(names) > _NAMED else "")
            _log.error("%d changes are lost, nothing could be written: %s", len(lost), named)
        self.dropped += sum(group.rows for group in self._held)
        self._held.clear()

    def _catch_up(self) -> None:
        try:
            self._deliver_journal()
            while self._held:
                self._write_entries([self._held[0]])
                self._held.popleft()
            if not self._ready:
                self.recovered = recover(self._database, self._node, self._run)
                self._ready = True
                if self.recovered:
                    _log.warning("closed %d calls that were up when this node died", self.recovered)
        except (AwayError, DatabaseError, OSError) as error:
            self._went_away(str(error))
        except Exception:  # noqa: BLE001 (it would end the try of everything that follows)
            self._faulted()
        else:
            self._came_back()

    def _deliver_journal(self) -> None:
        if not self._behind:
            return
        journal, name, end = self._journal, self._journal.name, self._delivered_end()
        self._forget(Place(name, end))
        while journal.name == name:
            at_once = 1 if end < self._suspect else _ENTRIES_PER_TRANSACTION
            entries, behind = journal.read(end, at_once)
            if not entries:
                break
            self._write_entries(entries, Place(name, behind))
            end = behind
        self._behind, self._suspect = False, 0

    def _write_entries(self, entries: Sequence[Any], place: Place | None = None) -> None:
        """Raises the fault that they meet, unless there is only one and it is left out for it."""
        try:
            self._write([Group.from_json(entry) for entry in entries], place)
        except AwayError:
            raise
        except Exception as error:
            if place is not None and len(entries) > 1:
                self._suspect = place.end
                raise
            self._tries += 1
            if self._tries < _TRIES:
                raise
            self._write([], place)  # raises, where it isn't the group that is at fault
            self._leave_out(entries[0], error)
        self._tries = 0

    def _leave_out(self, entry: Any, error: Exception) -> None:
        try:
            group = Group.from_json(entry)
            calls = [whose(table, row) for table, rows in group.put.items() for row in rows]
            self.refused += group.rows
        except Exception:  # noqa: BLE001 (it is no group at all)
            calls = ["nobody knows whose"]
        _log.error("records can't be written and are left out, %s: %r: %r", "; ".join(calls), error, entry)

    def _delivered_end(self) -> int:
        """How far this journal is in the database already.

        Since a power cut that may be further than it reached then: at those places are others by now, which
        came later. Since the database was restored from a backup it may be less than what is forgotten.
        """
        with self._database.read() as connection:
            value = connection.execute(
                sa.select(schema.meta.c.value).where(schema.meta.c.name == self._mark)
            ).scalar()
        name, _, end = (value or "").partition(" ")
        if name != self._journal.name:
            return self._journal.start
        known = Place(name, int(end))
        by_us = known in (self._delivered, self._tried)
        return max(self._journal.start, known.end if by_us else min(known.end, self._inherited))

    def _sync(self) -> None:
        try:
            self._writer.sync()
        except OSError as error:
            _log.error("records may not survive a power cut: %s", error)
        self._synced = self.written

    def _mind_clock(self, now: float, wall: float) -> None:
        """A wall clock that may be wrong, since the machine has just started or it was set, makes records old
        that are not: they are left alone until there was time to set it right.
        """
        ahead = wall - now
        if self._ahead is None or abs(ahead - self._ahead) > _LEAP_S:
            self._ahead, self._prune_at = ahead, now + _CLOCK_SET_S

    def _prune(self, what: str, some: Callable[[], int], at_once: int) -> bool:
        """Delete `some` of what is past its time; whether that was all of it, or can't be done now."""
        self._writer.rest()  # else this would take another connection, and it would stay open
        try:
            return some() < at_once
        except DatabaseError as error:
            _log.warning("%s are not deleted: %s", what, error)
            return True

    def _went_away(self, reason: str) -> None:
        if self.away is None:
            _log.warning("the database can't be written, records go to a journal: %s", reason)
        self.away = reason

    def _faulted(self) -> None:
        """A fault of ours is being handled."""
        if not self._is_faulted:
            _log.exception("a fault in the writer: records wait in the journal, and are tried again")
        self._is_faulted = True

    def _say_if_it_lasts(self, now: float) -> None:
        if self.away is None:
            return
        if self._away_from is None:
            self._away_from = now
        elif now - self._away_from >= _LASTING_S and not self._is_told:
            place = "memory" if self._held else "the journal"
            _log.error("the database still can't be written, records wait in %s: %s", place, self.away)
            self._is_told = True

    def _came_back(self) -> None:
        if self.away is not None:
            _log.warning("the database can be written again, all records are in it")
        elif self._is_faulted:
            _log.warning("the writer goes on after its fault")
        self._is_faulted = False
        self.away, self._away_from, self._is_told = None, None, False
