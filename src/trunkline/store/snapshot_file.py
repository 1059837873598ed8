"""The last-known-good directory on disk: what a node starts with when its database can't be read.

JSON, one value per line: a header, groups of rows and the records of numbers in handy pieces (so that
encoding never holds the interpreter for long), and the SHA-256 of all before. Written beside the old file,
synced, and renamed over it: a reader finds the old one or the new one, whole. Holds what the database holds:
secrets as HA1 or encrypted; mode 0600 all the same.
"""

import hashlib
import json
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final, NamedTuple

from trunkline.store.errors import StoreError
from trunkline.store.loading import Group
from trunkline.store.number_rows import table_of
from trunkline.trunk.directory import Kind
from trunkline.trunk.number_table import NumberTable, Piece

_FORMAT: Final = 5
_GROUPS_PER_LINE: Final = 100
_NUMBERS_PER_LINE: Final = 1000

Groups = Mapping[Kind, Sequence[Group]]


class SnapshotFileError(StoreError):
    """There is no last-known-good directory, or it is damaged."""


class StoredSnapshot(NamedTuple):
    """What the file holds."""

    groups: Groups
    """The rows of every kind but the numbers."""
    numbers: NumberTable
    sequence: int
    """The newest change that it contains."""
    taken_at: float
    """Wall-clock second at which it was read from the database."""


def write_snapshot(path: Path, snapshot: StoredSnapshot, pause: Callable[[], None] | None = None) -> None:
    """Replace the file at `path`. Raises `SnapshotFileError` when that fails; the old one stays.

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
    """
    digest = hashlib.sha256()
    values: list[Any] = []
    try:
        with path.open("rb") as file:
            for line in file:
                value = json.loads(line)
                if isinstance(value, dict) and "sha256" in value:
                    if value["sha256"] != digest.hexdigest():
                        break
                    return _stored(path, values)
                digest.update(line)
                values.append(value)
    except FileNotFoundError:
        raise SnapshotFileError(f"{path} does not exist: the database has not been read yet") from None
    except OSError as error:
        raise SnapshotFileError(f"{path} can't be read: {error.strerror}") from error
    except ValueError:
        pass
    raise SnapshotFileError(f"{path} is damaged")


def _values(snapshot: StoredSnapshot) -> Iterator[object]:
    yield {"format": _FORMAT, "sequence": snapshot.sequence, "taken_at": snapshot.taken_at}
    for kind, groups in snapshot.groups.items():
        for start in range(0, len(groups), _GROUPS_PER_LINE):
            yield [kind.value, groups[start : start + _GROUPS_PER_LINE]]
    for piece in snapshot.numbers.pieces(_NUMBERS_PER_LINE):
        yield [Kind.NUMBER.value, *piece]


def _stored(path: Path, values: Sequence[Any]) -> StoredSnapshot:
    if not values or not isinstance(values[0], dict) or values[0].get("format") != _FORMAT:
        raise SnapshotFileError(f"{path} was written by another version")
    groups: dict[Kind, list[Group]] = {kind: [] for kind in Kind if kind is not Kind.NUMBER}
    pieces: list[Piece] = []
    for kind, *part in values[1:]:
        if kind == Kind.NUMBER:
            pieces.append(Piece(*part))
        else:
            groups[Kind(kind)].extend((row, children) for row, children in part[0])
    return StoredSnapshot(groups, table_of(pieces), values[0]["sequence"], values[0]["taken_at"])
