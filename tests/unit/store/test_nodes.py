"""Nodes on one database, their clocks included."""

import re
import time

import pytest
import sqlalchemy as sa

from tests.unit.store.entities import call_record
from trunkline.call.record import RecordState
from trunkline.store import schema
from trunkline.store.audit import Audit
from trunkline.store.calls import Calls
from trunkline.store.database import Database
from trunkline.store.errors import InUseError, NameTakenError, NotFoundError
from trunkline.store.group_commit import Group, GroupWriter
from trunkline.store.nodes import Listening, Node, NodeFacts, Nodes, Pulse, Standing, node_problems
from trunkline.store.record_rows import call_row

FACTS = NodeFacts(
    name="n1",
    identity="here",
    run="first",
    region="us",
    weight=100,
    listens=(Listening("UDP", "192.0.2.1", 5060), Listening("TLS", "192.0.2.1", 5061)),
    version="1.0",
    revision="0011",
    lost_after_s=60.0,
)
OTHER = FACTS._replace(name="n2", identity="there", run="second", region="eu")
PULSE = Pulse(calls=3, load=0.25, stopping=False)


@pytest.fixture
def nodes(database: Database) -> Nodes:
    return Nodes(database)


def aged(database: Database, name: str, seconds: float) -> None:
    """It was last heard of so much earlier."""
    table = schema.node
    with database.write() as connection:
        connection.execute(
            table.update().where(table.c.name == name).values(seen_at=table.c.seen_at - seconds)
        )


def test_a_beat_waits_for_nobody_who_changes_something_else(postgresql_url: str) -> None:
    database = Database(postgresql_url)
    nodes = Nodes(database)
    nodes.enter(FACTS)
    with database.write():
        assert not nodes.beat("n1", "first", PULSE, time.time()).forgotten
    database.close()


def found(nodes: Nodes, name: str) -> Node:
    return next(node for node in nodes.list() if node.name == name)


def test_a_node_enters_beats_and_leaves(nodes: Nodes) -> None:
    nodes.enter(FACTS)
    nodes.enter(OTHER)
    heard = nodes.beat("n1", "first", PULSE, time.time())
    assert (heard.drained, heard.was_lost, heard.replaced, heard.forgotten) == (False,) * 4
    assert abs(heard.clock_off_s) < 30
    assert heard.revision == nodes.revision()
    there, here = nodes.list()
    assert (there.name, here.name) == ("n2", "n1")
    assert (here.standing, here.calls, here.load, here.listens) == (Standing.UP, 3, 0.25, FACTS.listens)
    assert here.serves
    assert abs(here.seen_at - time.time()) < 30
    nodes.leave("n1", "another")
    assert found(nodes, "n1").serves
    nodes.leave("n1", "first")
    assert (found(nodes, "n1").standing, found(nodes, "n1").calls) == (Standing.STOPPED, 0)
    assert not found(nodes, "n1").serves


def test_a_name_is_one_installations_while_it_runs(nodes: Nodes, database: Database) -> None:
    nodes.enter(FACTS)
    with pytest.raises(NameTakenError, match=r"name 'n1' \(192\.0\.2\.1, heard of [0-9]+ s ago\): give"):
        nodes.enter(FACTS._replace(identity="clone", run="other"))
    aged(database, "n1", 3600)
    nodes.enter(FACTS._replace(identity="clone", run="other"))
    assert nodes.beat("n1", "first", PULSE, 0.0).replaced
    nodes.leave("n1", "other")
    nodes.enter(FACTS)


def test_a_restarted_node_takes_its_own_name_over_at_once(nodes: Nodes) -> None:
    nodes.enter(FACTS)
    nodes.enter(FACTS._replace(run="second start"))
    assert nodes.beat("n1", "first", PULSE, 0.0).replaced
    assert not nodes.beat("n1", "second start", PULSE, 0.0).replaced


def test_draining_outlives_a_restart_and_is_in_the_audit_trail(nodes: Nodes, database: Database) -> None:
    nodes.enter(FACTS)
    nodes.drain("n1")
    nodes.drain("n1")
    assert nodes.beat("n1", "first", PULSE, 0.0).drained
    assert found(nodes, "n1").standing is Standing.DRAINING
    nodes.enter(FACTS._replace(run="again"))
    assert nodes.beat("n1", "again", PULSE._replace(calls=0), 0.0).drained
    assert found(nodes, "n1").standing is Standing.DRAINED
    nodes.let_back("n1")
    assert not nodes.beat("n1", "again", PULSE, 0.0).drained
    entries = Audit(database).list(limit=10)
    assert [(entry.kind, entry.key, entry.action) for entry in entries] == [
        ("node", "n1", "return"),
        ("node", "n1", "drain"),
    ]
    with pytest.raises(NotFoundError, match="trunkline node list"):
        nodes.drain("n3")


def test_a_node_that_stops_with_its_last_call_serves_no_more(nodes: Nodes) -> None:
    nodes.enter(FACTS)
    nodes.beat("n1", "first", PULSE._replace(stopping=True), 0.0)
    assert found(nodes, "n1").standing is Standing.DRAINING


def test_forgetting_is_for_those_that_are_gone(nodes: Nodes, database: Database) -> None:
    nodes.enter(FACTS)
    with pytest.raises(InUseError, match="n1 is running: stop it first"):
        nodes.forget("n1")
    aged(database, "n1", 3600)
    nodes.forget("n1")
    assert nodes.list() == []
    assert nodes.beat("n1", "first", PULSE, 0.0).forgotten
    with pytest.raises(NotFoundError):
        nodes.forget("n1")


def test_a_lost_node_is_closed_once_by_one_survivor(nodes: Nodes, database: Database) -> None:
    for facts in (FACTS, OTHER, FACTS._replace(name="n3", identity="third")):
        nodes.enter(facts)
    rows = [call_row(call_record(), "first")]
    GroupWriter(database).write([Group({"run": [("first", "n1", 1.0, 2000.0)], "call": rows}, {})])
    assert nodes.close_lost("n2") == {}
    aged(database, "n1", 3600)
    assert found(nodes, "n1").standing is Standing.LOST
    assert nodes.close_lost("n1") == {}
    assert nodes.close_lost("n2") == {"n1": 1}
    assert nodes.close_lost("n3") == {}
    assert found(nodes, "n1").closed_by == "n2"
    assert Calls(database).get("c1").call.state is RecordState.RECOVERED
    heard = nodes.beat("n1", "first", PULSE, 0.0)
    assert heard.was_lost
    assert (found(nodes, "n1").standing, found(nodes, "n1").closed_by) == (Standing.UP, None)
    assert not nodes.beat("n1", "first", PULSE, 0.0).was_lost


def test_a_node_that_stopped_is_not_lost(nodes: Nodes, database: Database) -> None:
    nodes.enter(FACTS)
    nodes.leave("n1", "first")
    aged(database, "n1", 3600)
    assert nodes.close_lost("n2") == {}
    assert found(nodes, "n1").standing is Standing.STOPPED


def test_clocks_are_compared_with_the_databases(nodes: Nodes) -> None:
    nodes.enter(FACTS)
    assert abs(nodes.beat("n1", "first", PULSE, time.time() + 3600).clock_off_s - 3600) < 30
    [said] = found(nodes, "n1").problems("0011")
    assert re.fullmatch("The clock of node n1 is 3[0-9]{3} s ahead of the database's: set both by NTP.", said)
    assert node_problems("n1", -3.2, "0011", "0011")[0].startswith("The clock of node n1 is 3 s behind the")
    assert node_problems("n1", 1.9, "0011", "0011") == ()


def test_problems_in_words(nodes: Nodes, database: Database) -> None:
    nodes.enter(FACTS)
    assert found(nodes, "n1").problems("0012") == (
        "Node n1 needs schema 0011, the database has 0012: upgrade the older one.",
    )
    aged(database, "n1", 3600)
    [said] = found(nodes, "n1").problems("0011")
    assert re.fullmatch(r"Node n1 is lost: it was last heard of 36[0-9]{2} s ago\.", said)
    nodes.leave("n1", "first")
    assert found(nodes, "n1").problems("0012") == ()


def test_an_address_is_shown_as_peers_write_it() -> None:
    assert str(Listening("UDP", "2001:db8::1", 5060)) == "UDP [2001:db8::1]:5060"


def test_a_row_is_there_once(nodes: Nodes, database: Database) -> None:
    nodes.enter(FACTS)
    nodes.enter(FACTS)
    with database.read() as connection:
        assert connection.execute(sa.select(sa.func.count()).select_from(schema.node)).scalar() == 1
