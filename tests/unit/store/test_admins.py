"""Administrators and their passwords."""

from pathlib import Path

import pytest

from trunkline.errors import StoreError
from trunkline.store.admins import Admins
from trunkline.store.database import Database
from trunkline.store.errors import NotFoundError


@pytest.fixture
def admins(database: Database) -> Admins:
    return Admins(database)


def test_a_password_is_known_by_its_hash(admins: Admins, database: Database, file: Path) -> None:
    admins.set_password("root", "correct horse")
    assert admins.verify("root", "correct horse")
    assert not admins.verify("root", "wrong horse")
    assert not admins.verify("nobody", "correct horse")
    database.close()
    stored = b"".join(path.read_bytes() for path in file.parent.glob("trunkline.db*"))
    assert b"$argon2id$" in stored
    assert b"correct horse" not in stored


def test_another_password(admins: Admins) -> None:
    admins.set_password("root", "correct horse")
    admins.set_password("root", "battery staple")
    assert admins.verify("root", "battery staple")
    assert not admins.verify("root", "correct horse")
    assert admins.list() == ["root"]


def test_a_short_password_is_refused(admins: Admins) -> None:
    with pytest.raises(StoreError, match="at least 10 characters"):
        admins.set_password("root", "short")
    assert admins.list() == []


def test_removing(admins: Admins) -> None:
    admins.set_password("root", "correct horse")
    admins.remove("root")
    assert not admins.verify("root", "correct horse")
    with pytest.raises(NotFoundError, match="administrator 'root' does not exist"):
        admins.remove("root")
