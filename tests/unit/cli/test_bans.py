from tests.unit.cli.conftest import CommandLine, RunningNode


def test_nobody_is_banned(node: RunningNode) -> None:
    assert node.line.json("ban", "list") == []
    assert "Nobody is banned" in node.line.run("ban", "list")


def test_lifting_what_is_not_there_says_where_to_look(node: RunningNode) -> None:
    assert "trunkline ban list" in node.line.error("ban", "lift", "192.0.2.7")


def test_without_a_node(line: CommandLine) -> None:
    assert "no node answers" in line.error("ban", "list")
