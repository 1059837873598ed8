"""Ladders outlive the process, within their bounds of age and size."""

import os
import random
import shutil
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import BinaryIO, cast

import pytest
from structlog.testing import capture_logs

from trunkline.observe import journal as journal_module
from trunkline.observe.journal import Journal, read_ladder
from trunkline.observe.message import LadderMessage
from trunkline.observe.segment import SUFFIX, write_chunk
from trunkline.sip.ports import Address, Transport

HERE = Address("192.0.2.1", 5060)
THERE = Address("192.0.2.9", 5060)


def ladder(data: bytes = b"INVITE sip:1@h SIP/2.0\r\n\r\n") -> list[LadderMessage]:
    return [LadderMessage(1000.0, 0, False, Transport.UDP, HERE, THERE, data)]


Opener = Callable[..., Journal]


@pytest.fixture
def open_journal(tmp_path: Path) -> Iterator[Opener]:
    opened: list[Journal] = []

    def opener(**options: float) -> Journal:
        arguments = {"keep_s": 1e9, "max_bytes": 1 << 24} | options
        opened.append(Journal(tmp_path / "ladder", **arguments))  # type: ignore[arg-type]
        return opened[-1]

    yield opener
    for journal in opened:
        if journal._thread.is_alive():
            journal.close()


def test_read_before_and_after_the_write(open_journal: Opener) -> None:
    journal = open_journal()
    journal.append([("a", ladder(b"1")), ("b", ladder(b"2"))])
    assert journal.read("a") == ladder(b"1")
    journal.wait_written()
    assert journal.read("b") == ladder(b"2")
    assert journal.read("unknown") == []


def test_parts_of_a_call_are_read_in_order(open_journal: Opener) -> None:
    journal = open_journal(max_bytes=8 << 16)
    parts = [random.Random(n).randbytes(1 << 16) for n in range(3)]
    for part in parts:
        journal.append([("a", ladder(part))])
        assert [message.data for message in journal.read("a")] == parts[: parts.index(part) + 1]
    journal.wait_written()
    assert [message.data for message in journal.read("a")] == parts


def test_found_after_a_restart(open_journal: Opener) -> None:
    first = open_journal()
    first.append([("a", ladder(b"1"))])
    first.close()
    assert first.read("a") == ladder(b"1")
    second = open_journal()
    assert second.read("a") == ladder(b"1")
    second.append([("b", ladder(b"2"))])
    second.wait_written()
    assert second.read("b") == ladder(b"2")


def test_found_after_a_crash(open_journal: Opener, tmp_path: Path) -> None:
    dead = open_journal()
    dead.append([("a", ladder(b"1"))])
    dead.wait_written()
    assert open_journal().read("a") == ladder(b"1")


def test_segments_rotate_and_all_are_searched(open_journal: Opener, tmp_path: Path) -> None:
    journal = open_journal(max_bytes=8 << 16)
    noise = random.Random(1)
    for n in range(5):
        journal.append([(f"c{n}", ladder(noise.randbytes(1 << 16)))])
    journal.wait_written()
    assert len(list((tmp_path / "ladder").glob(f"*{SUFFIX}"))) == 5
    noise = random.Random(1)
    assert [journal.read(f"c{n}")[0].data for n in range(5)] == [noise.randbytes(1 << 16) for _ in range(5)]


def test_oldest_go_when_it_grows_too_large(open_journal: Opener, tmp_path: Path) -> None:
    journal = open_journal(max_bytes=8 << 16)
    noise = random.Random(1)
    for n in range(20):
        journal.append([(f"c{n}", ladder(noise.randbytes(1 << 16)))])
        journal.wait_written()
        assert journal.size <= 9 << 16
    on_disk = sum(path.stat().st_size for path in (tmp_path / "ladder").glob(f"*{SUFFIX}"))
    assert on_disk == journal.size
    assert journal.read("c0") == []
    assert journal.read("c19") != []


def test_bounds_may_change_while_it_runs(open_journal: Opener) -> None:
    journal = open_journal(max_bytes=8 << 16)
    noise = random.Random(1)
    for n in range(4):
        journal.append([(f"c{n}", ladder(noise.randbytes(1 << 16)))])
    journal.max_bytes = 2 << 16
    journal.append([("last", ladder(noise.randbytes(1 << 10)))])
    journal.wait_written()
    assert journal.read("c0") == []
    assert journal.read("last") != []


def test_old_segments_go(open_journal: Opener, tmp_path: Path) -> None:
    journal = open_journal()
    journal.append([("old", ladder())])
    journal.close()
    for path in (tmp_path / "ladder").iterdir():
        os.utime(path, (1000.0, 1000.0))
    assert open_journal(keep_s=3600.0).read("old") == []


def test_a_segment_of_many_small_calls_is_sealed(
    open_journal: Opener, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(journal_module, "MAX_CALLS", 10)
    journal = open_journal()
    for n in range(25):
        journal.append([(f"c{n}", ladder())])
        journal.wait_written()
    assert len(list((tmp_path / "ladder").glob(f"*{SUFFIX}"))) == 3
    assert all(journal.read(f"c{n}") for n in range(25))


def test_a_quiet_segment_is_sealed_by_age(open_journal: Opener, tmp_path: Path) -> None:
    now = 1e9
    journal = open_journal(keep_s=800.0, wall=lambda: now)
    journal.append([("a", ladder())])
    journal.wait_written()
    now += 101.0
    journal.append([("b", ladder())])
    journal.append([("c", ladder())])
    journal.wait_written()
    assert len(list((tmp_path / "ladder").glob(f"*{SUFFIX}"))) == 2
    assert all(journal.read(call) for call in "abc")


def test_a_failing_disk_drops_and_recovers(
    open_journal: Opener, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    journal = open_journal()

    def full(path: Path, opened_at: float) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(journal_module, "OpenSegment", full)
        journal.append([("lost", ladder())])
        journal.wait_written()
    assert journal.dropped == 1
    assert journal.read("lost") == []
    journal.append([("kept", ladder())])
    journal.wait_written()
    assert journal.read("kept") == ladder()


@pytest.mark.parametrize("taken", [None, 3])
def test_a_disk_that_has_room_for_a_name_alone_is_written_once_it_has_more(
    open_journal: Opener, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, taken: int | None
) -> None:
    """A file can be made on a full disk; of what is written `taken` bytes fit, or none, which is said."""
    journal = open_journal()
    real = os.fdopen

    def full(descriptor: int, mode: str, buffering: int = -1) -> BinaryIO:
        file = cast("BinaryIO", real(descriptor, mode, buffering))

        def write(data: bytes) -> int:
            if taken is None:
                raise OSError(28, "No space left on device")
            return file.write(data[:taken])

        return cast("BinaryIO", SimpleNamespace(write=write, close=file.close))

    with monkeypatch.context() as patch, capture_logs() as logs:
        patch.setattr(os, "fdopen", full)
        for call_id in ("lost", "lost too"):
            journal.append([(call_id, ladder())])
            journal.wait_written()
    assert [line["event"] for line in logs] == ["ladder journal fails"], "once"
    assert journal.dropped == 2
    assert list((tmp_path / "ladder").iterdir()) == []
    journal.append([("kept", ladder())])
    journal.wait_written()
    assert journal.read("kept") == ladder()
    journal.close()
    assert open_journal().read("kept") == ladder()


@pytest.mark.parametrize("whole", [False, True])
def test_what_somebody_deletes_to_free_the_disk_costs_what_was_there_alone(
    open_journal: Opener, tmp_path: Path, whole: bool
) -> None:
    journal = open_journal()
    journal.append([("a", ladder())])
    journal.wait_written()
    if whole:
        shutil.rmtree(tmp_path / "ladder")
    else:
        for path in (tmp_path / "ladder").iterdir():
            path.unlink()
    for call_id in "bc":
        journal.append([(call_id, ladder(call_id.encode()))])
        journal.wait_written()
    assert (journal.read("a"), journal.dropped) == ([], 0)
    for call_id in "bc":
        assert journal.read(call_id) == ladder(call_id.encode())
    journal.close()
    assert read_ladder(tmp_path / "ladder", "b") == [one.masked() for one in ladder(b"b")]


def test_a_slow_disk_drops_and_never_blocks(open_journal: Opener, monkeypatch: pytest.MonkeyPatch) -> None:
    entered, go_on = threading.Event(), threading.Event()

    def slowly(call_id: str, payload: bytes) -> bytes:
        entered.set()
        go_on.wait()
        return write_chunk(call_id, payload)

    monkeypatch.setattr(journal_module, "write_chunk", slowly)
    journal = open_journal()
    journal.append([("first", ladder())])
    entered.wait()
    for n in range(journal_module.MAX_BATCHES):
        journal.append([(f"c{n}", ladder())])
    assert journal.dropped == 0
    journal.append([("lost", ladder())])
    assert journal.dropped == 1
    assert journal.read("lost") == []
    go_on.set()
    journal.wait_written()
    assert journal.read("c31") == ladder()


def test_folder_is_private(open_journal: Opener, tmp_path: Path) -> None:
    open_journal()
    assert (tmp_path / "ladder").stat().st_mode & 0o077 == 0


def test_a_journal_that_nobody_writes_is_read_from_its_files(open_journal: Opener, tmp_path: Path) -> None:
    secret = b'INVITE sip:1@h SIP/2.0\r\nProxy-Authorization: Digest response="abc"\r\n\r\n'
    for part in (b"1", secret):
        journal = open_journal()
        journal.append([("a", ladder(part)), ("b", ladder(b"2"))])
        journal.close()
    first, second = read_ladder(tmp_path / "ladder", "a")
    assert first.data == b"1"
    assert second.data.startswith(b"INVITE sip:1@h SIP/2.0\r\n")
    assert b"abc" not in second.data
    assert read_ladder(tmp_path / "ladder", "unknown") == []
    assert read_ladder(tmp_path / "nowhere", "a") == []
