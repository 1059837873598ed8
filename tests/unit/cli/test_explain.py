import pytest

from tests.unit.cli.conftest import CommandLine, RunningNode


@pytest.fixture
def furnished(line: CommandLine) -> CommandLine:
    line.run("account", "add", "--key", "trunk1")
    line.run("number", "add", "442079460123", "--account", "trunk1", "--forward", "trunk1@sip.example.net")
    line.run("carrier", "add", "up", "--gateway", "sip:192.0.2.1")
    line.run("route", "add", "49", "--carrier", "up")
    return line


def test_an_outbound_call(furnished: CommandLine) -> None:
    said = furnished.run("explain", "trunk1", "+493012345678")
    assert "No node is running" in said
    assert said.endswith("The call would be placed.\n")


def test_a_refusal_names_id_and_remedy(furnished: CommandLine) -> None:
    answer = furnished.json("explain", "trunk1", "+13035550123", status=1)
    assert (answer["verdict"], answer["status"]) == ("no-route", 404)
    assert answer["remedy"]


def test_an_inbound_call_to_nobody_is_no_call(furnished: CommandLine) -> None:
    """Its only endpoint is a device that did not register."""
    answer = furnished.json("explain", "+493012345678", "442079460123", status=1)
    assert (answer["placed"], answer["verdict"]) == (False, "not-registered")


def test_an_error_id(line: CommandLine) -> None:
    card = line.json("explain", "no-route")
    assert (card["id"], card["status"]) == ("no-route", 404)
    assert "no error id" in line.error("explain", "no-such-thing")


def test_who_is_neither(line: CommandLine) -> None:
    assert "neither an account key nor" in line.error("explain", "nobody", "442079460123")


def test_a_running_node_answers_for_itself(node: RunningNode) -> None:
    assert "No node is running" not in node.line.run("explain", "trunk1", "9992000")
