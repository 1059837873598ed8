"""`trunkline node …`, beside a node that runs."""

import pytest

from tests.interop.addresses import wait_for
from tests.unit.cli.conftest import CommandLine, RunningNode
from tests.unit.store.test_nodes import FACTS, aged
from trunkline.cli.installation import Installation
from trunkline.errors import TrunklineError
from trunkline.store.store import Store


def store_of(line: CommandLine) -> Store:
    return Installation(line.settings_file).store


def standing(line: CommandLine) -> str:
    [row] = line.json("node", "list")
    return str(row["standing"])


def test_a_node_that_runs_is_drained_and_let_back(node: RunningNode) -> None:
    line = node.line
    [row] = wait_for("the node to be on the list", lambda: line.json("node", "list"), 30)
    assert (row["name"], row["standing"], row["calls"], row["problems"]) == ("n1", "up", 0, [])
    assert row["listens"][0] == f"UDP {node.sip}"
    assert "no call left" in line.run("node", "drain", "n1", "--wait")
    assert line.json("status")["draining"] is True
    assert standing(line) == "drained"
    assert "takes calls again" in line.run("node", "return", "n1")
    wait_for("calls to be taken", lambda: not line.json("status")["draining"], 30)
    assert standing(line) == "up"
    assert "n1 is running: stop it first" in line.error("node", "forget", "n1")


def test_nodes_that_are_gone(line: CommandLine) -> None:
    assert line.run("node", "list") == "No node has started yet.\n"
    store = store_of(line)
    store.nodes.enter(FACTS)
    aged(store.database, "n1", 3600)
    assert standing(line) == "lost"
    assert "is lost: it was last heard of 36" in line.run("node", "list")
    with pytest.raises(TrunklineError, match="n1 is lost: its calls can't be waited for"):
        line.run("node", "drain", "n1", "--wait")
    assert line.run("node", "forget", "n1") == "n1 is forgotten.\n"
    store.close()
    assert "node 'n1' does not exist" in line.error("node", "drain", "n1")
