"""One file of the ladder's journal: chunks one after the other, and an index that finds a call's chunks.

A segment is appended to by one writer, then sealed: its index is written beside it, sorted by a hash of the
call id, so that finding a call costs one small file and no memory. A segment whose writer died is sealed at
the next start by walking it; a chunk that was cut short ends the walk.
"""

import os
import struct
import zlib
from array import array
from bisect import bisect_left
from collections.abc import Iterator
from hashlib import blake2b
from pathlib import Path
from typing import BinaryIO, NamedTuple

from trunkline.observe.message import FORMAT

SUFFIX = ".ladder"
INDEX_SUFFIX = ".index"

_FILE_MAGIC = b"trunkline ladder %d\n" % FORMAT
_CHUNK_MAGIC = b"CALL"
# magic, CRC of call id and payload, length of the call id, of the payload
_CHUNK = struct.Struct("<4sIHI")


def _hash(call_id: bytes) -> int:
    return int.from_bytes(blake2b(call_id, digest_size=8).digest(), "little")


def write_chunk(call_id: str, payload: bytes) -> bytes:
    """Frame and compress one call's payload."""
    name = call_id.encode("utf-8", "surrogateescape")[:1024]
    packed = zlib.compress(payload, level=1)
    return b"".join(
        (
            _CHUNK.pack(_CHUNK_MAGIC, zlib.crc32(packed, zlib.crc32(name)), len(name), len(packed)),
            name,
            packed,
        )
    )


class _Chunk(NamedTuple):
    name: bytes
    payload: bytes


def _read_chunk(file: BinaryIO, *, skip_payload: bool) -> _Chunk | None:
    """The chunk at the file's position, or None at the end or where it is damaged."""
    head = file.read(_CHUNK.size)
    if len(head) < _CHUNK.size:
        return None
    magic, crc, name_length, length = _CHUNK.unpack(head)
    if magic != _CHUNK_MAGIC:
        return None
    name = file.read(name_length)
    packed = file.read(length)
    if len(packed) < length or zlib.crc32(packed, zlib.crc32(name)) != crc:
        return None
    return _Chunk(name, b"" if skip_payload else zlib.decompress(packed))


class SealedSegment:
    """A segment that no longer grows, with its index on disk."""

    __slots__ = ("path", "size", "written_at")

    def __init__(self, path: Path) -> None:
        """Raises OSError when the files can't be read or the index can't be written."""
        self.path = path
        status = path.stat()
        self.size = status.st_size
        self.written_at = status.st_mtime
        """Wall clock of the last chunk."""
        if not self._index_path.exists():
            write_index(path, _walk(path))

    @property
    def _index_path(self) -> Path:
        return self.path.with_suffix(INDEX_SUFFIX)

    def read(self, call_id: str) -> list[bytes]:
        """Return the payloads of `call_id`, oldest first; none when it isn't here or the segment is gone by
        now."""
        try:
            index = memoryview(self._index_path.read_bytes())
        except FileNotFoundError:
            return []
        entries = len(index) // 16
        hashes = index[: 8 * entries].cast("Q")
        offsets = index[8 * entries : 16 * entries].cast("Q")
        wanted = _hash(call_id.encode("utf-8", "surrogateescape")[:1024])
        place = bisect_left(hashes, wanted)
        found: list[int] = []
        while place < entries and hashes[place] == wanted:
            found.append(offsets[place])
            place += 1
        return read_at(self.path, found, call_id)

    def delete(self) -> None:
        """Remove both files."""
        self.path.unlink(missing_ok=True)
        self._index_path.unlink(missing_ok=True)


class OpenSegment:
    """The one segment that is being written."""

    __slots__ = ("_file", "offsets", "opened_at", "path", "size")

    def __init__(self, path: Path, opened_at: float) -> None:
        """Create the file, readable by its owner only. Raises OSError, and leaves none then."""
        self.path = path
        self.opened_at = opened_at
        self.offsets: dict[str, list[int]] = {}
        self._file = os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb", buffering=0)
        try:
            self._put(_FILE_MAGIC)
        except OSError:
            # A full disk has room for the name. It would be in the way once there is room for more.
            self._file.close()
            path.unlink()
            raise
        self.size = len(_FILE_MAGIC)

    def append(self, chunks: list[tuple[str, bytes]]) -> list[tuple[str, int]]:
        """Write framed chunks, each with its call id, in one go, and return where each call's chunk lies.

        `note` then makes them findable. Raises OSError: the segment is then to be sealed.
        """
        self._put(b"".join(chunk for _, chunk in chunks))
        places: list[tuple[str, int]] = []
        for call_id, chunk in chunks:
            places.append((call_id, self.size))
            self.size += len(chunk)
        return places

    def _put(self, data: bytes) -> None:
        if self._file.write(data) != len(data):
            raise OSError(f"{self.path}: short write")

    def note(self, places: list[tuple[str, int]]) -> None:
        """Make what `append` wrote findable."""
        for call_id, offset in places:
            self.offsets.setdefault(call_id, []).append(offset)

    @property
    def is_deleted(self) -> bool:
        """Whether somebody has deleted the file meanwhile."""
        return os.fstat(self._file.fileno()).st_nlink == 0

    def close(self) -> None:
        """Leave a file that is deleted."""
        self._file.close()

    def seal(self) -> SealedSegment:
        """Close the file and write its index. Raises OSError."""
        self._file.close()
        write_index(
            self.path,
            (
                (call_id.encode("utf-8", "surrogateescape")[:1024], offset)
                for call_id, offsets in self.offsets.items()
                for offset in offsets
            ),
        )
        return SealedSegment(self.path)


def read_at(path: Path, offsets: list[int], call_id: str) -> list[bytes]:
    """Return the payloads of the chunks at `offsets` that are of `call_id`, skipping damaged ones."""
    if not offsets:
        return []
    name = call_id.encode("utf-8", "surrogateescape")[:1024]
    payloads: list[bytes] = []
    try:
        with path.open("rb") as file:
            for offset in sorted(offsets):
                file.seek(offset)
                chunk = _read_chunk(file, skip_payload=False)
                if chunk is not None and chunk.name == name:
                    payloads.append(chunk.payload)
    except FileNotFoundError:
        return []
    return payloads


def write_index(path: Path, entries: Iterator[tuple[bytes, int]]) -> None:
    """Write the index of the segment at `path` from its call ids and offsets. Raises OSError."""
    pairs = sorted((_hash(name), offset) for name, offset in entries)
    hashes = array("Q", (pair[0] for pair in pairs))
    offsets = array("Q", (pair[1] for pair in pairs))
    target = path.with_suffix(INDEX_SUFFIX)
    unfinished = target.with_suffix(".unfinished")
    unfinished.write_bytes(hashes.tobytes() + offsets.tobytes())
    unfinished.chmod(0o600)
    unfinished.replace(target)


def _walk(path: Path) -> Iterator[tuple[bytes, int]]:
    with path.open("rb") as file:
        if file.read(len(_FILE_MAGIC)) != _FILE_MAGIC:
            return
        while True:
            offset = file.tell()
            chunk = _read_chunk(file, skip_payload=True)
            if chunk is None:
                return
            yield chunk.name, offset
