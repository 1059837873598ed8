"""An append-only file that holds records until the database has them: while it is away, and, where it is a
server, from before it is spoken to about them.

One line per entry: CRC-32 of the rest, a blank, JSON. The first line is a header that names the journal; the
database remembers how far the journal of that name was delivered, in the same transaction as what was
delivered, so each entry is delivered once, whenever a process dies. Torn last lines (power cut) are written
over; a damaged one before others is left out, and counted.

Deleted by somebody while it is open, it is written anew with the next entry.

A place in it is the number of bytes before it since it has its name, those included that were forgotten.

Used by two threads of one process, which append; one of them reads and forgets.
"""

import errno
import json
import os
import secrets
import threading
import zlib
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

from trunkline.store.errors import StoreError

MAX_BYTES = 256 * 1024 * 1024
_FORGOTTEN_BYTES = 8 * 1024 * 1024
"""With so many bytes of entries that were forgotten the file is written anew."""


class JournalFullError(StoreError):
    """The journal has reached its size limit; the entry was not written."""


class Part(NamedTuple):
    """Some entries, and the place behind the last of them. No entries: there are no more."""

    entries: list[Any]
    end: int


class Journal:
    """The journal at `path`; the file exists only while it holds something."""

    def __init__(self, path: Path, max_bytes: int = MAX_BYTES) -> None:
        """Reads the header of a journal that an earlier process left; a file without one is set aside."""
        self._path = path
        self._max_bytes = max_bytes
        self._descriptor: int | None = None
        self._lock = threading.Lock()
        self._gone = 0
        """Bytes that are no more in the file: a place less these is an offset in it."""
        self._is_filed = False
        """The name of the file is on the disk, too."""
        self.name = ""
        """Names this journal in the database; empty while there is none."""
        self.start = 0
        """The place of the first entry."""
        self.end = 0
        """The place behind the last one."""
        self.damaged = 0
        """Lines before that which are no entries any more."""
        if path.exists():
            self._adopt()

    def append(self, entry: Any, *, durable: bool = True) -> tuple[str, int]:
        """Write `entry` (JSON); return the journal's name and the place behind it. With `durable` wait until
        it and those before it are on the disk; without, they survive the process, not a power cut.

        Raises `JournalFullError`, `OSError`.
        """
        line = _line(entry)
        with self._lock:
            if self.end - self._gone + len(line) > self._max_bytes:
                raise JournalFullError(f"{self._path} has reached {self._max_bytes} bytes")
            if self._descriptor is not None and os.fstat(self._descriptor).st_nlink == 0:
                self._begin_at(self.start)
            descriptor = self._open() if self._descriptor is None else self._descriptor
            _write(descriptor, line, self.end - self._gone, durable=durable)
            if durable and not self._is_filed:
                _sync_directory(self._path.parent)
                self._is_filed = True
            self.end += len(line)
            return self.name, self.end

    def read(self, place: int, max_entries: int) -> Part:
        """Up to `max_entries` entries from `place` on."""
        entries: list[Any] = []
        if place >= self.end:
            return Part(entries, place)
        with self._file() as file:
            file.seek(place - self._gone)
            while len(entries) < max_entries and place < self.end:
                line = file.readline()
                entry = _entry(line)
                if entry is not None:
                    entries.append(entry)
                place += len(line)
        return Part(entries, place)

    def forget(self, place: int) -> None:
        """Everything before `place` was delivered. The file goes when that is all of it. Raises `OSError`."""
        with self._lock:
            if place >= self.end:
                self._close()
                self._path.unlink(missing_ok=True)
                self.name = ""
                self.start = self.end = self._gone = 0
                self._is_filed = False
            elif place - self.start >= _FORGOTTEN_BYTES:
                self._begin_at(place)

    def close(self) -> None:
        """Close the file; what is in it stays for the next process."""
        with self._lock:
            self._close()

    def _close(self) -> None:
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None

    def _open(self) -> int:
        descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        self._descriptor = descriptor
        if self.end == 0:
            name = secrets.token_hex(8)
            header = _line({"journal": name})
            try:
                _write(descriptor, header, 0, durable=False)
            except OSError:
                self._close()
                raise
            self.name = name
            self.start = self.end = len(header)
        return descriptor

    def _file(self) -> BinaryIO:
        """While it is open, what somebody has deleted can still be read."""
        if self._descriptor is None:
            return self._path.open("rb")
        return os.fdopen(os.dup(self._descriptor), "rb")

    def _begin_at(self, place: int) -> None:
        """Write the file anew, without what is before `place`."""
        with self._file() as file:
            file.seek(place - self._gone)
            left = file.read(self.end - place)
        header = _line({"journal": self.name, "at": place})
        anew = self._path.with_suffix(".new")
        descriptor = os.open(anew, os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
        try:
            _write(descriptor, header + left, 0, durable=True)
            anew.replace(self._path)
            _sync_directory(self._path.parent)
        except OSError:
            os.close(descriptor)
            raise
        self._close()
        self._descriptor = descriptor
        self.start = place
        self._gone = place - len(header)

    def _adopt(self) -> None:
        with self._path.open("rb") as file:
            header = _entry(file.readline())
            if isinstance(header, dict) and isinstance(header.get("journal"), str):
                self.name = header["journal"]
                length = file.tell()
                self.start = self.end = header.get("at", length)
                self._gone = self.start - length
                place, damaged = self.start, 0
                for line in file:
                    place += len(line)
                    if _entry(line) is None:
                        damaged += 1
                    else:
                        self.end, self.damaged = place, damaged
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


def _write(descriptor: int, data: bytes, offset: int, *, durable: bool) -> None:
    """Raises `OSError` unless all of `data` was taken, and with `durable` reached the disk."""
    if os.pwrite(descriptor, data, offset) != len(data):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    if durable:
        os.fdatasync(descriptor)


def _sync_directory(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
