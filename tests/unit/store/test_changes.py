"""The sequence of changes."""

from concurrent.futures import ThreadPoolExecutor

import pytest
import sqlalchemy as sa

from trunkline.store import changes, schema
from trunkline.store.database import Database


def note(database: Database, *keys: str) -> None:
    with database.write() as connection:
        for key in keys:
            changes.note(connection, "account", key, 1.0)


def since(database: Database, sequence: int) -> list[str] | None:
    with database.read() as connection:
        notes = changes.since(connection, sequence)
        return None if notes is None else [item.key for item in notes]


def latest(database: Database) -> int:
    with database.read() as connection:
        return changes.latest(connection)


def test_notes_come_back_in_order(database: Database) -> None:
    assert latest(database) == 0
    assert since(database, 0) == []
    note(database, "a", "b", "c")
    assert latest(database) == 3
    assert since(database, 0) == ["a", "b", "c"]
    assert since(database, 2) == ["c"]
    assert since(database, 3) == []


def test_numbers_are_not_used_again(database: Database) -> None:
    note(database, "a", "b")
    with database.write() as connection:
        connection.execute(schema.change.delete())
    note(database, "c")
    assert latest(database) == 3


def test_what_is_no_longer_known_is_said(database: Database) -> None:
    note(database, "a", "b", "c")
    with database.write() as connection:
        connection.execute(schema.change.delete().where(schema.change.c.sequence <= 2))
    assert since(database, 0) is None
    assert since(database, 1) is None
    assert since(database, 3) == []


def test_a_sequence_from_another_database_is_not_trusted(database: Database) -> None:
    note(database, "a")
    assert since(database, 7) is None


def test_old_notes_are_removed(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(changes, "KEPT", 50)
    note(database, *("x" for _ in range(200)))
    with database.read() as connection:
        kept = connection.execute(sa.select(sa.func.count()).select_from(schema.change)).scalar()
    assert kept == 50
    assert since(database, 151) is not None
    assert since(database, 150) is None


def test_a_reader_misses_nothing_of_several_writers(database: Database) -> None:
    """Notes become visible in the order of their numbers."""
    seen: list[str] = []
    position = 0

    def write(number: int) -> None:
        for step in range(20):
            note(database, f"{number}-{step}")

    with ThreadPoolExecutor(6) as pool:
        writers = [pool.submit(write, number) for number in range(6)]
        while True:
            done = all(writer.done() for writer in writers)
            with database.read() as connection:
                found = changes.since(connection, position)
            assert found is not None
            seen += [item.key for item in found]
            position = found[-1].sequence if found else position
            if done:
                break
    assert sorted(seen) == sorted(f"{number}-{step}" for number in range(6) for step in range(20))
