"""The last-known-good directory on disk: what a node starts with when its database can't be read.

JSON, one value per line: a header, groups of rows in handy pieces (so that encoding never holds the
interpreter for long), and the SHA-256 of all before. Written beside the old file, synced, and renamed over
it: a reader finds the old one or the new one, whole. Holds what the database holds: secrets as HA1 or
encrypted; mode 0600 all the same.
"""

import hashlib
import json
import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any, Final, NamedTuple

from trunkline.store.errors import StoreError
from trunkline.store.loading import Group
from trunkline.trunk.directory import Kind

_FORMAT: Final = 3
_GROUPS_PER_LINE: Final = 100
_END: Final = b'{"sha256"'
"""Begins the last line."""

Groups = Mapping[Kind, Iterable[Group]]


class SnapshotFileError(StoreError):
    """There is no last-known-good directory, or it is damaged."""


class StoredSnapshot(NamedTuple):
    """What the file holds."""

    groups: Groups
    sequence: int
    """The newest change that it contains."""
    taken_at: float
    """Wall-clock second at which it was read from the database."""


def write_snapshot(path: Path, snapshot: StoredSnapshot, pause: Callable[[], None] | None = None) -> None:
    """Replace the file at `path`. Raises `SnapshotFileError` when that fails; the old one stays. The groups
    are gone through once, and need not exist together.

    `pause` is called after every line, for a thread that must not keep the event loop from running.
    """
    new = path.with_name(path.name + ".new")
    try:
        descriptor = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            digest = hashlib.sha256()
            for value in _values(snapshot):
                line = json.dumps(value, separators=(",", ":")).encode("ascii") + b"\n"
                digest.update(line)
                file.write(line)
                if pause is not None:
                    pause()
            file.write(json.dumps({"sha256": digest.hexdigest()}).encode("ascii") + b"\n")
            file.flush()
            os.fsync(descriptor)
        new.replace(path)
    except OSError as error:
        raise SnapshotFileError(f"{path} can't be written: {error.strerror}") from error


def read_snapshot(path: Path) -> StoredSnapshot:
    """The file at `path`. Raises `SnapshotFileError` when it is missing, damaged or of another version's
    format.

    All of it is looked through here; its groups are read when somebody goes through them.
    """
    header: Any = None
    digest = hashlib.sha256()
    try:
        with path.open("rb") as file:
            for line in file:
                if line.startswith(_END):
                    if json.loads(line)["sha256"] != digest.hexdigest():
                        break
                    return _stored(path, header)
                if header is None:
                    header = json.loads(line)
                digest.update(line)
    except FileNotFoundError:
        raise SnapshotFileError(f"{path} does not exist: the database has not been read yet") from None
    except OSError as error:
        raise SnapshotFileError(f"{path} can't be read: {error.strerror}") from error
    except ValueError:
        pass
    raise SnapshotFileError(f"{path} is damaged")


def _values(snapshot: StoredSnapshot) -> Any:
    yield {"format": _FORMAT, "sequence": snapshot.sequence, "taken_at": snapshot.taken_at}
    for kind, groups in snapshot.groups.items():
        rest = iter(groups)
        while part := list(islice(rest, _GROUPS_PER_LINE)):
            yield [kind.value, part]


def _stored(path: Path, header: Any) -> StoredSnapshot:
    if not isinstance(header, dict) or header.get("format") != _FORMAT:
        raise SnapshotFileError(f"{path} was written by another version")
    groups = {kind: _GroupsOf(path, kind) for kind in Kind}
    return StoredSnapshot(groups, header["sequence"], header["taken_at"])


@dataclass(frozen=True, slots=True)
class _GroupsOf:
    """The groups of one kind in a file that is whole."""

    path: Path
    kind: Kind

    def __iter__(self) -> Iterator[Group]:
        begin = b'["%s"' % self.kind.value.encode("ascii")
        with self.path.open("rb") as file:
            for line in file:
                if line.startswith(begin):
                    yield from ((row, children) for row, children in json.loads(line)[1])
