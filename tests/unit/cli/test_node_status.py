from tests.unit.cli.conftest import CommandLine, RunningNode


def test_a_running_node(node: RunningNode) -> None:
    card = node.line.json("status")
    assert (card["node"], card["calls"], card["draining"]) == ("n1", 0, False)


def test_none_runs(line: CommandLine) -> None:
    assert "no node answers" in line.error("status")
