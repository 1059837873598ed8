"""The ladders of ended calls, on disk: appended by a thread of its own, found by call id, pruned by age and
size.

Files and not the database (docs/adr): a ladder is written once, read hardly ever, and ten times the size of
all else that a call leaves. Losing the last second of it in a crash harms nobody, so nothing is synced.

What somebody deletes to free the disk is gone, and nothing else: the next ladder begins a new segment.

Overflow: when the disk falls behind by `MAX_BATCHES` batches, further ladders are dropped and counted. A
failing disk is logged once, and tried again with every batch.
"""

import contextlib
import queue
import threading
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

import structlog

from trunkline.observe.message import LadderMessage, pack, unpack
from trunkline.observe.segment import SUFFIX, OpenSegment, SealedSegment, read_at, write_chunk

MAX_BATCHES = 32
MAX_CALLS = 8192
"""A segment is sealed at this many calls at the latest: until then, they are found through memory."""
_TICK_S = 60.0
"""How often an idle writer looks for what is to be sealed or pruned."""

Ladder = tuple[str, Sequence[LadderMessage]]
"""A call id and the messages of that call, oldest first."""


def read_ladder(folder: Path, call_id: str) -> list[LadderMessage]:
    """The messages of a call from a journal that no node is writing, without secrets; none when unknown.
    Raises OSError.
    """
    messages: list[LadderMessage] = []
    for path in sorted(folder.glob("[0-9]" * 8 + SUFFIX)):
        for payload in SealedSegment(path).read(call_id):
            with contextlib.suppress(ValueError):
                messages += unpack(payload)
    return [message.masked() for message in messages]


class Journal:
    """The journal in one folder. `append` never blocks; `read` may be called from any thread and touches the
    disk."""

    def __init__(
        self,
        folder: Path,
        *,
        keep_s: float,
        max_bytes: int,
        wall: Callable[[], float] = time.time,
    ) -> None:
        """Create `folder` if need be, seal what a crash left open, prune, and start the writer. Raises
        OSError."""
        self._folder = folder
        self.keep_s = keep_s
        """How long ladders are kept. May be changed at any time."""
        self.max_bytes = max_bytes
        """How much disk they may take. May be changed at any time."""
        self._wall = wall
        self._log = structlog.get_logger()
        self._lock = threading.Lock()
        self._pending: dict[str, list[Sequence[LadderMessage]]] = {}
        self._open: OpenSegment | None = None
        self._failing = False
        self.dropped = 0
        """Ladders not written: the disk was behind, or failed."""
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._sealed = [SealedSegment(path) for path in sorted(folder.glob("[0-9]" * 8 + SUFFIX))]
        self._next = int(self._sealed[-1].path.stem) + 1 if self._sealed else 1
        self._prune()
        self._queue: queue.Queue[Sequence[Ladder] | None] = queue.Queue(MAX_BATCHES)
        self._thread = threading.Thread(target=self._write, name="ladder-journal", daemon=True)
        self._thread.start()

    def append(self, batch: Sequence[Ladder]) -> None:
        """Hand over ladders, or further parts of ladders. From here on `read` finds them."""
        with self._lock:
            for call_id, messages in batch:
                self._pending.setdefault(call_id, []).append(messages)
        try:
            self._queue.put_nowait(batch)
        except queue.Full:
            self.dropped += len(batch)
            with self._lock:
                self._forget_pending(batch)

    def read(self, call_id: str) -> list[LadderMessage]:
        """Return the messages of a call, oldest first; none when it is unknown, pruned or damaged. Raises
        OSError."""
        with self._lock:
            pending = list(self._pending.get(call_id, ()))
            segments = list(self._sealed)
            offsets = list(self._open.offsets.get(call_id, ())) if self._open is not None else []
            path = self._open.path if self._open is not None else None
        payloads = [payload for segment in segments for payload in segment.read(call_id)]
        if path is not None:
            payloads += read_at(path, offsets, call_id)
        messages: list[LadderMessage] = []
        for payload in payloads:
            with contextlib.suppress(ValueError):
                messages += unpack(payload)
        for part in pending:
            messages += part
        return messages

    def wait_written(self) -> None:
        """Block until everything appended so far is in the files (or dropped)."""
        self._queue.join()

    @property
    def size(self) -> int:
        """Bytes on disk, the indexes not counted."""
        with self._lock:
            return sum(segment.size for segment in self._sealed) + (
                self._open.size if self._open is not None else 0
            )

    def close(self) -> None:
        """Write what is left, seal the segment and end the thread."""
        self._queue.put(None)
        self._thread.join()

    def _forget_pending(self, batch: Sequence[Ladder]) -> None:
        for call_id, messages in batch:
            parts = self._pending[call_id]
            parts.remove(messages)
            if not parts:
                del self._pending[call_id]

    def _write(self) -> None:
        """The writer thread."""
        while True:
            try:
                batch = self._queue.get(timeout=_TICK_S)
            except queue.Empty:
                self._guarded(self._tend)
                continue
            if batch is None:
                self._guarded(self._seal)
                self._queue.task_done()
                return
            if self._guarded(partial(self._append, batch)):
                self._failing = False
            else:
                self.dropped += len(batch)
                with self._lock:
                    self._forget_pending(batch)
            self._guarded(self._tend)
            self._queue.task_done()

    def _guarded(self, step: Callable[[], None]) -> bool:
        """Run `step`; log the first failure since something was written, and carry on."""
        try:
            step()
        except OSError as error:
            if not self._failing:
                self._log.error("ladder journal fails", folder=str(self._folder), error=str(error))
            self._failing = True
            return False
        return True

    def _append(self, batch: Sequence[Ladder]) -> None:
        chunks = [(call_id, write_chunk(call_id, pack(messages))) for call_id, messages in batch]
        if self._open is not None and self._open.is_deleted:
            with self._lock:
                self._open.close()
                self._open = None
        if self._open is None:
            self._folder.mkdir(mode=0o700, exist_ok=True)
            segment = OpenSegment(self._folder / f"{self._next:08}{SUFFIX}", self._wall())
            self._next += 1
            self._open = segment
        try:
            places = self._open.append(chunks)
        except OSError:
            self._seal()
            raise
        # In one step, so that a reader sees each ladder once: either still pending or in the file.
        with self._lock:
            self._open.note(places)
            self._forget_pending(batch)

    def _tend(self) -> None:
        """Seal the open segment when it is full or old, then prune."""
        segment = self._open
        if segment is not None and (
            segment.size >= max(1 << 16, min(16 << 20, self.max_bytes // 8))
            or len(segment.offsets) >= MAX_CALLS
            or self._wall() - segment.opened_at >= min(3600.0, max(1.0, self.keep_s / 8))
        ):
            self._seal()
        self._prune()

    def _seal(self) -> None:
        if self._open is None:
            return
        try:
            sealed = self._open.seal()
        except OSError:
            # What it holds is found again at the next start, when the segment is walked.
            self._open = None
            raise
        with self._lock:
            self._sealed.append(sealed)
            self._open = None

    def _prune(self) -> None:
        """Delete the oldest segments while they are too old or all together too large."""
        oldest_kept = self._wall() - self.keep_s
        while self._sealed and (self._sealed[0].written_at < oldest_kept or self.size > self.max_bytes):
            with self._lock:
                segment = self._sealed.pop(0)
            segment.delete()
