import pytest

from tests.unit.cli.conftest import CommandLine
from trunkline.cli.installation import Installation


def test_a_new_password_works(line: CommandLine) -> None:
    made = line.json("admin", "password", "admin")
    here = Installation(line.settings_file)
    try:
        assert here.store.admins.verify("admin", made["password"])
    finally:
        here.close()


def test_a_new_administrator_is_made(line: CommandLine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TRUNKLINE_PASSWORD", "a long password")
    assert line.json("admin", "password", "second")["password"] == "a long password"
    assert line.json("admin", "list") == [{"name": "admin"}, {"name": "second"}]
