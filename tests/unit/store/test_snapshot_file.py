"""The last-known-good directory on disk."""

import json
from pathlib import Path

import pytest

from trunkline.store.loading import Group
from trunkline.store.snapshot_file import SnapshotFileError, StoredSnapshot, read_snapshot, write_snapshot
from trunkline.trunk.directory import Kind
from trunkline.trunk.forwarding import ForwardingList
from trunkline.trunk.number import Number
from trunkline.trunk.number_record import pack, servers_of
from trunkline.trunk.number_table import NumberTable

GROUPS: dict[Kind, list[Group]] = {
    Kind.ACCOUNT: [({"key": f"a{number}", "codecs": ["PCMA"]}, [{"id": number}]) for number in range(450)],
    Kind.CARRIER: [],
    Kind.ROUTE: [],
}
NUMBERS = [
    Number("441632960000", "acme", ForwardingList((), ("ä\udc80",), "")),
    *(
        Number(f"4930{number:08}", "acme", ForwardingList.parse(f"{number}@pbx.example"))
        for number in range(2499)
    ),
]


def loaded() -> NumberTable:
    table = NumberTable()
    for number in NUMBERS:
        table.append(number.e164, pack(number), servers_of(number))
    return table


STORED = StoredSnapshot(GROUPS, loaded(), 17, 1234.5)


def test_what_was_written_is_read(tmp_path: Path) -> None:
    path = tmp_path / "directory.json"
    write_snapshot(path, STORED)
    read = read_snapshot(path)
    assert read._replace(numbers=STORED.numbers) == STORED
    assert len(read.numbers) == 2500
    assert [read.numbers.number(number.e164) for number in NUMBERS] == NUMBERS
    assert list(read.numbers.servers()) == ["sip:pbx.example"]
    assert path.stat().st_mode & 0o777 == 0o600
    assert list(tmp_path.iterdir()) == [path]


def test_a_new_one_replaces_the_old_one(tmp_path: Path) -> None:
    path = tmp_path / "directory.json"
    write_snapshot(path, STORED)
    write_snapshot(path, STORED._replace(sequence=18))
    assert read_snapshot(path).sequence == 18


def test_it_is_cut_into_lines_of_bounded_size(tmp_path: Path) -> None:
    path = tmp_path / "directory.json"
    write_snapshot(path, STORED)
    lines = [json.loads(line) for line in path.read_bytes().splitlines()]
    assert [len(line[1]) for line in lines[1:-1]] == [100, 100, 100, 100, 50, 1000, 1000, 500]


def test_a_part_of_it_is_never_taken_for_the_whole(tmp_path: Path) -> None:
    path = tmp_path / "directory.json"
    write_snapshot(path, STORED)
    whole = path.read_bytes()
    for length in (0, 1, 50, len(whole) // 2, whole.rindex(b"\n", 0, -1) + 1, len(whole) - 3):
        path.write_bytes(whole[:length])
        with pytest.raises(SnapshotFileError, match="is damaged"):
            read_snapshot(path)


def test_a_changed_byte_is_noticed(tmp_path: Path) -> None:
    path = tmp_path / "directory.json"
    write_snapshot(path, STORED)
    whole = path.read_bytes()
    path.write_bytes(whole.replace(b"a449", b"a440"))
    with pytest.raises(SnapshotFileError, match="is damaged"):
        read_snapshot(path)


def test_missing_files_and_folders(tmp_path: Path) -> None:
    with pytest.raises(SnapshotFileError, match="does not exist: the database has not been read yet"):
        read_snapshot(tmp_path / "x")
    with pytest.raises(SnapshotFileError, match="can't be read"):
        read_snapshot(tmp_path)
    with pytest.raises(SnapshotFileError, match="can't be written"):
        write_snapshot(tmp_path / "nowhere" / "x", STORED)


def test_another_format_is_not_guessed_at(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "directory.json"
    monkeypatch.setattr("trunkline.store.snapshot_file._FORMAT", 99)
    write_snapshot(path, STORED)
    monkeypatch.undo()
    with pytest.raises(SnapshotFileError, match="another version"):
        read_snapshot(path)
