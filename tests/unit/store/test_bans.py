"""The ban list at rest."""

import pytest
import sqlalchemy as sa

from trunkline.store import bans as module
from trunkline.store import schema
from trunkline.store.audit import Author, Trail, Via
from trunkline.store.bans import Bans, StoredBan, prune_bans
from trunkline.store.database import Database

ORDERED = StoredBan("198.51.100.7", "rude", 3, 10.0, 1000.0)
BRIEF = StoredBan("2001:db8::/64", "too many requests", 1, 20.0, 100.0)


def keep(database: Database, *bans: StoredBan) -> None:
    with database.write() as connection:
        connection.execute(schema.ban.insert(), [ban._asdict() for ban in bans])


def test_those_that_hold_are_listed_newest_first(database: Database) -> None:
    keep(database, ORDERED, BRIEF)
    assert Bans(database, lambda: 99.0).list() == [BRIEF, ORDERED]
    assert Bans(database, lambda: 100.0).list() == [ORDERED]


def test_what_an_operator_had_done_is_in_the_audit_trail(database: Database) -> None:
    author = Author("root", Via.COMMAND_LINE)
    Bans(database, trail=Trail(author)).told("198.51.100.7", "add", {"reason": "rude", "for_s": 60.0})
    with database.read() as connection:
        [row] = connection.execute(sa.select(schema.audit)).mappings()
    assert (row["author"], row["action"], row["kind"], row["key"]) == ("root", "add", "ban", "198.51.100.7")
    assert row["after"] == {"reason": "rude", "for_s": 60.0}


def test_those_that_are_over_are_forgotten(database: Database) -> None:
    keep(database, ORDERED, BRIEF)
    assert prune_bans(database, 99.0, 10) == 0
    assert prune_bans(database, 100.0, 10) == 1
    assert prune_bans(database, 1e9, 10) == 1


def test_no_more_are_listed_than_a_node_holds(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST", 1)
    bans = Bans(database, lambda: 99.0)
    keep(database, ORDERED, BRIEF)
    assert bans.list() == [ORDERED], "the one that rests on more"
    keep(database, ORDERED._replace(source="192.0.2.9", since_at=ORDERED.since_at + 1))
    assert [ban.source for ban in bans.list()] == ["192.0.2.9"]
