"""The ban list at rest."""

import pytest

from trunkline.store import bans as module
from trunkline.store import changes
from trunkline.store.bans import Bans, StoredBan, prune_bans
from trunkline.store.database import Database
from trunkline.store.errors import NotFoundError

FOREVER = StoredBan("198.51.100.7", "rude", 3, 10.0, None)
BRIEF = StoredBan("2001:db8::/64", "too many requests", 1, 20.0, 100.0)


def test_those_that_hold_are_listed_newest_first(database: Database) -> None:
    bans = Bans(database, lambda: 99.0)
    bans.add(FOREVER)
    bans.add(BRIEF)
    assert bans.list() == [BRIEF, FOREVER]
    assert Bans(database, lambda: 100.0).list() == [FOREVER]


def test_a_second_ban_replaces_the_first(database: Database) -> None:
    bans = Bans(database, lambda: 0.0)
    bans.add(FOREVER)
    bans.add(FOREVER._replace(reason="very rude"))
    assert [ban.reason for ban in bans.list()] == ["very rude"]


def test_lifting(database: Database) -> None:
    bans = Bans(database)
    bans.add(FOREVER)
    bans.lift(FOREVER.source)
    assert bans.list() == []
    with pytest.raises(
        NotFoundError, match=r"ban '198\.51\.100\.7' does not exist; trunkline ban list shows them"
    ):
        bans.lift(FOREVER.source)


def test_an_operators_changes_are_noted_for_running_nodes(database: Database) -> None:
    bans = Bans(database)
    bans.add(FOREVER)
    bans.lift(FOREVER.source)
    with database.read() as connection:
        notes = changes.since(connection, 0)
    assert [(note.kind, note.key) for note in notes or []] == [("ban", FOREVER.source)] * 2


def test_those_that_are_over_are_forgotten(database: Database) -> None:
    bans = Bans(database, lambda: 99.0)
    bans.add(FOREVER)
    bans.add(BRIEF)
    assert prune_bans(database, 99.0, 10) == 0
    assert prune_bans(database, 100.0, 10) == 1
    assert prune_bans(database, 1e9, 10) == 0


def test_no_more_are_listed_than_a_node_holds(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST", 1)
    bans = Bans(database, lambda: 99.0)
    bans.add(FOREVER)
    bans.add(BRIEF)
    assert bans.list() == [FOREVER], "the one that rests on more"
    bans.add(FOREVER._replace(source="192.0.2.9", since_at=FOREVER.since_at + 1))
    assert [ban.source for ban in bans.list()] == ["192.0.2.9"]
