"""Connections: what is set on them, and what goes wrong with them."""

import contextlib
import os
import shutil
import sqlite3
from pathlib import Path

import pytest
import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError

from trunkline.store import schema
from trunkline.store.database import Database
from trunkline.store.errors import DatabaseError


def put(database: Database, name: str, value: str = "v") -> None:
    with database.write() as connection:
        connection.execute(schema.meta.insert().values(name=name, value=value))


def names(database: Database) -> list[str]:
    with database.read() as connection:
        return list(connection.execute(sa.select(schema.meta.c.name)).scalars())


def test_sqlite_is_set_up(file: Path, database: Database) -> None:
    with database.read() as connection:
        pragmas = {
            name: connection.exec_driver_sql(f"PRAGMA {name}").scalar()
            for name in ("journal_mode", "foreign_keys", "synchronous", "busy_timeout", "journal_size_limit")
        }
    assert pragmas == {
        "journal_mode": "wal",
        "foreign_keys": 1,
        "synchronous": 2,
        "busy_timeout": 5000,
        "journal_size_limit": 16 * 1024 * 1024,
    }


def test_a_write_is_all_or_nothing(database: Database) -> None:
    def fail() -> None:
        with database.write() as connection:
            connection.execute(schema.meta.insert().values(name="a", value="v"))
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail()
    assert names(database) == []
    put(database, "b")
    assert names(database) == ["b"]


def test_a_reader_sees_one_state_while_another_writes(database: Database) -> None:
    put(database, "a")
    with database.read() as connection:
        count = sa.select(sa.func.count()).select_from(schema.meta)
        assert connection.execute(count).scalar() == 1
        put(database, "b")
        assert connection.execute(count).scalar() == 1
    assert len(names(database)) == 2


def test_a_second_writer_waits_and_then_says_why(url: str, database: Database) -> None:
    impatient = Database(url, busy_timeout_ms=0, answer_s=0.05)
    with (
        database.write(),
        pytest.raises(DatabaseError, match=r"database is locked|statement timeout|does not answer"),
    ):
        put(impatient, "a")
    put(database, "a")
    impatient.close()


def test_a_transaction_that_reads_first_may_write(url: str, database: Database) -> None:
    """Not so with BEGIN: it would fail with SQLITE_BUSY_SNAPSHOT after the other one's commit."""
    impatient = Database(url, busy_timeout_ms=0, answer_s=0.05)
    with database.write() as connection:
        connection.execute(sa.select(schema.meta)).all()
        with pytest.raises(DatabaseError):
            put(impatient, "b")
        connection.execute(schema.meta.insert().values(name="a", value="v"))
    assert names(database) == ["a"]
    impatient.close()


def test_constraints_hold(database: Database) -> None:
    put(database, "a")
    with pytest.raises(IntegrityError):
        put(database, "a")
    with pytest.raises(IntegrityError), database.write() as connection:
        connection.execute(schema.endpoint.insert().values(number="1", position=1, uri="", media="", text=""))


def test_foreign_keys_can_be_left_out(file: Path, url: str) -> None:
    database = Database(url, foreign_keys=False)
    with database.write() as connection:
        connection.execute(schema.endpoint.insert().values(number="1", position=1, uri="", media="", text=""))
    database.close()


def names_at(url: str) -> None:
    """Look for names there."""
    with contextlib.closing(Database(url)) as database:
        names(database)


@pytest.mark.parametrize("url", ["", "nonsense", "oracle99://h/d", "mysql+nodriver://h/d"])
def test_a_url_that_can_not_be_used(url: str) -> None:
    with pytest.raises(DatabaseError) as caught:
        Database(url).read().__enter__()
    assert "\n" not in str(caught.value)


def test_a_database_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(DatabaseError, match="unable to open database file"):
        names_at(f"sqlite:///{tmp_path}/nowhere/x.db")


def test_a_file_that_is_no_database(tmp_path: Path) -> None:
    path = tmp_path / "x.db"
    path.write_bytes(b"not a database at all, but long enough to be looked at" * 20)
    with pytest.raises(DatabaseError, match="file is not a database"):
        names_at(f"sqlite:///{path}")


def test_a_missing_table_is_a_database_error(tmp_path: Path) -> None:
    sqlite3.connect(tmp_path / "x.db").close()
    with pytest.raises(DatabaseError, match="no such table: meta"):
        names_at(f"sqlite:///{tmp_path}/x.db")


def test_a_password_is_not_shown() -> None:
    database = Database("sqlite:///x.db")
    assert database.name == "sqlite:///x.db"
    assert database.dialect == "sqlite"
    with pytest.raises(DatabaseError) as caught:
        Database("nodialect://user:s3cret@h/d")
    assert "s3cret" not in str(caught.value)


def test_a_commit_can_leave_the_disk_for_later(file: Path, url: str) -> None:
    database = Database(url, durable=False)
    with database.read() as connection:
        assert connection.exec_driver_sql("PRAGMA synchronous").scalar() == 1
    database.close()


def test_a_new_file_is_its_owners_alone(tmp_path: Path) -> None:
    """It holds the HA1 of every account; what SQLite puts beside it has the same mode."""
    before = os.umask(0o022)
    try:
        database = Database(f"sqlite:///{tmp_path}/new.db")
        with database.write() as connection:
            connection.execute(sa.text("CREATE TABLE t (x)"))
        assert {file.name: file.stat().st_mode & 0o777 for file in tmp_path.iterdir()} == {
            "new.db": 0o600,
            "new.db-wal": 0o600,
            "new.db-shm": 0o600,
        }
        database.close()
    finally:
        os.umask(before)


def test_a_file_that_this_user_may_not_have_is_named_in_the_cause(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """SQLite says "unable to open database file" and no more."""
    (tmp_path / "there").mkdir()
    real = os.access
    monkeypatch.setattr(
        os,
        "access",
        lambda path, wanted: real(path, wanted) if wanted == os.F_OK else path != tmp_path / "there",
    )
    database = Database(f"sqlite:///{tmp_path}/there/x/t.db")
    with pytest.raises(DatabaseError) as caught, database.read():
        pass
    assert not isinstance(caught.value.__cause__, PermissionError), "no such folder"
    database = Database(f"sqlite:///{tmp_path}/there")
    with pytest.raises(DatabaseError) as caught, database.read():
        pass
    assert isinstance(caught.value.__cause__, PermissionError)
    assert caught.value.__cause__.filename == str(tmp_path / "there")


def test_a_file_that_is_deleted_is_gone_until_it_is_put_back(
    tmp_path: Path, file: Path, url: str, database: Database
) -> None:
    """What is written to a ghost nobody finds again, and an empty file would look like no installation."""
    put(database, "a")
    database.close()
    shutil.copy(file, tmp_path / "backup.db")
    assert names(database) == ["a"]
    file.unlink()
    for work in (lambda: put(database, "b"), lambda: names(database)):
        with pytest.raises(DatabaseError, match=r"trunkline\.db is gone; restore it from a backup"):
            work()
    assert not file.exists()
    (tmp_path / "backup.db").replace(file)
    put(database, "c")
    assert names(database) == ["a", "c"]
    other = Database(url)
    assert names(other) == ["a", "c"]
    other.close()


def test_a_file_that_takes_the_place_of_another_is_read(
    tmp_path: Path, file: Path, database: Database
) -> None:
    put(database, "a")
    database.close()
    shutil.copy(file, tmp_path / "other.db")
    put(database, "b")
    database.close()
    assert names(database) == ["a", "b"]
    (tmp_path / "other.db").replace(file)
    assert names(database) == ["a"]
