import pytest
from typer.testing import CliRunner

from tests.unit.cli.conftest import CommandLine
from trunkline.cli.app import app


@pytest.fixture(autouse=True)
def account(line: CommandLine) -> None:
    line.run("account", "add", "--key", "trunk1")
    line.run("account", "add", "--key", "trunk2")


def test_add_forward_list(line: CommandLine) -> None:
    line.run("number", "add", "+44 20 7946 0123", "--account", "trunk1")
    line.run("number", "forward", "442079460123", "a@192.0.2.1;timeout=2000,", "sips:b@pbx.example.com")
    [row] = line.json("number", "list")
    assert row["e164"] == "442079460123"
    assert [text.partition("@")[0] for text in row["forwarding"]] == ["a", "sips:b"]
    assert line.json("number", "list", "trunk2") == []


def test_forward_none_forwards_nowhere(line: CommandLine) -> None:
    line.run("number", "add", "442079460123", "--account", "trunk1", "--forward", "a@192.0.2.1")
    assert line.json("number", "forward", "442079460123", "none")["forwarding"] == []


def test_a_wrong_entry_is_named(line: CommandLine) -> None:
    line.run("number", "add", "442079460123", "--account", "trunk1")
    assert "2000 to 20000" in line.error("number", "forward", "442079460123", "a@b.example;timeout=5")


def test_unknown_parameters_are_kept_with_a_warning(line: CommandLine) -> None:
    line.run("number", "add", "442079460123", "--account", "trunk1")
    assert "warning:" in line.run("number", "forward", "442079460123", "a@192.0.2.1;colour=blue")


def test_an_entry_at_a_carriers_gateway_is_warned_of(line: CommandLine) -> None:
    line.run("carrier", "add", "upstream", "--gateway", "gw.upstream.example")
    said = line.run(
        "number", "add", "442079460123", "--account", "trunk1", "--forward", "88@gw.upstream.example"
    )
    warning = "warning: entry 1: the address is a carrier's gateway"
    assert warning in said
    assert warning in line.run("number", "forward", "442079460123", "88@gw.upstream.example:5061")
    assert "warning" not in line.run("number", "forward", "442079460123", "88@gw.upstream.example:5070")


def test_an_entry_with_another_accounts_key_is_warned_of(line: CommandLine) -> None:
    theirs, own = "trunk2@sip.example.net", "trunk1@sip.example.net"
    warning = "warning: entry 1: at sip.example.net, trunk1@ alone reaches devices"
    assert warning in line.run("number", "add", "442079460123", "--account", "trunk1", "--forward", theirs)
    assert warning in line.run("number", "forward", "442079460123", theirs)
    assert "warning" not in line.run("number", "forward", "442079460123", own)


def test_explain_says_that_it_is_passed_over(line: CommandLine) -> None:
    line.run("carrier", "add", "upstream", "--gateway", "192.0.2.50")
    line.run("number", "add", "442079460123", "--account", "trunk1", "--forward", "88@192.0.2.50")
    answer = line.json("number", "explain", "442079460123", status=1)
    assert (answer["placed"], answer["verdict"]) == (False, "forwards-to-gateway")
    assert any("is passed over" in step for step in answer["steps"])


def test_set_moves_a_number_and_sets_how_long_it_rings(line: CommandLine) -> None:
    line.run("number", "add", "442079460123", "--account", "trunk1", "--forward", "a@192.0.2.1")
    card = line.json("number", "set", "442079460123", "--account", "trunk2", "--ring-timeout", 30)
    assert (card["account"], card["ring_timeout_s"]) == ("trunk2", 30)
    assert len(card["forwarding"]) == 1
    assert line.json("number", "set", "442079460123", "--ring-timeout", "none")["ring_timeout_s"] is None
    assert "neither a number of seconds" in line.run(
        "number", "set", "442079460123", "--ring-timeout", "soon", status=2
    )


def test_remove(line: CommandLine) -> None:
    line.run("number", "add", "442079460123", "--account", "trunk1")
    line.run("number", "remove", "+442079460123")
    assert "No numbers yet" in line.run("number", "list")
    assert "does not exist" in line.error("number", "show", "442079460123")


def test_a_new_number_is_told_what_comes_next(line: CommandLine) -> None:
    assert "trunkline number forward 442079460123" in line.run(
        "number", "add", "442079460123", "--account", "trunk1"
    )


def test_explain(line: CommandLine) -> None:
    line.run("number", "add", "442079460123", "--account", "trunk1")
    answer = line.json("number", "explain", "442079460123", status=1)
    assert (answer["placed"], answer["verdict"]) == (False, "no-forwarding")


def test_the_help_of_forward_names_every_parameter_of_ours() -> None:
    said = CliRunner().invoke(app, ["number", "forward", "--help"], env={"COLUMNS": "200"}).output
    for parameter in (";transport=", ";timeout=", ";media=srtp"):
        assert parameter in said
