"""An append-only file that holds records while the database is away.

One line per entry: CRC-32 of the rest, a blank, JSON. The first line is a header that names the journal; the
database remembers how far the journal of that name was delivered, in the same transaction as what was
delivered, so each entry is delivered once, whenever a process dies. A torn last line (power cut) is left
out; so is everything behind it.

Used by one thread of one process: `record_writer`.
"""

import errno
import json
import os
import secrets
import zlib
from pathlib import Path
from typing import Any, NamedTuple

from trunkline.store.errors import StoreError

MAX_BYTES = 256 * 1024 * 1024


class JournalFullError(StoreError):
    """The journal has reached its size limit; the entry was not written."""


class Part(NamedTuple):
    """Some entries, and the offset behind the last of them. No entries: there are no more."""

    entries: list[Any]
    next_offset: int


class Journal:
    """The journal at `path`; the file exists only while it holds something."""

    def __init__(self, path: Path, max_bytes: int = MAX_BYTES) -> None:
        """Reads the header of a journal that an earlier process left; a file without one is set aside."""
        self._path = path
        self._max_bytes = max_bytes
        self._descriptor: int | None = None
        self.name = ""
        """Names this journal in the database; empty while there is none."""
        self.start = 0
        """Offset of the first entry."""
        self.size = 0
        """Bytes in the file that hold whole entries."""
        if path.exists():
            self._adopt()

    def append(self, entry: Any) -> None:
        """Write `entry` (JSON) and wait until it is on the disk. Raises `JournalFullError`, `OSError`."""
        line = _line(entry)
        if self.size + len(line) > self._max_bytes:
            raise JournalFullError(f"{self._path} has reached {self._max_bytes} bytes")
        descriptor = self._open() if self._descriptor is None else self._descriptor
        _write(descriptor, line, self.size)
        self.size += len(line)

    def read(self, offset: int, max_entries: int) -> Part:
        """Up to `max_entries` entries from `offset` on."""
        entries: list[Any] = []
        if offset >= self.size:
            return Part(entries, offset)
        with self._path.open("rb") as file:
            file.seek(offset)
            while len(entries) < max_entries and offset < self.size:
                line = file.readline()
                entries.append(_entry(line))
                offset += len(line)
        return Part(entries, offset)

    def clear(self) -> None:
        """Remove the file: everything in it was delivered."""
        self.close()
        self._path.unlink(missing_ok=True)
        self.name = ""
        self.start = self.size = 0

    def close(self) -> None:
        """Close the file; what is in it stays for the next process."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None

    def _open(self) -> int:
        descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        self._descriptor = descriptor
        if self.size == 0:
            name = secrets.token_hex(8)
            header = _line({"journal": name})
            try:
                _write(descriptor, header, 0)
                _sync_directory(self._path.parent)
            except OSError:
                self.close()
                raise
            self.name = name
            self.start = self.size = len(header)
        return descriptor

    def _adopt(self) -> None:
        with self._path.open("rb") as file:
            header = _entry(file.readline())
            if isinstance(header, dict) and isinstance(header.get("journal"), str):
                self.name = header["journal"]
                self.start = self.size = file.tell()
                while (line := file.readline()) and _entry(line) is not None:
                    self.size = file.tell()
        if not self.name:
            self._path.replace(self._path.with_suffix(".unreadable"))


def _line(entry: Any) -> bytes:
    text = json.dumps(entry, separators=(",", ":")).encode("ascii")
    return b"%08x %s\n" % (zlib.crc32(text), text)


def _entry(line: bytes) -> Any:
    """The entry in `line`; None when it is torn or damaged."""
    if not line.endswith(b"\n") or line[8:9] != b" ":
        return None
    text = line[9:-1]
    if line[:8] != b"%08x" % zlib.crc32(text):
        return None
    return json.loads(text)


def _write(descriptor: int, data: bytes, offset: int) -> None:
    """Raises `OSError` unless all of `data` reached the disk."""
    if os.pwrite(descriptor, data, offset) != len(data):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    os.fdatasync(descriptor)


def _sync_directory(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
