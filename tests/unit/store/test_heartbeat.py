"""Beats by hand: nothing here waits for time to pass."""

import threading
import time
from dataclasses import dataclass, field

import pytest

from tests.unit.store.test_nodes import FACTS, OTHER, PULSE, aged, found
from trunkline.store.database import Database
from trunkline.store.errors import DatabaseError, NameTakenError
from trunkline.store.heartbeat import Heartbeat, Status
from trunkline.store.migrate import needed_revision
from trunkline.store.nodes import Heard, NodeFacts, Nodes, Presence, Pulse, Standing

HERE = FACTS._replace(revision=needed_revision())
THERE = OTHER._replace(revision=needed_revision())


class Reach(Nodes):
    """Nodes of a database that can be away for this one, as in a partition."""

    away = False

    def _check(self) -> None:
        if self.away:
            raise DatabaseError("database x: connection refused")

    def enter(self, facts: NodeFacts) -> bool:
        self._check()
        return super().enter(facts)

    def beat(self, name: str, run: str, pulse: Pulse, wall: float) -> Heard:
        self._check()
        return super().beat(name, run, pulse, wall)


@dataclass
class Heart:
    """A heartbeat, and what the node heard of it."""

    nodes: Reach
    facts: NodeFacts
    now: float = 0.0
    ahead_s: float = 0.0
    said: list[Status] = field(default_factory=list)
    revived: int = 0

    def __post_init__(self) -> None:
        self.heartbeat = Heartbeat(
            self.nodes,
            self.facts,
            lambda: PULSE,
            told=self.said.append,
            revived=self._revive,
            interval_s=3600.0,
            wall=lambda: time.time() + self.ahead_s,
            monotonic=lambda: self.now,
        )

    def _revive(self) -> None:
        self.revived += 1

    def live(self, seconds: float) -> None:
        """Beat every second."""
        for _ in range(round(seconds)):
            self.beat()

    def beat(self, *, after_s: float = 1.0) -> None:
        self.now += after_s
        self.heartbeat.beat()


@pytest.fixture
def nodes(database: Database) -> Reach:
    return Reach(database)


@pytest.fixture
def heart(nodes: Reach) -> Heart:
    return Heart(nodes, HERE)


def test_it_says_what_changes_and_nothing_else(heart: Heart, nodes: Reach) -> None:
    heart.heartbeat.enter()
    heart.beat()
    assert heart.said == []
    nodes.drain("n1")
    heart.beat()
    heart.beat()
    nodes.let_back("n1")
    heart.beat()
    assert heart.said == [Status(drained=True), Status()]


def test_a_drained_node_knows_it_before_its_first_call(heart: Heart, nodes: Reach) -> None:
    heart.heartbeat.enter()
    nodes.drain("n1")
    again = Heart(nodes, HERE._replace(run="again"))
    again.heartbeat.enter()
    assert again.said == [Status(drained=True)]


def test_a_wrong_clock_and_another_schema_are_said_in_words(heart: Heart, nodes: Reach) -> None:
    heart.heartbeat.enter()
    heart.ahead_s = 3600.0
    heart.beat()
    [problem] = heart.said[-1].problems
    assert problem.startswith("The clock of node n1 is 3")
    older = Heart(nodes, HERE._replace(revision="0001"))
    older.heartbeat.enter()
    older.beat()
    assert "needs schema 0001" in older.said[-1].problems[0]


def test_a_name_that_is_taken_refuses_the_start(heart: Heart, nodes: Reach) -> None:
    nodes.enter(HERE._replace(identity="clone", run="other"))
    with pytest.raises(NameTakenError):
        heart.heartbeat.enter()


def test_a_name_that_was_taken_meanwhile_takes_no_calls(heart: Heart, nodes: Reach) -> None:
    heart.heartbeat.enter()
    nodes.enter(HERE._replace(run="a copy of the machine"))
    heart.beat()
    assert heart.said[-1].drained
    assert heart.said[-1].problems[0].startswith("Another process took over the name n1")
    heart.heartbeat.close()
    assert found(nodes, "n1").presence is Presence.UP


def test_a_database_that_is_away_at_the_start(heart: Heart, nodes: Reach) -> None:
    nodes.away = True
    heart.heartbeat.enter()
    heart.beat()
    away = "The other nodes don't hear of this one: database x: connection refused."
    assert heart.said == [Status(problems=(away,))]
    nodes.away = False
    heart.beat()
    assert heart.said[-1] == Status()
    assert found(nodes, "n1").standing is Standing.UP


def test_a_taken_name_is_found_out_when_the_database_is_back(heart: Heart, nodes: Reach) -> None:
    nodes.away = True
    heart.heartbeat.enter()
    nodes.away = False
    nodes.enter(HERE._replace(identity="clone", run="other"))
    heart.beat()
    assert heart.said[-1].drained
    assert heart.said[-1].problems[0].startswith("Another node runs under the name 'n1'")


def test_a_drained_node_stays_so_while_the_database_is_away(heart: Heart, nodes: Reach) -> None:
    heart.heartbeat.enter()
    nodes.drain("n1")
    heart.beat()
    nodes.away = True
    heart.beat()
    assert heart.said[-1].drained


def test_a_survivor_judges_only_after_it_was_itself_heard_for_as_long(
    heart: Heart, nodes: Reach, database: Database
) -> None:
    heart.heartbeat.enter()
    nodes.enter(THERE)
    heart.beat()
    aged(database, "n2", 3600)
    heart.live(59)
    assert found(nodes, "n2").presence is Presence.UP
    nodes.away = True
    heart.beat(after_s=60.0)
    nodes.away = False
    heart.beat()
    assert found(nodes, "n2").presence is Presence.UP
    heart.live(59)
    assert found(nodes, "n2").presence is Presence.UP
    heart.beat(after_s=31.0)  # it waited for the database that long
    heart.live(59)
    assert found(nodes, "n2").presence is Presence.UP
    heart.live(1)
    assert (found(nodes, "n2").presence, found(nodes, "n2").closed_by) == (Presence.LOST, "n1")


def test_a_node_that_was_taken_for_lost_hears_it_once(heart: Heart, nodes: Reach, database: Database) -> None:
    heart.heartbeat.enter()
    aged(database, "n1", 3600)
    nodes.close_lost("n2")
    heart.beat()
    heart.beat()
    assert heart.revived == 1


def test_a_node_that_was_forgotten_enters_again(heart: Heart, nodes: Reach, database: Database) -> None:
    heart.heartbeat.enter()
    aged(database, "n1", 3600)
    nodes.forget("n1")
    heart.beat()
    heart.beat()
    assert found(nodes, "n1").standing is Standing.UP


def test_the_thread_beats_and_leaves(nodes: Reach) -> None:
    beaten = threading.Event()

    def pulse() -> Pulse:
        beaten.set()
        return PULSE

    heartbeat = Heartbeat(
        nodes, HERE, pulse, told=lambda _status: None, revived=lambda: None, interval_s=0.001
    )
    heartbeat.enter()
    heartbeat.start()
    assert beaten.wait(10)
    heartbeat.close()
    heartbeat.close()
    assert found(nodes, "n1").standing is Standing.STOPPED
