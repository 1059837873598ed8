import getpass

from tests.unit.cli.conftest import CommandLine


def test_changes_are_told_with_their_author(line: CommandLine) -> None:
    line.run("account", "add", "--key", "acme", "--name", "Acme")
    line.run("account", "set", "acme", "--name", "Acme Ltd")
    newest, *_ = line.json("audit", "--account", "acme")
    assert (newest["author"], newest["via"]) == (getpass.getuser(), "command-line")
    assert (newest["action"], newest["kind"], newest["key"]) == ("change", "account", "acme")
    assert (newest["before"], newest["after"]) == ({"name": "Acme"}, {"name": "Acme Ltd"})


def test_it_is_a_table_for_people(line: CommandLine) -> None:
    line.run("account", "add", "--key", "acme")
    assert "acme" in line.run("audit", "--limit", "5")
