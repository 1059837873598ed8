import pytest

from tests.unit.cli.conftest import CommandLine
from trunkline.cli.installation import Installation


def test_a_new_password_works(line: CommandLine) -> None:
    made = line.json("user", "password", "admin")
    here = Installation(line.settings_file)
    try:
        assert here.store.users.verify("admin", made["password"]) is not None
    finally:
        here.close()


def test_users_are_made_listed_and_removed(line: CommandLine, monkeypatch: pytest.MonkeyPatch) -> None:
    line.run("account", "add", "--key", "acme")
    monkeypatch.setenv("TRUNKLINE_PASSWORD", "a long password")
    made = line.json("user", "add", "ann@example.net", "--account", "acme")
    assert (made["password"], made["role"], made["account"]) == ("a long password", "customer", "acme")
    assert [(user["name"], user["role"]) for user in line.json("user", "list")] == [
        ("admin", "operator"),
        ("ann@example.net", "customer"),
    ]
    line.run("user", "remove", "ann@example.net")
    assert "only operator" in line.error("user", "remove", "admin")
