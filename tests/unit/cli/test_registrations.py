from tests.unit.cli.conftest import CommandLine, RunningNode


def test_nobody_is_registered(node: RunningNode) -> None:
    assert node.line.json("registration", "list") == []
    assert "Nobody is registered" in node.line.run("registration", "list")


def test_without_a_node(line: CommandLine) -> None:
    assert "no node answers" in line.error("registration", "list")
