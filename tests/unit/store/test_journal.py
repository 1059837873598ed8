"""The file that holds records while the database is away."""

import os
from pathlib import Path

import pytest

from trunkline.store import journal as journal_module
from trunkline.store.journal import Journal, JournalFullError


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "records.journal"


def everything(journal: Journal) -> list[object]:
    entries: list[object] = []
    offset = journal.start
    while True:
        part, offset = journal.read(offset, 2)
        if not part:
            return entries
        entries += part


def test_entries_come_back_in_order_in_another_process_too(path: Path) -> None:
    journal = Journal(path)
    written = [[number, "ä\udc80", None, 1.5] for number in range(5)]
    for entry in written:
        journal.append(entry)
    assert everything(journal) == written
    journal.close()
    later = Journal(path)
    assert everything(later) == written
    assert (later.name, later.start, later.end) == (journal.name, journal.start, journal.end)
    assert path.stat().st_mode & 0o777 == 0o600


def test_there_is_no_file_while_there_is_nothing_to_hold(path: Path) -> None:
    journal = Journal(path)
    assert not path.exists()
    journal.append(1)
    journal.forget(journal.end)
    assert not path.exists()
    assert everything(journal) == []


def test_each_journal_has_its_own_name(path: Path) -> None:
    journal = Journal(path)
    journal.append(1)
    first = journal.name
    journal.forget(journal.end)
    journal.append(2)
    assert first
    assert journal.name not in {"", first}
    assert everything(journal) == [2]


def test_a_torn_line_is_left_out_and_written_over(path: Path) -> None:
    journal = Journal(path)
    for entry in ("one", "two", "three"):
        journal.append(entry)
    journal.close()
    whole = path.read_bytes()
    third = whole.rindex(b"\n", 0, -1) + 1
    for length in range(third, len(whole)):
        path.write_bytes(whole[:length])
        assert everything(Journal(path)) == ["one", "two"]
    path.write_bytes(whole[:-4])
    journal = Journal(path)
    journal.append("4")
    assert everything(journal) == ["one", "two", "4"]
    journal.close()
    assert everything(Journal(path))[:3] == ["one", "two", "4"]


def test_a_damaged_entry_is_left_out_alone(path: Path) -> None:
    journal = Journal(path)
    places = [journal.append(entry)[1] for entry in ("one", "two", "three", "four", "five")]
    journal.close()
    whole = path.read_bytes()
    path.write_bytes(
        whole.replace(b'"two"', b'"tvo"').replace(b'"three"', bytes(7)).replace(b"five", b"fife")
    )
    later = Journal(path)
    assert everything(later) == ["one", "four"]
    assert later.read(places[0], 1) == (["four"], places[3])
    assert (later.damaged, later.end) == (2, places[3]), "the last one is written over"
    later.append("6")
    later.close()
    assert everything(Journal(path)) == ["one", "four", "6"]


@pytest.mark.parametrize("content", [b"", b"hello\n", b"\0" * 100, b'00000000 {"journal":"x"}\n'])
def test_what_is_no_journal_is_set_aside(path: Path, content: bytes) -> None:
    path.write_bytes(content)
    journal = Journal(path)
    assert not path.exists()
    assert path.with_suffix(".unreadable").read_bytes() == content
    journal.append(1)
    assert everything(journal) == [1]


def test_it_grows_no_further_than_allowed(path: Path) -> None:
    journal = Journal(path, max_bytes=200)
    for _ in range(3):
        journal.append("x" * 30)
    size = journal.end
    with pytest.raises(JournalFullError, match="has reached 200 bytes"):
        journal.append("x" * 100)
    assert journal.end == size
    assert len(everything(journal)) == 3
    line = len(b'01234567 ""\n')
    with pytest.raises(JournalFullError):
        journal.append("x" * (200 - size - line + 1))
    journal.append("x" * (200 - size - line))
    assert path.stat().st_size == 200


def test_it_leaves_no_file_open(path: Path) -> None:
    before = _open_files()
    for number in range(3):
        journal = Journal(path)
        journal.append(number)
        assert everything(journal)
        if number:
            journal.forget(journal.end)
        else:
            journal.close()
    assert _open_files() == before


def _open_files() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


def test_it_opens_its_file_once(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    opened: list[Path] = []
    real = os.open

    def note(file: Path, flags: int, mode: int) -> int:
        opened.append(file)
        return real(file, flags, mode)

    monkeypatch.setattr(os, "open", note)
    journal = Journal(path)
    for number in range(3):
        journal.append(number, durable=False)
    assert opened == [path]


def test_a_folder_that_is_not_there(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "nowhere" / "x.journal")
    for _ in range(2):
        with pytest.raises(FileNotFoundError):
            journal.append(1)
    (tmp_path / "nowhere").mkdir()
    journal.append(1)
    assert everything(journal) == [1]


def test_a_full_disk_leaves_what_was_there(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    journal = Journal(path)
    journal.append("one")
    real = os.pwrite
    monkeypatch.setattr(os, "pwrite", lambda fd, data, offset: real(fd, data[:5], offset))
    with pytest.raises(OSError, match="No space left"):
        journal.append("two")
    monkeypatch.undo()
    assert everything(journal) == ["one"]
    journal.append("three")
    assert everything(journal) == ["one", "three"]
    journal.close()
    assert everything(Journal(path)) == ["one", "three"]


def test_a_header_that_could_not_be_written_is_written_later(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    journal = Journal(path)
    monkeypatch.setattr(os, "fdatasync", _fail)
    with pytest.raises(OSError, match="broken"):
        journal.append("one")
    monkeypatch.undo()
    journal.append("two")
    journal.close()
    assert everything(Journal(path)) == ["two"]


def _fail(_descriptor: int) -> None:
    raise OSError(5, "broken disk")


def test_what_was_forgotten_leaves_the_file_and_places_stay(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(journal_module, "_FORGOTTEN_BYTES", 500)
    journal = Journal(path)
    places = [journal.append([number, "x" * 40])[1] for number in range(100)]
    name = journal.name
    journal.forget(places[4])
    assert path.stat().st_size > 5000, "not for so little"
    journal.forget(places[89])
    assert path.stat().st_size < 800
    assert (journal.name, journal.start, journal.end) == (name, places[89], places[99])
    anew = path.stat().st_ino
    journal.forget(places[90])
    assert path.stat().st_ino == anew, "nor does it take into account what was forgotten before"
    assert journal.append("more") == (name, journal.end)
    expected = [[number, "x" * 40] for number in range(90, 100)] + ["more"]
    assert everything(journal) == expected
    assert journal.read(places[98], 2).entries == expected[-2:]
    journal.close()
    later = Journal(path)
    assert (later.name, later.start, later.end) == (name, places[89], journal.end)
    assert everything(later) == expected
    later.append("last")
    assert everything(Journal(path)) == [*expected, "last"]
    later.forget(later.end)
    assert not path.exists()


def test_it_may_hold_as_much_again_once_something_was_forgotten(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(journal_module, "_FORGOTTEN_BYTES", 100)
    journal = Journal(path, max_bytes=300)
    for _ in range(100):
        _, place = journal.append("x" * 30)
        journal.append("y" * 30)
        journal.forget(place)
    assert everything(journal)[-1] == "y" * 30


def test_what_need_not_survive_a_power_cut_is_not_synced_and_what_must_takes_it_along(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    synced: list[int] = []
    monkeypatch.setattr(os, "fdatasync", lambda _descriptor: synced.append(path.stat().st_size))
    filed: list[int] = []
    monkeypatch.setattr(os, "fsync", filed.append)
    journal = Journal(path)
    journal.append("one", durable=False)
    assert (synced, filed) == ([], [])
    assert everything(Journal(path)) == ["one"], "another process finds it"
    journal.append("two")
    journal.append("three")
    assert (len(synced), len(filed)) == (2, 1)
    journal.forget(journal.end)
    journal.append("in a new file")
    assert (len(synced), len(filed)) == (3, 2)


def test_one_whose_file_was_deleted_is_read_on_and_comes_back_with_the_next_entry(path: Path) -> None:
    journal = Journal(path)
    journal.append(1)
    name, place = journal.append(2)
    path.unlink()
    assert journal.read(journal.start, 10) == ([1, 2], place)
    assert journal.append(3)[0] == name
    journal.close()
    later = Journal(path)
    assert (later.name, everything(later)) == (name, [1, 2, 3])
    assert later.read(place, 10).entries == [3], "places stay"
    later.forget(later.end)
    assert not path.exists()
