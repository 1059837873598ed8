from tests.unit.cli.conftest import CommandLine, RunningNode


def test_an_idle_node_stops_at_once(node: RunningNode) -> None:
    said = node.line.run("drain", "--wait")
    assert "0 are up" in said
    assert said.endswith("The node has stopped.\n")
    assert node.process.wait(timeout=15) == 0


def test_without_a_node(line: CommandLine) -> None:
    assert "no node answers" in line.error("drain")
