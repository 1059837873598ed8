"""Where the in-memory directory comes from: all of the database at the start, then what changed, as it
changes.

A poll is one look at the newest change number, cheap enough for every second. What was read is also kept in
a file; when the database can't be read at the start, the node works with that, says so in its state, and
takes the database's own directory as soon as it is back. While it is away later, the node goes on with what
it has.

One row that can't be used (edited by hand, a secret encrypted with another key file) is left out and named
in the state's `problems` and once in the log: it must not take the other customers down with it.

Blocks: `directory_watcher` runs it on a thread. Who applies updates to the `Directory`, and when, is up to
the event loop.
"""

import logging
import time
from collections.abc import Callable, Iterable, Sequence
from enum import StrEnum
from itertools import islice
from pathlib import Path
from typing import Final, NamedTuple

from sqlalchemy.engine import Connection

from trunkline.errors import DirectoryError
from trunkline.store import changes
from trunkline.store.changes import Note
from trunkline.store.database import Database
from trunkline.store.errors import DatabaseError, KeyFileError
from trunkline.store.keys import Keyring
from trunkline.store.loading import ROWS_AT_ONCE, SHAPES, Group, load_groups
from trunkline.store.migrate import check_schema
from trunkline.store.number_rows import load_number_table
from trunkline.store.rows import account_from, carrier_from, number_from, route_from
from trunkline.store.snapshot_file import (
    SnapshotFileError,
    StoredSnapshot,
    read_snapshot,
    write_snapshot,
)
from trunkline.trunk.account import Account
from trunkline.trunk.carrier import Carrier
from trunkline.trunk.directory import Change, Directory, Entity, Kind, Put, Remove, Snapshot
from trunkline.trunk.number import Number
from trunkline.trunk.number_record import pack
from trunkline.trunk.routes import Route

_log = logging.getLogger(__name__)
_RELOAD_ABOVE: Final = 500
"""With more changes than this, everything is loaded again."""
_RELOAD_AFTER: Final = 20_000
"""After this many changes, everything is loaded again: a table of numbers holds what has changed apart."""
_FILE_DELAY_S: Final = 10.0
"""How long after a change the file is written, so that many changes cost one write …"""
_FILE_SHARE: Final = 20
"""… or this many times what the last write took, if that is longer: a million numbers are not read all the
time."""


_PROBLEMS: Final = 1000
"""So many are told."""
_GROUPED: Final = (Kind.ACCOUNT, Kind.CARRIER, Kind.ROUTE)
"""What is read with all its rows; of numbers there may be too many."""


class Origin(StrEnum):
    """Where the present directory was read."""

    DATABASE = "database"
    FILE = "file"


class SourceState(NamedTuple):
    """For health, metrics and the dashboard."""

    origin: Origin
    sequence: int
    """The newest change that the directory contains."""
    read_at: float
    """Wall-clock second at which the database was last found to hold nothing newer."""
    away: str | None
    """Why the database can't be read at the moment; None: it can."""
    problems: Sequence[str]
    """Rows that were left out, and trouble with the file."""


class Update(NamedTuple):
    """What to do to the directory."""

    snapshot: Snapshot | None
    """Replace everything by this; None: don't."""
    changes: Sequence[Change]
    """Apply these, in order."""

    @property
    def accounts(self) -> Sequence[str] | None:
        """The keys of those that have changed, or are gone; None: any may."""
        return None if self.snapshot is not None else list(filter(None, map(_account_in, self.changes)))


class DirectorySource:
    """Reads the directory from `database`. One thread at a time."""

    def __init__(
        self,
        database: Database,
        keyring: Keyring,
        file: Path,
        *,
        wall: Callable[[], float] = time.time,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        """`file` is where the last-known-good directory is kept."""
        self._database = database
        self._keyring = keyring
        self._file = file
        self._wall = wall
        self._monotonic = monotonic
        self._file_due: float | None = None
        self._file_delay_s = _FILE_DELAY_S
        self._changes = 0
        """Since everything was loaded."""
        self._problems: dict[str, str] = {}
        self._told: frozenset[str] = frozenset()
        """The problems that are in the log."""
        self.state: SourceState | None = None
        """None until `load` succeeded. Replaced as a whole: read it from any thread."""

    def load(self) -> Snapshot:
        """All of the directory: from the database, else from the file. Raises `DatabaseError` when neither
        can be read.
        """
        try:
            return self._load_database(pause=None)
        except DatabaseError as error:
            try:
                stored = read_snapshot(self._file)
            except SnapshotFileError as no_file:
                raise DatabaseError(f"{error}; {no_file}") from error
            self._problems.clear()
            self.state = SourceState(Origin.FILE, stored.sequence, stored.taken_at, str(error), ())
            snapshot = self._snapshot(stored, pause=None)
            self._note_problems()
            return snapshot

    def poll(self) -> Update | None:
        """What changed since the last call; None: nothing, or the database can't be read (see `state`).

        Call `load` first.
        """
        state = self.state
        if state is None:
            raise ValueError("poll needs load first")
        try:
            update = self._poll(state)
        except DatabaseError as error:
            self.state = state._replace(away=str(error))
            return None
        if self._file_due is not None and self._monotonic() >= self._file_due:
            self._write_file()
        return update

    def _poll(self, state: SourceState) -> Update | None:
        if state.origin is Origin.FILE:
            check_schema(self._database)
            return Update(self._load_database(_pause), ())
        with self._database.read() as connection:
            newest = changes.latest(connection)
            notes = changes.since(connection, state.sequence) if newest != state.sequence else []
            few = notes is not None and len(notes) <= min(_RELOAD_ABOVE, _RELOAD_AFTER - self._changes)
            if notes is not None and few:
                changed = self._changed(connection, notes)
        if notes is None or not few:
            return Update(self._load_database(_pause), ())
        self._changes += len(notes)
        self.state = state._replace(sequence=newest, read_at=self._wall(), away=None)
        self._note_problems()
        if not notes:
            return None
        if self._file_due is None:
            self._file_due = self._monotonic() + self._file_delay_s
        return Update(None, changed)

    def _load_database(self, pause: Callable[[], None] | None) -> Snapshot:
        stored, left_out = self._read_all(pause)
        self._problems.clear()
        self._problems.update({f"{Kind.NUMBER.value} {e164}": why for e164, why in left_out.items()})
        snapshot = self._snapshot(stored, pause)
        self._changes = 0
        self.state = SourceState(Origin.DATABASE, stored.sequence, stored.taken_at, None, ())
        self._save(stored, pause)
        return snapshot

    def _read_all(self, pause: Callable[[], None] | None) -> tuple[StoredSnapshot, dict[str, str]]:
        """What there is, and the numbers that were left out with the reason."""
        left_out: dict[str, str] = {}
        with self._database.read() as connection:
            sequence = changes.latest(connection)
            groups = {kind: load_groups(connection, kind, pause=pause) for kind in _GROUPED}
            numbers = load_number_table(connection, left_out.__setitem__, pause)
        return StoredSnapshot(groups, numbers, sequence, self._wall()), left_out

    def _write_file(self) -> None:
        began = self._monotonic()
        try:
            self._save(self._read_all(_pause)[0], _pause)
        except DatabaseError:
            self._file_due = self._monotonic() + self._file_delay_s
        self._file_delay_s = max(_FILE_DELAY_S, _FILE_SHARE * (self._monotonic() - began))

    def _save(self, stored: StoredSnapshot, pause: Callable[[], None] | None) -> None:
        self._file_due = None
        self._problems.pop(str(self._file), None)
        try:
            write_snapshot(self._file, stored, pause)
        except SnapshotFileError as error:
            self._problems[str(self._file)] = str(error)
        self._note_problems()

    def _snapshot(self, stored: StoredSnapshot, pause: Callable[[], None] | None) -> Snapshot:
        built = {kind: self._build(kind, groups, pause) for kind, groups in stored.groups.items()}
        return Snapshot(
            accounts=tuple(item for item in built[Kind.ACCOUNT] if isinstance(item, Account)),
            numbers=stored.numbers,
            carriers=tuple(item for item in built[Kind.CARRIER] if isinstance(item, Carrier)),
            routes=tuple(item for item in built[Kind.ROUTE] if isinstance(item, Route)),
        )

    def _changed(self, connection: Connection, notes: Sequence[Note]) -> list[Change]:
        changed: list[Change] = []
        for kind in Kind:
            keys = dict.fromkeys(item.key for item in notes if item.kind == kind)
            if not keys:
                continue
            groups = load_groups(connection, kind, keys)
            there = {row[SHAPES[kind].key] for row, _ in groups}
            for key in keys:
                self._problems.pop(f"{kind.value} {key}", None)
            changed += [Remove(kind, key) for key in keys if key not in there]
            changed += [Put(entity) for entity in self._build(kind, groups)]
        return changed

    def _build(
        self, kind: Kind, groups: Iterable[Group], pause: Callable[[], None] | None = None
    ) -> list[Entity]:
        """The entities of `groups` without those that can't be, which are noted as problems."""
        entities: list[Entity] = []
        for count, (row, children) in enumerate(groups, start=1):
            if pause is not None and count % ROWS_AT_ONCE == 0:
                pause()
            try:
                match kind:
                    case Kind.ACCOUNT:
                        entities.append(account_from(row, children))
                    case Kind.NUMBER:
                        number = number_from(row, children)
                        pack(number)  # Raises for what no table of numbers takes.
                        entities.append(number)
                    case Kind.CARRIER:
                        entities.append(carrier_from(row, children, self._keyring))
                    case Kind.ROUTE:
                        entities.append(route_from(row, children))
            except (DirectoryError, KeyFileError) as error:
                self._problems[f"{kind.value} {row[SHAPES[kind].key]}"] = str(error)
        return entities

    def _note_problems(self) -> None:
        if self.state is not None:
            problems = tuple(islice(self._problems.values(), _PROBLEMS))
            for problem in problems:
                if problem not in self._told:
                    _log.warning("not in use: %s", problem)
            self._told = frozenset(problems)
            self.state = self.state._replace(problems=problems)


def _pause() -> None:
    """Give the event loop its turn: between two system calls of its own it would wait for us 5 ms each
    time.
    """
    time.sleep(0.001)


def _account_in(change: Change) -> str | None:
    match change:
        case Put(Account(key=key)) | Remove(Kind.ACCOUNT, key):
            return key
    return None


class Moved(NamedTuple):
    """A number that is new, has changed, or is gone."""

    before: Number | None
    after: Number | None


def apply_update(directory: Directory, update: Update) -> list[Moved] | None:
    """Bring `directory` up to date; on the event loop, between two messages. The numbers that have changed;
    None: what else leads to a server has changed as well.
    """
    if update.snapshot is not None:
        directory.replace_all(update.snapshot)
    moved: list[Moved] = []
    carriers = False
    for change in update.changes:
        before = directory.apply(change)
        match change:
            case Put(Number() as after):
                moved.append(Moved(before, after))
            case Remove(Kind.NUMBER):
                moved.append(Moved(before, None))
            case Put(Carrier()) | Remove(Kind.CARRIER):
                carriers = True
    return None if carriers or update.snapshot is not None else moved
