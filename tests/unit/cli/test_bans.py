from tests.unit.cli.conftest import CommandLine, RunningNode


def test_nobody_is_banned(node: RunningNode) -> None:
    assert node.line.json("ban", "list") == []
    assert "Nobody is banned" in node.line.run("ban", "list")


def test_lifting_what_is_not_there_says_where_to_look(node: RunningNode) -> None:
    assert "trunkline ban list" in node.line.error("ban", "lift", "192.0.2.7")


def test_without_a_node(line: CommandLine) -> None:
    assert "no node answers" in line.error("ban", "list")


def test_a_source_is_turned_away_and_let_in_again(node: RunningNode) -> None:
    line = node.line
    said = line.run("ban", "add", "192.0.2.7", "--reason", "calls to +882", "--hours", "48")
    assert "192.0.2.7 is turned away until " in said
    [listed] = line.json("ban", "list")
    assert (listed["source"], listed["reason"]) == ("192.0.2.7", "calls to +882")
    assert "let in again" in line.run("ban", "lift", "192.0.2.7")
    assert line.json("ban", "list") == []
    trail = [(row["kind"], row["key"], row["action"]) for row in line.json("audit")]
    assert trail[:2] == [("ban", "192.0.2.7", "lift"), ("ban", "192.0.2.7", "add")]


def test_what_can_not_be_turned_away(node: RunningNode) -> None:
    for source, why in ("host.example", "is no source"), ("192.0.2.0/24", "is no source"):
        assert why in node.line.error("ban", "add", source)
    assert "let in unseen" in node.line.error("ban", "add", "127.0.0.1")
    for option, value, why in (
        ("--hours", "0", "0 hours"),
        ("--hours", "1e9", "hours"),
        ("--reason", "", "line"),
    ):
        assert why in node.line.error("ban", "add", "192.0.2.7", option, value)
    assert node.line.json("ban", "list") == []
