"""`trunkline.web.banning`: sources that an operator turns away or lets in again."""

from typing import cast

import pytest

from trunkline.errors import DirectoryError
from trunkline.store.bans import Bans
from trunkline.store.database import Database
from trunkline.store.errors import DatabaseError
from trunkline.web.banning import MAX_REASON, MAX_S, let_in, turn_away
from trunkline.web.control_client import ControlClient
from trunkline.web.views import BanView


class Node:
    """What is asked of a node."""

    def __init__(self) -> None:
        self.banned: dict[str, float] = {}

    def ban(self, source: str, reason: str, for_s: float) -> BanView:
        self.banned[source] = for_s
        return BanView(source, reason, for_s)

    def lift_ban(self, source: str) -> bool:
        return self.banned.pop(source, None) is not None

    @property
    def line(self) -> ControlClient:
        return cast("ControlClient", self)


class Heard(Bans):
    """Remembers what the audit trail is told."""

    def __init__(self) -> None:
        super().__init__(cast("Database", None))
        self.heard: list[tuple[str, str]] = []
        self.away = False

    def told(self, source: str, action: str, after: object = None) -> None:
        if self.away:
            raise DatabaseError("database is locked")
        self.heard.append((source, action))


def test_it_is_done_and_told() -> None:
    node, bans = Node(), Heard()
    made = turn_away(node.line, bans, "2001:db8::7", "rude", MAX_S)
    assert made.source == "2001:db8::/64"
    assert node.banned == {"2001:db8::/64": MAX_S}
    assert let_in(node.line, bans, "2001:db8::9")
    assert not let_in(node.line, bans, "2001:db8::/64")
    assert bans.heard == [("2001:db8::/64", "add"), ("2001:db8::/64", "lift")]


def test_what_is_done_is_said_where_the_database_is_away() -> None:
    node, bans = Node(), Heard()
    bans.away = True
    with pytest.raises(DatabaseError, match=r"^192\.0\.2\.7 is turned away, but .* database is locked$"):
        turn_away(node.line, bans, "192.0.2.7", "rude", 60.0)
    assert node.banned == {"192.0.2.7": 60.0}
    with pytest.raises(DatabaseError, match=r"^192\.0\.2\.7 is let in again, but .* database is locked$"):
        let_in(node.line, bans, "192.0.2.7")
    assert node.banned == {}


@pytest.mark.parametrize(
    ("source", "reason", "for_s"),
    [
        ("host.example", "rude", 60.0),
        ("192.0.2.7", "", 60.0),
        ("192.0.2.7", "a\nb", 60.0),
        ("192.0.2.7", "x" * (MAX_REASON + 1), 60.0),
        ("192.0.2.7", "rude", 0.0),
        ("192.0.2.7", "rude", MAX_S * 2),
        ("192.0.2.7", "rude", float("nan")),
    ],
)
def test_what_is_out_of_bounds_is_not_done(source: str, reason: str, for_s: float) -> None:
    node, bans = Node(), Heard()
    with pytest.raises(DirectoryError):
        turn_away(node.line, bans, source, reason, for_s)
    assert (node.banned, bans.heard) == ({}, [])
