"""A segment finds what was written, whatever happened to its tail or its index."""

from pathlib import Path

import pytest

from trunkline.observe.segment import INDEX_SUFFIX, SUFFIX, OpenSegment, SealedSegment, read_at, write_chunk


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / f"00000001{SUFFIX}"


def fill(path: Path, calls: dict[str, list[bytes]]) -> OpenSegment:
    segment = OpenSegment(path, 0.0)
    chunks = [(call, write_chunk(call, part)) for call, parts in calls.items() for part in parts]
    segment.note(segment.append(chunks))
    return segment


CALLS = {f"call-{n}": [b"payload %d " % n * 50] for n in range(100)} | {
    "twice": [b"one", b"two"],
    "zoë\udcff": [b"z"],
}


def test_sealed_segment_finds_every_call(path: Path) -> None:
    sealed = fill(path, CALLS).seal()
    assert {call: sealed.read(call) for call in CALLS} == CALLS
    assert sealed.read("unknown") == []
    assert sealed.size == path.stat().st_size


def test_open_segment_is_readable(path: Path) -> None:
    segment = fill(path, CALLS)
    assert read_at(path, segment.offsets["twice"], "twice") == [b"one", b"two"]
    segment.seal()


def test_segment_of_a_dead_writer_is_walked(path: Path) -> None:
    fill(path, CALLS).seal()
    path.with_suffix(INDEX_SUFFIX).unlink()
    assert SealedSegment(path).read("call-7") == CALLS["call-7"]


def test_cut_tail_loses_only_the_tail(path: Path) -> None:
    fill(path, {"first": [b"1" * 100], "last": [b"2" * 100]}).seal()
    path.with_suffix(INDEX_SUFFIX).unlink()
    path.write_bytes(path.read_bytes()[:-1])
    sealed = SealedSegment(path)
    assert sealed.read("first") == [b"1" * 100]
    assert sealed.read("last") == []


def test_damaged_chunk_is_not_given_out(path: Path) -> None:
    segment = fill(path, {"first": [b"1" * 100]})
    sealed = segment.seal()
    data = bytearray(path.read_bytes())
    data[-3] ^= 0xFF
    path.write_bytes(bytes(data))
    assert sealed.read("first") == []


def test_foreign_file_holds_nothing(path: Path) -> None:
    path.write_bytes(b"something else")
    assert SealedSegment(path).read("first") == []


def test_index_with_a_wrong_offset_finds_nothing(path: Path) -> None:
    sealed = fill(path, {"first": [b"1"]}).seal()
    index = path.with_suffix(INDEX_SUFFIX)
    index.write_bytes(index.read_bytes()[:8] + (10**6).to_bytes(8, "little"))
    assert sealed.read("first") == []


def test_index_that_leads_to_another_call_finds_nothing(path: Path) -> None:
    """As two call ids with one hash would."""
    sealed = fill(path, {"first": [b"1"], "other": [b"2"]}).seal()
    index = path.with_suffix(INDEX_SUFFIX)
    data = index.read_bytes()
    index.write_bytes(data[:16] + data[24:32] + data[16:24])
    assert sealed.read("first") == sealed.read("other") == []


def test_only_the_owner_may_read(path: Path) -> None:
    fill(path, CALLS).seal()
    assert path.stat().st_mode & 0o077 == 0
    assert path.with_suffix(INDEX_SUFFIX).stat().st_mode & 0o077 == 0


def test_deleted_segment_reads_as_empty(path: Path) -> None:
    sealed = fill(path, CALLS).seal()
    sealed.delete()
    assert sealed.read("call-7") == []
    assert list(path.parent.iterdir()) == []
